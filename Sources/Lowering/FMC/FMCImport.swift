public import Diagnostics
import Documents
public import Partitioning
public import QorIQ

/// What a pair of FMC's files says in a plan's terms: for each port, rules in order, each with the
/// queues, the spread and the storage profile of what it takes.
///
/// ```swift
/// let found = FMCImport(board: board).read(configuration: first, policy: second, into: &bag)
/// ```
public struct FMCImport: Sendable {
  /// The board, whose ports' names are used.
  public var board: Board?

  /// Creates an importer; without a board ports are named as on every board.
  public init(board: Board? = nil) { self.board = board }

  /// Reads a pair of files. What has no form in a plan is left out and reported.
  ///
  /// - Returns: The ports in the configuration's order; `nil` after errors, those that
  ///   ``FMCLint`` finds among them.
  public func read(
    configuration: SourceFile, policy: SourceFile, into bag: inout DiagnosticBag
  ) -> [FMCImportedPort]? {
    var found = DiagnosticBag()
    let model = FMCLint(board: board)
      .model(configuration: configuration, policy: policy, into: &found)
    bag.add(contentsOf: found)
    guard let model, !found.hasErrors else { return nil }
    var ports: [FMCImportedPort] = []
    for engine in model.engines {
      let index = engine.name.value == "fm1" ? 1 : 0
      for port in engine.ports {
        guard let number = port.number?.value, let policy = model.policy(port.policy.value) else {
          continue
        }
        guard let name = name(of: port.type.value, number, engine: index) else {
          bag.warning(
            "fmc-inexpressible", "a plan has no ports of type \(port.type.value)", at: port.span)
          continue
        }
        var reader = FMCRuleReader(model: model)
        let rules = reader.rules(of: policy)
        bag.add(contentsOf: reader.bag)
        ports.append(
          FMCImportedPort(
            name: name, isOffline: port.type.value == "OFFLINE", fman: index, rules: rules))
      }
    }
    return ports
  }

  /// A port's name as boards have it, `fm1-10g0` for FMC's `MAC` 9 of `fm0`.
  private func name(of type: String, _ number: Int, engine: Int) -> String? {
    let fman = board?.fmans.first { $0.index == engine }
    switch type {
    case "MAC":
      if let port = fman?.interfaces.first(where: { fman?.fmcNumber(of: $0) == number }) {
        return port.name
      }
      return number >= 9 ? "fm\(engine + 1)-10g\(number - 9)" : "fm\(engine + 1)-gb\(number - 1)"
    case "10G": return self.name(of: "MAC", number + 9, engine: engine)
    case "1G": return self.name(of: "MAC", number + 1, engine: engine)
    case "OFFLINE":
      let port = fman?.offlinePorts.first { fman?.fmcNumber(of: $0) == number }
      return "fm\(engine + 1)-oh\(port.map { Int($0.port.rawValue) } ?? number + 1)"
    default: return nil
    }
  }
}

/// A port as it was found in FMC's files.
public struct FMCImportedPort: Sendable, Hashable {
  /// The name, `fm1-10g0` or `fm1-oh2`.
  public var name: String
  /// Whether it is an offline port.
  public var isOffline: Bool
  /// The frame manager's index from 0.
  public var fman: Int
  /// The rules in order; the last takes everything.
  public var rules: [FMCImportedRule]
}

/// A rule as it was found in FMC's files.
public struct FMCImportedRule: Sendable, Hashable {
  /// What must hold; empty for everything.
  public var conditions: [MatchCondition]
  /// What becomes of the frames.
  public var target: FMCTarget

  /// Creates a rule.
  public init(conditions: [MatchCondition], target: FMCTarget) {
    self.conditions = conditions
    self.target = target
  }
}

/// Where frames go.
public struct FMCTarget: Sendable, Hashable {
  /// The name in the files, without the number that dpaac puts in front.
  public var name: String
  /// The queues; a power of two on an aligned base.
  public var queues: QueueRange
  /// How frames are spread over the queues.
  public var spread: FlowRule.Spread?
  /// The storage profile's number in the port's window.
  public var profile: Int?
  /// The policer that frames pass.
  public var policer: PolicerWish?

  /// Where frames are dropped.
  public static let drop = FMCTarget(
    name: Plan.dropName, queues: QueueRange(first: 0, count: 1))

  /// Creates a destination.
  public init(
    name: String, queues: QueueRange, spread: FlowRule.Spread? = nil, profile: Int? = nil,
    policer: PolicerWish? = nil
  ) {
    self.name = name
    self.queues = queues
    self.spread = spread
    self.profile = profile
    self.policer = policer
  }
}
