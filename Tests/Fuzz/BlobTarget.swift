import DeviceTree
import Diagnostics

/// What a fuzzer does with bytes taken for a blob. One that is read must survive a round trip.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // SAFETY: the fuzzer keeps `count` bytes at `start` for the length of this call.
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  var bag = DiagnosticBag()
  if let tree = BlobReader().read(bytes, name: "fuzz.dtb", into: &bag) {
    var unused = DiagnosticBag()
    if let blob = BlobWriter().encode(tree, into: &unused) {
      let again = BlobReader().read(blob, name: "again.dtb", into: &unused)
      precondition(again == tree, "a blob does not survive a round trip")
    }
    exercise(tree, into: &bag)
  }
  _ = DiagnosticRenderer().render(bag)
  return 0
}
