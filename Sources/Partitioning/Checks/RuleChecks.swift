import Diagnostics
import QorIQ

/// Checks of classification rules.
extension PartitionCheck {
  static let ruleEmpty = PartitionCheck(
    "rule-empty", .rules, "a rule has a condition",
    meaning: """
      A rule without a condition takes every frame, and no rule behind it is ever asked.
      """,
    repair: "use `otherwise` for what is left, or add a condition",
    source: "a decision of this project",
    example: .init(rules: ["{ when: {}, to: guest1 }"])
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      for (item, rule) in interface.rules.enumerated() where rule.conditions == [] {
        findings.add(
          "a rule of \(interface.name) has no condition",
          at: context.span(
            ClaimPath.ruleConditions(index, item)),
          fixIts: [FixIt("say what is left for whom with otherwise")])
      }
    }
  }

  static let ruleImpossible = PartitionCheck(
    "rule-impossible", .rules, severity: .warning, "a rule can match some frame",
    meaning: """
      A frame has an IPv4 header or an IPv6 header. A rule that asks for both takes a place in \
      the classifier and no frame.
      """,
    repair: "make two rules of it",
    source: "NXP fmc: the parser's result names one layer-3 protocol",
    example: .init(rules: ["{ when: {ipv4.src: 10.0.0.1, ipv6.dst: \"fd00::1\"}, to: guest1 }"])
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      for (item, rule) in interface.rules.enumerated() {
        let versions = Set((rule.conditions ?? []).compactMap(\.ipVersion))
        guard versions.count > 1 else { continue }
        findings.add(
          "no frame has IPv4 and IPv6 addresses at once, so this rule of \(interface.name) never "
            + "matches",
          at: context.span(ClaimPath.ruleConditions(index, item)),
          fixIts: [FixIt("make two rules of it")])
      }
    }
  }

  static let ruleUnreachable = PartitionCheck(
    "rule-unreachable", .rules, severity: .warning,
    "no earlier rule takes everything that a rule would take",
    after: ["rule-empty"],
    meaning: """
      The first rule that matches decides. What an earlier and wider rule takes never comes to \
      this one.
      """,
    repair: "put the narrower rule first",
    source: "NXP fmc: the first entry that matches decides",
    example: .init(rules: [
      "{ when: {ipv4.dst: 10.0.0.0/8}, to: guest1 }",
      "{ when: {ipv4.dst: 10.1.0.0/16, ip.proto: tcp}, to: host }",
    ])
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      var earlier = RuleShadows()
      for (item, rule) in interface.rules.enumerated() {
        guard let conditions = rule.conditions else { continue }
        // A rule that repeats another is reported as that.
        if let shadow = earlier.firstCovering(conditions),
          Set(interface.rules[shadow].conditions ?? []) != Set(conditions)
        {
          let what =
            interface.rules[shadow].drops
            ? "drops all of it" : "gives all of it to \(interface.rules[shadow].to ?? "another")"
          findings.add(
            "this rule of \(interface.name) takes nothing: an earlier one \(what)",
            at: context.span(ClaimPath.rule(index, item)),
            notes: [
              Note("this one comes first", at: context.span(ClaimPath.rule(index, shadow)))
            ],
            fixIts: [FixIt("put the narrower rule first, or remove it")])
        }
        earlier.add(conditions, index: item)
      }
    }
  }
}

/// The rules met so far, filed so that the first one that takes all of another is found by looking at
/// each shape once and not at each rule.
///
/// A shape is the fields that a rule compares and how many bits of each. Plans have a handful. One that
/// has thousands is made to cost time: rules of further shapes are passed over, which is missing a
/// warning at worst.
struct RuleShadows {
  private static let shapeLimit = 512

  private struct Shape: Hashable {
    /// A bit for each field.
    var fields: UInt16
    /// The bits that count, in the fields' order.
    var lengths: [UInt8]
  }

  /// A shape's rules by their conditions, in the fields' order.
  private var rules: [(shape: Shape, filed: [[MatchCondition]: Int])] = []
  private var places: [Shape: Int] = [:]

