/// An IPv6 address, or an IPv4 address mapped into one (RFC 4291, 2.5.5.2), in host order.
public struct NetworkAddress: Sendable, Hashable, BitwiseCopyable {
  /// The upper 64 bits.
  public var high: UInt64
  /// The lower 64 bits.
  public var low: UInt64

  /// An IPv6 address.
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// An IPv4 address in host order.
  public init(ipv4 address: UInt32) { self.init(high: 0, low: 0xffff << 32 | UInt64(address)) }

  /// Whether it is an IPv4 address.
  public var isIPv4: Bool { high == 0 && low >> 32 == 0xffff }
  /// The IPv4 address that it holds.
  public var ipv4: UInt32 { UInt32(truncatingIfNeeded: low) }

  /// Its first bits, so many of 128; the others are 0.
  public func prefix(_ length: UInt8) -> NetworkAddress {
    NetworkAddress(
      high: length == 0 ? 0 : length >= 64 ? high : high & ~(.max >> UInt64(length)),
      low: length <= 64 ? 0 : length >= 128 ? low : low & ~(.max >> UInt64(length - 64)))
  }
}

/// A network or a host's address in one: an address, and how many of its first bits are the network's.
public struct NetworkPrefix: Sendable, Hashable, BitwiseCopyable {
  /// The address, all of its bits.
  public var address: NetworkAddress
  /// Bits of the network, of 128: for IPv4, 96 more than one writes.
  public var length: UInt8

  /// Creates a prefix.
  public init(address: NetworkAddress, length: UInt8) {
    self.address = address
    self.length = length
  }

  /// An IPv4 prefix: the address in host order, and up to 32 bits.
  public init(ipv4 address: UInt32, length: UInt8) {
    self.init(address: NetworkAddress(ipv4: address), length: 96 + length)
  }

  /// Whether an address is in the network.
  public func contains(_ other: NetworkAddress) -> Bool {
    address.isIPv4 == other.isIPv4 && other.prefix(length) == address.prefix(length)
  }
}

/// A way to a network that one is not in oneself.
public struct NetworkRoute: Sendable, Hashable, BitwiseCopyable {
  /// The network.
  public var to: NetworkPrefix
  /// The next router, in a network that one is in.
  public var via: NetworkAddress
  /// The most addresses and routes together that a router has: a message of 64 KiB tells it of all of them.
  public static let limit = 1000

  /// Creates a route.
  public init(to: NetworkPrefix, via: NetworkAddress) {
    self.to = to
    self.via = via
  }
}
