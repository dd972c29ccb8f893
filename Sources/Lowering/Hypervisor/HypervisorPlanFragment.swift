public import QorIQ

/// The partitions of a plan, as a hypervisor's configuration has them.
public struct HypervisorPlanFragment {
  private let partitions: [HypervisorPartition]
  private let board: Board?
  private let source: String

  /// Creates the fragment of a plan.
  public init(_ partitions: [HypervisorPartition], board: Board?, source: String) {
    self.partitions = partitions
    self.board = board
    self.source = source
  }

  /// The fragment as YAML, for `dpaac check` to judge.
  public func yaml() -> String {
    var text = "# Imported by dpaac from \(source).\n"
    text += "# Interfaces are not in the hypervisor's configuration: see dpaac import fmc.\n"
    if let board { text += "board: \(board.name)\n" }
    text += "\npartitions:\n"
    for partition in partitions {
      text += "  \(name(of: partition)):\n"
      text += "    cpus: [\(list(partition.cpus))]\n"
      text += "    memory: \(partition.memory.reduce(0) { $0 + $1.size } >> 20) MiB\n"
      text += "    portals: [\(list(partition.portals))]\n"
      text += "    queues: [\(list(partition.queues))]\n"
      let pools = partition.pools.map { pool in
        "{id: \(pool.bpid), buffers: \(pool.bufferCount ?? 0), size: \(pool.bufferSize ?? 0)}"
      }
      text += "    pools: [\(pools.joined(separator: ", "))]\n"
      if !partition.poolChannels.isEmpty {
        text += "    pool-channels: [\(list(partition.poolChannels))]\n"
      }
      if !partition.congestionGroups.isEmpty {
        text +=
          "    congestion-groups: [\(list(partition.congestionGroups.map { "\($0)-\($0)" }))]\n"
      }
    }
    return text
  }

  /// A plan calls the partition that controls the shared blocks its host.
  private func name(of partition: HypervisorPartition) -> String {
    let hasHost = partitions.contains { $0.name == "host" }
    return partition.isHost && !hasHost ? "host" : partition.name
  }

  private func list(_ items: [some CustomStringConvertible]) -> String {
    items.map(\.description).joined(separator: ", ")
  }
}
