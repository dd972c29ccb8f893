import DeviceTree
public import Partitioning

/// Prints each guest's part of a tree that QEMU makes itself, as an overlay: `NAME.dtso` and
/// `NAME.dtbo`; for trees that QEMU has written, also both laid together: `merged/NAME.dts` and
/// `merged/NAME.dtb`.
public struct FragmentBackend: Backend {
  /// Creates the backend.
  public init() {}

  /// `fragment`
  public var name: String { "fragment" }

  /// An overlay for each guest, and a tree for each whose base is known.
  public func artifacts(
    for partition: Partition, options: GenerationOptions
  ) throws(GenerationError) -> [Artifact] {
    let banner = options.banner(for: partition)
    var artifacts: [Artifact] = []
    for (index, owner) in partition.owners.enumerated() where !owner.isHost {
      let base = options.baseTree(of: owner.name)
      let guest = GuestTree(partition: partition, ownerIndex: index)
      try guest.checkPortals()
      let fragment = GuestFragment(guest: guest, base: base)
      artifacts += try TreeArtifacts.print(fragment.overlay(), owner.name, banner)
      if let base {
        artifacts += try TreeArtifacts.print(
          try fragment.merged(into: base), "merged/\(owner.name)", banner)
      }
    }
    return artifacts
  }
}