  mutating func add(_ conditions: [MatchCondition], index: Int) {
    let sorted = conditions.sorted { $0.field.rawValue < $1.field.rawValue }
    let fields = sorted.reduce(UInt16(0)) { $0 | $1.field.bit }
    // Two conditions for one field take nothing that one rule would, and parts of fields take less
    // than a shape says.
    guard fields.nonzeroBitCount == sorted.count else { return }
    let shape = Shape(fields: fields, lengths: sorted.map(\.prefixLength))
    guard let place = places[shape] else {
      guard rules.count < Self.shapeLimit else { return }
      places[shape] = rules.count
      return rules.append((shape, [sorted: index]))
    }
    if rules[place].filed[sorted] == nil { rules[place].filed[sorted] = index }
  }

  /// The first rule that takes everything that these conditions would.
  ///
  /// - Complexity: O(*s*) in the shapes met so far.
  func firstCovering(_ conditions: [MatchCondition]) -> Int? {
    let sorted = conditions.sorted { $0.field.rawValue < $1.field.rawValue }
    let fields = sorted.reduce(UInt16(0)) { $0 | $1.field.bit }
    var first: Int?
    for (shape, filed) in rules where shape.fields & ~fields == 0 {
      var cut: [MatchCondition] = []
      for condition in sorted where shape.fields & condition.field.bit != 0 {
        let length = cut.count < shape.lengths.count ? shape.lengths[cut.count] : .max
        guard condition.prefixLength >= length else { break }
        cut.append(condition.shortened(to: length))
      }
      guard cut.count == shape.lengths.count, let rule = filed[cut] else { continue }
      first = min(first ?? rule, rule)
    }
    return first
  }
}

extension MatchCondition {
  /// The fields that conditions look at.
  fileprivate enum Field: Int {
    case ethernetDestination, ethernetSource, etherType, vlan, ipv4Source, ipv4Destination
    case ipv6Source, ipv6Destination, ipProtocol, l4Source, l4Destination
    /// What is not filed: a part of a field, or bytes of the frame.
    case other

    var bit: UInt16 { self == .other ? 0 : 1 << UInt16(rawValue) }
  }

  fileprivate var field: Field {
    switch self {
    case .ethernetDestination: .ethernetDestination
    case .ethernetSource: .ethernetSource
    case .etherType: .etherType
    case .vlan: .vlan
    case .ipv4Source: .ipv4Source
    case .ipv4Destination: .ipv4Destination
    case .ipv6Source: .ipv6Source
    case .ipv6Destination: .ipv6Destination
    case .ipProtocol: .ipProtocol
    case .l4Source: .l4Source
    case .l4Destination: .l4Destination
    case .masked, .bytes: .other
    }
  }

  /// The bits that count; 255 for a field that is compared whole.
  var prefixLength: UInt8 {
    switch self {
    case .ipv4Source(let prefix), .ipv4Destination(let prefix): prefix.length
    case .ipv6Source(let prefix), .ipv6Destination(let prefix): prefix.length
    default: 255
    }
  }

  /// The condition with fewer bits that count.
  func shortened(to length: UInt8) -> MatchCondition {
    switch self {
    case .ipv4Source(let prefix):
      .ipv4Source(IPv4Prefix(address: prefix.address, length: length))
    case .ipv4Destination(let prefix):
      .ipv4Destination(IPv4Prefix(address: prefix.address, length: length))
    case .ipv6Source(let prefix):
      .ipv6Source(IPv6Prefix(high: prefix.high, low: prefix.low, length: length))
    case .ipv6Destination(let prefix):
      .ipv6Destination(IPv6Prefix(high: prefix.high, low: prefix.low, length: length))
    default: self
    }
  }

  /// The version of IP that an address is of.
  var ipVersion: Int? {
    switch self {
    case .ipv4Source, .ipv4Destination: 4
    case .ipv6Source, .ipv6Destination: 6
    default: nil
    }
  }
}
