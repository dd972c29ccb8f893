public import Diagnostics
import QorIQ

/// An object of a board that a question is about.
public enum PlanObject: Sendable, Hashable {
  /// A frame queue.
  case queue(UInt32)
  /// A software portal, and its dedicated channel.
  case portal(UInt32)
  /// A buffer pool.
  case pool(UInt32)
  /// A CPU.
  case cpu(UInt32)
  /// A channel of any kind.
  case channel(UInt32)
  /// A congestion group.
  case congestionGroup(UInt32)
  /// A LIODN offset.
  case liodnOffset(UInt32)
  /// A storage profile, of any frame manager that has it.
  case profile(UInt32)
  /// A line of the interrupt controller.
  case interrupt(UInt32)
  /// A byte of physical memory.
  case address(UInt64)

  /// The words that name kinds of objects, each with an example of its number.
  public static let kinds = [
    "queue", "portal", "pool", "bpid", "cpu", "channel", "congestion-group", "cgr", "liodn-offset",
    "profile", "interrupt", "address",
  ]

  /// The object of a kind and a number; `nil` when the kind is none.
  public init?(kind: String, number: UInt64) {
    if kind == "address" {
      self = .address(number)
      return
    }
    // Beyond 32 bits nothing has a number; the largest stands for all that nothing has.
    let number = UInt32(clamping: number)
    switch kind {
    case "queue", "fqid": self = .queue(number)
    case "portal": self = .portal(number)
    case "pool", "bpid": self = .pool(number)
    case "cpu": self = .cpu(number)
    case "channel": self = .channel(number)
    case "congestion-group", "cgr": self = .congestionGroup(number)
    case "liodn-offset": self = .liodnOffset(number)
    case "profile": self = .profile(number)
    case "interrupt": self = .interrupt(number)
    default: return nil
    }
  }
}

/// Why an object belongs to whom it belongs to: who claims it where, or what the planner chose, and
/// what it is used for.
public struct Reason: Sendable, Hashable {
  /// What was asked for: `queue 128`.
  public let object: String
  /// Whose it is; empty for nobody's.
  public private(set) var owners: [String] = []
  /// One sentence each without a full stop, with the place in the plan that says so.
  public private(set) var facts: [Note] = []
  /// What the planner noted about it.
  public private(set) var decisions: [Decision] = []

  /// The reason for an object.
  ///
  /// - Parameters:
  ///   - object: The object.
  ///   - partition: What was made of the plan.
  ///   - plan: The plan.
  ///   - origins: Where each claim of the plan was made.
  public init(for object: PlanObject, in partition: Partition, plan: Plan, origins: OriginMap) {
    var finder = ReasonFinder(partition: partition, plan: plan, origins: origins)
    self.object = finder.find(object)
    owners = finder.owners
    facts = finder.facts
    decisions = finder.decisions
  }

  /// The answer for people: whose it is, then why, each with its place.
  public var text: String {
    var text =
      owners.isEmpty
      ? "\(object) belongs to nobody\n" : "\(object) belongs to \(owners.joined(separator: ", "))\n"
    for fact in facts {
      text += "  \(fact.span.map { "\($0.location): " } ?? "")\(fact.message)\n"
    }
    for decision in decisions { text += "  planner: \(decision.subject): \(decision.message)\n" }
    return text
  }

  /// The same for programs.
  public var json: JSONValue {
    [
      "object": .string(object), "owners": .array(owners.map { .string($0) }),
      "facts": .array(
        facts.map { fact in
          [
            "message": .string(fact.message),
            "place": fact.span.map { .string($0.location) } ?? .null,
          ]
        }),
      "decisions": .array(
        decisions.map { ["subject": .string($0.subject), "message": .string($0.message)] }),
    ]
  }
}
