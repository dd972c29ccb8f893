import Glibc
import Synchronization

/// Does numbered pieces of work on as many threads as there are processors.
enum WorkerPool {
  /// Calls `work` once for each number below `count`, in no certain order, and returns when all are
  /// done.
  static func run(_ count: Int, _ work: @escaping @Sendable (Int) -> Void) {
    let shared = Shared(count: count, work: work)
    let processors = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    let threads = (1..<max(1, min(processors, count))).compactMap { _ in start(shared) }
    // This thread works too, so everything is done even where no other can be had.
    shared.work()
    for thread in threads { pthread_join(thread, nil) }
  }

  private final class Shared: Sendable {
    private let next = Atomic<Int>(0)
    private let count: Int
    private let body: @Sendable (Int) -> Void

    init(count: Int, work: @escaping @Sendable (Int) -> Void) {
      self.count = count
      body = work
    }

    func work() {
      while true {
        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < count else { return }
        body(index)
      }
    }
  }

  private static func start(_ shared: Shared) -> pthread_t? {
    var thread = pthread_t()
    // SAFETY: the thread takes over the reference that is handed to it; when there is no thread, the
    // reference is taken back here.
    let context = Unmanaged.passRetained(shared)
    let failure = pthread_create(
      &thread, nil,
      { context in
        if let context { Unmanaged<Shared>.fromOpaque(context).takeRetainedValue().work() }
        return nil
      }, context.toOpaque())
    guard failure == 0 else {
      context.release()
      return nil
    }
    return thread
  }
}
