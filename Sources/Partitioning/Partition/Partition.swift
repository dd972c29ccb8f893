public import QorIQ

/// A board divided among its owners, proved sound.
///
/// There is no public initialiser: a `Partition` comes only out of ``Planner`` after every check
/// has passed, so what holds one need not check again. The same value feeds generation and the
/// runtime: what was checked is what is generated is what runs.
public struct Partition: Sendable, Hashable {
  /// The plan's name: its file's name without the ending.
  public let name: String
  /// The board that is divided.
  public let board: Board
  /// Who owns what, the host first, then in the plan's order.
  public let owners: [Owner]
  /// The network interfaces that are used, in the plan's order.
  public let interfaces: [SharedInterface]
  /// The software-to-software links, one for each direction.
  public let links: [Link]
  /// What the planner chose by itself, and why, in the order it chose.
  public let decisions: [Decision]
  /// What each owner has beside what the runtime needs, in the order of the owners.
  public let resources: [OwnerResources]
  /// What the plan says of the ports of interfaces, in the order of the interfaces.
  public let ports: [PortSettings]
  /// The policers that rules name, by frame manager.
  public let policers: [PolicerProfile]
  /// Memory that several owners see.
  public let sharedMemory: [SharedMemory]
  /// What others than the owners have.
  public let reservations: [ReservationWish]

  init(
    name: String, board: Board, owners: [Owner], interfaces: [SharedInterface], links: [Link],
    decisions: [Decision], resources: [OwnerResources]? = nil, ports: [PortSettings]? = nil,
    policers: [PolicerProfile] = [], sharedMemory: [SharedMemory] = [],
    reservations: [ReservationWish] = []
  ) {
    self.name = name
    self.board = board
    self.owners = owners
    self.interfaces = interfaces
    self.links = links
    self.decisions = decisions
    self.resources = resources ?? owners.map { _ in OwnerResources() }
    self.ports = ports ?? interfaces.map { _ in PortSettings() }
    self.policers = policers
    self.sharedMemory = sharedMemory
    self.reservations = reservations
  }

  /// The index of the owner of this name.
  public func ownerIndex(named name: String) -> Int? { owners.firstIndex { $0.name == name } }

  /// The partition with other programs that do the same as its own: what was proved of it holds for them, too.
  ///
  /// - Parameter programs: The programs, in the order of the owners.
  /// - Returns: The partition with those.
  public func running(_ programs: [GuestProgram]) -> Partition {
    precondition(programs.count == owners.count, "every owner has a program")
    let others = zip(owners, programs).map { owner, program -> Owner in
      var owner = owner
      owner.program = program
      return owner
    }
    return Partition(
      name: name, board: board, owners: others, interfaces: interfaces, links: links,
      decisions: decisions, resources: resources, ports: ports, policers: policers,
      sharedMemory: sharedMemory, reservations: reservations)
  }
}

/// Something the planner chose because the plan left it open, or what a wish costs on this board.
public struct Decision: Sendable, Hashable {
  /// What it is about, for example `guest1` or `fm1-10g0`.
  public let subject: String
  /// One sentence without a full stop.
  public let message: String
  /// Creates a decision.
  public init(_ subject: String, _ message: String) {
    self.subject = subject
    self.message = message
  }
}
