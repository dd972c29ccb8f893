import CPortalShims
import DPAAPortal
import DPAARuntime
import Glibc

/// virtio interfaces of two virtual machines, each behind a TAP device; a third device is the host's end, and a
/// Linux bridge joins all three.
struct VirtioContest {
  /// Whose rings: QEMU's, or those of the kernel's vhost.
  let contestant: Contestant
  let processors: Int
  let options: BenchOptions

  /// Measures all flows and sizes that are wanted; called in a namespace of its own.
  func run(into samples: inout [BenchSample]) throws(BenchError) {
    Processors.pin(to: options.first(processors))
    let taps = try Bench.bridge([("host", false), ("guest1", true), ("guest2", true)])
    defer { for tap in taps { close(tap) } }
    var machines: [ContestMachine] = []
    for number in 0..<2 {
      machines.append(
        try ContestMachine(
          number, options,
          network: [
            "-netdev", "tap,id=n,fd=4,vhost=\(contestant == .virtioKernel ? "on" : "off")",
          ],
          descriptors: [4: taps[1 + number]]))
    }
    for machine in machines { try machine.awaitBoot() }
    for size in options.sizes {
      let host = TapEnd(taps[0], size: size, to: Station.guest(0))
      host.send(1)
      for flow in options.flows(of: size) {
        let sample = try measure(flow, size, host, machines)
        // Who does not hear this has ended while it was measured.
        for machine in machines { try machine.give(TrafficOrder(.take, sleeps: true)) }
        samples.append(sample)
        usleep(50_000)
        _ = host.take()
      }
    }
  }

  private func measure(
    _ flow: TrafficFlow, _ size: TrafficSize, _ host: borrowing TapEnd, _ machines: [ContestMachine]
  ) throws(BenchError) -> BenchSample {
    let what = BenchCase(
      contestant: contestant, processors: processors, flow: flow, size: size)
    let clock = ProcessorClock(processes: machines.map(\.process))
    func order(_ task: TrafficOrder.Task, to station: UInt8 = 0) -> TrafficOrder {
      // On one processor a machine that polled would keep all others from it.
      TrafficOrder(
        task, size: size.stored, path: Int(station), sleeps: processors == 1 || flow == .roundTrip)
    }
    func rest(_ milliseconds: UInt64, _ body: () -> UInt64) -> UInt64 {
      let deadline = dpaac_monotonic_nanoseconds() + milliseconds * 1_000_000
      var count: UInt64 = 0
      while dpaac_monotonic_nanoseconds() < deadline { count &+= body() }
      return count
    }
    switch flow {
    case .receive, .hostToGuest:
      try machines[0].give(order(.take))
      _ = rest(options.warmUp) {
        host.send(32); return 0
      }
      let watch = Stopwatch(clock, at: machines[0].page.received)
      _ = rest(options.milliseconds) {
        host.send(32); return 0
      }
      return watch.sample(what, at: machines[0].page.received)
    case .transmit, .guestToHost:
      try machines[0].give(order(.send, to: Station.host))
      _ = rest(options.warmUp) { host.take() }
      let watch = Stopwatch(clock, at: 0)
      let count = rest(options.milliseconds) {
        let count = host.take()
        if count == 0 { sched_yield() }
        return count
      }
      return watch.sample(what, at: count)
    case .guestToGuest:
      try machines[1].give(order(.take))
      try machines[0].give(order(.send, to: Station.guest(1)))
      usleep(UInt32(options.warmUp * 1000))
      let watch = Stopwatch(clock, at: machines[1].page.received)
      usleep(UInt32(options.milliseconds * 1000))
      return watch.sample(what, at: machines[1].page.received)
    case .wake, .doorbell, .security, .patterns:
      throw BenchError("virtio interfaces are not asked for \(flow.title)")
    case .roundTrip:
      try machines[0].give(order(.echo, to: Station.host))
      _ = host.take()
      let watch = Stopwatch(clock, at: 0)
      var times: [UInt64] = []
      var number: UInt32 = 0
      let count = rest(options.milliseconds) {
        number &+= 1
        let start = dpaac_monotonic_nanoseconds()
        host.send(numbered: number)
        // A frame that was lost on its way is not waited for.
        while !host.takes(number) {
          guard dpaac_monotonic_nanoseconds() - start < 100_000_000 else { return 0 }
          if processors == 1 { sched_yield() }
        }
        times.append(dpaac_monotonic_nanoseconds() - start)
        return 1
      }
      return watch.sample(what, at: count, times: RoundTripTimes(times))
    }
  }
}
