import Diagnostics
import Documents
import Partitioning
import QorIQ

/// Addresses of links and networks.
extension FactReader {
  /// A MAC address: six pairs of hexadecimal digits.
  mutating func mac(_ node: YAMLNode, _ what: String) -> UInt64? {
    guard let text = text(node, what) else { return nil }
    let pairs = text.split(separator: ":", omittingEmptySubsequences: false)
    let bytes = pairs.compactMap { $0.count == 2 ? UInt8($0, radix: 16) : nil }
    guard pairs.count == 6, bytes.count == 6, text.allSatisfy({ $0.isHexDigit || $0 == ":" })
    else {
      bag.error(
        .badAddress,
        "\(what) should be a MAC address such as 02:00:00:00:00:01, but this is "
          + text, at: node.span)
      return nil
    }
    return bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// An IPv4 address or prefix.
  mutating func ipv4(_ node: YAMLNode, _ what: String) -> IPv4Prefix? {
    guard let text = text(node, what) else { return nil }
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let length = parts.count == 2 ? Self.parseDecimal(parts[1], upTo: 32) : 32
    guard let address = Self.parseIPv4(parts[0]), let length else {
      bag.error(
        .badAddress,
        "\(what) should be an IPv4 address or prefix such as 192.168.2.0/24, but "
          + "this is \(text)", at: node.span)
      return nil
    }
    let prefix = IPv4Prefix(address: address, length: UInt8(length))
    guard prefix.address == address else { return bitsBehind(prefix, text, node) }
    return prefix
  }

  /// An IPv6 address or prefix (RFC 4291, section 2.2).
  mutating func ipv6(_ node: YAMLNode, _ what: String) -> IPv6Prefix? {
    guard let text = text(node, what) else { return nil }
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let length = parts.count == 2 ? Self.parseDecimal(parts[1], upTo: 128) : 128
    guard let address = Self.parseIPv6(parts[0]), let length else {
      bag.error(
        .badAddress,
        "\(what) should be an IPv6 address or prefix such as fd00:2::/64, but this "
          + "is \(text)", at: node.span)
      return nil
    }
    let prefix = IPv6Prefix(high: address.high, low: address.low, length: UInt8(length))
    guard prefix.high == address.high, prefix.low == address.low else {
      return bitsBehind(prefix, text, node)
    }
    return prefix
  }

  /// A host's own address with the length of its network behind it.
  mutating func hostAddress(_ node: YAMLNode, _ what: String) -> NetworkPrefix? {
    guard let text = text(node, what) else { return nil }
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count == 2 {
      if let address = Self.parseIPv4(parts[0]), let length = Self.parseDecimal(parts[1], upTo: 32)
      {
        return NetworkPrefix(ipv4: address, length: UInt8(length))
      }
      if let address = Self.parseIPv6(parts[0]), let length = Self.parseDecimal(parts[1], upTo: 128)
      {
        let own = NetworkAddress(high: address.high, low: address.low)
        // An IPv4 address that is written as IPv6 is in an IPv4 network, of 96 bits more.
        if !own.isIPv4 || length >= 96 {
          return NetworkPrefix(address: own, length: UInt8(length))
        }
      }
    }
    bag.error(
      .badAddress,
      "\(what) should be an address with its network's length, such as 10.1.0.1/24 or fd00:1::1/64, "
        + "but this is \(text)", at: node.span)
    return nil
  }

  /// An IPv4 or IPv6 prefix.
  mutating func network(_ node: YAMLNode, _ what: String) -> NetworkPrefix? {
    guard let text = text(node, what) else { return nil }
    return text.contains(":")
      ? ipv6(node, what).map {
        NetworkPrefix(address: NetworkAddress(high: $0.high, low: $0.low), length: $0.length)
      } : ipv4(node, what).map { NetworkPrefix(ipv4: $0.address, length: $0.length) }
  }

  /// An IPv4 or IPv6 address.
  mutating func address(_ node: YAMLNode, _ what: String) -> NetworkAddress? {
    guard let prefix = network(node, what) else { return nil }
    guard prefix.length == 128 else {
      bag.error(
        .badAddress, "\(what) should be an address, but this is a network", at: node.span)
      return nil
    }
    return prefix.address
  }

  /// A number, or a name that stands for one.
  mutating func namedNumber(
    _ node: YAMLNode, _ what: String, in range: ClosedRange<UInt64>,
    names: KeyValuePairs<String, UInt64>
  ) -> UInt64? {
    guard let text = text(node, what) else { return nil }
    if text.utf8.first.map({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) == true {
      return number(text, what, in: range, at: node.span)
    }
    return choice(node, what, among: names.map { ($0.key, $0.value) })
  }

  private mutating func bitsBehind<Prefix: CustomStringConvertible>(
    _ prefix: Prefix, _ text: String, _ node: YAMLNode
  ) -> Prefix? {
    bag.error(
      .badAddress, "\(text) has bits set behind its prefix", at: node.span,
      fixIts: [FixIt("write \(prefix)", replacing: node.span, with: "\(prefix)")])
    return nil
  }

  /// Digits only, no leading zero: `010` is eight to some readers and ten to others.
  private static func parseDecimal(_ text: Substring, upTo limit: Int) -> Int? {
    guard !text.isEmpty, text.count <= 3, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      text.count == 1 || text.first != "0", let value = Int(text), value <= limit
    else { return nil }
    return value
  }

  private static func parseIPv4(_ text: Substring) -> UInt32? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    let bytes = parts.compactMap { parseDecimal($0, upTo: 255) }
    guard parts.count == 4, bytes.count == 4 else { return nil }
    return bytes.reduce(0) { $0 << 8 | UInt32($1) }
  }

  private static func parseIPv6(_ text: Substring) -> (high: UInt64, low: UInt64)? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    // `::` gives one empty part inside, two at either end; at most one run of them may stand there.
    guard let (before, after) = splitAtGap(parts) else { return nil }
    guard let head = groups(before), let tail = groups(after ?? []) else { return nil }
    let missing = 8 - head.count - tail.count
    guard after == nil ? missing == 0 : missing >= 1 else { return nil }
    let all = head + [UInt16](repeating: 0, count: missing) + tail
    func half(_ groups: ArraySlice<UInt16>) -> UInt64 { groups.reduce(0) { $0 << 16 | UInt64($1) } }
    return (half(all[0..<4]), half(all[4..<8]))
  }

