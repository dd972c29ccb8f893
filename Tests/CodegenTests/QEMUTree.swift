import Foundation
import Partitioning
import QorIQ
import TestSupport
import Testing

/// Has QEMU write its own tree of a guest's machine.
func dumpQEMUTree(
  of owner: Owner, _ partition: Partition, to path: String, _ more: [String] = []
) throws {
  let core = partition.board.core
  let tool = core == "e500mc" ? Tool.qemuPPC : .qemuPPC64
  // A later option of a kind wins.
  let outcome = try tool.run(
    [
      "-M", "ppce500,dumpdtb=\(path)", "-cpu", core, "-smp", "\(owner.cpus.count)", "-m",
      "\(owner.memory.size >> 20)M", "-nodefaults", "-display", "none",
    ] + (more.contains("-serial") ? [] : ["-serial", "null"]) + more
      + ["-bios", Tool.uBoot.name])
  #expect(FileManager.default.fileExists(atPath: path), "\(outcome.errorText)")
}
