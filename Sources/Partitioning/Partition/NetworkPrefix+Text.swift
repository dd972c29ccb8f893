public import QorIQ

extension NetworkAddress: CustomStringConvertible {
  /// `10.1.0.1` or `fd00:1::1`.
  public var description: String { "\(NetworkPrefix(address: self, length: 128))" }
}

extension NetworkPrefix: CustomStringConvertible {
  /// `10.1.0.1/24` or `fd00:1::1/64`, with all of the address; without the length when that is whole.
  public var description: String {
    let whole =
      address.isIPv4
      ? "\(IPv4Prefix(address: address.ipv4, length: 32))"
      : "\(IPv6Prefix(high: address.high, low: address.low, length: 128))"
    return length == 128 ? whole : "\(whole)/\(address.isIPv4 ? length - 96 : length)"
  }
}
