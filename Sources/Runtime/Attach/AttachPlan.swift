public import Partitioning
public import QorIQ

/// What a client is served: one guest's part of a plan, as a QMan and a BMan of its own.
public struct AttachPlan: Sendable {
  /// The guest's name in the plan.
  public let guest: String
  /// Its place among the plan's owners.
  let owner: Int
  /// The places of the portals in the window, ascending. A portal has two: its number on the board,
  /// and its number among the guest's portals.
  public let places: [Int]
  /// The interrupts of QMan's and of BMan's portal at each place, as numbers of the guest's interrupt
  /// controller.
  public let interrupts: [(queues: UInt32, buffers: UInt32)]

  let configuration: RuntimeConfiguration
  let qmanRevision: Revision
  let bmanRevision: Revision
  let numbers: EngineTables.ClientNumbers
  let isPartitionNumbered: Bool
  /// The client's MACs, and the indexes of the virtual frame managers that they are in, ascending.
  let macs: [VirtualMAC]
  let frameManagers: [Int]
  /// The MACs that are connected, by their places.
  let wires: [(Int, Int)]

  /// How long the window is.
  var windowSize: Int {
    guard let last = frameManagers.last else { return AttachLayout.size }
    return AttachLayout.frameManager(last) + FManRegister.Block.size
  }

  /// Takes a guest's part out of a plan.
  ///
  /// - Parameters:
  ///   - partition: The plan.
  ///   - index: The guest's place among its owners.
  ///   - interrupt: The guest's number for an interrupt of the board.
  ///   - loopbacks: The guest's ways whose MACs are connected with each other, by their names.
  /// - Throws: ``EngineError/noSuchWay(_:_:)`` for a way that the guest has no MAC for, and
  ///   ``EngineError/connectedTwice(_:)``.
  public init(
    _ partition: Partition, owner index: Int,
    interrupt: (InterruptSource) -> UInt32 = { UInt32($0.rawValue) },
    loopbacks: [(String, String)] = []
  ) throws(EngineError) {
    let owner = partition.owners[index]
    let board = partition.board
    guest = owner.name
    self.owner = index
    let planPlaces = owner.portals.map { Int($0.rawValue) }
    let places = Set(planPlaces + owner.portals.indices)
      .filter { $0 < AttachLayout.portalCount }.sorted()
    self.places = places
    interrupts = places.map { place in
      let index = planPlaces.contains(place) ? place : planPlaces[place]
      let queues = board.qman.portals.first { Int($0.index.rawValue) == index }
      let buffers = board.bman.portals.first { Int($0.index.rawValue) == index }
      return (
        queues: queues.map { interrupt($0.interrupt) } ?? 0,
        buffers: buffers.map { interrupt($0.interrupt) } ?? 0
      )
    }
    let count = owner.queues.reduce(0) { $0 + Int($1.count) }
    qmanRevision = board.qman.revision
    bmanRevision = board.bman.revision

    let macs = partition.virtualMACs(of: index)
    self.macs = macs
    frameManagers = Set(macs.map(\.frameManager)).sorted()
    var connected: Set<Int> = []
    var wires: [(Int, Int)] = []
    for names in loopbacks {
      var ends: [Int] = []
      for name in [names.0, names.1] {
        guard let end = macs.firstIndex(where: { owner.paths[$0.path].name == name }) else {
          throw .noSuchWay(name, macs.map { owner.paths[$0.path].name })
        }
        guard connected.insert(end).inserted || ends == [end] else { throw .connectedTwice(name) }
        ends.append(end)
      }
      wires.append((ends[0], ends[1]))
    }
    self.wires = wires

    // The first run counts within the partition; see `EngineTables.ClientNumbers`.
    var served = owner
    served.portals = places.map { PortalIndex(UInt16($0)) }
    served.queues = [QueueRange(first: 1, count: UInt32(count))] + owner.queues
    served.rings = .hardware
    served.pools = []
    served.paths = []
    configuration = RuntimeConfiguration(
      name: partition.name, owners: [served], interfaces: [], links: [],
      queueing: [
        0: RuntimeConfiguration.QueueingGrant(
          poolChannels: board.qman.poolChannels,
          congestionGroups: (0..<min(256, board.qman.congestionGroupCount)).map { UInt8($0) },
          portChannels: macs.map(\.transmitChannel))
      ])

    isPartitionNumbered = owner.os == .linuxMainline
    var numbers = EngineTables.ClientNumbers()
    for (place, pool) in owner.pools.enumerated() where pool.bpid.rawValue < 64 {
      numbers.partitionPools.insert(PoolSet(UInt8(place)))
      numbers.planPools.insert(PoolSet(pool.bpid.rawValue))
    }
    self.numbers = numbers
  }
}
