import DeviceTree
import Diagnostics

/// What a fuzzer does with bytes taken for an overlay blob: lay it over a board that has symbols,
/// and over itself.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // SAFETY: the fuzzer keeps `count` bytes at `start` for the length of this call.
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  var bag = DiagnosticBag()
  guard let tree = BlobReader().read(bytes, name: "fuzz.dtbo", into: &bag) else { return 0 }
  for base in [board(), tree] {
    var base = base
    var findings = DiagnosticBag()
    Overlay(tree, name: "fuzz.dtbo").apply(to: &base, into: &findings)
    if !findings.hasErrors { exercise(base, into: &findings) }
    _ = DiagnosticRenderer().render(findings)
  }
  return 0
}

private func board() -> Tree {
  var bag = DiagnosticBag()
  let text = """
    /dts-v1/;
    / {
      a: one { phandle = <1>; x = <&b>; inner: two { reg = <1>; }; };
      b: three { phandle = <2>; };
      __symbols__ { a = "/one"; inner = "/one/two"; b = "/three"; wrong = "/no"; };
    };
    """
  let file = SourceFile(name: "board.dts", text: text)
  guard var tree = SourceReader().read(file, into: &bag) else {
    preconditionFailure("the board of the overlay target is wrong")
  }
  tree.resolveReferences(into: &bag)
  return tree
}
