import Partitioning
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
    var text = "# Imported by dpaac from \(YAMLText.comment(source)).\n"
    text += "# Interfaces are not in the hypervisor's configuration: see dpaac import fmc.\n"
    if let board { text += "board: \(board.name)\n" }
    text += "\npartitions:\n"
    for partition in partitions {
      text += "  \(name(of: partition)):\n"
      text += "    cpus: [\(list(partition.cpus))]\n"
      text += "    memory: \(memory(of: partition))\n"
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
      if !partition.accelerators.isEmpty {
        let uses = partition.accelerators.map { "\($0.rawValue): {mode: poll}" }
        text += "    accelerators: {\(uses.joined(separator: ", "))}\n"
      }
      if let arguments = partition.bootArguments {
        text += "    boot-arguments: \(YAMLText.quoted(arguments))\n"
      }
    }
    return text + sharedMemory
  }

  /// The section of memory that several partitions see; empty without any.
  private var sharedMemory: String {
    var text = ""
    for range in Set(partitions.flatMap(\.sharedMemory)).sorted(by: { $0.base < $1.base }) {
      let members = partitions.filter { $0.sharedMemory.contains(range) }.map(name)
      guard members.count > 1 else { continue }
      let number = text.count { $0 == "\n" } + 1
      text +=
        "  shared\(number): {size: \(range.size), address: 0x\(String(range.base, radix: 16)), "
      text += "between: [\(members.joined(separator: ", "))]}\n"
    }
    return text.isEmpty ? "" : "\nshared-memory:\n" + text
  }

  /// A plan's memory is one piece with its place; of several only their size can be said.
  private func memory(of partition: HypervisorPartition) -> String {
    let bytes = partition.memory.reduce(0) { $0 &+ $1.size }
    let size = bytes & (1 << 20 - 1) == 0 ? "\(bytes >> 20) MiB" : "\(bytes)"
    guard partition.memory.count == 1, let place = partition.memory.first else { return size }
    return "{size: \(size), address: 0x\(String(place.base, radix: 16))}"
  }

  /// A plan calls the partition that controls the shared blocks its host. A label is any text: one that is no
  /// plain word of YAML stands between quotes, for `dpaac check` to refuse.
  private func name(of partition: HypervisorPartition) -> String {
    let hasHost = partitions.contains { $0.name == "host" }
    return partition.isHost && !hasHost ? "host" : YAMLText.quoted(partition.name)
  }

  private func list(_ items: [some CustomStringConvertible]) -> String {
    items.map(\.description).joined(separator: ", ")
  }
}
