import Partitioning
public import QorIQ

/// A plan's interfaces and the queues of its partitions, as FMC's files have them.
///
/// What FMC does not know, CPUs, memory, portals and pools, is for the plan's writer to add.
public struct FMCPlanFragment {
  private let ports: [FMCImportedPort]
  private let board: Board?
  /// The files' names, for the first line.
  private let sources: [String]
  /// What the plan calls each policer.
  private let policerNames: [String: String]

  /// Creates the fragment of a plan for some ports.
  public init(_ ports: [FMCImportedPort], board: Board?, sources: [String]) {
    self.ports = ports
    self.board = board
    self.sources = sources
    policerNames = Self.names(of: ports.flatMap(\.rules).compactMap(\.target.policer))
  }

  /// The ports with a name on a wire; each with the rules of the offline port behind it.
  ///
  /// FMan v2 has pools for a port only, so frames for other pools pass through an offline port that
  /// classifies them once more, by the same rules (see `Delivery` in dpaac's model). Where such a
  /// pair is found, the offline port's destinations are the plan's.
  private var interfaces: [FMCImportedPort] {
    ports.filter { !$0.isOffline }.map { port in
      let conditions = port.rules.map { Set($0.conditions) }
      let behind = ports.first {
        $0.isOffline && $0.rules.count > 1 && $0.rules.map { Set($0.conditions) } == conditions
      }
      guard let behind else { return port }
      var joined = port
      let own = Set(behind.rules.map(\.target))
      for index in port.rules.indices where !own.contains(port.rules[index].target) {
        joined.rules[index].target = behind.rules[index].target
      }
      return joined
    }
  }

  /// The fragment as YAML.
  public func yaml() -> String {
    let interfaces = interfaces
    let names = YAMLText.comment(sources.joined(separator: " and "))
    var text = "# Imported by dpaac from \(names).\n"
    text += "# Give each partition its cpus, memory, portals and pools: FMC does not know them.\n"
    if let board { text += "board: \(board.name)\n" }
    text += "\npartitions:\n"
    for (name, ranges) in partitions(interfaces) {
      text += "  \(name): { queues: [\(ranges.map(\.description).joined(separator: ", "))] }\n"
    }
    text += policers(interfaces)
    text += "\ninterfaces:\n"
    for port in interfaces {
      text += "  \(port.name):\n"
      let rules = port.rules.filter { !$0.conditions.isEmpty }
      if !rules.isEmpty { text += "    rules:\n" }
      for rule in rules {
        let when = rule.conditions.map(Self.yaml).joined(separator: ", ")
        let spread = rule.target.spread.map { ", spread: \(Self.yaml($0))" } ?? ""
        let policer = rule.target.policer.map { ", policer: \(name(of: $0))" } ?? ""
        let to = Self.partition(rule.target)
        text += "      - { when: {\(when)}, to: \(to)\(spread)\(policer) }\n"
      }
      if let last = port.rules.last(where: { $0.conditions.isEmpty }) {
        text += "    otherwise: \(Self.partition(last.target))\n"
        if let policer = last.target.policer {
          // A plan names it for the interface, and so for rules that name none of their own.
          let isForAll = rules.allSatisfy { $0.target.policer != nil }
          text += "    \(isForAll ? "" : "# ")policer: \(name(of: policer))\n"
        }
      }
    }
    return text
  }

  /// The section with the policers that rules name; empty without any.
  private func policers(_ ports: [FMCImportedPort]) -> String {
    var text = ""
    var seen: Set<String> = []
    for policer in ports.flatMap(\.rules).compactMap(\.target.policer)
    where seen.insert(policer.name).inserted {
      let (rate, burst) =
        policer.counting == .bytes ? (" bit/s", "") : (" frames/s", " frames")
      text += "  \(name(of: policer)):\n"
      text += "    algorithm: \(policer.algorithm.rawValue)\n"
      text += "    count: \(policer.counting.rawValue)\n"
      text += "    committed-rate: \(policer.committedRate)\(rate)\n"
      text += "    committed-burst: \(policer.committedBurst)\(burst)\n"
      text += "    excess-rate: \(policer.excessRate)\(rate)\n"
      text += "    excess-burst: \(policer.excessBurst)\(burst)\n"
      text += "    colour-aware: \(policer.isColourAware ? "yes" : "no")\n"
      let drops = FrameColour.allCases.filter(policer.drops.contains).map(\.rawValue)
      text += "    drop: [\(drops.joined(separator: ", "))]\n"
    }
    return text.isEmpty ? "" : "\npolicers:\n" + text
  }

  /// The destinations' names with their queues, in the order met.
  private func partitions(_ ports: [FMCImportedPort]) -> [(String, [QueueRange])] {
    var names: [String] = []
    var ranges: [String: [QueueRange]] = [:]
    for target in ports.flatMap(\.rules).map(\.target) where target != .drop {
      let name = Self.partition(target)
      if ranges[name] == nil { names.append(name) }
      let known = ranges[name, default: []]
      if !known.contains(where: { $0.contains(target.queues) }) {
        ranges[name] = known.filter { !target.queues.contains($0) } + [target.queues]
      }
    }
    return names.map { name in
      (name, (ranges[name] ?? []).sorted { $0.first < $1.first })
    }
  }

  /// A destination's name as a partition may have it.
  private static func partition(_ target: FMCTarget) -> String {
    plain(target.name.replacing("_", with: "-"))
  }

  private func name(of policer: PolicerWish) -> String {
    guard let name = policerNames[policer.name] else { preconditionFailure("each has a name") }
    return name
  }

  /// A name for each policer by the one that FMC has for it: two of FMC's may be alike as a plan may have them.
  private static func names(of policers: [PolicerWish]) -> [String: String] {
    var names: [String: String] = [:]
    var taken: Set<String> = []
    var counts: [String: Int] = [:]
    for policer in policers where names[policer.name] == nil {
      let plain = plain(policer.name)
      var name = plain
      while !taken.insert(name).inserted {
        counts[plain, default: 1] += 1
        name = "\(plain)-\(counts[plain, default: 1])"
      }
      names[policer.name] = name
    }
    return names
  }

  /// A name as a plan may have it: FMC takes any text for one.
  private static func plain(_ text: String) -> String {
    let name = text.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") ? $0 : "-" }
    guard let first = name.first, first.isLetter else { return "p" + String(name) }
    return String(name)
  }

  private static func yaml(_ spread: FlowRule.Spread) -> String {
    guard case .key(let key) = spread else { return spread.planText }
    let fields = key.fields.map(\.rawValue).joined(separator: ", ")
    let bytes = key.bytes.map { "{at: \($0.offset), size: \($0.count)}" }
    return "{fields: [\(fields)]"
      + (bytes.isEmpty ? "" : ", bytes: [ \(bytes.joined(separator: ", ")) ]") + "}"
  }

  /// A condition as a key with its value; YAML takes a bare text with colons for something else.
  private static func yaml(_ condition: MatchCondition) -> String {
    let parts = condition.planText.split(separator: " ", maxSplits: 1)
    let value = parts.last ?? ""
    return "\(parts[0]): " + (value.contains(":") ? "\"\(value)\"" : String(value))
  }
}
