import CPortalShims
import DPAAPortal
import Glibc
import Partitioning
import QorIQ

/// Where the memory of an owner lies that the engine shares with it.
struct OwnerMemory {
  var window: SharedRegion
  var status: SharedRegion
  var pools: [SharedRegion]
  /// The interrupt of each portal; empty for polling only.
  var interrupts: [InterruptLine]
  /// All of it as one region, for an owner that is a virtual machine.
  var machine: SharedRegion?
  /// How such an owner wakes an engine that sleeps.
  var bell: InterruptLine?

  init(_ owner: Owner, interrupts: Bool) throws(EngineError) {
    var pools: [SharedRegion] = []
    for pool in owner.pools {
      let size = Int(pool.bufferCount) * Int(pool.bufferStride)
      pools.append(try SharedRegion(name: "\(owner.name)-pool\(pool.bpid)", size: size))
    }
    var lines: [InterruptLine] = []
    for _ in owner.portals where interrupts { lines.append(try InterruptLine(.pipe)) }
    window = try SharedRegion(
      name: "\(owner.name)-portals", size: PortalWindow(portalCount: owner.portals.count).size)
    status = try SharedRegion(name: "\(owner.name)-status", size: GuestStatus.size)
    self.pools = pools
    self.interrupts = lines
  }

  /// The memory of an owner that is a virtual machine.
  ///
  /// - Parameters:
  ///   - owner: The owner.
  ///   - grant: What the machine will find there.
  ///   - interrupts: Whether it may sleep until its portals' interrupts.
  /// - Throws: ``EngineError`` for want of memory, or when too much is granted.
  init(_ owner: Owner, machine grant: GuestGrant, interrupts: Bool) throws(EngineError) {
    var lines: [InterruptLine] = []
    for _ in owner.portals where interrupts { lines.append(try InterruptLine(.doorbell)) }
    let bell = try InterruptLine(.doorbell)
    let places = MachineWindow(grant)
    let machine = try SharedRegion(name: "\(owner.name)-machine", size: places.size)
    guard places.describe(grant, in: machine.memory) else {
      throw .guest(owner.name, "it is granted more than its machine's window can describe")
    }
    pools = zip(places.pools, grant.pools).map { place, pool in
      SharedRegion(of: machine, at: place, size: pool.byteCount)
    }
    window = SharedRegion(
      of: machine, at: places.portals, size: PortalWindow(portalCount: grant.portalCount).size)
    status = SharedRegion(of: machine, at: places.status, size: GuestStatus.size)
    self.interrupts = lines
    self.machine = machine
    self.bell = bell
  }
}

extension RuntimeConfiguration {
  /// Makes the regions of an owner.
  ///
  /// - Throws: ``EngineError`` for want of memory.
  func memory(ofOwner index: Int, interrupts: Bool) throws(EngineError) -> OwnerMemory {
    guard case .machine(_, let mode) = owners[index].kind else {
      return try OwnerMemory(owners[index], interrupts: interrupts)
    }
    return try OwnerMemory(
      owners[index], machine: try grant(ofOwner: index),
      interrupts: interrupts && mode == .interrupt)
  }
}

// SAFETY: whoever makes it keeps the portals mapped as long as the tables live.
/// The portals of a client that owns its memory, and how much the engine keeps for it.
struct ClientMemory {
  var portals: [PortalPlaces]
  /// How many frames may be queued, and how many buffers free.
  var frameCapacity: Int
  var bufferCapacity: Int
}

