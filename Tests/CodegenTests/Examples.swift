import Diagnostics
import Lowering
import Partitioning
import TestSupport
import Testing

/// The plans under `examples/`, as users run them.
enum Example {
  /// Each plan's path below `examples/`, without the ending.
  static let names = [
    "kvm-forum/t4240qds", "kvm-forum/p4080ds", "vpn-gateway/p5020ds", "access-router/p2041rdb",
  ]

  /// The first example with policers, roles of queues, congestion groups and pool channels.
  static func rich() throws -> Partition {
    try variant(
      names[0], replacing: "    os: linux-sdk\n",
      with: """
            os: linux-sdk
            roles: {confirm: 110-113, error: 115-115}
            congestion-groups: 2
            pool-channels: 2

        """
    ) {
      $0.replacing("to: guest2 }", with: "to: guest2, policer: gold }") + """

        policers:
          gold: {committed-rate: 100 Mbit/s, committed-burst: 64 KiB, excess-rate: 200 Mbit/s,
            excess-burst: 128 KiB, drop: [red, yellow], colour-aware: yes, algorithm: rfc-4115}

        """
    }
  }

  /// An example with one text replaced by another, and what else is done to it.
  static func variant(
    _ name: String, replacing old: String, with new: String,
    then edit: (String) -> String = { $0 }
  ) throws -> Partition {
    var bag = DiagnosticBag()
    let path = "\(Checkout.path)/examples/\(name).yaml"
    let file = try #require(TextFile.read(path, into: &bag))
    let text = String(decoding: file.bytes, as: UTF8.self)
    try #require(text.contains(old), "\(name) no longer has \(old)")
    let result = PlanLoader.load(
      SourceFile(name: path, text: edit(text.replacing(old, with: new))))
    return try #require(result.partition, "\(DiagnosticRenderer().render(result.diagnostics))")
  }

  /// Guests whose DMA reaches what nobody has: the first one's by a window of its own, the second
  /// one's 24 MiB behind its memory, as no window of few slots ends with that.
  static func reaching(
    guest1: String = "memory: 512 MiB, dma-windows: [ {address: 0xbfff0000, size: 64 KiB} ]"
  ) throws -> Partition {
    let pools = "pools: [ {buffers: 256, size: 2 KiB} ]"
    let result = PlanLoader.load(
      SourceFile(
        name: "reaching.yaml",
        text: """
          board: p4080ds
          partitions:
            host: { cpus: 0-3, memory: 2 GiB, portals: 4, queues: 1-100, \(pools) }
            guest1: { cpus: 4-5, \(guest1), portals: 2, queues: 101-200, \(pools) }
            guest2: { cpus: 6-7, memory: 1000 MiB, portals: 2, queues: 201-300, \(pools) }
          links: [ [host, guest1], [host, guest2] ]

          """))
    return try #require(result.partition, "\(DiagnosticRenderer().render(result.diagnostics))")
  }

  static func partition(_ name: String) throws -> Partition {
    let result = PlanLoader.load("\(Checkout.path)/examples/\(name).yaml")
    return try #require(result.partition, "\(DiagnosticRenderer().render(result.diagnostics))")
  }
}
