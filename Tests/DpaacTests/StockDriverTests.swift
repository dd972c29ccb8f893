import Foundation
import TestSupport
import Testing

/// Linux 6.1's own drivers of QMan and BMan, unchanged, in QEMU, on portals that `dpaac attach` serves.
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

  /// Boots Linux on the tree of a guest, with its portals served, and reads what it reports.
  private func check(board: String, _ kernel: GuestKernel) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let plan = try directory.write(
      "plan.yaml", Data(Self.plan(board: board).utf8))
    let generated = try Dpaac.tool.run(
      ["generate", plan, "-o", directory.path, "--only", "tree", "--only", "qemu"])
    try #require(generated.status == 0, "\(generated.errorText)")
    let server = try AttachedGuest(plan: plan, in: directory, at: Self.memorySize)
    defer { server.stop() }

    let script = Tool("\(directory.path)/guest1.sh", package: "")
    let console = try Console(
      script,
      server.emulatorArguments + ["-no-reboot", "-bios", try #require(kernel.path)])
    defer { console.stop() }
    let report = try GuestReport(from: console)
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
  private static func plan(board: String) -> String {
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
        pools: [ {id: 2, buffers: 256, size: 2 KiB} ]
        os: linux-mainline
        congestion-groups: 6
        pool-channels: 1
        boot-arguments: console=ttyS0 panic=-1 rounds=\(rounds)
    interfaces:
      fm1-gb0: {otherwise: guest1}

    """
  }
}
