import Foundation
import TestSupport
import Testing

/// A stock Linux in a guest's place, in a run whose other guests are processes.
@Suite(
  .serialized, .timeLimit(.minutes(30)),
  .enabled(if: Tool.qemuPPC.isPresent, "needs package qemu-system-ppc"),
  .enabled(if: GuestKernel.arePresent, "heavy: scripts/guest-kernel builds its kernels"))
struct LinuxMachineTests {
  /// The host and guest2 are routers, which answer ARP and pings.
  private static let plan = """
    board: p4080ds
    partitions:
      host: { cpus: [0], memory: 512 MiB, portals: 1, queues: 1-100,
        pools: [ {id: 1, buffers: 256, size: 2 KiB} ],
        program: {forward: {ways: [ {over: guest1, addresses: [10.1.0.1/24]} ]}} }
      guest1:
        cpus: 2
        memory: 384 MiB
        portals: 3
        queues: 1024-2047
        pools: [ {id: 2, buffers: 256, size: 2 KiB}, {id: 3, buffers: 256, size: 2 KiB},
          {id: 4, buffers: 256, size: 2 KiB} ]
        os: linux-mainline
        congestion-groups: 6
        pool-channels: 1
        boot-arguments: console=ttyS0 panic=-1 rcupdate.rcu_cpu_stall_timeout=300 network=1 pings=200 sink0=100
          address1=10.1.0.2 ping1=10.1.0.1 address2=10.3.0.1 ping2=10.3.0.2
      guest2: { cpus: 2, memory: 384 MiB, portals: 3, queues: 2048-3071,
        pools: [ {id: 5, buffers: 256, size: 2 KiB} ],
        program: {forward: {ways: [ {over: guest1, addresses: [10.3.0.2/24]} ]}} }
    interfaces:
      fm1-gb0:
        rules: [ { when: {ipv4.dst: 192.168.1.11}, to: guest1 } ]
        otherwise: host
    links: [ [host, guest1], [guest1, guest2] ]
    """

  @Test func `heavy: Linux pings processes, and hears from the wire what the rules give it`() throws
  {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let plan = try directory.write("plan.yaml", Data(Self.plan.utf8))
    let generated = try Dpaac.tool.run(
      ["generate", plan, "-o", directory.path, "--only", "tree", "--only", "qemu"])
    try #require(generated.status == 0, "\(generated.errorText)")
    func text(_ name: String) -> String {
      (try? String(contentsOfFile: "\(directory.path)/\(name)", encoding: .utf8)) ?? ""
    }
    let run = try ChildProcess(
      Dpaac.tool.name,
      [
        "run", plan, "--attach", "guest1=\(directory.path)", "--format", "json", "--port",
        "fm1-gb0=\(Checkout.path)/examples/kvm-forum/traffic.pcap",
      ],
      output: FileHandle(forWritingAtPath: try directory.write("output", Data())),
      errors: FileHandle(forWritingAtPath: try directory.write("errors", Data())))
    defer { run.stop() }
    let deadline = ContinuousClock.now + .seconds(120)
    while !text("errors").contains("ready guest1 ") {
      try #require(run.isRunning && ContinuousClock.now < deadline, "\(text("errors"))")
      usleep(10_000)
    }
    let base = try #require(
      text("errors").firstMatch(of: /ready guest1 at (0x[0-9a-f]+)/)?.output.1)
    let size = try #require(text("guest1.sh").firstMatch(of: /-m ([0-9]+)M/)?.output.1)
    let console = try Console(
      Tool("\(directory.path)/guest1.sh", package: ""),
      [
        "-no-reboot", "-bios", try #require(GuestKernel.e500mc.path),
        "-machine", "memory-backend=ram0", "-object",
        "memory-backend-file,id=ram0,size=\(size)M,mem-path=\(directory.path)/guest1.ram,share=on",
        "-plugin",
        "\(try #require(GuestKernel.plugin)),doorbell=\(directory.path)/guest1.bell,"
          + "base=\(base),size=0x800000",
        "-qtest", "unix:\(directory.path)/guest1.lines,server=on,wait=off",
        "-qtest-log", "/dev/null",
      ])
    defer { console.stop() }
    let report = try GuestReport(from: console)
    #expect(report.complaints == [], "\(report.transcript)")
    for line in ["pings eth1 200 of 200", "pings eth2 200 of 200", "received eth0 100"] {
      #expect(report.lines.contains(line), "\(line): \(report.transcript)")
    }
    run.terminate()
    run.waitUntilExit()
    #expect(run.terminationStatus == 0, "\(text("output")) \(text("errors"))")
    #expect(try Dpaac.report(text("output"))["conserved"] as? Bool == true)
  }
}
