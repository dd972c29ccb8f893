public import Diagnostics
import QorIQ

/// What is left of a board beside a partition, for each kind of resource.
public struct FreeResources: Sendable, Hashable {
  /// One kind of resource.
  public struct Row: Sendable, Hashable {
    /// What it is: `portals`, `storage profiles of fm1`.
    public var resource: String
    /// How much there is.
    public var total: UInt64
    /// How much others than the owners have.
    public var reserved: UInt64
    /// How much each owner has, those with nothing left out.
    public var held: [Holding]
    /// How much is left.
    public var free: UInt64
    /// Which are left: `6-9`, or a hint such as the longest run.
    public var which: String
    /// Whether it is counted in bytes.
    public var isBytes = false
  }

  /// How much somebody has.
  public struct Holding: Sendable, Hashable {
    /// Who.
    public var owner: String
    /// How much.
    public var count: UInt64
  }

  /// The kinds, in the order of the plan language.
  public let rows: [Row]

  /// What is left beside a partition.
  public init(_ partition: Partition) {
    let board = partition.board
    let names = partition.owners.map(\.name)
    let owners = partition.owners
    let resources = partition.resources
    func row(_ kind: ResourceKind, all: [UInt32], used: [[UInt32]], hex: Bool = false) -> Row {
      let reserved = Set(partition.reservations.flatMap { $0.numbers[kind] ?? [] })
      return Self.row(
        kind.rawValue.replacing("-", with: " "), all: all, reserved: reserved, names: names,
        used: used, hex: hex)
    }
    var rows = [
      row(
        .cpus, all: board.cpus.map { UInt32($0.index.rawValue) },
        used: owners.map { $0.cpus.map { UInt32($0.rawValue) } }),
      Self.memory(partition),
      row(
        .portals, all: board.sharedPortals.map { UInt32($0.rawValue) },
        used: owners.map { $0.portals.map { UInt32($0.rawValue) } }),
      Self.queues(partition),
      row(
        .pools, all: (0..<board.bman.poolCount).map { UInt32($0) },
        used: owners.map { $0.pools.map { UInt32($0.bpid.rawValue) } }),
      row(
        .poolChannels, all: board.qman.poolChannels.map { UInt32($0.rawValue) },
        used: resources.map { $0.poolChannels.map { UInt32($0.rawValue) } }, hex: true),
      row(
        .congestionGroups, all: (0..<board.qman.congestionGroupCount).map { UInt32($0) },
        used: resources.map { $0.congestionGroups.map { UInt32($0.id.rawValue) } }),
      row(
        .liodnOffsets, all: board.planLIODNOffsets,
        used: owners.map { [UInt32($0.liodnOffset)] }),
    ]
    rows += board.fmans.flatMap { Self.rows(of: $0, partition) }
    self.rows = rows
  }

  private static func row(
    _ name: String, all: [UInt32], reserved: Set<UInt32>, names: [String], used: [[UInt32]],
    hex: Bool = false
  ) -> Row {
    let taken = Set(used.joined())
    let existing = Set(all)
    let free = all.filter { !taken.contains($0) && !reserved.contains($0) }
    return Row(
      resource: name, total: UInt64(all.count),
      reserved: UInt64(reserved.intersection(existing).count),
      held: zip(names, used).filter { !$1.isEmpty }.map {
        Holding(owner: $0, count: UInt64($1.count))
      }, free: UInt64(free.count),
      which: hex
        ? free.map { "0x" + String($0, radix: 16) }.joined(separator: ",")
        : runs(free.map { Int($0) }))
  }

  private static func memory(_ partition: Partition) -> Row {
    var placer = MemoryPlacer(size: partition.board.memorySize)
    let all = placer.total
    for range in partition.reservations.flatMap(\.memory) { placer.take(range) }
    let reserved = all - placer.total
    var held: [Holding] = []
    for owner in partition.owners {
      let before = placer.total
      placer.take(
        AddressRange(base: owner.memory.base, size: MemoryPlacer.room(for: owner.memory.size)))
      held.append(Holding(owner: owner.name, count: before - placer.total))
    }
    for window in partition.sharedMemory {
      let before = placer.total
      placer.take(
        AddressRange(base: window.memory.base, size: MemoryPlacer.room(for: window.memory.size)))
      held.append(Holding(owner: window.name, count: before - placer.total))
    }
    let which = placer.total > 0 ? "\(byteCount(placer.longest)) in a row" : ""
    return Row(
      resource: "memory", total: all, reserved: reserved, held: held.filter { $0.count > 0 },
      free: placer.total, which: which, isBytes: true)
  }

