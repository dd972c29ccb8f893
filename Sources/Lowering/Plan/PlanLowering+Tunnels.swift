import Diagnostics
import Documents
import Partitioning
import QorIQ

/// The tunnels of a gateway.
extension PlanLowering {
  mutating func ipsec(_ node: YAMLNode, name: String, index: Int) -> GuestProgram {
    let what = "\(name)'s gateway"
    guard let facts = reader.facts(node, of: what, in: .ipsec) else { return .reflect }
    let items = listed(facts["tunnels"], "the tunnels of \(what)")
    let limit = GuestProgram.TunnelProgram.limit
    if items.count > limit {
      reader.bag.error(
        .badNumber, "\(what) has \(items.count) tunnels, of which \(limit) fit",
        at: facts["tunnels"]?.span ?? node.span)
    }
    var tunnels: [GuestProgram.Tunnel] = []
    for item in items.prefix(limit) {
      if let tunnel = tunnel(item, what, index: index, number: tunnels.count) {
        tunnels.append(tunnel)
      }
    }
    let networks = tunnels.reduce(0) { $0 + $1.networks.count }
    let router = router(facts, what, at: node, index: index, more: networks)
    origins.record(ClaimPath.ipsecCipher(index), at: facts["cipher"]?.span)
    guard let cipher = facts["cipher"].flatMap({ reader.text($0, "the cipher way of \(what)") })
    else { return .reflect }
    let bypasses = facts["unmatched"].flatMap {
      reader.choice($0, "unmatched of \(what)", among: [("drop", false), ("bypass", true)])
    }
    return .ipsec(
      .init(router: router, cipher: cipher, bypasses: bypasses ?? false, tunnels: tunnels))
  }

  private mutating func tunnel(
    _ node: YAMLNode, _ gateway: String, index: Int, number: Int
  ) -> GuestProgram.Tunnel? {
    let what = "a tunnel of \(gateway)"
    guard let facts = reader.facts(node, of: what, in: .tunnel) else { return nil }
    origins.record(ClaimPath.tunnel(index, number), at: facts.place)
    for key in ["peer", "local", "networks"] {
      origins.record(ClaimPath.tunnel(index, number, key), at: facts[key]?.span)
    }
    var networks: [NetworkPrefix] = []
    for item in listed(facts["networks"], "the networks of \(what)") {
      guard let network = reader.network(item, "a network of \(what)") else { continue }
      origins.record(
        ClaimPath.tunnelNetwork(index, number, networks.count), at: item.span)
      networks.append(network)
    }
    let peer = facts["peer"].flatMap { reader.address($0, "the peer of \(what)") }
    let local = facts["local"].flatMap { reader.address($0, "the local end of \(what)") }
    let transform = facts["transform"].flatMap {
      reader.choice(
        $0, "the transform of \(what)", among: TunnelTransform.allCases.map { ($0.rawValue, $0) })
    }
    let isExtended = facts["extended-numbers"].flatMap {
      reader.choice($0, "extended-numbers of \(what)", among: [("yes", true), ("no", false)])
    }
    let window = facts["window"].flatMap {
      reader.choice($0, "the window of \(what)", among: [("0", 0), ("32", 32), ("64", 64)])
    }
    let path = ClaimPath.tunnel(index, number)
    let out = direction(facts["out"], "the way into \(what)", path: "\(path)/out")
    let into = direction(facts["in"], "the way out of \(what)", path: "\(path)/in")
    guard let peer, let transform, let out, let into else { return nil }
    return GuestProgram.Tunnel(
      local: local, peer: peer, networks: networks, transform: transform, out: out, into: into,
      isExtended: isExtended ?? false, window: window ?? 64)
  }

  private mutating func direction(
    _ node: YAMLNode?, _ what: String, path: String
  ) -> TunnelDirection? {
    guard let node, let facts = reader.facts(node, of: what, in: .tunnelDirection) else {
      return nil
    }
    origins.record("\(path)/spi", at: facts["spi"]?.span)
    origins.record("\(path)/key", at: (facts["key"] ?? facts["key-file"])?.span)
    origins.record("\(path)/through", at: facts["through"]?.span)
    // Lower ones are reserved (RFC 4303, 2.1).
    let spi = facts["spi"].flatMap {
      reader.number($0, "the index of \(what)", in: 256...UInt64(UInt32.max))
    }
    let chain = facts["through"].flatMap { reader.text($0, "the chain of \(what)") }
    guard let key = key(facts, what, at: node.span), let spi else { return nil }
    return TunnelDirection(spi: UInt32(spi), key: key, chain: chain)
  }

  private mutating func key(_ facts: Facts, _ what: String, at span: SourceSpan) -> TunnelKey? {
    switch (facts["key"], facts["key-file"]) {
    case (let node?, nil):
      guard let text = reader.text(node, "the key of \(what)") else { return nil }
      guard let bytes = TunnelKey.bytes(ofDigits: text.utf8) else {
        return notDigits("the key of \(what)", node.span)
      }
      return noted(.bytes(bytes), bytes)
    case (nil, let node?):
      guard let name = reader.text(node, "the key file of \(what)") else { return nil }
      let path = name.relative(toFile: node.span.file.name)
      guard var text = TextFile.bytes(path, namedAt: node.span, into: &reader.bag) else {
        return nil
      }
      defer { text.erase() }
      // Where the name stands, as a finding shows the line that it points at.
      guard var found = TunnelKey.bytes(ofDigits: text) else {
        return notDigits(path, node.span)
      }
      // A plan says where the key is, and has none of it.
      defer { found.erase() }
      // Whoever opens it later may be elsewhere, and a plan is the same from wherever it is named.
      return noted(
        .file(name.absolute(besideFile: node.span.file.name), count: found.count), found)
    default:
      // A misspelt one has been told of.
      guard facts.misspelt.isDisjoint(with: ["key", "key-file"]) else { return nil }
      reader.bag.error(
        .missingKey,
        "\(what) should have one of key-file and key, but has "
          + (facts["key"] == nil ? "none" : "both"), at: span,
        fixIts: [FixIt(facts["key"] == nil ? "add key-file:" : "take key out")])
      return nil
    }
  }

  /// Notes a key, and whether another was there before with the same bytes.
  private mutating func noted(_ key: TunnelKey, _ bytes: [UInt8]) -> TunnelKey {
    // 64 bits that are others in each process.
    let hash = bytes.hashValue
    if let first = keys[hash] {
      if first != key { sameKeys[key] = first }
    } else {
      keys[hash] = key
    }
    return key
  }

  private mutating func notDigits(_ what: String, _ span: SourceSpan) -> TunnelKey? {
    reader.bag.error(
      .badKey, "\(what) should be an even number of hexadecimal digits, and nothing else", at: span)
    return nil
  }
}
