import DPAAPortal
public import Partitioning
public import QorIQ

/// All that the runtime needs of a partition, as a value that a program can also write itself.
///
/// `RuntimeConfiguration(partition)` is what `dpaac run` uses; the generated Swift package spells
/// the same value out, and a test compares the two.
public struct RuntimeConfiguration: Sendable, Hashable {
  /// The plan's name.
  public var name: String
  /// The owners, the host first.
  public var owners: [Owner]
  /// The network interfaces and their rules.
  public var interfaces: [SharedInterface]
  /// The software-to-software links, one for each direction.
  public var links: [Link]
  /// The policers and the rules that they police; a rule has one at most.
  public var policers: [PolicerProfile]

  /// What owners may use of the managers beside portals, queues and pools, by the owner's place; who is not
  /// named has nothing more.
  public var queueing: [Int: QueueingGrant]
  /// What the plan says of the interfaces' ports, in the order of the interfaces; those behind the last
  /// take frames of any length.
  public var ports: [PortSettings]
  /// Whether all owners do what a measurement orders, whatever their programs.
  public var isMeasured = false
  /// How many processors the engine and guests have; `nil` where there are enough for all.
  public var processors: Int?

  /// Creates a configuration from its parts; ``Engine`` refuses what does not fit together.
  public init(
    name: String, owners: [Owner], interfaces: [SharedInterface], links: [Link],
    policers: [PolicerProfile] = [], queueing: [Int: QueueingGrant] = [:],
    ports: [PortSettings] = []
  ) {
    self.name = name
    self.owners = owners
    self.interfaces = interfaces
    self.links = links
    self.policers = policers
    self.queueing = queueing
    self.ports = ports
  }

  /// Parts of QMan and BMan that one owner has for itself.
  public struct QueueingGrant: Sendable, Hashable {
    /// Pool channels: all portals of the owner may serve them.
    public var poolChannels: [ChannelID]
    /// Congestion groups.
    public var congestionGroups: [UInt8]
    /// The marks at which its pools are depleted, in the order of its pools; pools behind the last
    /// one have none.
    public var poolThresholds: [PoolThresholds]
    /// Channels of transmit ports that are the owner's alone.
    public var portChannels: [ChannelID]
    /// What its congestion groups count and do; one that is not named does nothing until its owner
    /// says what.
    public var groupSettings: [Partitioning.CongestionGroup]
    /// How the queues of its paths are served, in the order of its paths; those of paths behind the
    /// last one are served alike and count in no group.
    public var pathQualities: [PathQuality]
    /// Its queues for confirmations and for frames with errors.
    public var roles: [RoleQueues]
    /// The accelerators that it uses, over queues of its own.
    public var accelerators: [AcceleratorUse]
    /// The chains through them.
    public var chains: [DeviceChain]

    /// Creates a grant.
    public init(
      poolChannels: [ChannelID] = [], congestionGroups: [UInt8] = [],
      poolThresholds: [PoolThresholds] = [], portChannels: [ChannelID] = [],
      groupSettings: [Partitioning.CongestionGroup] = [], pathQualities: [PathQuality] = [],
      roles: [RoleQueues] = [], accelerators: [AcceleratorUse] = [], chains: [DeviceChain] = []
    ) {
      self.poolChannels = poolChannels
      self.congestionGroups = congestionGroups
      self.poolThresholds = poolThresholds
      self.portChannels = portChannels
      self.groupSettings = groupSettings
      self.pathQualities = pathQualities
      self.roles = roles
      self.accelerators = accelerators
      self.chains = chains
    }

    /// What a plan gives to an owner.
    public init(_ resources: OwnerResources, of owner: Owner) {
      self.init(
        poolChannels: resources.poolChannels,
        congestionGroups: resources.congestionGroups.map(\.id.rawValue),
        poolThresholds: resources.poolThresholds(of: owner),
        groupSettings: resources.congestionGroups, pathQualities: resources.pathQualities,
        roles: resources.portRoles, accelerators: resources.accelerators,
        chains: resources.chains)
    }
  }

  /// The configuration of a proved partition.
  public init(_ partition: Partition) {
    var queueing: [Int: QueueingGrant] = [:]
    for (index, owner) in partition.owners.enumerated() {
      queueing[index] = QueueingGrant(partition.resources[index], of: owner)
    }
    self.init(
      name: partition.name, owners: partition.owners, interfaces: partition.interfaces,
      links: partition.links, policers: partition.policers, queueing: queueing,
      ports: partition.ports)
  }
}

extension RuntimeConfiguration {
  /// How an owner's queues of a path are served, if anything is said of that.
  func quality(ofPath place: Int, of owner: Int) -> PathQuality? {
    guard let qualities = queueing[owner]?.pathQualities, qualities.indices.contains(place) else {
      return nil
    }
    return qualities[place]
  }

  /// The longest frame that an interface receives, without check sequence: its payload with the header
  /// and a tag (Linux 6.1, `dpaa_eth.c`, `dpaa_get_max_mtu`).
  func longestFrame(ofInterface index: Int) -> Int {
    ports.indices.contains(index) ? Int(ports[index].mtu) + 18 : Int(Int32.max)
  }
}

extension SharedInterface {
  /// Whose error queue, if there is one, takes frames that were received with an error.
  var errorOwner: Int {
    // The receive port has no other's buffers.
    if let hop { return hop.receivingOwner }
    // Who is charged with what no rule wants has no part in the port: faults go to who takes the rest.
    return (rules.last { !$0.isDropped } ?? rules.last)?.owner ?? 0
  }
}

extension [RoleQueues] {
  /// The queue for frames that a port could not send or receive rightly.
  var errorQueue: FQID? { last { $0.role == .error && !$0.queues.isEmpty }?.queues.first?.first }
}

extension QueueRole {
  /// Context B of the queues into which ports put more than what arrives.
  var context: UInt32 {
    switch self {
    case .confirm: FrameOrigin.confirmedContext
    case .error: FrameOrigin.failedContext
    default: 0
    }
  }
}
