import Diagnostics
import QorIQ

/// Checks of a gateway's tunnels.
extension PartitionCheck {
  static let tunnelChecks = [
    tunnelCipher, tunnelPairs, tunnelEnd, tunnelPeer, tunnelNetworks, tunnelIndex, tunnelKey,
    tunnelKeyShared, tunnelKeyShown, tunnelChain, tunnelFamily, tunnelHeader,
  ]

  /// A key for examples: 20 bytes.
  package static let tunnelExampleKey = "000102030405060708090a0b0c0d0e0f10111213\n"
  private static let keyFiles = [
    "tunnel-in.key": tunnelExampleKey,
    "tunnel-out.key": "1415161718191a1b1c1d1e1f2021222324252627\n",
  ]

  /// A gateway on the link to the host, for examples.
  package static func tunnelExample(
    cipher: String = "host", peer: String = "10.1.0.2", networks: String = "10.2.0.0/24",
    transform: String = "aes-gcm", outKey: String = "key-file: tunnel-out.key",
    inKey: String = "key-file: tunnel-in.key", through: String = "", more: String = ""
  ) -> String {
    "{ipsec: {ways: [ {over: host, addresses: [10.1.0.1/24]} ], cipher: \(cipher), tunnels: [ "
      + "{peer: \(peer), networks: [\(networks)], transform: \(transform), "
      + "out: {spi: 0x1001, \(outKey)\(through)}, in: {spi: 0x1002, \(inKey)}}\(more) ]}}"
  }
  private static let pairs = "{sec: {pairs: 2}}"

  static let tunnelCipher = PartitionCheck(
    "tunnel-cipher", .naming, "a gateway's enciphered packets go over one of its ways",
    after: ["forward-way"],
    meaning: "Without addresses on that way it can neither send enciphered packets nor get any.",
    repair: "name one of the gateway's ways",
    source: "RFC 4301, section 4.1; a decision of this project",
    example: .init(
      guest: ["accelerators": pairs, "program": tunnelExample(cipher: "hots")]), files: keyFiles
  ) { context, findings in
    for (index, gateway) in context.gateways {
      let ways = gateway.router.ways.map(\.path)
      guard !ways.contains(gateway.cipher) else { continue }
      let span = context.span(ClaimPath.ipsecCipher(index))
      findings.add(
        "\(context.plan.partitions[index].name) has no addresses on \(gateway.cipher)", at: span,
        fixIts: context.spelling(of: gateway.cipher, among: ways, at: span))
    }
  }

  static let tunnelPairs = PartitionCheck(
    "tunnel-pairs", .accelerators, "a gateway has two pairs of queues into SEC for each tunnel",
    meaning: """
      A queue into SEC has one descriptor, which says for one direction of one tunnel what is to be done, and \
      with which key.
      """,
    repair: "give the partition `accelerators: {sec: {pairs: N}}` with two for each tunnel",
    source: "Linux 6.1, drivers/crypto/caam/qi.c: a frame queue for each driver context",
    example: .init(guest: ["accelerators": "{sec: {pairs: 1}}", "program": tunnelExample()]),
    files: keyFiles
  ) { context, findings in
    for (index, gateway) in context.gateways {
      let wish = context.plan.partitions[index]
      let has = wish.accelerators.first { $0.kind == .sec }?.pairs ?? 0
      let needs = 2 * gateway.tunnels.count
      guard Int(has) < needs else { continue }
      let span =
        context.span(ClaimPath.accelerator(index, .sec)) ?? context.span(ClaimPath.program(index))
      findings.add(
        "\(wish.name) has \(gateway.tunnels.count) tunnel\(gateway.tunnels.count == 1 ? "" : "s"), but "
          + (has == 0 ? "no pair" : "\(has) pair\(has == 1 ? "" : "s")") + " of queues into SEC",
        at: span, fixIts: [FixIt("write accelerators: {sec: {pairs: \(needs)}}")])
    }
  }

