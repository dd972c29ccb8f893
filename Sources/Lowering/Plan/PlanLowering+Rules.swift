import Diagnostics
import Documents
import Partitioning

/// What rules compare, and what they hash.
extension PlanLowering {
  mutating func conditions(_ node: YAMLNode, of what: String) -> [MatchCondition]? {
    guard let entries = reader.entries(node, of: "the condition of \(what)") else { return nil }
    var conditions: [MatchCondition] = []
    var isWhole = true
    for entry in entries {
      guard let key = MatchKey(rawValue: entry.key) else {
        let names = MatchKey.allCases.map(\.rawValue)
        reader.bag.error(
          .unknownKey, "there is no field \(entry.key) to match", at: entry.keySpan,
          fixIts: [
            nearestName(to: entry.key, in: names).map {
              FixIt("did you mean \($0)?", replacing: entry.keySpan, with: $0)
            } ?? FixIt("choose one of \(names.joined(separator: ", "))")
          ])
        isWhole = false
        continue
      }
      if key == .bytes {
        for item in listed(entry.value) {
          if let condition = byteCondition(item, of: what) {
            conditions.append(condition)
          } else {
            isWhole = false
          }
        }
      } else if let condition = condition(key, entry.value) {
        conditions.append(condition)
      } else {
        isWhole = false
      }
    }
    return isWhole ? conditions : nil
  }

  /// The items of a list, or what stands there instead of a list of one.
  private func listed(_ node: YAMLNode) -> [YAMLNode] {
    if case .sequence(let items) = node.value { items } else { [node] }
  }

  private mutating func condition(_ key: MatchKey, _ node: YAMLNode) -> MatchCondition? {
    let what = key.rawValue
    switch key {
    case .ipv4Source: return reader.ipv4(node, what).map { .ipv4Source($0) }
    case .ipv4Destination: return reader.ipv4(node, what).map { .ipv4Destination($0) }
    case .ipv6Source: return reader.ipv6(node, what).map { .ipv6Source($0) }
    case .ipv6Destination: return reader.ipv6(node, what).map { .ipv6Destination($0) }
    default: break
    }
    guard let field = MaskedField.Field(rawValue: what) else { return nil }
    if let parts = masked(node) { return maskedCondition(field, parts, at: node) }
    switch field {
    case .ethernetDestination: return reader.mac(node, what).map { .ethernetDestination($0) }
    case .ethernetSource: return reader.mac(node, what).map { .ethernetSource($0) }
    case .etherType: return number(field, node).map { .etherType(UInt16($0)) }
    case .vlan: return number(field, node).map { .vlan(UInt16($0)) }
    case .ipProtocol: return number(field, node).map { .ipProtocol(UInt8($0)) }
    case .l4Source: return number(field, node).map { .l4Source(UInt16($0)) }
    case .l4Destination: return number(field, node).map { .l4Destination(UInt16($0)) }
    }
  }

