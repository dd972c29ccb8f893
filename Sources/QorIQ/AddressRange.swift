/// A run of physical addresses.
public struct AddressRange: Sendable, Hashable {
  /// The first address.
  public var base: UInt64
  /// The size in bytes.
  public var size: UInt64
  /// Creates a range.
  public init(base: UInt64, size: UInt64) {
    self.base = base
    self.size = size
  }
  /// The last address; a range of no size has none, and answers its base.
  public var last: UInt64 { size == 0 ? base : base &+ (size - 1) }
  /// Whether any address is in both.
  public func overlaps(_ other: AddressRange) -> Bool {
    base < other.base &+ other.size && other.base < base &+ size
  }
}