  static let tunnelEnd = PartitionCheck(
    "tunnel-end", .naming, "a tunnel begins at an address of its gateway, of its peer's family",
    after: ["tunnel-cipher"],
    meaning: """
      The outer header bears both ends' addresses, and the peer answers to this one: it must be the gateway's \
      own, on the way of the enciphered packets.
      """,
    repair: "give the cipher way an address of the peer's family, or name one that it has",
    source: "RFC 4301, section 4.4.2.1",
    example: .init(
      guest: ["accelerators": pairs, "program": tunnelExample(peer: "\"fd00::2\"")]),
    files: keyFiles
  ) { context, findings in
    for (index, gateway) in context.gateways {
      let name = context.plan.partitions[index].name
      let own = gateway.cipherAddresses.map(\.address)
      for (number, tunnel) in gateway.tunnels.enumerated() {
        let kin = own.filter { $0.isIPv4 == tunnel.peer.isIPv4 }
        if kin.isEmpty {
          findings.add(
            "\(name) has no \(tunnel.peer.isIPv4 ? "IPv4" : "IPv6") address on \(gateway.cipher) "
              + "for its tunnel to \(tunnel.peer)",
            at: context.span(ClaimPath.tunnel(index, number, "peer")))
        } else if let local = tunnel.local, !kin.contains(local) {
          findings.add(
            "\(local) is no address of \(name)'s on \(gateway.cipher) of the family of \(tunnel.peer)",
            at: context.span(ClaimPath.tunnel(index, number, "local")),
            fixIts: [FixIt("choose one of " + kin.map { "\($0)" }.joined(separator: ", "))])
        } else if own.contains(tunnel.peer) {
          findings.add(
            "the peer \(tunnel.peer) is \(name) itself",
            at: context.span(ClaimPath.tunnel(index, number, "peer")))
        }
      }
    }
  }

  static let tunnelPeer = PartitionCheck(
    "tunnel-peer", .naming, "a tunnel's peer is reached over the way of the enciphered packets",
    after: ["tunnel-end", "forward-via"],
    meaning: """
      Of networks, routes and tunnels that the peer's address lies in, the longest counts. Another way would \
      have enciphered packets among those in clear, and a tunnel would have them go into themselves.
      """,
    repair: "give the gateway a route to the peer, longer than what leads elsewhere",
    source: "RFC 4301, section 5.1.2",
    example: .init(
      guest: ["accelerators": pairs, "program": tunnelExample(peer: "10.9.0.2")]),
    files: keyFiles
  ) { context, findings in
    for (index, gateway) in context.gateways {
      for (number, tunnel) in gateway.tunnels.enumerated() {
        let found = gateway.way(to: tunnel.peer)
        guard found != .way(gateway.cipher) else { continue }
        let why =
          switch found {
          case .none: "no route leads there"
          case .way(let path): "it is reached over \(path)"
          case .tunnel(let peer): "it lies in what is behind the peer \(peer)"
          }
        findings.add(
          "\(context.plan.partitions[index].name) cannot send its tunnel's packets to \(tunnel.peer) over "
            + "\(gateway.cipher): \(why)",
          at: context.span(ClaimPath.tunnel(index, number, "peer")))
      }
    }
  }

  static let tunnelNetworks = PartitionCheck(
    "tunnel-networks", .rules, "a tunnel's networks are of one family, and of no other tunnel",
    meaning: """
      A descriptor says what follows in the tunnel, IPv4 or IPv6, so one of each family is two tunnels. Of two \
      tunnels to the same network one would never get a packet.
      """,
    repair: "make a tunnel for each family; give a network to one tunnel",
    source: "Linux 6.1, drivers/crypto/caam/pdb.h: the next header stands in the data block",
    example: .init(
      guest: [
        "accelerators": pairs, "program": tunnelExample(networks: "10.2.0.0/24, \"fd00:2::/64\""),
      ]), files: keyFiles
  ) { context, findings in
    for (index, gateway) in context.gateways {
      let name = context.plan.partitions[index].name
      var seen: [NetworkPrefix: (tunnel: Int, network: Int)] = [:]
      for (number, tunnel) in gateway.tunnels.enumerated() {
        guard let first = tunnel.networks.first else {
          findings.add(
            "\(name)'s tunnel to \(tunnel.peer) leads to no network",
            at: context.span(ClaimPath.tunnel(index, number, "networks")))
          continue
        }
        for (place, network) in tunnel.networks.enumerated() {
          let span = context.span(ClaimPath.tunnelNetwork(index, number, place))
          if network.address.isIPv4 != first.address.isIPv4 {
            findings.add(
              "\(name)'s tunnel to \(tunnel.peer) leads to \(first), so \(network) needs a "
                + "tunnel of its own", at: span)
          }
          if let other = seen[network] {
            let path = ClaimPath.tunnelNetwork(index, other.tunnel, other.network)
            findings.add(
              "\(name) has \(network) behind two tunnels", at: span,
              notes: [Note("first here", at: context.span(path))])
          } else {
            seen[network] = (number, place)
          }
        }
      }
    }
  }