  /// The value of a field, or its mask, of as many bits as the field has.
  private mutating func number(_ field: MaskedField.Field, _ node: YAMLNode) -> UInt64? {
    let what = field.rawValue
    let range: ClosedRange<UInt64> = 0...(1 << UInt64(field.bits)) - 1
    switch field {
    case .ethernetDestination, .ethernetSource: return reader.mac(node, what)
    case .etherType:
      return reader.namedNumber(
        node, what, in: range, names: ["ipv4": 0x0800, "arp": 0x0806, "ipv6": 0x86dd])
    case .ipProtocol:
      return reader.namedNumber(
        node, what, in: range,
        names: ["icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58, "sctp": 132])
    case .vlan, .l4Source, .l4Destination: return reader.number(node, what, in: range)
    }
  }

  /// The two sides of `VALUE/MASK`; `nil` where there is no slash.
  private func masked(_ node: YAMLNode) -> (value: YAMLNode, mask: YAMLNode)? {
    guard case .scalar(let scalar) = node.value else { return nil }
    let parts = scalar.text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    return (
      YAMLNode(.scalar(YAMLScalar(String(parts[0]), isPlain: false)), at: node.span),
      YAMLNode(.scalar(YAMLScalar(String(parts[1]), isPlain: false)), at: node.span)
    )
  }

  private mutating func maskedCondition(
    _ field: MaskedField.Field, _ parts: (value: YAMLNode, mask: YAMLNode), at node: YAMLNode
  ) -> MatchCondition? {
    let (value, mask) = (number(field, parts.value), number(field, parts.mask))
    guard let value, let mask, check(value, mask, of: field.rawValue, at: node) else { return nil }
    return .masked(MaskedField(field, value: value, mask: mask))
  }

  /// Reports a mask without a bit, and a value with bits that the mask leaves out.
  private mutating func check(
    _ value: UInt64, _ mask: UInt64, of what: String, at node: YAMLNode
  ) -> Bool {
    guard mask != 0 else {
      reader.bag.error(
        .badNumber, "the mask of \(what) has no bit set, so that nothing is compared",
        at: node.span, fixIts: [FixIt("set the bits that count, or remove it")])
      return false
    }
    guard value & ~mask == 0 else {
      reader.bag.error(
        .badNumber,
        "\(what) has bits set that its mask leaves out: 0x\(String(value & ~mask, radix: 16))",
        at: node.span,
        fixIts: [FixIt("the value inside the mask is 0x\(String(value & mask, radix: 16))")])
      return false
    }
    return true
  }

  // MARK: Receivers

  /// Who gets a rule's frames: a partition, several of them, or nobody.
  mutating func receivers(
    _ node: YAMLNode, of what: String, at place: (interface: Int, item: Int),
    in wish: inout RuleWish
  ) {
    guard case .sequence(let items) = node.value else {
      wish.to = reader.text(node, "who gets \(what)")
      wish.drops = wish.to == Plan.dropName
      if wish.drops { wish.to = nil }
      return
    }
    guard !items.isEmpty else {
      reader.bag.error(
        .wrongKind, "nobody gets \(what)", at: node.span,
        fixIts: [FixIt("write \(Plan.dropName)", replacing: node.span, with: Plan.dropName)])
      return
    }
    var names: [String] = []
    for (number, item) in items.enumerated() {
      origins.record(
        ClaimPath.ruleTarget(place.interface, place.item, item: number), at: item.span)
      guard let name = reader.text(item, "who gets \(what)") else { continue }
      guard name != Plan.dropName else {
        reader.bag.error(
          .badChoice, "\(what) cannot be dropped and delivered at once", at: item.span,
          fixIts: [FixIt("remove \(Plan.dropName) from the list")])
        continue
      }
      names.append(name)
    }
    guard names.count == items.count else { return }
    wish.to = names[0]
    wish.copies = Array(names.dropFirst())
  }

  // MARK: Bytes

  private mutating func byteCondition(_ node: YAMLNode, of what: String) -> MatchCondition? {
    guard let facts = reader.facts(node, of: "the bytes of \(what)", in: .byteCondition) else {
      return nil
    }
    let bytes = frameBytes(facts)
    guard let node = facts["is"] else { return nil }
    let all = FrameBytes.all(bytes?.count ?? 8)
    let value = reader.number(node, "what the bytes of \(what) are", in: 0...all)
    guard let bytes, let value, check(value, bytes.mask, of: "bytes", at: node) else { return nil }
    return .bytes(bytes, value)
  }

  private mutating func frameBytes(_ facts: Facts) -> FrameBytes? {
    let start =
      facts["from"].map {
        reader.choice(
          $0, "where the bytes begin", among: FrameBytes.Start.allCases.map { ($0.rawValue, $0) })
      } ?? .frame
    let offset = facts["at"].flatMap { reader.number($0, "the place of bytes", in: 0...255) }
    let count =
      facts["size"].map { reader.number($0, "the number of bytes", in: 1...8) } ?? 1
    guard let count else { return nil }
    let all = FrameBytes.all(UInt8(count))
    let mask = facts["mask"].map { reader.number($0, "the mask of bytes", in: 1...all) } ?? all
    guard let start, let offset, let mask else { return nil }
    return FrameBytes(start, at: UInt8(offset), count: UInt8(count), mask: mask)
  }

  // MARK: Spreads

  /// A spread by name, or by its fields and bytes.
  mutating func spread(_ node: YAMLNode, of what: String) -> FlowRule.Spread? {
    guard case .mapping = node.value else {
      let spreads = FlowRule.Spread.named.map { ($0.name, $0.spread) }
      return reader.choice(
        node, "the spread of \(what)",
        among: spreads + spreads.flatMap { [("ipv4-\($0)", $1), ("ipv6-\($0)", $1)] })
    }
    let found = reader.bag.diagnostics.count
    guard let facts = reader.facts(node, of: "the spread of \(what)", in: .hashKey) else {
      return nil
    }
    var fields: [HashKey.Field] = []
    if let node = facts["fields"], let items = reader.items(node, of: "the fields of a spread") {
      for item in items {
        let field = reader.choice(
          item, "a field of a spread", among: HashKey.Field.allCases.map { ($0.rawValue, $0) })
        if let field { fields.append(field) }
      }
    }
    var bytes: [FrameBytes] = []
    if let node = facts["bytes"], let items = reader.items(node, of: "the bytes of a spread") {
      for item in items {
        let place = reader.facts(item, of: "bytes of a spread", in: .hashBytes)
          .flatMap { frameBytes($0) }
        if let place { bytes.append(place) }
      }
    }
    // A key of which a part could not be read would be another one.
    let isWhole = reader.bag.diagnostics.count == found
    return isWhole ? .key(HashKey(fields, bytes: bytes)) : nil
  }
}

/// What a rule can match, as a plan writes it.
private enum MatchKey: String, CaseIterable {
  case ethernetDestination = "eth.dst"
  case ethernetSource = "eth.src"
  case etherType = "eth.type"
  case vlan = "vlan.id"
  case ipv4Source = "ipv4.src"
  case ipv4Destination = "ipv4.dst"
  case ipv6Source = "ipv6.src"
  case ipv6Destination = "ipv6.dst"
  case ipProtocol = "ip.proto"
  case l4Source = "l4.src"
  case l4Destination = "l4.dst"
  case bytes
}