// SAFETY: tables and regions live as long as the value; one thread works on it at a time.
/// Everything that the engine's loop works on, flat and allocated at the start.
struct EngineTables: ~Copyable {
  var qman: QueueManager
  let pools: FlatTable<BufferPool>
  let portals: FlatTable<EnginePortal>
  let offlinePorts: FlatTable<OfflineRoute>
  let owners: FlatTable<OwnerEntry>
  /// The queues of each owner, as runs.
  let ranges: FlatTable<QueueRun>
  /// The channels that each owner's queues may lead to, as places in QMan's table.
  let ownerChannels: FlatTable<UInt16>
  let interfaces: FlatTable<InterfaceEntry>
  let policers: FlatTable<Policer>
  let ports: NetworkPortList
  let keyGen: KeyGen
  /// The pool table's index of each BPID; 255 for none.
  let poolIndex: FlatTable<UInt8>
  let counters: Counters
  /// The frames that are followed to learn how long they take.
  let probes: FlowProbes
  /// The engine's end of each portal's interrupt.
  let interrupts: FlatTable<InterruptLine.End>
  /// Owners whose processes have ended and whose holdings were taken back, one bit each.
  var gone: UInt64 = 0
  /// How machines wake the engine when it sleeps; `nil` where no owner is one.
  var bells: EngineBells?
  /// Those of them that shall come back as soon as nothing of theirs is under way.
  var returning: UInt64 = 0

  /// Whether the one owner is a client that owns its memory: descriptors and buffers are its own
  /// matter, and its pools are ``clientPools``.
  let isClient: Bool
  let clientPools: ClientPools
  /// What waits at order-restoration points.
  let restoration: OrderRestoration
  /// The owners' ways into accelerators.
  let accelerators: AcceleratorLanes
  /// The thread that does their work; `nil` when the engine's own does.
  var worker: AcceleratorWorker?
  /// Whether there is one, here as a class costs more to look at.
  var hasWorker = false
  /// Which pools are depleted.
  var depletion: Depletion
  /// How the client numbers its queues and pools.
  var numbers = ClientNumbers()
  /// Bits of ERR_ISR, of QMan and of BMan, that came up since they were last looked at.
  var errors = (qman: 0 as UInt32, bman: 0 as UInt32)

  /// Where a frame in several buffers is put together.
  let scratch: FlatTable<UInt8>
  /// What the parser found in the frame that is being received.
  let parsed: FlatTable<ParsedFrame>

  private let fragments: FlatTable<Fragment>
  private let holders: FlatTable<UInt8>
  private let freeLists: FlatTable<UInt32>
  private let messages: FlatTable<MessageBacklog.Message>
  var regions: [OwnerMemory]
  let layout: ChannelLayout
  let grants: OwnerGrants
  private let counterRegion: SharedRegion

  /// An owner's pools and portals, as runs in their tables, and its identity.
  struct OwnerEntry: BitwiseCopyable {
    var firstPool: Int
    var poolCount: Int
    var firstPortal: Int
    var portalCount: Int
    /// Its LIODN offset as descriptors have it.
    var stamp: UInt64
    var firstRange = 0
    var rangeCount = 0
    /// Its channels: those of its portals first, then those that ports serve.
    var firstChannel = 0
    var portalChannelCount = 0
    var channelCount = 0
    /// The queues for confirmations of what it sent; none unless its plan wants them.
    var confirmations = QueueRun(first: 0, count: 0)
    /// The queue for frames of its that a port could not send or receive rightly; 0 for none.
    var errorQueue: UInt32 = 0
  }

  /// Consecutive queues.
  struct QueueRun: BitwiseCopyable {
    var first: UInt32
    var count: UInt32
  }

  /// A network interface: its transmit channel and how its frames reach their owners.
  struct InterfaceEntry: BitwiseCopyable {
    var transmitChannel: Int
    /// The owner whose pools the receive port uses; -1 when storage profiles choose (FMan v3).
    var receivingOwner: Int
    /// The queue to the offline port for everybody else's frames.
    var hopQueue: UInt32
    /// Who is charged with frames that cannot be classified.
    var defaultOwner: Int
    /// Whose error queue, if there is one, takes frames that were received with an error.
    var errorOwner: Int
    /// The longest frame that is received rightly, without check sequence.
    var longestFrame: Int
  }

  /// What an offline port does with the frames of its channel.
  struct OfflineRoute: BitwiseCopyable {
    var channel: Int
    /// The interface whose rules decide; -1 for a link.
    var interface: Int
    /// The link's receiver and its queue, or a chain's owner and the queue that transmits.
    var owner: Int
    var queue: UInt32
    /// Whether it takes a chain's answers, and what it writes in front of each.
    var isChain = false
    var header = HeaderWords()
  }