  static let tunnelIndex = PartitionCheck(
    "tunnel-index", .rules, "packets from a peer bear an index of their tunnel alone",
    meaning:
      "The index is all by which a gateway knows which tunnel, and which key, a packet is of.",
    repair: "give each tunnel another `spi` in `in`, and its peer the same",
    source: "RFC 4303, section 2.1",
    example: .init(
      guest: [
        "accelerators": "{sec: {pairs: 4}}",
        "program": tunnelExample(
          more: ", {peer: 10.1.0.3, networks: [10.3.0.0/24], transform: aes-gcm, "
            + "out: {spi: 0x1003, key-file: tunnel-out.key}, in: {spi: 0x1002, key-file: tunnel-in.key}}"
        ),
      ]), files: keyFiles
  ) { context, findings in
    for (index, gateway) in context.gateways {
      var seen: [UInt32: Int] = [:]
      for (number, tunnel) in gateway.tunnels.enumerated() {
        let spi = tunnel.into.spi
        guard let first = seen[spi] else {
          seen[spi] = number
          continue
        }
        findings.add(
          "\(context.plan.partitions[index].name) knows the tunnels from "
            + "\(gateway.tunnels[first].peer) and \(tunnel.peer) by the same index "
            + "0x\(String(spi, radix: 16))",
          at: context.span(ClaimPath.tunnel(index, number, "in/spi")),
          notes: [Note("first here", at: context.span(ClaimPath.tunnel(index, first, "in/spi")))])
      }
    }
  }

  static let tunnelKey = PartitionCheck(
    "tunnel-key", .accelerators, "a tunnel's key has as many bytes as its transform takes",
    meaning: """
      AES takes 16, 24 or 32 bytes; behind them stand 4 of salt for AES-GCM, or 32 for HMAC-SHA-256.
      """,
    repair: "make a key of one of the lengths that the finding lists",
    source: "RFC 4106, section 8.1; RFC 3602, section 2.4; RFC 4868, section 2.1.1",
    example: .init(
      guest: ["accelerators": pairs, "program": tunnelExample(transform: "aes-cbc-hmac-sha256")]),
    files: keyFiles
  ) { context, findings in
    context.forEachKey { tunnel, _, key, span in
      guard !tunnel.transform.keyLengths.contains(key.count) else { return }
      let lengths = tunnel.transform.keyLengths.map { "\($0)" }
      findings.add(
        "a key for \(tunnel.transform.rawValue) has \(lengths.dropLast().joined(separator: ", ")) or "
          + "\(lengths.last ?? "") bytes, but this one \(key.count)", at: span)
    }
  }

