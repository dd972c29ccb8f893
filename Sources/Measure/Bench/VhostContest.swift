import DPAAPortal
import DPAARuntime
import Glibc

/// virtio interfaces of two virtual machines, whose rings DPDK's testpmd serves by vhost-user: it plays the
/// host, and the switch between the two.
struct VhostContest {
  static let program = "dpdk-testpmd"

  let processors: Int
  let options: BenchOptions
  /// Where testpmd is.
  let path: String

  /// Measures all flows and sizes that it can.
  func run(into samples: inout [BenchSample]) throws(BenchError) {
    // As with ours: who serves the rings has the first processor, and the guests have the other.
    let places = options.placement(processors)
    Processors.pin(to: options.allowed)
    let sockets = (0..<2).map { "\(options.scratch)/vhost\($0)" }
    for socket in sockets { unlink(socket) }
    defer { for socket in sockets { unlink(socket) } }
    let cpu = places.engine[0]
    let host = try ContestProcess(
      [
        path, "--lcores", "0@\(cpu),1@\(cpu)", "--no-huge", "-m", "512", "--no-pci",
        "--file-prefix", "dpaac-bench-\(getpid())",
      ] + sockets.enumerated().flatMap { ["--vdev", "net_vhost\($0),iface=\($1),queues=1"] } + [
        "--", "-i", "--no-mlockall", "--total-num-mbufs=8192", "--burst=32", "--no-lsc-interrupt",
      ], reads: true)
    for _ in 0..<200 where access(sockets[1], F_OK) != 0 { usleep(50_000) }
    guard access(sockets[1], F_OK) == 0 else {
      throw BenchError("testpmd does not serve; it said last: \(host.lastWords)")
    }
    Processors.pin(to: places.guests)
    var machines: [ContestMachine] = []
    for (number, socket) in sockets.enumerated() {
      machines.append(
        try ContestMachine(
          number, options,
          network: [
            "-object", "memory-backend-memfd,id=ram,size=256M,share=on", "-machine",
            "memory-backend=ram", "-chardev", "socket,id=v,path=\(socket)", "-netdev",
            "vhost-user,id=n,chardev=v",
          ],
          // QEMU 7.2's translator ends with a fault where vhost's interrupts are messages.
          interface: options.accelerator == "kvm" ? "" : ",vectors=0"))
    }
    for machine in machines { try machine.awaitBoot() }
    for size in options.sizes {
      for flow in options.flows {
        guard let sample = try measure(flow, size, host, machines) else { continue }
        guard host.isAlive else {
          throw BenchError("testpmd ended; it said last: \(host.lastWords)")
        }
        samples.append(sample)
      }
    }
  }

  /// Measures one; `nil` for what testpmd has no way to do: a mixture that it sends, and round trips.
  private func measure(
    _ flow: TrafficFlow, _ size: TrafficSize, _ host: ContestProcess, _ machines: [ContestMachine]
  ) throws(BenchError) -> BenchSample? {
    let mode: String
    let count: () -> UInt64
    switch flow {
    case .receive, .hostToGuest:
      guard size.stored > 0 else { return nil }
      mode = "set portlist 0\nset fwd txonly\nset txpkts \(size.stored)\n"
      count = { machines[0].page.received }
    case .transmit, .guestToHost:
      mode = "set portlist 0\nset fwd rxonly\n"
      count = { machines[0].page.sent }
    case .guestToGuest:
      mode = "set portlist 0,1\nset fwd io\n"
      count = { machines[1].page.received }
    case .roundTrip, .wake, .doorbell, .security, .patterns: return nil
    }
    let sends = flow != .receive && flow != .hostToGuest
    let sleeps = processors == 1
    host.say("\(mode)start\n")
    defer { host.say("stop\n") }
    if flow == .guestToGuest { try machines[1].give(TrafficOrder(.take, sleeps: sleeps)) }
    try machines[0].give(
      TrafficOrder(
        sends ? .send : .take, size: size.stored, path: Int(Station.guest(1)), sleeps: sleeps))
    usleep(UInt32(options.warmUp * 1000))
    let clock = ProcessorClock(processes: machines.map(\.process) + [host.identifier])
    let watch = Stopwatch(clock, at: count())
    usleep(UInt32(options.milliseconds * 1000))
    let sample = watch.sample(
      BenchCase(
        contestant: .virtioVhost, processors: processors, flow: flow, size: size), at: count())
    for machine in machines { try machine.give(TrafficOrder(.take, sleeps: true)) }
    return sample
  }
}
