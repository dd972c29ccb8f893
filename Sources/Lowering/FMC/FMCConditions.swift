import Partitioning

/// Makes conditions of what a classification's entries compare.
enum FMCConditions {
  /// The conditions of an entry; `nil` when a plan has none for one of its fields.
  static func conditions(
    of entry: FMCEntry, in node: FMCClassification
  ) -> [MatchCondition]? {
    guard let size = node.keySize, let data = bytes(entry.data?.value, size, filler: 0) else {
      return nil
    }
    var mask = [UInt8](repeating: 0xff, count: size)
    if let text = entry.mask?.value {
      guard let given = bytes(text, size, filler: 0xff) else { return nil }
      mask = given
    }
    var conditions: [MatchCondition] = []
    var offset = 0
    for field in node.fields {
      guard field.offset?.value ?? 0 == 0, field.size?.value ?? 0 == 0,
        let width = FMCNames.keySizes[field.name.value]
      else { return nil }
      let range = offset..<offset + width
      offset += width
      if mask[range].allSatisfy({ $0 == 0 }) { continue }
      guard
        let more = matching(
          field, Array(data[range]), Array(mask[range]))
      else { return nil }
      for condition in more where !conditions.contains(condition) { conditions.append(condition) }
    }
    return conditions
  }

  /// Hexadecimal digits as so many bytes, right-aligned.
  private static func bytes(_ text: String?, _ size: Int, filler: UInt8) -> [UInt8]? {
    guard let digits = text.flatMap(FMCChecks.digits), digits.count <= 2 * size else { return nil }
    let even = digits.count % 2 == 0 ? digits : [0] + digits
    let bytes = stride(from: 0, to: even.count, by: 2).map { even[$0] << 4 | even[$0 + 1] }
    return [UInt8](repeating: filler, count: size - bytes.count) + bytes
  }

  private static func matching(
    _ field: FMCField, _ data: [UInt8], _ mask: [UInt8]
  ) -> [MatchCondition]? {
    let value = data.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let isWhole = mask.allSatisfy { $0 == 0xff }
    let name = field.name.value
    switch name {
    case "ipv4.src", "ipv4.dst":
      guard let length = prefixLength(mask) else { return nil }
      let prefix = IPv4Prefix(
        address: UInt32(truncatingIfNeeded: value), length: UInt8(length))
      return [name == "ipv4.src" ? .ipv4Source(prefix) : .ipv4Destination(prefix)]
    case "ipv6.src", "ipv6.dst":
      guard let length = prefixLength(mask) else { return nil }
      let high = data.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      let prefix = IPv6Prefix(high: high, low: value, length: UInt8(length))
      return [name == "ipv6.src" ? .ipv6Source(prefix) : .ipv6Destination(prefix)]
    case "vlan.tci":
      guard mask[0] & 0xf0 == 0, field.index?.value != "last" else { return nil }
      return mask == [0x0f, 0xff]
        ? [.vlan(UInt16(value) & 0xfff)] : [masked(.vlan, value, mask)]
    case _ where !isWhole: return masked(name, value, mask)
    case "ethernet.dst": return [.ethernetDestination(value)]
    case "ethernet.src": return [.ethernetSource(value)]
    case "ethernet.type": return [.etherType(UInt16(value))]
    case "ipv4.nextp", "ipv6.nexthdr", "ip.nextp": return [.ipProtocol(UInt8(value))]
    default:
      let parts = name.split(separator: ".")
      guard let transport = parts.first.flatMap({ FrameHeader(rawValue: String($0)) }),
        let number = transport.ipProtocol
      else { return nil }
      switch parts.last {
      case "sport": return [.ipProtocol(number), .l4Source(UInt16(value))]
      case "dport": return [.ipProtocol(number), .l4Destination(UInt16(value))]
      default: return nil
      }
    }
  }

  /// A field of which some bits count.
  private static func masked(
    _ name: String, _ value: UInt64, _ mask: [UInt8]
  ) -> [MatchCondition]? {
    switch name {
    case "ethernet.dst": return [masked(.ethernetDestination, value, mask)]
    case "ethernet.src": return [masked(.ethernetSource, value, mask)]
    case "ethernet.type": return [masked(.etherType, value, mask)]
    case "ipv4.nextp", "ipv6.nexthdr", "ip.nextp": return [masked(.ipProtocol, value, mask)]
    default:
      let parts = name.split(separator: ".")
      guard let transport = parts.first.flatMap({ FrameHeader(rawValue: String($0)) }),
        let number = transport.ipProtocol
      else { return nil }
      switch parts.last {
      case "sport": return [.ipProtocol(number), masked(.l4Source, value, mask)]
      case "dport": return [.ipProtocol(number), masked(.l4Destination, value, mask)]
      default: return nil
      }
    }
  }

  private static func masked(
    _ field: MaskedField.Field, _ value: UInt64, _ mask: [UInt8]
  ) -> MatchCondition {
    .masked(
      MaskedField(field, value: value, mask: mask.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }))
  }

  /// How many leading bits a mask has, and no others.
  private static func prefixLength(_ mask: [UInt8]) -> Int? {
    let length = mask.reduce(0) { $0 + (~$1).leadingZeroBitCount }
    let bits = mask.reduce(0) { $0 + $1.nonzeroBitCount }
    let isPrefix = mask.indices.allSatisfy { index in
      index == 0 || mask[index] == 0 || mask[index - 1] == 0xff
    }
    return length == bits && isPrefix ? bits : nil
  }
}
