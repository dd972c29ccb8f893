import DPAAPortal
import DPAARuntime
import Glibc
import Partitioning
import Synchronization

/// Our queues: a run of the engine with the host's process and two guests, which are told what to do while it
/// runs.
struct PortalContest {
  let contestant: Contestant
  let processors: Int
  let size: TrafficSize
  let options: BenchOptions

  /// Microseconds in which a guest goes to sleep.
  private static let pause: UInt64 = 1000

  /// What was measured, and what went wrong.
  private final class Notebook: Sendable {
    let samples = Mutex<[BenchSample]>([])
    let failure = Mutex<BenchError?>(nil)
  }

  /// Measures all flows that are wanted.
  func run(into samples: inout [BenchSample]) throws(BenchError) {
    // Accelerators have a run of their own: who has none asks none.
    for isAccelerated in [false, true] {
      let flows = options.flows(of: size).filter { $0.isAccelerated == isAccelerated }
      if !flows.isEmpty { try run(flows, into: &samples) }
    }
  }

  private func run(
    _ flows: [TrafficFlow], into samples: inout [BenchSample]
  ) throws(BenchError) {
    let mode = contestant == .machineInterrupt ? ", mode: interrupt" : ""
    let kind =
      contestant.hasPortalMachines ? ", kind: vm, accel: \(options.accelerator)\(mode)" : ""
    let configuration = try BenchPlan.configuration(guestKind: kind, options, asking: flows)
    let capture = "\(options.scratch)/wire.pcap"
    try BenchPlan.writeCapture(capture, size: size)
    defer { unlink(capture) }
    var run = RunOptions(directory: "", guestProgram: options.guestProgram)
    run.image = options.image
    run.inlinePartition = "host"
    run.replays[BenchPlan.wire] = capture
    run.repeats = .max
    run.engineNice = options.engineNice
    run.processors = options.placement(processors)
    let notebook = Notebook()
    run.measure = { session in
      do throws(BenchError) {
        try measure(flows, &session, configuration, notebook)
      } catch {
        notebook.failure.withLock { $0 = session.isInterrupted ? .interrupted : error }
      }
    }
    let report: RunReport
    do throws(EngineError) {
      report = try RunSession.run(configuration, options: run)
    } catch {
      if case .ended = error { throw .interrupted }
      throw BenchError("\(error)")
    }
    let failure = notebook.failure.withLock { $0 }
    if let first = report.discrepancies.first {
      throw failure ?? BenchError("frames are not conserved: \(first)")
    }
    // What was measured before something failed, or a signal came, is as good as without that.
    samples += notebook.samples.withLock { $0 }
    if let failure { throw failure }
  }

