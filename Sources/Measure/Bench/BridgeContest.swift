import CPortalShims
import DPAAPortal
import DPAARuntime
import Glibc

/// Two TAP devices on a bridge and no guest: one thread sends into the one and takes from the other.
struct BridgeContest {
  let processors: Int
  let size: TrafficSize
  let options: BenchOptions

  /// Measures it; called in a namespace of its own.
  func run(into samples: inout [BenchSample]) throws(BenchError) {
    Processors.pin(to: options.first(processors))
    let taps = try Bench.bridge([("left", false), ("right", false)])
    defer { for tap in taps { close(tap) } }
    let left = TapEnd(taps[0], size: size, to: Station.guest(0))
    let right = TapEnd(taps[1], size: size, from: Station.guest(0), to: Station.host)
    try settle(left, right)
    // There is one way only, which stands beside each of ours; that of a round trip is gone twice.
    for flow in options.flows(of: size) {
      let watch = Stopwatch(ProcessorClock(processes: []), at: 0)
      let deadline = dpaac_monotonic_nanoseconds() + options.milliseconds * 1_000_000
      var count: UInt64 = 0
      var times: [UInt64] = []
      var number: UInt32 = 0
      while dpaac_monotonic_nanoseconds() < deadline {
        if flow == .roundTrip {
          number &+= 1
          let start = dpaac_monotonic_nanoseconds()
          left.send(numbered: number)
          guard right.takes(number) else { continue }
          right.send(numbered: number)
          guard left.takes(number) else { continue }
          times.append(dpaac_monotonic_nanoseconds() - start)
          count += 1
        } else {
          left.send(32)
          count += right.take()
        }
      }
      samples.append(
        watch.sample(
          BenchCase(contestant: .bridge, processors: processors, flow: flow, size: size),
          at: count, times: RoundTripTimes(times)))
    }
  }

  /// Has the bridge learn who is where.
  private func settle(_ left: borrowing TapEnd, _ right: borrowing TapEnd) throws(BenchError) {
    for _ in 0..<200 {
      right.send(1)
      left.send(1)
      let isThere = left.take() > 0
      if right.take() > 0, isThere { return }
      usleep(100_000)
    }
    throw BenchError("the bridge forwards nothing")
  }
}
