import DeviceTree
import Diagnostics

/// Does to a tree what the commands do: query, check, print, encode, compare.
func exercise(_ tree: Tree, into bag: inout DiagnosticBag) {
  let index = TreeIndex(tree)
  for entry in index.entries.prefix(200) {
    _ = index.physicalRegisters(of: entry)
    for interrupt in (index.interrupts(of: entry) ?? []).prefix(10) {
      _ = index.arrival(of: interrupt)
    }
    _ = index.inherited("interrupt-parent", by: entry)
    for property in entry.node.properties.prefix(50) {
      _ = property.value.strings
      _ = index.target(of: property.value, cell: 0)
    }
  }
  var checked = tree
  TreeChecker().check(
    &checked, phandleFormat: .epapr, keepsLabelled: false, into: &bag)
  _ = BlobWriter().write(tree, into: &bag)
  var unused = DiagnosticBag()
  var part = tree
  part.restoreLabels()
  part.prune(keeping: index.entries.suffix(1).map(\.path), into: &unused)
  part.merge(tree)
  let text = SourcePrinter(style: .readable).print(checked)
  _ = SourceReader(loader: FileLoader { _ in nil }).read(
    SourceFile(name: "printed.dts", text: text), into: &unused)
  _ = SourcePrinter(style: .dtc).print(checked)
}
