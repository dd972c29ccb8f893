import Codegen
import Foundation
import Partitioning
import QorIQ
import TestSupport
import Testing

/// U-Boot as a reader: it hangs silently on most mistakes in memory, soc, serial and chosen.
@Suite(
  .serialized, .timeLimit(.minutes(30)),
  .enabled(if: Tool.qemuPPC.isPresent && Tool.qemuPPC64.isPresent, "needs package qemu-system-ppc"),
  .enabled(if: Tool.uBoot.isPresent, "needs package u-boot-qemu"))
struct UBootTests {
  @Test(arguments: Example.names)
  func `each guest of an example boots on its tree`(example: String) throws {
    let partition = try Example.partition(example)
    for owner in partition.owners where !owner.isHost { try check(owner, of: partition) }
  }

  @Test(
    .enabled(if: isHeavy, "heavy: boots every guest on two more cores"),
    arguments: Example.names, ["e500mc", "e5500"])
  func `heavy: each guest of an example boots on either core`(example: String, core: String) throws
  {
    let partition = try Example.partition(example)
    for owner in partition.owners where !owner.isHost {
      try check(owner, of: partition, on: core)
    }
  }

  @Test func `guests of every dialect, with all that a plan can give, boot on their trees`() throws
  {
    let partition = try Example.complete()
    for owner in partition.owners where !owner.isHost { try check(owner, of: partition) }
  }

  @Test func `an e5500 guest of odd size boots on its tree`() throws {
    for owner in Sample.lonely.owners where !owner.isHost {
      try check(owner, of: Sample.lonely)
    }
  }

  /// Boots a guest and compares what U-Boot shows with the plan: memory and portals.
  private func check(_ owner: Owner, of partition: Partition, on core: String? = nil) throws {
    let console = try boot(owner, of: partition, on: core)
    defer { console.stop() }

    console.type("bdinfo\n")
    try console.wait(for: "-> size     = 0x")
    let size = try console.wait(for: "\n").dropLast()
    #expect(UInt64(size, radix: 16) == owner.memory.size)
    try console.wait(for: "=> ")

    console.type("fdt addr $fdtcontroladdr\n")
    try console.wait(for: "\n=> ")
    let window = try partition.portalWindow(of: owner)
    for (block, base) in [("bman", window), ("qman", window + 0x20_0000)] {
      for portal in owner.portals {
        let index = UInt64(portal.rawValue)
        let offset = 0x4000 * index
        console.type("fdt print /\(block)-portals@\(hex(base))/\(block)-portal@\(hex(offset))\n")
        let text = try console.wait(for: "\n=> ")
        let areas: [(UInt64, UInt64)] = [
          (offset, 0x4000), (0x10_0000 + 0x1000 * index, 0x1000),
        ]
        #expect(
          text.contains(
            "reg = <\(areas.map { "\(cell($0)) \(cell($1))" }.joined(separator: " "))>;"))
        #expect(text.contains("cell-index = <\(cell(index))>;"))
        let board = partition.board
        let all = block == "bman" ? board.bman.portals : board.qman.portals
        let line = try #require(all.first { $0.index == portal }).interrupt.rawValue
        // The sources of T4240's last portals follow on those of the others.
        let guestLine = UInt64(line < 384 ? line : line - 208)
        #expect(text.contains("interrupts = <\(cell(guestLine)) 0x00000002>;"))
      }
    }
  }

  /// Boots to the prompt: by the guest's own script, or on a core of the test's choice.
  private func boot(_ owner: Owner, of partition: Partition, on core: String?) throws -> Console {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    // What the plan that has images calls one.
    try directory.write("root.gz", Data())
    let options = GenerationOptions(
      planName: "plan.yaml", planDirectory: directory.path, outputDirectory: directory.path)
    let generator = try Generator(only: ["tree", "qemu"])
    try generator.write(
      generator.artifacts(for: partition, options: options), to: directory.path)
    let console =
      if let core {
        try Console(
          core == "e500mc" ? .qemuPPC : .qemuPPC64,
          [
            "-M", "ppce500", "-cpu", core, "-smp", "\(owner.cpus.count)", "-m",
            "\((owner.memory.size >> 20) + 64)", "-nodefaults", "-nographic", "-serial",
            "mon:stdio", "-bios", Tool.uBoot.name, "-dtb", "\(directory.path)/\(owner.name).dtb",
          ])
      } else {
        try Console(Tool("\(directory.path)/\(owner.name).sh", package: ""), [])
      }
    try console.wait(for: "Hit any key", seconds: 30)
    console.type("\n")
    try console.wait(for: "=> ")
    return console
  }

  private func hex(_ number: UInt64) -> String { String(number, radix: 16) }

  /// A cell as U-Boot prints it.
  private func cell(_ number: UInt64) -> String {
    "0x" + String(repeating: "0", count: max(0, 8 - hex(number).count)) + hex(number)
  }
}
