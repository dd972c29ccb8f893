import Foundation
import TestSupport
import Testing

/// Linux 6.1's own drivers of QMan, BMan and FMan, unchanged, in QEMU, on portals that `dpaac attach` serves.
@Suite(
  .serialized, .timeLimit(.minutes(30)),
  .enabled(if: Tool.qemuPPC.isPresent && Tool.qemuPPC64.isPresent, "needs package qemu-system-ppc"),
  .enabled(if: GuestKernel.arePresent, "heavy: scripts/guest-kernel builds its kernels"))
struct StockDriverTests {
  /// The guest's memory. The window of its portals follows.
  private static let memorySize = 384 << 20
  private static let rounds = 10

  @Test func `heavy: self-tests pass again and again on e500mc`() throws {
    try check(board: "p4080ds", .e500mc)
  }

  @Test func `heavy: self-tests pass again and again on e5500 with QMan 3.1`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let text = try String(contentsOfFile: "\(Checkout.path)/boards/t4240qds.yaml", encoding: .utf8)
    let board = try directory.write(
      "board.yaml", Data((text + "core: e5500\nqman: {revision: 3.1}\n").utf8))
    try check(board: board, .e5500)
  }

  @Test func `heavy: interfaces of dpaa_eth exchange frames, bit by bit`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let plan = try directory.write(
      "plan.yaml",
      Data(
        Self.plan(board: "p4080ds", arguments: "frames=400", interfaces: ["fm1-gb0", "fm1-gb1"])
          .utf8))
    let (report, server) = try boot(
      plan, .e500mc, in: directory, arguments: ["--loopback", "fm1-gb0=fm1-gb1"])
    defer { server.stop() }
    #expect(report.complaints == [], "\(report.transcript)")
    for line in [
      "module fsl_dpaa_fman", "module fsl_dpaa_fman_port", "module fsl_dpaa_mac",
      "module fsl_dpa", "interface eth0", "interface eth1",
      "frames eth0 to eth1 400 of 400 exact", "frames eth1 to eth0 400 of 400 exact",
    ] {
      #expect(report.lines.contains(line), "\(line): \(report.transcript)")
    }
    server.finish()
    #expect(server.log.contains("refused none"), "\(server.log)")
    let counts = try #require(
      server.log.firstMatch(of: /sent ([0-9]+), confirmed ([0-9]+), received ([0-9]+), lost 0/)?
        .output)
    #expect(counts.1 == counts.2 && Int(counts.1) ?? 0 >= 800, "\(server.log)")
  }

  /// Boots Linux on the tree of a guest, with its portals served, and reads what it reports.
  private func boot(
    _ plan: String, _ kernel: GuestKernel, in directory: TemporaryDirectory,
    arguments: [String] = []
  ) throws -> (GuestReport, AttachedGuest) {
    let generated = try Dpaac.tool.run(
      ["generate", plan, "-o", directory.path, "--only", "tree", "--only", "qemu"])
    try #require(generated.status == 0, "\(generated.errorText)")
    let server = try AttachedGuest(
      plan: plan, in: directory, at: Self.memorySize, arguments: arguments)
    let script = Tool("\(directory.path)/guest1.sh", package: "")
    let console = try Console(
      script,
      server.emulatorArguments + ["-no-reboot", "-bios", try #require(kernel.path)])
    defer { console.stop() }
    do {
      return (try GuestReport(from: console), server)
    } catch {
      server.stop()
      throw error
    }
  }

  /// Has a guest's drivers test themselves.
  private func check(board: String, _ kernel: GuestKernel) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let plan = try directory.write(
      "plan.yaml", Data(Self.plan(board: board, arguments: "rounds=\(Self.rounds)").utf8))
    let (report, server) = try boot(plan, kernel, in: directory)
    defer { server.stop() }
    #expect(report.complaints == [], "\(report.transcript)")
    #expect(report.cores == Array(repeating: kernel.core, count: 2))
    #expect(report.drivenPortals.count == 6)
    #expect(report.failedTests == [])
    #expect(
      report.passedTests
        == Array(repeating: ["bman_test", "qman_test"], count: Self.rounds).flatMap { $0 })
    // BMan's test has no result; each says at its end that it came so far.
    for test in ["bman_test_api", "qman_test_stash", "qman_test_api"] {
      #expect(report.transcript.components(separatedBy: "\(test)(): Finished").count == 11)
    }
    try server.end()
  }

  /// A guest with a portal more than it has CPUs, as Linux's drivers want it.
  ///
  /// That a busy host leaves the machine waiting is no complaint of a driver's, so Linux waits longer until it says so.
  private static func plan(
    board: String, arguments: String, interfaces: [String] = ["fm1-gb0"]
  ) -> String {
    """
    board: \(board)
    partitions:
      host: { cpus: [0], memory: 512 MiB, portals: 1, queues: 1-100,
        pools: [ {id: 1, buffers: 256, size: 2 KiB} ] }
      guest1:
        cpus: 2
        memory: \(memorySize >> 20) MiB
        portals: 3
        queues: 512-2047
        pools: [ {id: 2, buffers: 256, size: 2 KiB}, {id: 3, buffers: 256, size: 2 KiB} ]
        os: linux-mainline
        congestion-groups: 6
        pool-channels: 1
        boot-arguments: console=ttyS0 panic=-1 rcupdate.rcu_cpu_stall_timeout=300 \(arguments)
    interfaces:

    """ + interfaces.map { "  \($0): {otherwise: guest1}\n" }.joined()
  }
}
