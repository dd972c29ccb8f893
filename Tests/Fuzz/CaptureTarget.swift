@testable import DPAARuntime

/// What a fuzzer does with bytes taken for a capture file: find its frames, and parse each.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // SAFETY: the fuzzer keeps `count` bytes at `start` for the length of this call.
  let bytes = UnsafeRawBufferPointer(start: start, count: count)
  guard let records = try? CaptureFormat.records(in: bytes, path: "fuzz") else { return 0 }
  for record in records {
    let frame = UnsafeRawBufferPointer(
      rebasing: bytes[record.start..<record.start + Int(record.captured)])
    if let first = frame.baseAddress { check(ParsedFrame(first, count: frame.count), frame.count) }
  }
  return 0
}
