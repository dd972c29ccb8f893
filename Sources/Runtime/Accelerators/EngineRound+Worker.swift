import CPortalShims
import Glibc

/// Accelerators whose work is done by a thread of its own: one batch of each is under way there, while the
/// engine moves frames.
extension EngineTables {
  /// How often the engine looks for the end of a batch before it takes itself for idle: longer than a batch
  /// takes, unless the other thread has no CPU.
  private static let mostLooks = 100_000

  /// Has an accelerator's answers that are ready go out, and the next batch begin; `false` when there was
  /// nothing to do.
  @inline(never)
  mutating func serveByWorker(_ index: Int) -> Bool {
    guard let worker else { return false }
    let entry = accelerators.entries.base + index
    var isBusy = false
    if entry.pointee.handedOver > 0 {
      guard worker.isDone(index) else {
        entry.pointee.looks += 1
        return entry.pointee.looks < Self.mostLooks
      }
      takeBack(index)
      isBusy = true
    }
    let (count, hasGathered) = gather(index)
    guard count > 0 else { return isBusy || hasGathered }
    entry.pointee.handedOver = count
    entry.pointee.looks = 0
    worker.hand(count, of: index)
    return true
  }

  /// Answers a batch that is done.
  private mutating func takeBack(_ index: Int) {
    let entry = accelerators.entries.base + index
    let count = entry.pointee.handedOver
    entry.pointee.handedOver = 0
    answerAll(count, of: index)
  }

  /// Whether a batch is under way.
  @inline(__always)
  var isHandedOver: Bool {
    for index in 0..<accelerators.entries.count
    where accelerators.entries.base[index].handedOver > 0 { return true }
    return false
  }

  /// Waits until no batch is under way, and answers what there was: before a device forgets what its jobs point
  /// at.
  mutating func settleAccelerators() {
    guard let worker else { return }
    for index in 0..<accelerators.entries.count
    where accelerators.entries.base[index].handedOver > 0 {
      while !worker.isDone(index) { sched_yield() }
      takeBack(index)
    }
  }

  /// Answers the batches with requests of some queues, as far as they are done; `false` while one is not.
  mutating func settle(_ first: UInt32, count: UInt32) -> Bool {
    guard let worker else { return true }
    for index in 0..<accelerators.entries.count {
      let entry = accelerators.entries.base[index]
      let jobs = accelerators.jobs.base + entry.firstJob
      guard (0..<entry.handedOver).contains(where: { jobs[$0].queue &- first < count }) else {
        continue
      }
      guard worker.isDone(index) else { return false }
      takeBack(index)
    }
    return true
  }

  /// Starts a thread for accelerators on a CPU, where there are any; the engine's own does not run yet.
  mutating func startWorker(cpu: Int) {
    guard accelerators.entries.count > 0 else { return }
    let places = (0..<accelerators.entries.count).map { index in
      let entry = accelerators.entries.base[index]
      return AcceleratorWorker.Place(
        device: entry.device, jobs: accelerators.jobs.base + entry.firstJob)
    }
    let worker = AcceleratorWorker(
      places, AcceleratorMemory(pools: pools.base, owners: owners.base))
    worker.start(cpu: cpu)
    self.worker = worker
    hasWorker = true
  }

  /// Ends it, when the engine's own thread has ended.
  mutating func endWorker() {
    settleAccelerators()
    worker?.join()
    worker = nil
    hasWorker = false
  }
}