  private func measure(
    _ flows: [TrafficFlow], _ session: inout RunSession, _ configuration: RuntimeConfiguration,
    _ notebook: Notebook
  ) throws(BenchError) {
    func place(_ name: String) throws(BenchError) -> Int {
      guard let place = configuration.owners.firstIndex(where: { $0.name == name }) else {
        throw BenchError("the plan has no \(name)")
      }
      return place
    }
    let names = ["host", "guest1", "guest2"]
    var owners: [Int] = []
    for name in names { owners.append(try place(name)) }
    let pages = owners.map {
      TrafficPage(memory: session.statusPage(ofOwner: $0) + TrafficOrder.statusOffset)
    }
    let paths = owners.map { configuration.owners[$0].paths.map(\.name) }
    func path(of sender: Int, to name: String) -> Int {
      paths[sender].firstIndex(of: name) ?? 0
    }
    let clock = ProcessorClock(processes: session.processes)
    // Who shares one processor with all others must let go of it: a machine's processor is never idle.
    let sleeps =
      contestant == .processInterrupt || contestant == .machineInterrupt
      || contestant == .machine && processors == 1
    /// Has two of them do something, and the third sleep.
    func order(_ tasks: [Int: TrafficOrder]) throws(BenchError) {
      let orders = pages.indices.map { index -> (index: Int, order: TrafficOrder) in
        var order = tasks[index] ?? TrafficOrder(.take, sleeps: true)
        // Three who poll on two processors keep each other from them; machines nap only when nothing moves.
        if tasks[index] != nil { order.sleeps = sleeps || contestant == .machine && index > 0 }
        return (index, order)
      }
      // Who sends hears it last: others would take what they shall send back.
      let senders: Set<TrafficOrder.Task> = [.send, .time, .ring, .timeAndRing]
      for isSender in [false, true] {
        for (index, order) in orders where senders.contains(order.task) == isSender {
          try pages[index].give(order) { session.pass(milliseconds: $0) }
        }
      }
    }
    // Those that take turns are measured in one window.
    func window(
      _ flow: TrafficFlow, beside other: TrafficFlow? = nil, _ tasks: [Int: TrafficOrder],
      _ count: (borrowing RunSession) -> UInt64
    ) throws(BenchError) {
      try order(tasks)
      session.setInput(flow == .receive)
      _ = session.pass(milliseconds: options.warmUp)
      let watch = Stopwatch(clock, at: count(session))
      let isAlive = session.pass(milliseconds: options.milliseconds)
      let sample = watch.sample(
        BenchCase(contestant: contestant, processors: processors, flow: flow, size: size),
        at: count(session))
      session.setInput(false)
      guard isAlive else { throw BenchError("a guest ended while it was measured") }
      guard sample.rate > 0 || !flow.isAccelerated else {
        throw BenchError("\(flow.title): nothing was answered without an error")
      }
      if flow.isTimed {
        try pages[0].give(TrafficOrder(.take)) { session.pass(milliseconds: $0) }
      }
      let samples = [flow, other].compactMap(\.self).map { flow in
        var sample = sample
        sample.what.flow = flow
        if other != nil { sample.rate /= 2 }
        if flow.isTimed {
          sample.times = flow == .doorbell ? pages[0].ringTimes : pages[0].times
        }
        return sample
      }
      try order([:])
      _ = session.pass(milliseconds: 20)
      notebook.samples.withLock { $0 += samples }
    }
    func send(_ sender: Int, to name: String, _ task: TrafficOrder.Task = .send) -> TrafficOrder {
      TrafficOrder(task, size: size.stored, path: path(of: sender, to: name))
    }
    for flow in flows {
      switch flow {
      case .receive: try window(flow, [1: TrafficOrder(.take)]) { _ in pages[1].received }
      case .transmit:
        try window(flow, [1: send(1, to: BenchPlan.wire)]) { $0.transmitted(onInterface: 0) }
      case .hostToGuest:
        try window(flow, [0: send(0, to: "guest1"), 1: TrafficOrder(.take)]) { _ in
          pages[1].received
        }
      case .guestToHost:
        try window(flow, [1: send(1, to: "host"), 0: TrafficOrder(.take)]) { _ in
          pages[0].received
        }
      case .guestToGuest:
        try window(flow, [1: send(1, to: "guest2"), 2: TrafficOrder(.take)]) { _ in
          pages[2].received
        }
      case .roundTrip:
        try window(flow, [1: TrafficOrder(.echo), 0: send(0, to: "guest1", .time)]) { _ in
          pages[0].received
        }
      case .wake where flows.contains(.doorbell):
        var order = send(0, to: "guest1", .timeAndRing)
        (order.bell, order.pause) = (owners[1], Self.pause)
        try window(flow, beside: .doorbell, [1: TrafficOrder(.answer), 0: order]) { _ in
          pages[0].received
        }
      case .wake:
        var order = send(0, to: "guest1", .time)
        order.pause = Self.pause
        try window(flow, [1: TrafficOrder(.echo), 0: order]) { _ in pages[0].received }
      case .doorbell where flows.contains(.wake): break
      case .doorbell:
        let order = TrafficOrder(.ring, bell: owners[1], pause: Self.pause)
        try window(flow, [1: TrafficOrder(.answer), 0: order]) { _ in pages[0].received }
      case .security:
        try window(flow, [1: TrafficOrder(.encipher, size: size.stored)]) { _ in pages[1].received }
      case .patterns:
        try window(flow, [1: TrafficOrder(.scan, size: size.stored)]) { _ in pages[1].received }
      }
    }
  }
}
