public import QorIQ

/// What the planner chose the last time, so that a plan that grows moves nobody.
///
/// A lock is no plan: what it holds is taken where the plan leaves a choice, and only while it is
/// still free and of the right kind. ``init(_:)`` makes it of a partition, ``text`` writes it.
public struct PlanLock: Sendable, Hashable {
  /// The version of the format.
  public static let version: UInt64 = 1

  /// The board that it was made for.
  public var board: String
  /// The partitions in their order.
  public var partitions: [Entry]
  /// Storage profiles and detours by interface.
  public var interfaces: [InterfaceEntry]
  /// The offline port of each direction of a link, and of each chain that ends at an interface.
  public var links: [LinkEntry]
  /// Where shared memory begins, by name.
  public var sharedMemory: [String: UInt64]
  /// The policers' profiles.
  public var policers: [PolicerEntry]

  /// A partition's choices; what is empty says nothing.
  public struct Entry: Sendable, Hashable {
    /// The partition.
    public var name: String
    /// CPUs.
    public var cpus: [UInt32] = []
    /// Memory.
    public var memory: AddressRange?
    /// Portals.
    public var portals: [UInt32] = []
    /// Frame queues.
    public var queues: [QueueRange] = []
    /// Pools, in the plan's order.
    public var pools: [UInt32] = []
    /// Pool channels.
    public var poolChannels: [UInt32] = []
    /// Congestion groups, in the plan's order.
    public var congestionGroups: [UInt32] = []
    /// The LIODN offset.
    public var liodnOffset: UInt32?
    /// The queues of each path.
    public var paths: [PathEntry] = []
    /// The queues to offline ports, by interface.
    public var hops: [String: UInt32] = [:]
    /// The queues of roles beside paths.
    public var roles: [QueueRole: [QueueRange]] = [:]

    /// Creates an entry that says nothing.
    public init(name: String) { self.name = name }
  }

  /// A path's queues and channels.
  public struct PathEntry: Sendable, Hashable {
    /// The interface's or peer's name.
    public var name: String
    /// The receive queues.
    public var receive: QueueRange
    /// The transmit queue.
    public var transmit: UInt32
    /// The channels that serve the receive queues.
    public var channels: [UInt32]
    /// Creates an entry.
    public init(name: String, receive: QueueRange, transmit: UInt32, channels: [UInt32]) {
      self.name = name
      self.receive = receive
      self.transmit = transmit
      self.channels = channels
    }
  }

  /// An interface's choices.
  public struct InterfaceEntry: Sendable, Hashable {
    /// The interface.
    public var name: String
    /// Storage profiles by owner, ascending by profile.
    public var profiles: [(owner: String, profile: UInt32)] { pairs.map { ($0.name, $0.number) } }
    var pairs: [NamedNumber]
    /// The offline port of its detour: `fm1-oh2`.
    public var offlinePort: String?
    /// Creates an entry.
    public init(name: String, profiles: [(owner: String, profile: UInt32)], offlinePort: String?) {
      self.name = name
      pairs = profiles.map { NamedNumber(name: $0.owner, number: $0.profile) }
      self.offlinePort = offlinePort
    }
  }

  struct NamedNumber: Sendable, Hashable {
    var name: String
    var number: UInt32
  }

  /// A link's direction.
  public struct LinkEntry: Sendable, Hashable {
    /// Sender and receiver: `host>guest1`; or an owner and its chain: `guest1/out`.
    public var name: String
    /// Its offline port: `fm1-oh2`.
    public var offlinePort: String
    /// Creates an entry.
    public init(name: String, offlinePort: String) {
      self.name = name
      self.offlinePort = offlinePort
    }
  }

  /// A policer's profile in one frame manager.
  public struct PolicerEntry: Sendable, Hashable {
    /// The policer and the frame manager: `fm1-gold`.
    public var name: String
    /// The profile.
    public var profile: UInt32
    /// Creates an entry.
    public init(name: String, profile: UInt32) {
      self.name = name
      self.profile = profile
    }
  }

  /// Creates a lock.
  public init(
    board: String = "", partitions: [Entry] = [], interfaces: [InterfaceEntry] = [],
    links: [LinkEntry] = [], sharedMemory: [String: UInt64] = [:], policers: [PolicerEntry] = []
  ) {
    self.board = board
    self.partitions = partitions
    self.interfaces = interfaces
    self.links = links
    self.sharedMemory = sharedMemory
    self.policers = policers
  }

