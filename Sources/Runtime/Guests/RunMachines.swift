import CPortalShims
import Glibc
import Synchronization

// SAFETY: the machines are touched by the thread between `start()` and `stop()`, and by the caller before and
// afterwards.
/// The machines of a run, on a thread of their own beside the engine's.
final class RunMachines: @unchecked Sendable {
  private let machines: [RunMachine]
  /// When to end at the latest, in nanoseconds; 0 while nobody wants that.
  private let stopAt = Atomic<UInt64>(0)
  /// When the interfaces of all of them were up, in nanoseconds; 0 while one was not.
  private let upSince = Atomic<UInt64>(0)
  private var thread: pthread_t?
  /// Why a machine could not be served any more.
  private(set) var failure: EngineError?
  private let isBroken = Atomic(false)
  /// Whether one could not be served any more; why, ``failure`` says after ``stop(say:)``.
  var hasFailed: Bool { isBroken.load(ordering: .relaxed) }

  init(_ machines: [RunMachine]) { self.machines = machines }

  /// The owners that are machines.
  var owners: Set<Int> { Set(machines.map(\.owner)) }

  /// Whether the interfaces of all have been up for so long that drivers have set their filters: Linux opens a
  /// MAC's filter only after the MAC (Linux 6.1, `dpaa_eth.c`, `dpaa_set_rx_mode`).
  func areUp(now: UInt64) -> Bool {
    let since = upSince.load(ordering: .relaxed)
    // The machines' thread may have looked at its clock after the caller looked at his.
    return since != 0 && now >= since && now - since >= Switchboard.settlingTime
  }

  func start() {
    guard !machines.isEmpty else { return }
    thread = WorkerThread.start { self.loop() }
  }

  /// Ends the thread, when nothing waits for the machines any more or after a second, and tells of each what
  /// it did.
  func stop(say: (String) -> Void) {
    if let thread {
      stopAt.store(dpaac_monotonic_nanoseconds() + 1_000_000_000, ordering: .relaxed)
      pthread_join(thread, nil)
      self.thread = nil
    }
    for machine in machines { machine.end(say: say) }
  }

  private func loop() {
    var backoff = IdleBackoff()
    while true {
      let now = dpaac_monotonic_nanoseconds()
      var isBusy = false
      for machine in machines {
        do throws(EngineError) {
          if try machine.step(now: now, isIdle: backoff.isNapping) { isBusy = true }
        } catch {
          failure = error
          isBroken.store(true, ordering: .relaxed)
          return
        }
      }
      if machines.allSatisfy(\.isReceiving) {
        if upSince.load(ordering: .relaxed) == 0 { upSince.store(now, ordering: .relaxed) }
      } else {
        upSince.store(0, ordering: .relaxed)
      }
      let end = stopAt.load(ordering: .relaxed)
      if end != 0, !isBusy || now >= end { return }
      if isBusy { backoff.restart() } else { backoff.rest(now: now) }
    }
  }
}
