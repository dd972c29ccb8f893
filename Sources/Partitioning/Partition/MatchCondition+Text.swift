extension MatchCondition {
  /// The field and what it must be, in the plan's words: `ipv4.dst 192.168.1.11`.
  public var planText: String {
    switch self {
    case .ethernetDestination(let address): "eth.dst \(Self.macText(address))"
    case .ethernetSource(let address): "eth.src \(Self.macText(address))"
    case .etherType(let type): "eth.type 0x\(String(type, radix: 16))"
    case .vlan(let id): "vlan.id \(id)"
    case .ipv4Source(let prefix): "ipv4.src \(prefix)"
    case .ipv4Destination(let prefix): "ipv4.dst \(prefix)"
    case .ipv6Source(let prefix): "ipv6.src \(prefix)"
    case .ipv6Destination(let prefix): "ipv6.dst \(prefix)"
    case .ipProtocol(let number): "ip.proto \(number)"
    case .l4Source(let port): "l4.src \(port)"
    case .l4Destination(let port): "l4.dst \(port)"
    case .masked(let masked): "\(masked.field.rawValue) \(masked.planText)"
    case .bytes(let bytes, let value): "\(bytes.planText) 0x\(String(value, radix: 16))"
    }
  }

  fileprivate static func macText(_ address: UInt64) -> String {
    stride(from: 40, through: 0, by: -8).map {
      let octet = String(address >> UInt64($0) & 0xff, radix: 16)
      return octet.count == 1 ? "0\(octet)" : octet
    }.joined(separator: ":")
  }
}

extension MaskedField {
  /// Value and mask, as a plan writes them.
  fileprivate var planText: String {
    switch field {
    case .ethernetDestination, .ethernetSource:
      "\(MatchCondition.macText(value))/\(MatchCondition.macText(mask))"
    default: "0x\(String(value, radix: 16))/0x\(String(mask, radix: 16))"
    }
  }
}
