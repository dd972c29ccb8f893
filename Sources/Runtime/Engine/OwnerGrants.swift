import DPAAPortal
import Partitioning
import QorIQ

/// What each owner may name in commands: its queues, the channels that its queues may lead to, and
/// its congestion groups, flat and owner by owner.
struct OwnerGrants {
  private(set) var ranges: [EngineTables.QueueRun] = []
  private(set) var channels: [UInt16] = []
  /// The pool channels of each owner, pool channel *n* at place *n*.
  private(set) var pools: [InlineArray<16, UInt16>] = []
  private var entries:
    [(firstRange: Int, rangeCount: Int, firstChannel: Int, portalChannels: Int, channelCount: Int)] =
      []
  private var groups: [UInt8: Int] = [:]
  /// What congestion groups do, and the portals of those who are told.
  private var settings: [(group: Partitioning.CongestionGroup, told: [PortalIndex])] = []
  private var roles: [[RoleQueues]] = []
  private var thresholds: [[PoolThresholds]] = []
  /// Whether the board has QMan 3, whose direct-connect channels begin at 0x800.
  private let isRevision3: Bool

  init(
    _ configuration: RuntimeConfiguration, _ layout: ChannelLayout
  ) throws(EngineError) {
    isRevision3 = layout.all.keys.contains { $0.rawValue >= 0x400 }
    for (index, owner) in configuration.owners.enumerated() {
      let grant = configuration.queueing[index] ?? RuntimeConfiguration.QueueingGrant()
      let (firstRange, firstChannel) = (ranges.count, channels.count)
      for range in owner.queues {
        ranges.append(EngineTables.QueueRun(first: range.first.rawValue, count: range.count))
      }
      for portal in owner.portals {
        channels.append(UInt16(try layout.index(of: ChannelID(UInt16(portal.rawValue)))))
      }
      var pools = InlineArray<16, UInt16>(repeating: 0)
      for channel in grant.poolChannels {
        guard let number = channel.poolNumber else { continue }
        pools[number] = UInt16(try layout.index(of: channel))
        channels.append(pools[number])
      }
      // Like portals' channels: what an owner that is gone has asked of an accelerator is not done.
      for lane in layout.lanes where lane.owner == index { channels.append(UInt16(lane.index)) }
      self.pools.append(pools)
      let portalChannels = channels.count - firstChannel
      for channel in Self.servedByPorts(of: index, configuration) + grant.portChannels {
        channels.append(UInt16(try layout.index(of: channel)))
      }
      entries.append(
        (
          firstRange, ranges.count - firstRange, firstChannel, portalChannels,
          channels.count - firstChannel
        ))
      for group in grant.congestionGroups { groups[group] = index }
      for group in grant.groupSettings {
        let told = group.notified.filter(configuration.owners.indices.contains)
        settings.append((group, told.flatMap { configuration.owners[$0].portals }))
      }
      roles.append(grant.roles)
      thresholds.append(grant.poolThresholds)
    }
  }

  /// The channels of ports to which an owner may send: those of its paths.
  private static func servedByPorts(
    of index: Int, _ configuration: RuntimeConfiguration
  ) -> [ChannelID] {
    let owner = configuration.owners[index]
    var channels: [ChannelID] = []
    for interface in configuration.interfaces {
      if owner.paths.contains(where: { !$0.isLink && $0.name == interface.name }) {
        channels.append(interface.transmitChannel)
      }
      if let hop = interface.hop, hop.receivingOwner == index {
        channels.append(hop.port.channel)
      }
    }
    channels += configuration.links.filter { $0.from == index }.map(\.port.channel)
    return channels + configuration.chainExits.filter { $0.owner == index }.map(\.exit.port.channel)
  }

  /// The first run of an owner's queues; an empty one for an owner without queues.
  func firstRun(of index: Int) -> EngineTables.QueueRun {
    entries[index].rangeCount > 0
      ? ranges[entries[index].firstRange] : EngineTables.QueueRun(first: 0, count: 0)
  }

  /// The marks of an owner's pool, by its place among the owner's. A mark that a plan leaves out is 0:
  /// the pool is never depleted, or is so no more as soon as it holds anything.
  func depletionMarks(_ owner: Int, _ place: Int) -> Depletion.Marks {
    guard place < thresholds[owner].count else { return Depletion.Marks() }
    let marks = thresholds[owner][place]
    return Depletion.Marks(
      softwareEnter: marks.softwareEnter ?? 0, softwareExit: marks.softwareExit ?? 0,
      hardwareEnter: marks.hardwareEnter ?? 0, hardwareExit: marks.hardwareExit ?? 0)
  }

