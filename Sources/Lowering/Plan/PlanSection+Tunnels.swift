/// The keys of a gateway between clear text and ESP tunnels.
extension PlanSection {
  /// A gateway.
  public static let ipsec = PlanSection(
    "ipsec",
    "What a gateway knows: what a router does, and tunnels (ESP, RFC 4303). It uses two pairs of queues into "
      + "SEC for each tunnel (`accelerators: {sec: {pairs: N}}`), in their order: packets into it, packets "
      + "out of it. What is too long for a tunnel is told to its sender.",
    [
      PlanKey(
        "ways", .list(.section(.forwardWay)), required: true,
        "Its addresses, as a router's: on clear ways and on that of the enciphered packets.",
        example: "ways: [ {over: fm1-10g0, addresses: [10.1.0.1/24]}, "
          + "{over: fm1-10g1, addresses: [192.0.2.1/24]} ]"),
      PlanKey(
        "routes", .list(.section(.forwardRoute)), usual: "none",
        "Networks that are behind another router, in clear, and the way to peers.",
        example: "routes: [ {to: 0.0.0.0/0, via: 192.0.2.254} ]"),
      PlanKey(
        "cipher", .text("an interface or peer"), required: true,
        "The way of the enciphered packets. In clear the gateway answers ARP, neighbour discovery and pings "
          + "there.", example: "cipher: fm1-10g1"),
      PlanKey(
        "unmatched", .word(["drop", "bypass"]), usual: "drop",
        "What becomes of packets that belong into no tunnel, and would go over the way of the enciphered ones "
          + "or come from there: dropped and counted (`unprotected`), or routed in clear. What belongs into a "
          + "tunnel never goes in clear.", example: "unmatched: bypass"),
      PlanKey(
        "tunnels", .list(.section(.tunnel)), required: true, "Its tunnels, 32 at most.",
        example: "tunnels: [ {peer: 192.0.2.2, networks: [10.2.0.0/24], transform: aes-gcm, "
          + "out: {spi: 0x1001, key: \(keyExample)}, in: {spi: 0x1002, key: \(otherKeyExample)}} ]"),
    ])

  private static let keyExample = "000102030405060708090a0b0c0d0e0f10111213"
  private static let otherKeyExample = "1415161718191a1b1c1d1e1f2021222324252627"

  /// A tunnel.
  public static let tunnel = PlanSection(
    "tunnel", "A tunnel to a peer, which decides what goes into it by where it is going.",
    [
      PlanKey(
        "peer", .text("an IP address"), required: true, "The peer's address.",
        example: "peer: 192.0.2.2"),
      PlanKey(
        "local", .text("an IP address"),
        usual: "the first address of the peer's family on `cipher`",
        "The gateway's own end.", example: "local: 192.0.2.1"),
      PlanKey(
        "networks", .list(.text("an IP prefix")), required: true,
        "What is behind the peer, all IPv4 or all IPv6. Packets that go there go into the tunnel, where no "
          + "longer prefix leads elsewhere; only packets that come from there come out of it.",
        example: "networks: [10.2.0.0/24]"),
      PlanKey(
        "transform", .word(["aes-gcm", "aes-cbc-hmac-sha256"]), required: true,
        "What packets are enciphered with: AES-GCM (RFC 4106), or AES-CBC with HMAC-SHA-256-128 (RFC 4868).",
        example: "transform: aes-gcm"),
      PlanKey(
        "out", .section(.tunnelDirection), required: true, "The packets to the peer.",
        example: "out: {spi: 0x1001, key: \(keyExample)}"),
      PlanKey(
        "in", .section(.tunnelDirection), required: true, "The packets from the peer.",
        example: "in: {spi: 0x1002, key: \(otherKeyExample)}"),
      PlanKey(
        "extended-numbers", .word(["yes", "no"]), usual: "no",
        "Whether sequence numbers have 64 bits (RFC 4303, 2.2.1).", example: "extended-numbers: yes"
      ),
      PlanKey(
        "window", .word(["0", "32", "64"]), usual: "64",
        "Numbers of the window against replay; 0 for none.", example: "window: 32"),
    ])

  /// One direction of a tunnel.
  public static let tunnelDirection = PlanSection(
    "direction",
    "The security association of one direction. Its key is given in hexadecimal digits: 16, 24 or 32 bytes for "
      + "AES, then 4 of salt for AES-GCM or 32 for HMAC (the order of RFC 7296, 2.17). Each direction of each "
      + "tunnel should have a key of its own.",
    [
      PlanKey(
        "spi", .number(256...UInt64(UInt32.max)), required: true, "The security parameters index.",
        example: "spi: 0x1001"),
      PlanKey(
        "key-file", .text("a file's name"),
        "A file with the key, which `dpaac run` reads; its name is relative to the plan's. The plan and what is "
          + "made of it can then be shown to anybody.", example: "key-file: keys/out.key"),
      PlanKey(
        "key", .text("hexadecimal digits"),
        "The key itself. Whoever reads the plan, or a Swift package that is generated from it, has it.",
        example: "key: \(keyExample)"),
      PlanKey(
        "through", .text("one of its chains"), usual: "none",
        "A chain by SEC that the gateway puts into service for this direction: what rules lead into it has the "
          + "same key and the same sequence numbers as what the gateway's own queues bring, and no program "
          + "sees it. Nobody looks then at what comes out of a tunnel, nor counts a hop.",
        example: "through: out"),
    ])
}