  static let tunnelChain = PartitionCheck(
    "tunnel-chain", .accelerators, "a gateway's chain by SEC is one direction of one tunnel",
    after: ["unknown-chain", "chain-accelerator"],
    meaning: """
      The gateway puts a chain into service for the direction whose `through` names it. One that none names would \
      have its frames refused for ever, and one queue has one descriptor.
      """,
    repair: "name each chain by SEC in the `through` of one `out` or `in`",
    source: "Linux 6.1, drivers/crypto/caam/qi.c: a frame queue for each driver context",
    example: .init(
      guest: [
        "accelerators": pairs, "chains": "{ out: {by: sec} }",
        "program": tunnelExample(through: ", through: uot"),
      ], rules: [intoChain]), files: keyFiles
  ) { context, findings in
    for (index, gateway) in context.gateways {
      guard let chains = context.plan.partitions[index].chains ?? (context.plan.isWhole ? [] : nil)
      else { continue }
      let name = context.name(index)
      let known = chains.filter { $0.kind == .sec }.map(\.name)
      var seen: [String: SourceSpan?] = [:]
      for (number, tunnel) in gateway.tunnels.enumerated() {
        for (direction, key) in [(tunnel.out, "out"), (tunnel.into, "in")] {
          guard let chain = direction.chain else { continue }
          let span = context.span(ClaimPath.tunnel(index, number, "\(key)/through"))
          if !known.contains(chain) {
            findings.add(
              "\(name)'s tunnel to \(tunnel.peer) goes through \(chain), which is no chain of its by sec",
              at: span, fixIts: context.spelling(of: chain, among: known, at: span))
          } else if let first = seen[chain] {
            findings.add(
              "\(name)'s chain \(chain) is two directions of tunnels", at: span,
              notes: [Note("first here", at: first)])
          }
          seen[chain] = span
        }
      }
      for (item, chain) in chains.enumerated() where chain.kind == .sec && seen[chain.name] == nil {
        guard context.plan.isWhole else { continue }
        findings.add(
          "no tunnel of \(name) goes through its chain \(chain.name)",
          at: context.span(ClaimPath.chain(index, item)),
          notes: [Note("the gateway is here", at: context.span(ClaimPath.program(index)))],
          fixIts: [FixIt("write through: \(chain.name) in the out or in of a tunnel")])
      }
    }
  }

  static let tunnelFamily = PartitionCheck(
    "tunnel-family", .accelerators, "a rule into a tunnel's chain takes packets of its family",
    after: ["unknown-chain", "tunnel-networks", "tunnel-chain"],
    meaning: """
      SEC puts in whatever comes and says that it is of the family of the tunnel's networks, so that the peer drops \
      a packet of the other. What it takes out it finds behind an outer header of the peer's family only.
      """,
    repair: "match addresses of the tunnel's family, or lead the rule into another tunnel's chain",
    source: "RFC 4303, section 2.6; Linux 6.1, drivers/crypto/caam/pdb.h: one next header for all",
    example: .init(
      guest: [
        "accelerators": pairs, "chains": "{ out: {by: sec} }",
        "program": tunnelExample(through: ", through: out"),
      ], rules: ["{ when: {ipv6.dst: \"fd00::1\"}, to: guest1, through: out }"]), files: keyFiles
  ) { context, findings in
    for use in context.chainUses {
      guard let index = use.owner,
        case .ipsec(let gateway) = context.plan.partitions[index].program,
        let isIPv4 = context.plan.interfaces[use.interface].rules[use.rule].isIPv4,
        let (number, tunnel, isOut) = gateway.direction(through: use.name)
      else { continue }
      let wanted = isOut ? tunnel.networks.first?.address.isIPv4 : tunnel.peer.isIPv4
      guard let wanted, wanted != isIPv4 else { continue }
      let (family, other) = isIPv4 ? ("IPv4", "IPv6") : ("IPv6", "IPv4")
      let name = context.name(index)
      let span = context.span(ClaimPath.ruleConditions(use.interface, use.rule))
      let place = context.span(ClaimPath.tunnel(index, number, isOut ? "networks" : "peer"))
      if isOut {
        findings.add(
          "a rule leads \(family) packets through \(use.name) into \(name)'s tunnel to \(tunnel.peer), "
            + "which takes \(other)",
          at: span, notes: [Note("its networks are here", at: place)],
          fixIts: [FixIt("match \(other) addresses, or make a tunnel for \(family)")])
      } else {
        findings.add(
          "a rule leads \(family) packets through \(use.name) as those of \(name)'s peer \(tunnel.peer), "
            + "which sends \(other)",
          at: span, notes: [Note("the peer is here", at: place)],
          fixIts: [FixIt("match \(other) addresses")])
      }
    }
  }

