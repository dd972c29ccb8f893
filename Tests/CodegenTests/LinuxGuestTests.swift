import Codegen
import DeviceTree
import Diagnostics
import Partitioning
import QorIQ
import TestSupport
import Testing

/// Linux as a reader: what a kernel of Debian's sources makes of each guest's tree.
@Suite(
  .serialized, .timeLimit(.minutes(30)),
  .enabled(if: Tool.qemuPPC.isPresent && Tool.qemuPPC64.isPresent, "needs package qemu-system-ppc"),
  .enabled(if: GuestKernel.arePresent, "heavy: scripts/guest-kernel builds its kernels"))
struct LinuxGuestTests {
  @Test(arguments: Example.names)
  func `heavy: each guest of an example boots Linux, which sees the plan's machine`(
    example: String
  ) throws {
    let partition = try Example.partition(example)
    for owner in partition.owners where !owner.isHost { try check(owner, of: partition) }
  }

  @Test func `heavy: Linux sees the machine of an e5500 guest of odd size`() throws {
    for owner in Sample.lonely.owners where !owner.isHost { try check(owner, of: Sample.lonely) }
  }

  @Test func `heavy: Linux sees the machines of guests with all that a plan can give`() throws {
    let partition = try Example.complete()
    // Drivers of mainline Linux find nobody here who serves their portals.
    for owner in partition.owners where !owner.isHost && owner.os != .linuxMainline {
      try check(owner, of: partition)
    }
  }

  @Test(.enabled(if: Tool.uBoot.isPresent, "needs package u-boot-qemu"))
  func `heavy: QEMU's own tree with a guest's part boots Linux with the guest's memory`() throws {
    let partition = try Example.partition("kvm-forum/p4080ds")
    let owner = try #require(partition.owners.first { !$0.isHost })
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let base = "\(directory.path)/qemu.dtb"
    try dumpQEMUTree(of: owner, partition, to: base)
    var bag = DiagnosticBag()
    var options = GenerationOptions.sample
    options.baseTrees = [owner.name: try #require(TreeLoader().load(base, into: &bag))]
    let report = try boot(
      owner, of: partition, ["tree", "qemu", "fragment"], options,
      treeAt: "merged/\(owner.name).dtb")
    try compare(report, owner, partition)
  }

  /// Boots a guest to init, and compares CPUs, memory and portals with the plan.
  private func check(_ owner: Owner, of partition: Partition) throws {
    let report = try boot(owner, of: partition)
    #expect(report.model == "dpaac \(partition.name) \(owner.name)")
    try compare(report, owner, partition)
  }

  private func compare(_ report: GuestReport, _ owner: Owner, _ partition: Partition) throws {
    #expect(report.complaints == [], "\(report.transcript)")
    let count = owner.cpus.count
    #expect(report.online == (count == 1 ? "0" : "0-\(count - 1)"))
    #expect(report.cores.count == count)
    #expect(report.memory == [0..<owner.memory.size])

    let base = try partition.portalWindow(of: owner)
    var expected: Set<GuestReport.Portal> = []
    for (block, all, base) in [
      ("bman", partition.board.bman.portals, base),
      ("qman", partition.board.qman.portals, base + 0x20_0000),
    ] {
      for portal in all where owner.portals.contains(portal.index) {
        // The sources of T4240's last portals follow on those of the others.
        let source = Int(portal.interrupt.rawValue)
        expected.insert(
          GuestReport.Portal(
            block: block, base: base + 0x4000 * UInt64(portal.index.rawValue),
            index: Int(portal.index.rawValue), interrupt: source < 384 ? source : source - 208))
      }
    }
    #expect(report.portals == expected)
  }

  /// Boots by the guest's own script, with Linux where the script has U-Boot.
  private func boot(
    _ owner: Owner, of partition: Partition, _ backends: [String] = ["tree", "qemu"],
    _ options: GenerationOptions = .sample, treeAt tree: String? = nil
  ) throws -> GuestReport {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let generator = try Generator(only: backends)
    try generator.write(
      generator.artifacts(for: partition, options: options), to: directory.path)
    let kernel = partition.board.core == "e500mc" ? GuestKernel.e500mc : .e5500
    let script = Tool("\(directory.path)/\(owner.name).sh", package: "")
    let console = try Console(
      script,
      ["-bios", try #require(kernel.path), "-no-reboot"]
        + (tree.map { ["-dtb", "\(directory.path)/\($0)"] } ?? []))
    defer { console.stop() }
    return try GuestReport(from: console)
  }
}

extension Partition {
  /// Where a guest's portals begin: on the next 2 MiB behind its memory and what it shares, BMan's
  /// first.
  func portalWindow(of owner: Owner) throws -> UInt64 {
    let number = try #require(ownerIndex(named: owner.name))
    let shared = resources[number].dmaWindow.mappings.map { $0.guestAddress + $0.memory.size }
    let end = max(owner.memory.size, shared.max() ?? 0)
    return (end + 0x1f_ffff) / 0x20_0000 * 0x20_0000
  }
}