  private static func queues(_ partition: Partition) -> Row {
    let usable = partition.board.qman.usableQueues
    let reserved = partition.reservations.flatMap(\.queues)
    let gaps = QueueGaps(usable: usable, claims: partition.owners.flatMap(\.queues) + reserved)
    return Row(
      resource: "queues", total: UInt64(usable.count),
      reserved: UInt64(
        Int(usable.count) - QueueGaps(usable: usable, claims: reserved).total),
      held: partition.owners.filter { !$0.queues.isEmpty }.map { owner in
        Holding(owner: owner.name, count: owner.queues.reduce(0) { $0 + UInt64($1.count) })
      }, free: UInt64(gaps.total),
      which: gaps.runs.map(\.description).joined(separator: ","))
  }

  private static func rows(of fman: FManBlock, _ partition: Partition) -> [Row] {
    let label = "fm\(fman.index + 1)"
    var ports: [(String, OfflinePort)] = partition.links.filter { $0.fman == fman.index }.map {
      ("\(partition.owners[$0.from].name)-\(partition.owners[$0.to].name)", $0.port)
    }
    var profiles: [String: Set<UInt32>] = [:]
    for interface in partition.interfaces {
      if let hop = interface.hop, hop.fman == fman.index {
        ports.append((interface.name, hop.port))
      }
      guard interface.fman == fman.index else { continue }
      for share in interface.rules.flatMap(\.shares) {
        if let profile = share.storageProfile {
          profiles[partition.owners[share.owner].name, default: []].insert(UInt32(profile))
        }
      }
    }
    let used = partition.owners.map { profiles[$0.name].map { $0.sorted() } ?? [] }
    let policers = partition.policers.filter { $0.fman == fman.index }
    let shared = partition.interfaces.filter { $0.fman == fman.index }.map(\.name)
    let interfaces = fman.interfaces.filter(\.isEnabled).map(\.name)
    let free = interfaces.filter { !shared.contains($0) }
    var rows = [
      Row(
        resource: "interfaces of \(label)", total: UInt64(interfaces.count), reserved: 0,
        held: shared.map { Holding(owner: $0, count: 1) }, free: UInt64(free.count),
        which: free.joined(separator: ",")),
      row(
        "offline ports of \(label)", all: fman.enabledOfflinePorts.map { UInt32($0.port.rawValue) },
        reserved: [], names: ports.map(\.0), used: ports.map { [UInt32($0.1.port.rawValue)] }),
    ]
    if fman.hasStorageProfiles {
      rows.append(
        row(
          "storage profiles of \(label)", all: (0..<fman.storageProfileCount).map { UInt32($0) },
          reserved: [], names: partition.owners.map(\.name), used: used))
    }
    rows.append(
      row(
        "policer profiles of \(label)", all: (0..<fman.policerProfileCount).map { UInt32($0) },
        reserved: [], names: policers.map(\.settings.name),
        used: policers.map { [UInt32($0.profile)] }))
    return rows
  }
}

extension Board {
  /// The LIODN offsets that an owner may have: not 0, and none of a receive port.
  var planLIODNOffsets: [UInt32] {
    let ports = Set(fmans.flatMap { $0.interfaces.compactMap(\.liodnOffset?.rawValue) })
    return (1..<UInt32(liodnOffsetLimit)).filter { !ports.contains(UInt16($0)) }
  }

  /// How many LIODN offsets PAMU can tell apart and a frame can carry.
  var liodnOffsetLimit: UInt16 {
    min(UInt16(1) << UInt16(min(pamu?.liodnBits ?? 12, 15)), LIODNOffset.limit)
  }
}

extension FreeResources {
  /// A table for people.
  public var text: String {
    var table = TextTable([
      ("resource", .left), ("all", .right), ("reserved", .right), ("used", .right),
      ("free", .right), ("which", .left),
    ])
    for row in rows {
      func count(_ number: UInt64) -> String { row.isBytes ? byteCount(number) : "\(number)" }
      let which = row.which.count > 60 ? row.which.prefix(60) + "…" : row.which
      table.add([
        row.resource, count(row.total), count(row.reserved),
        count(row.held.reduce(0) { $0 + $1.count }), count(row.free), which,
      ])
    }
    return table.text
  }

  /// The same for programs, with who has how much.
  public var json: JSONValue {
    [
      "resources": .array(
        rows.map { row in
          [
            "resource": .string(row.resource), "total": JSONValue(row.total),
            "reserved": JSONValue(row.reserved), "free": JSONValue(row.free),
            "which": .string(row.which),
            "held": .array(
              row.held.map { ["owner": .string($0.owner), "count": JSONValue($0.count)] }),
          ]
        })
    ]
  }
}
