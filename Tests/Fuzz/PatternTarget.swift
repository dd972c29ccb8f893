@testable import DPAARuntime

nonisolated(unsafe) private let exercise = PatternExercise()

/// What a fuzzer does with bytes taken for requests to PME and for the table of an answer.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // SAFETY: the fuzzer keeps `count` bytes at `start` for the length of this call.
  exercise.run(UnsafeRawBufferPointer(start: start, count: count))
  return 0
}
