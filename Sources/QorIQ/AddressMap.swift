/// What answers at which physical addresses.
public struct AddressMap: Sendable, Hashable {
  /// The regions in ascending order of address.
  public var regions: [AddressRegion]
  /// Creates a map.
  public init(regions: [AddressRegion] = []) {
    self.regions = regions.sorted { ($0.range.base, $0.name) < ($1.range.base, $1.name) }
  }
  /// The region of this name.
  public subscript(name: String) -> AddressRange? {
    regions.first { $0.name == name }?.range
  }
}

/// A named run of physical addresses, such as a window of a bus.
public struct AddressRegion: Sendable, Hashable {
  /// `ccsr`, `dcsr`, `qman-portals`, `bman-portals`, `pcie1-memory`, `pcie1-io`, `rapidio1`,
  /// `localbus0` (its chip select) and so on.
  public var name: String
  /// Its addresses.
  public var range: AddressRange
  /// Creates a region.
  public init(name: String, range: AddressRange) {
    self.name = name
    self.range = range
  }
}
