import CPortalShims
import DPAAPortal
import Glibc

// SAFETY: whoever makes it keeps the page mapped as long as the measurement.
/// The page by which a guest is told what to do, and tells what it did.
struct TrafficPage {
  let memory: UnsafeMutableRawPointer

  /// Frames that came.
  var received: UInt64 { memory.counter(TrafficOrder.Word.received) }
  /// Frames that it sent.
  var sent: UInt64 { memory.counter(TrafficOrder.Word.sent) }

  /// What the round trips came to that were timed by the last order.
  var times: RoundTripTimes? { RoundTripTimes(at: memory + TrafficOrder.Word.frameTimes) }
  /// What the answers to interrupts without a frame came to.
  var ringTimes: RoundTripTimes? { RoundTripTimes(at: memory + TrafficOrder.Word.ringTimes) }

  /// Gives an order and waits until it is taken up.
  ///
  /// - Parameters:
  ///   - order: The order.
  ///   - pass: Lets so many milliseconds pass; `false` when there is nobody to wait for any more.
  /// - Throws: ``BenchError`` when it is not taken up.
  func give(_ order: TrafficOrder, pass: (UInt64) -> Bool) throws(BenchError) {
    let turn = order.give(in: memory)
    for _ in 0..<5000 {
      if memory.counter(TrafficOrder.Word.taken) == turn { return }
      guard pass(1) else { break }
    }
    throw BenchError("a guest does not hear what it shall do")
  }
}

/// Why something was not measured.
public struct BenchError: Error, Sendable, Hashable, CustomStringConvertible {
  /// One sentence without a full stop.
  public let description: String

  init(_ description: String) { self.description = description }
  /// A signal has asked to end.
  static let interrupted = BenchError("ended by a signal")
  /// With the kernel's reason.
  init(errno what: String) {
    self.init("\(what): \(String(cString: strerror(errno)))")
  }
}

/// How much processor time everybody has taken who takes part: this process and others.
struct ProcessorClock {
  let processes: [pid_t]

  /// Nanoseconds.
  var now: UInt64 {
    processes.reduce(Self.read(CLOCK_PROCESS_CPUTIME_ID)) { sum, process in
      var clock = clockid_t()
      guard clock_getcpuclockid(process, &clock) == 0 else { return sum }
      return sum + Self.read(clock)
    }
  }

  private static func read(_ clock: clockid_t) -> UInt64 { dpaac_clock_nanoseconds(clock) }
}

/// A count over a time.
struct Stopwatch {
  private let clock: ProcessorClock
  private let started: UInt64
  private let spent: UInt64
  private let before: UInt64

  /// Starts it with a count.
  init(_ clock: ProcessorClock, at count: UInt64) {
    self.clock = clock
    before = count
    spent = clock.now
    started = dpaac_monotonic_nanoseconds()
  }

  /// A sample, when the count has become this.
  func sample(_ what: BenchCase, at count: UInt64, times: RoundTripTimes? = nil) -> BenchSample {
    let seconds = Double(dpaac_monotonic_nanoseconds() &- started) / 1e9
    let frames = Double(count &- before)
    return BenchSample(
      what: what, rate: frames / seconds,
      processorTime: frames > 0 ? Double(clock.now &- spent) / frames : 0, times: times)
  }
}