  static let tunnelHeader = PartitionCheck(
    "tunnel-header", .accelerators,
    "the Ethernet header of a tunnel's chain is for packets of the family that leave it",
    after: ["chain-header", "tunnel-networks", "tunnel-chain"],
    meaning: """
      What goes into a tunnel leaves behind an outer header of the peer's family, what comes out is of the family \
      of the tunnel's networks. An offline port puts the plan's header in front of its own type only: a packet of the \
      other goes where errors go, so that none would ever be sent.
      """,
    repair: "write the `type` of the packets that leave the tunnel",
    source: "RFC 4303, section 3.1.2; IEEE 802 numbers: EtherType 0x0800 for IPv4, 0x86dd for IPv6",
    example: .init(
      guest: [
        "accelerators": pairs,
        "chains": "{ out: {by: sec, answers: fm1-10g0, "
          + "ethernet: {dst: \"02:00:00:00:00:01\", src: \"02:00:00:00:00:02\", type: ipv6}} }",
        "program": tunnelExample(through: ", through: out"),
      ], rules: [intoChain]), files: keyFiles
  ) { context, findings in
    for (index, item, chain) in context.chains {
      guard let header = chain.header,
        case .ipsec(let gateway) = context.plan.partitions[index].program,
        let (number, tunnel, isOut) = gateway.direction(through: chain.name)
      else { continue }
      let leaving = isOut ? tunnel.peer.isIPv4 : tunnel.networks.first?.address.isIPv4
      let types = EthernetHeader.types
      guard let leaving, let wanted = types.first(where: { ($0.name == "ipv4") == leaving }),
        header.type != wanted.type
      else { continue }
      let said = types.first { $0.type == header.type }?.name ?? "\(header.type)"
      let family = leaving ? "IPv4" : "IPv6"
      findings.add(
        "\(context.name(index))'s chain \(chain.name) has \(said) in its Ethernet header, but "
          + (isOut
            ? "what goes to \(tunnel.peer) has an outer header of \(family)"
            : "what comes from \(tunnel.peer)'s networks is \(family)"),
        at: context.span(ClaimPath.chain(index, item, key: "ethernet")),
        notes: [
          Note(
            isOut ? "the peer is here" : "its networks are here",
            at: context.span(ClaimPath.tunnel(index, number, isOut ? "peer" : "networks")))
        ], fixIts: [FixIt("write type: \(wanted.name)")])
    }
  }

  static let tunnelKeyShared = PartitionCheck(
    "tunnel-key-shared", .accelerators, severity: .warning,
    "a key of AES-GCM is one direction's of one tunnel",
    after: ["tunnel-index", "tunnel-key"],
    meaning: """
      Two packets under one key and with one vector give away what is in them, and how to forge others. Each end \
      counts its vectors by itself, so those of two directions or tunnels that have one key may meet.
      """,
    repair: "make a key for each direction of each tunnel, and give its peer the same",
    source: "RFC 4106, section 3.1; RFC 5116, section 5.1.1",
    example: .init(
      guest: [
        "accelerators": pairs, "program": tunnelExample(inKey: "key-file: tunnel-out.key"),
      ]), files: keyFiles
  ) { context, findings in
    var first: [TunnelKey: (words: String, span: SourceSpan?)] = [:]
    var ends: [Association: Set<Bool>] = [:]
    for (index, gateway) in context.gateways {
      for (number, tunnel) in gateway.tunnels.enumerated() where tunnel.transform == .gcm {
        for isOut in [true, false] {
          let direction = isOut ? tunnel.out : tunnel.into
          let key = context.plan.sameKeys[direction.key] ?? direction.key
          let association = Association(
            key: key, spi: direction.spi, end: isOut ? tunnel.peer : gateway.end(of: tunnel))
          let known = ends[association, default: []]
          ends[association] = known.union([isOut])
          // Where both ends of a tunnel are in the plan, each direction has its key at both.
          guard known != [!isOut] else { continue }
          let words =
            "the way \(isOut ? "into" : "out of") \(context.name(index))'s tunnel to \(tunnel.peer)"
          let span = context.span(ClaimPath.tunnel(index, number, isOut ? "out/key" : "in/key"))
          guard let other = first[key] else {
            first[key] = (words, span)
            continue
          }
          findings.add(
            "\(words) has the same key of AES-GCM as \(other.words)", at: span,
            notes: [Note("that has it here", at: other.span)],
            fixIts: [
              FixIt(
                "make another with `openssl rand -hex \(direction.key.count)`, for the peer too")
            ])
        }
      }
    }
  }

