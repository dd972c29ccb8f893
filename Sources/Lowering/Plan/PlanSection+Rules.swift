import Partitioning

/// What rules compare, and what they hash.
extension PlanSection {
  /// What a rule can match.
  public static let conditions = PlanSection(
    "conditions",
    "Fields of a frame, as FMan's parser finds them. Of a number some bits may count: VALUE/MASK.",
    [
      PlanKey(
        "eth.dst", .text("a MAC address"), "Destination.", example: "eth.dst: \"02:00:00:00:00:01\""
      ),
      PlanKey(
        "eth.src", .text("a MAC address"), "Source.",
        example: "eth.src: \"02:00:00:00:00:00/ff:ff:ff:00:00:00\""),
      PlanKey(
        "eth.type", masked(0xffff, words: ["ipv4", "arp", "ipv6"]),
        "EtherType behind any VLAN tags.", example: "eth.type: arp"),
      PlanKey("vlan.id", masked(4095), "VLAN of the outermost tag.", example: "vlan.id: 100"),
      PlanKey("ipv4.src", .text("an IPv4 prefix"), "Source.", example: "ipv4.src: 10.0.0.0/8"),
      PlanKey(
        "ipv4.dst", .text("an IPv4 prefix"), "Destination.", example: "ipv4.dst: 192.168.1.1"),
      PlanKey("ipv6.src", .text("an IPv6 prefix"), "Source.", example: "ipv6.src: \"fd00:1::/64\""),
      PlanKey(
        "ipv6.dst", .text("an IPv6 prefix"), "Destination.", example: "ipv6.dst: \"fd00:1::1\""),
      PlanKey(
        "ip.proto", masked(255, words: ["icmp", "tcp", "udp", "icmpv6", "sctp"]),
        "Protocol, or the last next header of IPv6.", example: "ip.proto: udp"),
      PlanKey("l4.src", masked(0xffff), "Source port.", example: "l4.src: 53"),
      PlanKey("l4.dst", masked(0xffff), "Destination port.", example: "l4.dst: 0x1f80/0xfff0"),
      PlanKey(
        "bytes", .either([.section(.byteCondition), .list(.section(.byteCondition))]),
        "Bytes of the frame, and what they must be. A frame without them does not match.",
        example: "bytes: {at: 15, is: 0xb8, mask: 0xfc}"),
    ])

  /// A number, or one with a mask.
  private static func masked(_ largest: UInt64, words: [String] = []) -> PlanValue {
    .either(
      [.number(0...largest)] + (words.isEmpty ? [] : [.word(words)]) + [.text("VALUE/MASK")])
  }

  /// Bytes that a rule compares.
  public static let byteCondition = PlanSection(
    "byte-condition", "Up to eight bytes of a frame, and what they must be.",
    place + [
      PlanKey(
        "is", .number(0...UInt64.max), required: true, "What they must be, as one number.",
        example: "is: 0x11"),
      mask,
    ])

  /// What a rule hashes.
  public static let hashKey = PlanSection(
    "hash-key",
    "What KeyGen hashes: fields in the hardware's order, whatever order they are written in, then "
      + "bytes. A frame that lacks one is hashed with bytes 0x0a for an IP address, 0x0b for ports, and 0 "
      + "for anything else.",
    [
      PlanKey(
        "fields", .list(.word(HashKey.Field.allCases.map(\.rawValue))), "Fields of the frame.",
        example: "fields: [ip.src, ip.dst, ipsec.spi]"),
      PlanKey(
        "bytes", .list(.section(.hashBytes)), "Bytes of the frame, eight extractions at most.",
        example: "bytes: [ {from: l4, at: 8, size: 4} ]"),
    ])

  /// Bytes that a rule hashes.
  public static let hashBytes = PlanSection(
    "hash-bytes", "Up to eight bytes of a frame that are hashed.", place + [mask])

  private static let place = [
    PlanKey(
      "from", .word(FrameBytes.Start.allCases.map(\.rawValue)), usual: "frame",
      "Where counting begins: at the frame's first byte, behind the type of the outermost tag, at the "
        + "first IP header, or at the header of TCP, UDP, SCTP, ESP or AH behind the last one.",
      example: "from: ip"),
    PlanKey(
      "at", .number(0...255), required: true, "How many bytes behind that they begin.",
      example: "at: 9"),
    PlanKey("size", .number(1...8), usual: "1", "How many bytes.", example: "size: 2"),
  ]

  private static let mask = PlanKey(
    "mask", .number(1...UInt64.max), usual: "all of them", "The bits that count.",
    example: "mask: 0xff")
}
