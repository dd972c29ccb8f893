import DeviceTree
import Diagnostics

/// Making facts of properties.
extension BoardTreeReader {
  /// Where a property stands, or else its node.
  func span(_ entry: TreeIndex.Entry, _ property: String) -> SourceSpan? {
    entry.node.property(property)?.span ?? entry.node.span
  }

  func number(_ value: UInt64, _ entry: TreeIndex.Entry, _ property: String) -> Fact {
    Fact(.number(value), at: span(entry, property), node: entry.path, layer: .tree)
  }

  func text(_ value: String, _ entry: TreeIndex.Entry, _ property: String) -> Fact {
    Fact(.text(value), at: span(entry, property), node: entry.path, layer: .tree)
  }

  func list(_ values: [UInt32], _ entry: TreeIndex.Entry, _ property: String) -> Fact {
    Fact(
      .list(values.map { number(UInt64($0), entry, property) }), at: span(entry, property),
      node: entry.path, layer: .tree)
  }

  func removed(_ entry: TreeIndex.Entry) -> Fact {
    Fact(.removed, at: span(entry, "status"), node: entry.path, layer: .tree)
  }

  /// The first window of a node as the CPU sees it.
  mutating func registers(of entry: TreeIndex.Entry) -> FactRecord? {
    guard let range = index.physicalRegisters(of: entry)?.first ?? nil else {
      fail(.boardTree, "\(entry.path) should have registers that its buses map", entry, "reg")
      return nil
    }
    var record = FactRecord()
    record["base"] = number(range.address, entry, "reg")
    record["size"] = number(range.size, entry, "reg")
    return record
  }

  /// The first interrupt of a node: the source of an MPIC, which is the first cell; of a GIC it is
  /// the second, behind the type.
  func interrupt(_ entry: TreeIndex.Entry) -> Fact? {
    guard let cells = entry.node["interrupts"]?.cells else { return nil }
    let parent = index.inherited("interrupt-parent", by: entry).flatMap {
      index.target(of: $0, cell: 0)
    }
    let width = parent?.node["#interrupt-cells"]?.number ?? 4
    let place = width == 3 ? 1 : 0
    guard cells.indices.contains(place) else { return nil }
    return number(UInt64(cells[place]), entry, "interrupts")
  }

  /// Adds a row; one that is there already is a mistake that names both nodes.
  mutating func add(
    _ value: Fact.Value, _ key: String, _ entry: TreeIndex.Entry, to rows: inout FactRecord,
    _ code: DiagnosticCode, _ what: String
  ) {
    if let other = rows[key] {
      bag.error(
        code, "\(entry.path) is \(what), but so is \(other.node ?? "another node")",
        at: entry.node.span,
        notes: [Note("\(other.node ?? "the other") stands here", at: other.span)])
      return
    }
    rows[key] = Fact(value, at: entry.node.span, node: entry.path, layer: .tree)
  }

  mutating func fail(
    _ code: DiagnosticCode, _ message: String, _ entry: TreeIndex.Entry, _ property: String
  ) {
    bag.error(code, message, at: span(entry, property))
  }
}