  init(
    _ configuration: RuntimeConfiguration, memory: [OwnerMemory], counterRegion: SharedRegion,
    options: EngineOptions, client: ClientMemory? = nil, ports: NetworkPorts? = nil,
    leastFrames: Int = 0, clock: @escaping @Sendable () -> UInt64 = monotonicNanoseconds
  ) throws(EngineError) {
    let owners = configuration.owners
    let devices = client == nil ? options.devices : [:]
    let layout = ChannelLayout(configuration, accelerators: Set(devices.keys))
    let allPools = owners.flatMap(\.pools)
    let frames = allPools.reduce(0) { $0 + Int($1.bufferCount) }
    let frameCapacity = max(client?.frameCapacity ?? frames, leastFrames)
    let lastQueue = owners.flatMap(\.queues).map(\.last.rawValue).max() ?? 0
    // Locals first: a value that cannot be copied must not be half made when something throws.
    let qman = try QueueManager(
      queueCount: Int(lastQueue) + 1, frameCapacity: frameCapacity, channelCount: layout.count)
    let clientPools = try ClientPools(capacity: client?.bufferCapacity ?? 0)
    var depletion = try Depletion()
    let restoration = try OrderRestoration(
      frameCapacity: frameCapacity, ownerCount: owners.count)
    let grants = try OwnerGrants(configuration, layout)
    grants.give(to: qman, layout)
    let ranges = try FlatTable<QueueRun>(count: grants.ranges.count)
    for (index, range) in grants.ranges.enumerated() { ranges.base[index] = range }
    let ownerChannels = try FlatTable<UInt16>(count: grants.channels.count)
    for (index, channel) in grants.channels.enumerated() { ownerChannels.base[index] = channel }
    let accelerators = try AcceleratorLanes(configuration, layout, devices)
    let keyGen = KeyGen()
    let bells = try EngineBells(memory)
    let pools = try FlatTable<BufferPool>(count: allPools.count)
    let poolIndex = try FlatTable<UInt8>(count: 256)
    let holders = try FlatTable<UInt8>(count: frames)
    let freeLists = try FlatTable<UInt32>(count: frames)
    let fragments = try FlatTable<Fragment>(count: frames)
    let scratch = try FlatTable<UInt8>(count: Fragment.longestFrame)
    let parsed = try FlatTable<ParsedFrame>(count: 1)
    parsed.base.pointee = ParsedFrame()
    let portalCount = owners.reduce(0) { $0 + $1.portals.count }
    let portals = try FlatTable<EnginePortal>(count: portalCount)
    let interrupts = try FlatTable<InterruptLine.End>(count: portalCount)
    let backlogs = try FlatTable<MessageBacklog.Message>(
      count: portalCount * Int(MessageBacklog.capacity))
    let ownerEntries = try FlatTable<OwnerEntry>(count: owners.count)
    let interfaces = try FlatTable<InterfaceEntry>(count: configuration.interfaces.count)

    // Pools and portals, owner by owner.
    poolIndex.base.update(repeating: 255, count: 256)
    var (nextPool, nextPortal, nextBuffer) = (0, 0, 0)
    for (index, owner) in owners.enumerated() {
      ownerEntries.base[index] = OwnerEntry(
        firstPool: nextPool, poolCount: owner.pools.count, firstPortal: nextPortal,
        portalCount: owner.portals.count,
        stamp: FrameDescriptor.stamp(liodnOffset: owner.liodnOffset))
      grants.describe(index, in: &ownerEntries.base[index])
      for (place, pool) in owner.pools.enumerated() {
        guard poolIndex.base[Int(pool.bpid.rawValue)] == 255 else {
          throw .badConfiguration("pool \(pool.bpid) has two owners")
        }
        poolIndex.base[Int(pool.bpid.rawValue)] = UInt8(nextPool)
        pools.base[nextPool] = BufferPool(
          GuestGrant.Pool(pool), owner: index, memory: memory[index].pools[place].memory,
          holders: holders.base + nextBuffer, freeList: freeLists.base + nextBuffer,
          fragments: fragments.base + nextBuffer)
        depletion.set(pool.bpid.rawValue, grants.depletionMarks(index, place))
        nextPool += 1
        nextBuffer += Int(pool.bufferCount)
      }
      for (place, portal) in owner.portals.enumerated() {
        var channels = grants.pools[index]
        channels[0] = UInt16(try layout.index(of: ChannelID(UInt16(portal.rawValue))))
        portals.base[nextPortal] = EnginePortal(
          at: client?.portals[place]
            ?? PortalPlaces(
              region: memory[index].window.memory, index: place, portalCount: owner.portals.count),
          rings: (owner.rings.enqueue, owner.rings.dequeue), owner: index,
          number: portal.rawValue, channels: channels,
          queues: grants.firstRun(of: index),
          backlog: MessageBacklog(
            backlogs.base + nextPortal * Int(MessageBacklog.capacity)))
        let lines = client == nil ? memory[index].interrupts : []
        interrupts.base[nextPortal] = lines.isEmpty ? .none : lines[place].end
        nextPortal += 1
      }
    }

    // Interfaces and offline ports.
    var routes: [OfflineRoute] = []
    for (index, interface) in configuration.interfaces.enumerated() {
      var entry = InterfaceEntry(
        transmitChannel: try layout.index(of: interface.transmitChannel), receivingOwner: -1,
        hopQueue: 0, defaultOwner: interface.rules.last?.owner ?? 0, errorOwner: 0,
        longestFrame: configuration.longestFrame(ofInterface: index))
      entry.errorOwner = interface.errorOwner
      if let hop = interface.hop {
        entry.receivingOwner = hop.receivingOwner
        entry.hopQueue = hop.queue.rawValue
        routes.append(
          OfflineRoute(
            channel: try layout.index(of: hop.port.channel), interface: index, owner: 0, queue: 0))
      }
      interfaces.base[index] = entry
    }
    for link in configuration.links {
      routes.append(
        OfflineRoute(
          channel: try layout.index(of: link.port.channel), interface: -1, owner: link.to,
          queue: link.receive.rawValue))
    }
    for (index, exit) in configuration.chainExits {
      routes.append(
        OfflineRoute(
          channel: try layout.index(of: exit.port.channel), interface: -1, owner: index,
          queue: exit.transmit.rawValue, isChain: true, header: HeaderWords(exit.header)))
    }
    let offlinePorts = try FlatTable<OfflineRoute>(count: routes.count)
    for (index, route) in routes.enumerated() { offlinePorts.base[index] = route }
    try Self.putQueuesIntoService(configuration, layout, qman)
    let connected = if let ports { ports } else { try NetworkPorts(configuration, options) }
    let ports = try NetworkPortList(configuration, connected)
    let policers = try FlatTable<Policer>(count: configuration.policers.count)
    for (index, policer) in configuration.policers.enumerated() {
      policers.base[index] = Policer(policer.settings)
    }

    let probes = try FlowProbes(
      configuration, isOn: options.measuresLatency,
      histograms: counterRegion.memory
        + Counters.histograms(owners: owners.count, ports: configuration.interfaces.count),
      clock: clock)

    self.qman = qman
    self.probes = probes
    self.keyGen = keyGen
    self.pools = pools
    self.poolIndex = poolIndex
    self.holders = holders
    self.freeLists = freeLists
    self.fragments = fragments
    self.scratch = scratch
    self.parsed = parsed
    messages = backlogs
    self.ranges = ranges
    self.ownerChannels = ownerChannels
    self.portals = portals
    self.interrupts = interrupts
    self.owners = ownerEntries
    self.interfaces = interfaces
    self.offlinePorts = offlinePorts
    isClient = client != nil
    self.clientPools = clientPools
    self.accelerators = accelerators
    self.depletion = depletion
    self.restoration = restoration
    self.ports = ports
    self.policers = policers
    counters = Counters(memory: counterRegion.memory, owners: owners.count)
    self.counterRegion = counterRegion
    regions = memory
    self.bells = bells
    self.layout = layout
    self.grants = grants
  }