  static let tunnelKeyShown = PartitionCheck(
    "tunnel-key-shown", .accelerators, severity: .warning,
    "a tunnel's key does not stand in the plan",
    meaning: """
      Plans are kept under version control, shown and sent; a key in one is known to all who ever see it, and \
      stands in the Swift package that `dpaac generate` makes, too.
      """,
    repair: "write the key into a file that only its owner reads, and name that with `key-file`",
    source: "RFC 4106, section 3; a decision of this project",
    example: .init(
      guest: [
        "accelerators": pairs,
        "program": tunnelExample(inKey: "key: 000102030405060708090a0b0c0d0e0f10111213"),
      ]), files: keyFiles
  ) { context, findings in
    context.forEachKey { tunnel, name, key, span in
      guard case .bytes = key else { return }
      findings.add("the key of \(name)'s tunnel to \(tunnel.peer) stands in the plan", at: span)
    }
  }
}

/// What tells a direction of a tunnel from others under its key: its index, and the address that it leads to.
private struct Association: Hashable {
  var key: TunnelKey
  var spi: UInt32
  var end: NetworkAddress?
}

extension RuleWish {
  /// Whether all that it takes are IPv4 packets, or all IPv6; `nil` where it may take both, or takes none.
  fileprivate var isIPv4: Bool? {
    let versions = Set(
      (conditions ?? []).compactMap { condition -> Int? in
        switch condition {
        case .etherType(0x0800): 4
        case .etherType(0x86dd): 6
        default: condition.ipVersion
        }
      })
    return versions.count == 1 ? versions.contains(4) : nil
  }
}

extension PlanContext {
  /// The gateways, each with its partition's place.
  fileprivate var gateways: [(index: Int, gateway: GuestProgram.TunnelProgram)] {
    partitions.compactMap { index, wish in
      if case .ipsec(let gateway) = wish.program { (index, gateway) } else { nil }
    }
  }

  /// Calls for each key of a tunnel, with its tunnel, its gateway's name and where it stands.
  fileprivate func forEachKey(
    _ body: (GuestProgram.Tunnel, String, TunnelKey, SourceSpan?) -> Void
  ) {
    for (index, gateway) in gateways {
      for (number, tunnel) in gateway.tunnels.enumerated() {
        for (key, path) in [(tunnel.out.key, "out/key"), (tunnel.into.key, "in/key")] {
          let span = span(ClaimPath.tunnel(index, number, path))
          body(tunnel, plan.partitions[index].name, key, span)
        }
      }
    }
  }
}

extension GuestProgram.TunnelProgram {
  /// How an address is reached.
  fileprivate enum Reach: Equatable {
    case none
    case way(String)
    case tunnel(NetworkAddress)
  }

  fileprivate var cipherAddresses: [NetworkPrefix] {
    router.ways.filter { $0.path == cipher }.flatMap(\.addresses)
  }

  /// The gateway's own end of a tunnel.
  fileprivate func end(of tunnel: GuestProgram.Tunnel) -> NetworkAddress? {
    tunnel.local
      ?? cipherAddresses.first { $0.address.isIPv4 == tunnel.peer.isIPv4 }?.address
  }

  /// Where the longest of networks, routes and tunnels leads, as the guest's table will have it.
  fileprivate func way(to address: NetworkAddress) -> Reach {
    var best: (length: UInt8, reach: Reach)?
    func consider(_ prefix: NetworkPrefix, _ reach: Reach) {
      guard prefix.contains(address), (best?.length ?? 0) <= prefix.length else { return }
      best = (prefix.length, reach)
    }
    for way in router.ways {
      for prefix in way.addresses { consider(prefix, .way(way.path)) }
    }
    for route in router.routes {
      let way = router.ways.first { $0.addresses.contains { $0.contains(route.via) } }
      if let way { consider(route.to, .way(way.path)) }
    }
    for tunnel in tunnels {
      for network in tunnel.networks { consider(network, .tunnel(tunnel.peer)) }
    }
    return best?.reach ?? .none
  }
}

extension GuestProgram.TunnelProgram {
  /// The tunnel whose one direction goes through a chain, its place, and whether that direction leads into it.
  fileprivate func direction(
    through chain: String
  ) -> (number: Int, tunnel: GuestProgram.Tunnel, isOut: Bool)? {
    for (number, tunnel) in tunnels.enumerated() {
      if chain == tunnel.out.chain { return (number, tunnel, true) }
      if chain == tunnel.into.chain { return (number, tunnel, false) }
    }
    return nil
  }
}
