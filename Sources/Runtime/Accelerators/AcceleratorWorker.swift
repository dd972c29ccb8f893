import CPortalShims
import Glibc
import Synchronization

// SAFETY: a device, its jobs and what they point at are the worker's from `hand(_:of:)` until `isDone(_:)` says so,
// and the engine's at all other times; the place's number goes from one to the other with release and acquire.
/// A thread that does accelerators' work beside the engine's: as hardware does, while QMan goes on.
///
/// The engine takes requests and puts answers into queues as ever, and hands a batch of each accelerator over at a
/// time. So all queues and pools stay the engine's own.
final class AcceleratorWorker: @unchecked Sendable {
  /// An accelerator's batch.
  struct Place {
    let device: Unmanaged<AcceleratorDevice>
    let jobs: UnsafeMutablePointer<AcceleratorJob>
  }

  private let places: [Place]
  /// How many jobs of each place wait for the worker, or are under its hands.
  private let counts: UnsafeMutablePointer<Atomic<Int>>
  private let memory: AcceleratorMemory
  private let isStopped = Atomic<Bool>(false)
  private var thread: pthread_t?

  init(_ places: [Place], _ memory: AcceleratorMemory) {
    self.places = places
    self.memory = memory
    counts = .allocate(capacity: max(1, places.count))
    for index in places.indices { (counts + index).initialize(to: Atomic(0)) }
  }

  deinit {
    counts.deinitialize(count: places.count)
    counts.deallocate()
  }

  /// Starts the thread, on a CPU of its own; whoever starts it ends it with ``join()``.
  func start(cpu: Int) {
    thread = WorkerThread.start {
      // Where that cannot be, it works wherever the kernel lets it.
      Processors.pin(to: [cpu])
      self.loop()
    }
  }

  /// Ends the thread, when nothing is under way.
  func join() {
    isStopped.store(true, ordering: .releasing)
    if let thread { pthread_join(thread, nil) }
    thread = nil
  }

  /// Hands so many jobs of an accelerator over.
  func hand(_ count: Int, of place: Int) { counts[place].store(count, ordering: .releasing) }

  /// Whether the jobs that were handed over last are done.
  func isDone(_ place: Int) -> Bool { counts[place].load(ordering: .acquiring) == 0 }

  private func loop() {
    var backoff = IdleBackoff()
    while !isStopped.load(ordering: .acquiring) {
      var isBusy = false
      for (index, place) in places.enumerated() {
        let count = counts[index].load(ordering: .acquiring)
        guard count > 0 else { continue }
        place.device._withUnsafeGuaranteedRef {
          $0.work(UnsafeMutableBufferPointer(start: place.jobs, count: count), memory)
        }
        counts[index].store(0, ordering: .releasing)
        isBusy = true
      }
      if isBusy { backoff.restart() } else { backoff.rest(now: monotonicNanoseconds()) }
    }
  }
}