  /// Receive queues on their owners' portals, transmit queues on the ports that they lead to.
  ///
  /// - Parameters:
  ///   - configuration: What queues are for.
  ///   - layout: Where channels are.
  ///   - qman: Whose queues they are.
  ///   - only: The owner whose queues are meant; `nil` for all.
  /// - Throws: ``EngineError/badConfiguration(_:)`` for queues that have no owner or no channel.
  static func putQueuesIntoService(
    _ configuration: RuntimeConfiguration, _ layout: ChannelLayout,
    _ qman: borrowing QueueManager, only: Int? = nil
  ) throws(EngineError) {
    func service(
      _ range: QueueRange, _ channels: [ChannelID], _ contextB: Int,
      on workQueue: WorkQueue? = nil, in group: CGRID? = nil
    ) throws(EngineError) {
      guard Int(range.last.rawValue) < qman.queues.count, !channels.isEmpty else {
        throw .badConfiguration("queues \(range) have no owner or no channel")
      }
      var indexes: [Int] = []
      for channel in channels { indexes.append(try layout.index(of: channel)) }
      qman.initialize(
        range, channel: { indexes[$0 % indexes.count] }, workQueue: workQueue ?? 3,
        contextB: UInt32(contextB), group: group?.rawValue)
    }
    /// How the queues that lead away on a path are served.
    func quality(_ owner: Int, transmitting fqid: FQID) -> PathQuality? {
      configuration.owners[owner].paths.firstIndex { $0.transmit == fqid }.flatMap {
        configuration.quality(ofPath: $0, of: owner)
      }
    }
    for (index, owner) in configuration.owners.enumerated() where only == nil || only == index {
      for role in configuration.queueing[index]?.roles ?? [] {
        let channels = owner.portals.map { ChannelID(UInt16($0.rawValue)) }
        for range in role.queues {
          try service(range, channels, Int(role.role.context), on: role.workQueue)
        }
      }
      for use in configuration.queueing[index]?.accelerators ?? [] {
        for (place, queue) in use.responses.enumerated() {
          let portal = owner.portals[place % owner.portals.count]
          try service(
            QueueRange(first: queue, count: 1), [ChannelID(UInt16(portal.rawValue))],
            Int(FrameOrigin.answerContext) | place)
        }
      }
      for chain in configuration.queueing[index]?.chains ?? [] {
        let place = configuration.answerPlace(of: chain, owner: index)
        let portal = owner.portals[place % owner.portals.count]
        try service(
          QueueRange(first: chain.response, count: 1),
          [chain.exit?.port.channel ?? ChannelID(UInt16(portal.rawValue))],
          chain.exit == nil ? Int(FrameOrigin.answerContext) | place : 0)
      }
      for (place, path) in owner.paths.enumerated() {
        let quality = configuration.quality(ofPath: place, of: index)
        try service(
          path.receive, path.channels, place, on: quality?.receive, in: quality?.congestionGroup)
        guard !path.isLink else { continue }
        guard let interface = configuration.interfaces.first(where: { $0.name == path.name })
        else { throw .badConfiguration("\(owner.name) has a path to no interface: \(path.name)") }
        try service(
          QueueRange(first: path.transmit, count: 1), [interface.transmitChannel], place,
          on: quality?.transmit)
      }
    }
    for interface in configuration.interfaces {
      guard let hop = interface.hop,
        only == nil || only == hop.receivingOwner
      else { continue }
      try service(
        QueueRange(first: hop.queue, count: 1), [hop.port.channel], 0)
    }
    for link in configuration.links where only == nil || only == link.from {
      try service(
        QueueRange(first: link.transmit, count: 1), [link.port.channel], 0,
        on: quality(link.from, transmitting: link.transmit)?.transmit)
    }
  }
}
