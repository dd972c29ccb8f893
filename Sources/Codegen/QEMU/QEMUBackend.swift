import Mustache
public import Partitioning
import QorIQ
import TemplateLibrary

/// Prints a script for each guest that boots it on QEMU: `NAME.sh`.
public struct QEMUBackend: Backend {
  /// Creates the backend.
  public init() {}

  /// `qemu`
  public var name: String { "qemu" }

  /// A script for each guest.
  public func artifacts(
    for partition: Partition, options: GenerationOptions
  ) throws(GenerationError) -> [Artifact] {
    var artifacts: [Artifact] = []
    for owner in partition.owners where !owner.isHost {
      let script = Self.script(owner, of: partition, options: options)
      artifacts.append(
        Artifact(script.path, text: try script.render(), isExecutable: true))
    }
    return artifacts
  }

  static func script(
    _ owner: Owner, of partition: Partition, options: GenerationOptions
  ) -> TemplatedFile {
    let core = partition.board.core
    return TemplatedFile(
      path: "\(owner.name).sh", template: .launch,
      context: [
        "banner": options.banner(for: partition), "title": owner.name,
        "emulator": PPCE500.is32Bit(core) ? "qemu-system-ppc" : "qemu-system-ppc64",
        "core": core, "cpuCount": String(owner.cpus.count),
        "memory": String(owner.memory.size >> 20),
        "ramSize": String(PPCE500.ramSize(for: owner.memory.size) >> 20),
        "firmware": PPCE500.firmware, "tree": "\(owner.name).dtb",
      ])
  }
}
