import Codegen
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

  @Test func `an e5500 guest of odd size boots on its tree`() throws {
    for owner in Sample.lonely.owners where !owner.isHost {
      try check(owner, of: Sample.lonely)
    }
  }

  /// Boots a guest and compares what U-Boot shows with the plan: memory and portals.
  private func check(_ owner: Owner, of partition: Partition) throws {
    let console = try boot(owner, of: partition)
    defer { console.stop() }

    console.type("bdinfo\n")
    try console.wait(for: "-> size     = 0x")
    let size = try console.wait(for: "\n").dropLast()
    #expect(UInt64(size, radix: 16) == owner.memory.size)
    try console.wait(for: "=> ")

    console.type("fdt addr $fdtcontroladdr\n")
    try console.wait(for: "\n=> ")
    let blocks = [("qman", partition.board.qman.portals), ("bman", partition.board.bman.portals)]
    for (block, portals) in blocks {
      let window = try #require(portals.first).cacheEnabled.base
      for portal in portals where owner.portals.contains(portal.index) {
        let offset = portal.cacheEnabled.base - window
        console.type("fdt print /\(block)-portals@\(hex(window))/\(block)-portal@\(hex(offset))\n")
        let text = try console.wait(for: "\n=> ")
        let areas = [portal.cacheEnabled, portal.cacheInhibited]
          .map { "\(cell($0.base - window)) \(cell($0.size))" }
        #expect(text.contains("reg = <\(areas.joined(separator: " "))>;"))
        #expect(text.contains("cell-index = <\(cell(UInt64(portal.index.rawValue)))>;"))
      }
    }
  }

  /// Boots to the prompt, by the guest's own script.
  private func boot(_ owner: Owner, of partition: Partition) throws -> Console {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let generator = try Generator(only: ["tree", "qemu"])
    try generator.write(
      generator.artifacts(for: partition, options: .sample), to: directory.path)
    let script = Tool("\(directory.path)/\(owner.name).sh", package: "")
    let console = try Console(script, [])
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
