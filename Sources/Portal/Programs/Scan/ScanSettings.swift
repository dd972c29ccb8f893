/// What a guest that filters by PME is told.
public struct ScanSettings: Sendable, Hashable {
  /// What becomes of a frame in which a group's pattern was found.
  public enum Action: UInt8, Sendable, Hashable, CaseIterable {
    /// It is dropped, and with it all that follows in its flow.
    case drop = 0
    /// It is counted and goes on.
    case count
    /// It goes to ``ScanSettings/divert`` instead, and with it all that follows in its flow.
    case divert
  }

  /// A group of patterns.
  public struct Group: Sendable, Hashable {
    /// The number of its set.
    public var set: UInt8
    /// What becomes of frames.
    public var action: Action
    /// Creates a group.
    public init(set: UInt8, action: Action) {
      self.set = set
      self.action = action
    }
  }

  /// A chain that has PME look through frames of one of the ways for the first group before the filter gets them.
  public struct Chain: Sendable, Hashable {
    /// Its place in ``GuestGrant/chains``.
    public var place: Int
    /// The way that its frames come on.
    public var way: Int
    /// Creates a chain.
    public init(place: Int, way: Int) {
      self.place = place
      self.way = way
    }
  }

  /// The two ways between which it stands, by their places in ``GuestGrant/paths``.
  public var ways: [Int]
  /// The groups, in the order in which they are looked for.
  public var groups: [Group]
  /// Whether the payload is looked through and not the whole frame.
  public var startsAtPayload: Bool
  /// Whether TCP is looked through as streams: each flow and group takes a pair of queues.
  public var keepsStreams: Bool
  /// After so many seconds without a frame a flow's place may be another's.
  public var idleSeconds: UInt32
  /// Whether what cannot be looked through goes on all the same.
  public var failsOpen: Bool
  /// The way of what is diverted.
  public var divert: Int?
  /// The chains through PME, whose frames stand for themselves and are looked through whole.
  public var chains: [Chain]

  /// Creates settings.
  public init(
    ways: [Int], groups: [Group], startsAtPayload: Bool, keepsStreams: Bool, idleSeconds: UInt32,
    failsOpen: Bool, divert: Int? = nil, chains: [Chain] = []
  ) {
    self.ways = ways
    self.groups = groups
    self.startsAtPayload = startsAtPayload
    self.keepsStreams = keepsStreams
    self.idleSeconds = idleSeconds
    self.failsOpen = failsOpen
    self.divert = divert
    self.chains = chains
  }

  /// Whether they do not contradict themselves, for a guest with such ways and chains.
  func isSound(pathCount: Int, chains known: [GuestGrant.Chain]) -> Bool {
    let used = ways + (divert.map { [$0] } ?? [])
    let areChainsKnown = chains.allSatisfy {
      ways.contains($0.way) && known.has($0.place, by: .patterns)
    }
    return areChainsKnown && ways.count == 2 && ways[0] != ways[1]
      && used.allSatisfy { (0..<pathCount).contains($0) }
      && (1...Self.mostGroups).contains(groups.count)
      && (divert != nil || !groups.contains { $0.action == .divert })
      && (startsAtPayload || !keepsStreams)
  }

  /// As many groups as a partition has.
  static let mostGroups = 16
}
