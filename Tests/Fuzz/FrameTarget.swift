@testable import DPAARuntime

/// What a fuzzer does with bytes taken for a frame. They are copied to memory of exactly their size,
/// so that the sanitizer sees whatever is read behind them.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let frame = UnsafeMutableRawPointer.allocate(byteCount: max(1, count), alignment: 1)
  defer { frame.deallocate() }
  // SAFETY: the fuzzer keeps `count` bytes at `start` for the length of this call.
  if let start { frame.copyMemory(from: start, byteCount: count) }
  let parsed = ParsedFrame(frame, count: count)
  check(parsed, count)
  _ = parsed.fields
  _ = parsed.faults
  return 0
}
