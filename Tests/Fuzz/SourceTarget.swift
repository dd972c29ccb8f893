import DeviceTree
import Diagnostics

/// What a fuzzer does with bytes taken for source: read them with every include they ask for coming
/// from the bytes themselves, then do all that a command would do with the tree.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // SAFETY: the fuzzer keeps `count` bytes at `start` for the length of this call.
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let half = Array(bytes[(count / 2)...])
  // Names are bounded as those of a file system are, only more so.
  let loader = FileLoader(load: { name in
    name.hasPrefix("x") && name.utf8.count < 32 ? half : nil
  })
  var bag = DiagnosticBag()
  let file = SourceFile(name: "fuzz.dts", bytes: bytes)
  let expansion = SourceExpansion(ofLineMarkersIn: bytes, name: file.name)
  let source = expansion.map { SourceFile(name: file.name, bytes: bytes, expansion: $0) } ?? file
  if let tree = SourceReader(includePaths: ["x"], loader: loader).read(source, into: &bag) {
    exercise(tree, into: &bag)
  }
  _ = DiagnosticRenderer().render(bag)
  for finding in bag.diagnostics { _ = finding.json.text }
  return 0
}