  /// Writes an owner's runs into its entry.
  func describe(_ index: Int, in entry: inout EngineTables.OwnerEntry) {
    let runs = entries[index]
    entry.firstRange = runs.firstRange
    entry.rangeCount = runs.rangeCount
    entry.firstChannel = runs.firstChannel
    entry.portalChannelCount = runs.portalChannels
    entry.channelCount = runs.channelCount
    for role in roles[index] where role.role == .confirm {
      guard let range = role.queues.first else { continue }
      entry.confirmations = EngineTables.QueueRun(first: range.first.rawValue, count: range.count)
    }
    entry.errorQueue = roles[index].errorQueue?.rawValue ?? 0
  }

  /// Tells the queue manager the channels' numbers and the congestion groups' owners.
  func give(to qman: borrowing QueueManager, _ layout: ChannelLayout) {
    for (channel, index) in layout.all { qman.channels.base[index].number = channel.rawValue }
    for lane in layout.lanes { qman.channels.base[lane.index].number = lane.channel.rawValue }
    for (group, owner) in groups {
      qman.groups.base[Int(group)].give(to: owner, hasIndexedTargets: isRevision3)
    }
    for (group, told) in settings {
      qman.groups.base[Int(group.id.rawValue)].set(group.settings, told: told)
    }
  }

  /// Has an owner's congestion groups do what the plan says, whatever their owner made of them.
  func restoreGroups(of owner: Int, in qman: borrowing QueueManager) {
    for (group, holder) in groups where holder == owner {
      qman.groups.base[Int(group)].reset()
      for (setting, told) in settings where setting.id.rawValue == group {
        qman.groups.base[Int(group)].set(setting.settings, told: told)
      }
      qman.groups.base[Int(group)].updateState()
    }
  }
}

/// The channels that are used, numbered from 1; 0 is the channel that nobody serves.
struct ChannelLayout {
  private let indexes: [ChannelID: Int]
  /// The owners' ways into accelerators, behind the channels: several have the same number.
  let lanes: [Lane]

  /// An owner's way into an accelerator.
  struct Lane {
    var owner: Int
    var kind: AcceleratorKind
    var channel: ChannelID
    var weight: UInt32
    var index: Int
  }

  /// Lays out the channels of a configuration, and ways into those accelerators that there are.
  init(_ configuration: RuntimeConfiguration, accelerators: Set<AcceleratorKind> = []) {
    var indexes: [ChannelID: Int] = [:]
    func add(_ channel: ChannelID) { indexes[channel] = indexes[channel] ?? indexes.count + 1 }
    for owner in configuration.owners {
      for portal in owner.portals { add(ChannelID(UInt16(portal.rawValue))) }
    }
    for interface in configuration.interfaces {
      add(interface.transmitChannel)
      if let hop = interface.hop { add(hop.port.channel) }
    }
    for link in configuration.links { add(link.port.channel) }
    for (_, exit) in configuration.chainExits { add(exit.port.channel) }
    for grant in configuration.queueing.values {
      (grant.poolChannels.sorted() + grant.portChannels).forEach(add)
    }
    self.indexes = indexes
    var lanes: [Lane] = []
    for owner in configuration.owners.indices {
      for use in configuration.queueing[owner]?.accelerators ?? []
      where accelerators.contains(use.kind) {
        lanes.append(
          Lane(
            owner: owner, kind: use.kind, channel: use.channel, weight: use.weight,
            index: indexes.count + 1 + lanes.count))
      }
    }
    self.lanes = lanes
  }

  /// How many places a table of channels needs.
  var count: Int { indexes.count + lanes.count + 1 }
  /// Each channel and its place.
  var all: [ChannelID: Int] { indexes }

  func index(of channel: ChannelID) throws(EngineError) -> Int {
    guard let index = indexes[channel] else {
      throw .badConfiguration("no portal or port serves channel \(channel)")
    }
    return index
  }
}

extension GuestGrant.Pool {
  init(_ pool: PoolAssignment) {
    self.init(
      bpid: pool.bpid, base: pool.base, count: pool.bufferCount, size: pool.bufferSize,
      stride: pool.bufferStride)
  }
}
