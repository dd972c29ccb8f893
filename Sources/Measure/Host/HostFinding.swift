public import Diagnostics

/// What this host has of one thing that dpaac needs or could use.
public struct HostFinding: Sendable, Hashable {
  /// How far it can be used.
  public enum Verdict: String, Sendable, Hashable {
    /// As it is.
    case yes
    /// With a loss that the finding names.
    case partly
    /// Not at all.
    case no
  }

  /// The thing's name, as `--require` takes it.
  public let name: String
  /// What it is for.
  public let purpose: String
  /// Whether it can be used.
  public let verdict: Verdict
  /// What was seen.
  public let reason: String
  /// What to do about it; `nil` when nothing is to be done.
  public let advice: String?

  init(
    _ name: String, for purpose: String, _ verdict: Verdict, _ reason: String,
    advice: String? = nil
  ) {
    self.name = name
    self.purpose = purpose
    self.verdict = verdict
    self.reason = reason
    self.advice = verdict == .yes ? nil : advice
  }
}

/// Everything that was found out about a host.
public struct HostReport: Sendable, Hashable {
  /// The findings, in the order of ``HostCheck/all``.
  public let findings: [HostFinding]

  /// Looks at a host.
  public init(_ view: HostView = HostView()) {
    findings = HostCheck.all.map { $0.look(view) }
  }

  /// Which of these things are not there as they should be.
  public func missing(_ names: [String]) -> [HostFinding] {
    findings.filter { names.contains($0.name) && $0.verdict != .yes }
  }

  /// A table, then what to do.
  public var text: String {
    var table = TextTable([
      ("name", .left), ("here", .left), ("for", .left), ("seen", .left),
    ])
    for finding in findings {
      table.add([finding.name, finding.verdict.rawValue, finding.purpose, finding.reason])
    }
    let advices = findings.compactMap { finding in
      finding.advice.map { "  \(finding.name): \($0)\n" }
    }
    guard !advices.isEmpty else { return table.text }
    return table.text + "\nWhat to do, where it is wanted:\n" + advices.joined()
  }

  /// The findings for programs.
  public var json: JSONValue {
    [
      "findings": .array(
        findings.map {
          [
            "name": .string($0.name), "verdict": .string($0.verdict.rawValue),
            "purpose": .string($0.purpose), "reason": .string($0.reason),
            "advice": $0.advice.map { .string($0) } ?? .null,
          ]
        })
    ]
  }
}

/// A thing that is looked for.
public struct HostCheck: Sendable {
  /// Its name.
  public let name: String
  private let purpose: String
  private let judge: @Sendable (HostView) -> Judgement

  /// What a look came to.
  struct Judgement {
    var verdict: HostFinding.Verdict
    var reason: String
    var advice: String?

    static func yes(_ reason: String) -> Judgement { Judgement(verdict: .yes, reason: reason) }
    static func partly(_ reason: String, _ advice: String) -> Judgement {
      Judgement(verdict: .partly, reason: reason, advice: advice)
    }
    static func no(_ reason: String, _ advice: String) -> Judgement {
      Judgement(verdict: .no, reason: reason, advice: advice)
    }
  }

  init(
    _ name: String, for purpose: String, _ judge: @escaping @Sendable (HostView) -> Judgement
  ) {
    self.name = name
    self.purpose = purpose
    self.judge = judge
  }

  /// Looks for it.
  public func look(_ view: HostView) -> HostFinding {
    let judgement = judge(view)
    return HostFinding(
      name, for: purpose, judgement.verdict, judgement.reason, advice: judgement.advice)
  }

  /// All of them.
  public static let all = processors + machines + packets + accelerators + hardware
}