  /// The parts before and behind `::`; no second half without one, `nil` for two.
  private static func splitAtGap(
    _ parts: [Substring]
  ) -> (before: ArraySlice<Substring>, after: ArraySlice<Substring>?)? {
    guard let gap = parts.firstIndex(of: "") else { return (parts[...], nil) }
    var end = gap + 1
    if gap == 0 {
      guard parts.count >= 3, parts[1].isEmpty else { return nil }
      end = 2
    }
    if end == parts.count - 1, parts[end].isEmpty { end += 1 }
    if end == parts.count, gap == parts.count - 1 { return nil }
    let after = parts[min(end, parts.count)...]
    return after.contains("") ? nil : (parts[..<gap], after)
  }

  private static func groups(_ parts: ArraySlice<Substring>) -> [UInt16]? {
    var groups: [UInt16] = []
    for (index, part) in zip(parts.indices, parts) {
      if index == parts.endIndex - 1, part.contains("."), let address = parseIPv4(part) {
        groups += [UInt16(address >> 16), UInt16(address & 0xffff)]
      } else {
        guard (1...4).contains(part.count), part.allSatisfy(\.isHexDigit),
          let group = UInt16(part, radix: 16)
        else { return nil }
        groups.append(group)
      }
    }
    return groups.count <= 8 ? groups : nil
  }
}
