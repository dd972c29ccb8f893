/// A proof at a glance: who answers for each way from one owner to another.
public struct IsolationMatrix: Sendable {
  /// Who answers for a way, as a letter.
  public enum Keeper: Character, Sendable, Hashable, CaseIterable {
    /// Hardware.
    case hardware = "H"
    /// Software other than the actor's.
    case software = "S"
    /// The actor's own program or kernel.
    case program = "P"
    /// Nobody, because the plan wants it so.
    case wanted = "W"
    /// Nobody.
    case nobody = "!"

    /// The word for it in tables and for programs.
    public var name: String {
      switch self {
      case .hardware: "hardware"
      case .software: "software"
      case .program: "its own software"
      case .wanted: "the plan"
      case .nobody: "nobody"
      }
    }

    /// What the letter means, without a full stop.
    public var meaning: String {
      switch self {
      case .hardware: "guarded by hardware, whatever the guest does"
      case .software: "guarded by software that is not the guest's"
      case .program: "kept by the guest's own program or kernel"
      case .wanted: "open because the plan wants it so"
      case .nobody: "guarded by nobody"
      }
    }
  }

  /// Who could reach, as indices of owners, ascending.
  public let actors: [Int]
  /// Who could be reached, as indices of owners, ascending.
  public let victims: [Int]
  private let pairs: [[Int]: [IsolationPath]]

  /// Creates the matrix of a proof.
  public init(_ proof: IsolationProof) {
    actors = Set(proof.paths.map(\.actor)).sorted()
    victims = Set(proof.paths.map(\.victim)).sorted()
    pairs = Dictionary(grouping: proof.paths) { [$0.actor, $0.victim] }
  }

  /// The ways from one owner to another, in the order of the ways.
  public func paths(from actor: Int, to victim: Int) -> [IsolationPath] {
    pairs[[actor, victim]] ?? []
  }

  /// How many ways somebody answers for.
  public func count(_ keeper: Keeper) -> Int {
    pairs.values.reduce(0) { $0 + $1.count { $0.barrier.keeper == keeper } }
  }

  /// How many ways there are.
  public var pathCount: Int { pairs.values.reduce(0) { $0 + $1.count } }

  /// The letters from one owner to another with their numbers, `6H 3P`; empty without a way.
  public func summary(from actor: Int, to victim: Int) -> String {
    let own = paths(from: actor, to: victim).map(\.barrier.keeper)
    return Keeper.allCases.compactMap { keeper in
      let count = own.count { $0 == keeper }
      return count == 0 ? nil : "\(count)\(keeper.rawValue)"
    }.joined(separator: " ")
  }
}
