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
    for (index, owner) in partition.owners.enumerated() where !owner.isHost {
      let script = Self.script(index, of: partition, options: options)
      artifacts.append(
        Artifact(script.path, text: try script.render(), isExecutable: true))
    }
    return artifacts
  }

  static func script(
    _ index: Int, of partition: Partition, options: GenerationOptions
  ) -> TemplatedFile {
    let owner = partition.owners[index]
    let core = partition.board.core
    let window = GuestWindow(owner: owner, resources: partition.resources[index])
    return TemplatedFile(
      path: "\(owner.name).sh", template: .launch,
      context: [
        "banner": options.banner(for: partition), "title": owner.name,
        "emulator": PPCE500.is32Bit(core) ? "qemu-system-ppc" : "qemu-system-ppc64",
        "core": shellWord(core), "coreText": commentText(core),
        "cpuCount": String(owner.cpus.count),
        "memory": String(owner.memory.size >> 20),
        "ramSize": String(window.ramSize >> 20),
        "firmware": PPCE500.firmware, "tree": "\(owner.name).dtb",
        "images": images(of: partition.resources[index], options).map { argument in
          ["argument": shellQuoted(argument)]
        },
      ])
  }

  /// The devices that put a guest's images where its tree says: with `-dtb` QEMU's own `-kernel` and
  /// `-initrd` would not tell the tree (QEMU 7.2, `docs/system/generic-loader.rst`).
  static func images(of resources: OwnerResources, _ options: GenerationOptions) -> [String] {
    resources.images.compactMap { image in
      guard let file = image.file, image.kind != .deviceTree else { return nil }
      let path = file.hasPrefix("/") ? file : "\(options.planDirectory)/\(file)"
      let address = String(image.memory.base, radix: 16)
      // In QEMU's lists a comma inside a value is written twice.
      return "loader,file=\(path.replacing(",", with: ",,")),addr=0x\(address),force-raw=on"
    }
  }

  /// A word that a shell takes as it is: bare where it cannot be anything else.
  private static func shellWord(_ word: String) -> String {
    let isPlain =
      !word.isEmpty
      && word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
    return isPlain ? word : shellQuoted(word)
  }

  /// A word that a shell takes as it is, in quotes.
  private static func shellQuoted(_ word: String) -> String {
    "'" + word.replacing("'", with: "'\\''") + "'"
  }
}
