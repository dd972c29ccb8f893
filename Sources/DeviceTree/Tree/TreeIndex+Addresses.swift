/// A run of addresses from `reg` or `ranges`.
public struct AddressRange: Sendable, Hashable {
  /// The low 64 bits of the first address.
  public var address: UInt64
  /// The number of addresses; 0 when the bus has no sizes (`#size-cells = <0>`).
  public var size: UInt64
  /// The cells above the low 64 bits: 0 on most buses, `phys.hi` on PCI.
  public var space: UInt64

  /// Creates a run.
  public init(address: UInt64, size: UInt64, space: UInt64 = 0) {
    self.address = address
    self.size = size
    self.space = space
  }
}

extension TreeIndex {
  /// The cells of an address on the bus that a node is.
  public func addressCells(of bus: Entry) -> Int { Int(bus.node["#address-cells"]?.cell ?? 2) }
  /// The cells of a size on the bus that a node is.
  public func sizeCells(of bus: Entry) -> Int { Int(bus.node["#size-cells"]?.cell ?? 1) }

  /// The entries of a node's `reg`, in addresses of the bus it is on; empty when there are none.
  ///
  /// `nil` when the length of `reg` does not fit the parent's cells.
  public func registers(of entry: Entry) -> [AddressRange]? {
    guard let value = entry.node["reg"], let bus = parent(of: entry) else { return [] }
    let address = addressCells(of: bus)
    let size = sizeCells(of: bus)
    guard let rows = rows(of: value, [address, size]) else { return nil }
    return rows.map { AddressRange(address: $0[0].low, size: $0[1].low, space: $0[0].high) }
  }

  /// The entries of a node's `reg` as the CPU sees them; an entry is `nil` where no `ranges` of
  /// a bus above covers it.
  ///
  /// The whole is `nil` when `reg` does not fit the parent's cells.
  public func physicalRegisters(of entry: Entry) -> [AddressRange?]? {
    guard let bus = parent(of: entry) else { return [] }
    return registers(of: entry)?.map { translate($0, from: bus) }
  }

  /// An address of a bus as the CPU sees it; `nil` when the `ranges` on the way do not cover it.
  public func translate(_ range: AddressRange, from bus: Entry) -> AddressRange? {
    translate(range, from: bus, through: "ranges") { nil }
  }

  /// An address that a device on a bus uses for its own accesses, as memory has it; `nil` when the
  /// `dma-ranges` on the way do not cover it.
  ///
  /// A bus without `dma-ranges` passes addresses on as they are, as Linux takes it.
  public func translateForDMA(_ range: AddressRange, from bus: Entry) -> AddressRange? {
    translate(range, from: bus, through: "dma-ranges") { PropertyValue.empty }
  }

  private func translate(
    _ range: AddressRange, from bus: Entry, through name: String,
    missing: () -> PropertyValue?
  ) -> AddressRange? {
    var range = range
    var bus = bus
    while let above = parent(of: bus) {
      guard let value = bus.node[name] ?? missing() else { return nil }
      if !value.isEmpty {
        let widths = [addressCells(of: bus), addressCells(of: above), sizeCells(of: bus)]
        guard let rows = rows(of: value, widths) else { return nil }
        let window = rows.first { row in
          row[0].high == range.space && row[0].low <= range.address
            && range.address - row[0].low < row[2].low
            && range.size <= row[2].low - (range.address - row[0].low)
        }
        guard let window else { return nil }
        range.address = window[1].low &+ (range.address - window[0].low)
        range.space = window[1].high
      }
      bus = above
    }
    return range
  }

  private struct Wide {
    var low: UInt64 = 0
    var high: UInt64 = 0
  }

  /// Splits cells into rows of numbers that are so many cells wide each.
  private func rows(of value: PropertyValue, _ widths: [Int]) -> [[Wide]]? {
    // More than four cells is no address of any binding; it also bounds what a hostile tree costs.
    guard widths.allSatisfy({ (0...4).contains($0) }), let cells = value.cells else { return nil }
    let stride = widths.reduce(0, +)
    guard stride > 0 else { return cells.isEmpty ? [] : nil }
    guard cells.count % stride == 0 else { return nil }
    var rows: [[Wide]] = []
    var position = 0
    while position < cells.count {
      rows.append(
        widths.map { width in
          var wide = Wide()
          for cell in cells[position..<(position + width)] {
            wide.high = wide.high << 32 | wide.low >> 32
            wide.low = wide.low << 32 | UInt64(cell)
          }
          position += width
          return wide
        })
    }
    return rows
  }
}