  /// The choices of a partition.
  public init(_ partition: Partition) {
    let names = partition.owners.map(\.name)
    self.init(
      board: partition.board.name,
      partitions: zip(partition.owners, partition.resources).map { owner, resources in
        Entry(owner, resources, hops: Self.hops(of: owner.name, in: partition))
      },
      interfaces: partition.interfaces.map { interface in
        var profiles: [(String, UInt32)] = []
        for share in interface.rules.flatMap(\.shares) {
          guard let profile = share.storageProfile, !profiles.contains(where: { $0.1 == profile })
          else { continue }
          profiles.append((names[share.owner], UInt32(profile)))
        }
        var port: String?
        if let hop = interface.hop {
          port = OfflinePortPicker.Place(fman: hop.fman, port: hop.port).description
        }
        return InterfaceEntry(
          name: interface.name, profiles: profiles.sorted { $0.1 < $1.1 }, offlinePort: port)
      },
      links: partition.links.map { link in
        LinkEntry(
          name: Self.linkName(from: names[link.from], to: names[link.to]),
          offlinePort: OfflinePortPicker.Place(fman: link.fman, port: link.port).description)
      } + Self.exits(of: partition),
      sharedMemory: Dictionary(
        uniqueKeysWithValues: partition.sharedMemory.map { ($0.name, $0.memory.base) }),
      policers: partition.policers.map {
        PolicerEntry(name: "fm\($0.fman + 1)-\($0.settings.name)", profile: UInt32($0.profile))
      })
  }

  /// The name of a link's direction. Between the two stands what no name has: with a hyphen there,
  /// `a-b` to `c` and `a` to `b-c` would be one.
  package static func linkName(from sender: String, to receiver: String) -> String {
    "\(sender)>\(receiver)"
  }

  /// The offline ports of chains, by owner and chain.
  private static func exits(of partition: Partition) -> [LinkEntry] {
    zip(partition.owners, partition.resources).flatMap { owner, resources in
      resources.chains.compactMap { chain in
        chain.exit.map { exit in
          LinkEntry(
            name: "\(owner.name)/\(chain.name)",
            offlinePort: OfflinePortPicker.Place(fman: exit.fman, port: exit.port).description)
        }
      }
    }
  }

  private static func hops(of owner: String, in partition: Partition) -> [String: UInt32] {
    var hops: [String: UInt32] = [:]
    for interface in partition.interfaces {
      if let hop = interface.hop,
        partition.owners[hop.receivingOwner].name == owner
      {
        hops[interface.name] = hop.queue.rawValue
      }
    }
    return hops
  }

  /// In what another lock differs, in a few words for each.
  package func differences(from other: PlanLock) -> [String] {
    guard board == other.board else {
      return ["it was made for \(board), and this is \(other.board)"]
    }
    let mine = entries
    let names = Set(other.partitions.map(\.name))
    var reasons: [String] = []
    func add(_ items: [String], _ one: String, _ many: String) {
      guard let first = items.first else { return }
      let rest = items.count > 3 ? " and \(items.count - 3) more" : ""
      reasons.append(
        items.count == 1
          ? "\(first) \(one)" : "\(items.prefix(3).joined(separator: ", "))\(rest) \(many)")
    }
    add(other.partitions.map(\.name).filter { mine[$0] == nil }, "is new", "are new")
    add(partitions.map(\.name).filter { !names.contains($0) }, "is gone", "are gone")
    add(
      other.partitions.filter { mine[$0.name] != nil && mine[$0.name] != $0 }.map(\.name),
      "has changed", "have changed")
    if reasons.isEmpty, self != other { reasons.append("ports or profiles have changed") }
    return reasons
  }

  /// The choices by partition.
  var entries: [String: Entry] {
    Dictionary(partitions.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }
}

extension PlanLock.Entry {
  fileprivate init(_ owner: Owner, _ resources: OwnerResources, hops: [String: UInt32]) {
    self.init(name: owner.name)
    cpus = owner.cpus.map { UInt32($0.rawValue) }
    memory = owner.memory
    portals = owner.portals.map { UInt32($0.rawValue) }
    queues = owner.queues
    pools = resources.pools.map { UInt32($0.bpid.rawValue) }
    poolChannels = resources.poolChannels.map { UInt32($0.rawValue) }
    congestionGroups = resources.congestionGroups.map { UInt32($0.id.rawValue) }
    liodnOffset = UInt32(owner.liodnOffset)
    paths = owner.paths.map {
      PlanLock.PathEntry(
        name: $0.name, receive: $0.receive, transmit: $0.transmit.rawValue,
        channels: $0.channels.map { UInt32($0.rawValue) })
    }
    self.hops = hops
    for role in resources.roles { roles[role.role] = role.queues }
    for use in resources.accelerators {
      let (request, response) = use.kind.roles
      roles[request] = use.requests.map { QueueRange(first: $0, count: 1) }
      roles[response] = use.responses.map { QueueRange(first: $0, count: 1) }
    }
    if !resources.chains.isEmpty {
      roles[.chainRequest] = resources.chains.map { QueueRange(first: $0.request, count: 1) }
      roles[.chainResponse] = resources.chains.map { QueueRange(first: $0.response, count: 1) }
    }
  }
}

extension AcceleratorKind {
  /// The roles of its requests and responses.
  public var roles: (request: QueueRole, response: QueueRole) {
    switch self {
    case .sec: (.securityRequest, .securityResponse)
    case .pme: (.patternRequest, .patternResponse)
    }
  }
}
