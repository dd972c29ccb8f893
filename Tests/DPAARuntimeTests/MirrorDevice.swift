import DPAAPortal
import Partitioning
import QorIQ

@testable import DPAARuntime

/// An accelerator that writes its input backwards: what a test can check without arithmetic.
///
/// Context A is the number of the pool for outputs; an input that begins with 0xee is refused.
final class MirrorDevice: AcceleratorDevice, @unchecked Sendable {
  /// The owner of each job and the bytes of its input, in the order that they came.
  private(set) var jobs: [(owner: Int, bytes: Int)] = []
  private(set) var batches = 0
  private(set) var forgotten: [Int] = []

  override func prepare(_ job: inout AcceleratorJob, _ memory: AcceleratorMemory) {
    job.outputPool = Int(truncatingIfNeeded: job.contextA)
  }

  override func work(
    _ jobs: UnsafeMutableBufferPointer<AcceleratorJob>, _ memory: AcceleratorMemory
  ) {
    batches += 1
    for index in jobs.indices {
      self.jobs.append((jobs[index].owner, jobs[index].inputLength))
      guard jobs[index].fault == nil else { continue }
      let input = jobs[index].input.flatMap { Array($0) }
      guard input.first != 0xee else {
        jobs[index].fail(.authentication, status: 0x2000_000a)
        continue
      }
      guard input.count <= jobs[index].outputRoom else {
        jobs[index].fail(.length, status: 0x4000_0001)
        continue
      }
      var rest = input.reversed()[...]
      for piece in jobs[index].output {
        let part = rest.prefix(piece.count)
        piece.copyBytes(from: Array(part))
        rest = rest.dropFirst(part.count)
      }
      jobs[index].written = input.count
    }
  }

  override func status(of fault: AcceleratorFault) -> UInt32 {
    0x4000_0100 | UInt32(fault.rawValue)
  }

  override func forget(owner: Int) { forgotten.append(owner) }
}
