import Documents
import Partitioning
import QorIQ

/// What FMC must know about one frame manager: its ports, each with a policy.
///
/// A policy tells frames apart by their headers; for each set of headers a chain of classifications
/// compares fields in the order of the plan's rules; what they find are distributions, one for each
/// destination, which hash over a range of queues or name one, with the storage profile.
struct FMCPolicyFile {
  /// A port with the policy that it uses.
  struct Port {
    var type: String
    var number: Int
    var policy: String
  }

  /// Where frames go.
  struct Destination: Hashable {
    /// The owner's name, for people and for `dpaac import fmc`.
    var name: String
    var queues: QueueRange
    /// The key's fields; empty for a single queue.
    var key: [String]
    /// The number in the port's window of storage profiles.
    var profile: Int?
    /// The policer's profile in the frame manager.
    var policer: Int?
    /// Whether frames are dropped there.
    var isDropped = false
    /// Where each frame goes as well.
    var copies: [Destination] = []
  }

  let partition: Partition
  let fman: FManBlock
  private(set) var ports: [Port] = []
  private var policies: [XMLNode] = []
  private var distributions: [XMLNode] = []
  private var classifications: [XMLNode] = []
  var replicators: [XMLNode] = []
  var replicatorNames: [Destination: String] = [:]
  private var profiles: Set<Int> = []
  /// The ports whose frames a policer counts, by the policer's profile.
  private(set) var policed: [Int: Set<Int>] = [:]
  private var names: [Destination: String] = [:]
  private var schemeCount = 0
  /// What the classifications of the port at hand lead to: FMC makes a scheme of each for each port.
  private var targets: Set<Destination> = []

  init(partition: Partition, fman: FManBlock) throws(GenerationError) {
    self.partition = partition
    self.fman = fman
    for interface in partition.interfaces {
      try Self.check(interface, fman)
      add(interface)
    }
    for link in partition.links where link.fman == fman.index { add(link) }
    // nxp-qoriq/fmc, `source/fmc.h`; of schemes FMan has as many (fmlib, `include/fmd/integrations`).
    for (count, limit, what, who) in [
      (policed.count, 64, "policers", "FMC"),
      (classifications.count, 256, "classification nodes", "FMC"),
      (replicators.count, 16, "replicators", "FMC"),
      (schemeCount, 32, "KeyGen schemes", "FMan"),
    ] where count > limit {
      throw .unprintable(
        artifact: "fmc/fm\(fman.index)-policy.xml",
        reason: "the rules need \(count) \(what), but \(who) has \(limit)")
    }
  }

  /// The file for FMC's `-c`.
  func configuration() -> XMLElement {
    XMLElement(
      "cfgdata", [:],
      [
        .element(
          "config", [:],
          [
            .element(
              "engine", ["name": "fm\(fman.index)"],
              ports.map {
                .element(
                  "port", ["type": $0.type, "number": "\($0.number)", "policy": $0.policy])
              })
          ])
      ])
  }

  /// The file for FMC's `-p`.
  func policy() -> XMLElement {
    XMLElement(
      "netpcd", ["name": partition.name],
      profiles.sorted().map { .element("vsp", ["name": "profile\($0)", "base": "\($0)"]) }
        + policers() + policies + distributions + classifications + replicators)
  }
}

// MARK: ports

extension FMCPolicyFile {
  private mutating func add(_ interface: SharedInterface) {
    // Copies have profiles too, and one may be the lowest.
    let window = interface.rules.flatMap(\.shares).compactMap(\.storageProfile).min() ?? 0
    func destinations(_ hop: SharedInterface.OfflineHop?) -> [Way] {
      interface.rules.enumerated().map { index, rule in
        let name = partition.owners[rule.owner].name
        guard let hop, !rule.isDropped, rule.owner != hop.receivingOwner else {
          return Way(rule: rule, name: name, policer: policer(of: interface.name, rule: index))
        }
        return Way(rule: rule, name: "hop", queues: QueueRange(first: hop.queue, count: 1))
      }
    }
    let hop = interface.hop
    if interface.fman == fman.index,
      let port = fman.interfaces.first(where: { $0.name == interface.name })
    {
      add(
        Port(type: "MAC", number: fman.fmcNumber(of: port), policy: policyName(interface.name)),
        destinations(hop), window: window)
    }
    if let hop, hop.fman == fman.index {
      add(
        Port(
          type: "OFFLINE", number: fman.fmcNumber(of: hop.port),
          policy: policyName("oh\(hop.port.port)")),
        destinations(nil), window: window)
    }
  }

  private mutating func add(_ link: Link) {
    let rule = FlowRule(
      conditions: [], owner: link.to, receive: QueueRange(first: link.receive, count: 1),
      spread: nil, storageProfile: nil)
    add(
      Port(
        type: "OFFLINE", number: fman.fmcNumber(of: link.port),
        policy: policyName("oh\(link.port.port)")),
      [Way(rule: rule, name: partition.owners[link.to].name)], window: 0)
  }

  /// A rule with its destination's name and, where a port only passes frames on, the queue that
  /// takes the place of the rule's own.
  private struct Way {
    var rule: FlowRule
    var name: String
    var queues: QueueRange?
    var policer: Int?
  }

  private func policer(of interface: String, rule: Int) -> Int? {
    partition.policers.first {
      $0.fman == fman.index && $0.users.contains(.init(interface: interface, rule: rule))
    }?.profile
  }

  /// Names begin with a number of two digits: FMC cuts names, and USDPAA compares them only as far
  /// as the shorter one goes.
  private func policyName(_ subject: String) -> String {
    Self.name("p", ports.count + 1, subject)
  }

  static func name(_ letter: String, _ number: Int, _ subject: String) -> String {
    let digits = String(number)
    return letter + String(repeating: "0", count: max(2 - digits.count, 0)) + digits + "_"
      + String(subject.prefix(24))
  }

  /// Adds a port with its rules in order.
  private mutating func add(_ port: Port, _ rules: [Way], window: Int) {
    ports.append(port)
    targets = []
    var references: [XMLNode] = []
    let classes = headerClasses(of: rules.map(\.rule.conditions))
    for headers in classes {
      let steps: [Step] = rules.compactMap { item in
        guard let alternative = Self.alternative(of: item.rule, in: headers) else { return nil }
        return Step(
          fields: FMCMatchField.fields(of: item.rule.conditions, in: alternative),
          destination: destination(item, headers: headers, window: window))
      }
      let name = addScheme(headers: headers, steps: steps)
      references.append(.element("distributionref", ["name": name]))
    }
    schemeCount += references.count + targets.count
    policies.append(
      .element("policy", ["name": port.policy], [.element("dist_order", [:], references)]))
  }

  /// What a rule needs of a frame, when frames with these headers have it.
  private static func alternative(
    of rule: FlowRule, in headers: Set<FrameHeader>
  ) -> Set<FrameHeader>? {
    rule.conditions.headerAlternatives.first { $0.isSubset(of: headers) }
  }

  private func destination(
    _ item: Way, headers: Set<FrameHeader>, window: Int
  ) -> Destination {
    if let queues = item.queues {
      return Destination(name: item.name, queues: queues, key: [], profile: nil)
    }
    let ip = headers.contains(.ipv6) ? "ipv6" : "ipv4"
    let addresses = ["\(ip).src", "\(ip).dst"]
    let key: [String] =
      switch item.rule.spread {
      // KeyGen has one extraction for the ports of every transport (Linux 6.1, `fman_keygen.c`,
      // `KG_SCH_KN_L4PSRC`); a frame without ports is hashed with a default in their place.
      case .fiveTuple:
        addresses + [ip == "ipv6" ? "ipv6.nexthdr" : "ipv4.nextp", "tcp.sport", "tcp.dport"]
      case .addressPair: addresses
      case .key(let key):
        key.fields.map { Self.name($0, ip: ip) } + key.bytes.map(FMCMatchField.name)
      case nil: []
      }
    func share(_ name: String, _ share: FlowRule.Copy) -> Destination {
      Destination(
        name: name, queues: share.receive, key: share.receive.count == 1 ? [] : key,
        profile: share.storageProfile.map { $0 - window }, policer: item.policer)
    }
    guard let first = item.rule.shares.first else {
      return Destination(
        name: Plan.dropName, queues: item.rule.receive, key: [], isDropped: true)
    }
    var destination = share(item.name, first)
    destination.copies = item.rule.copies.map { share(partition.owners[$0.owner].name, $0) }
    return destination
  }
}

// MARK: schemes and classifications

extension FMCPolicyFile {
  /// A rule as it applies to frames with certain headers.
  private struct Step {
    var fields: [FMCMatchField]
    var destination: Destination

    /// Whether every frame that another step takes, with the same fields, is taken here.
    func covers(_ other: Step) -> Bool {
      zip(fields, other.fields).allSatisfy { own, other in
        own.data.indices.allSatisfy { byte in
          own.mask[byte] & ~other.mask[byte] == 0
            && (own.data[byte] ^ other.data[byte]) & own.mask[byte] == 0
        }
      }
    }
  }

  /// The scheme for frames with these headers; its steps end in one that takes everything.
  private mutating func addScheme(headers: Set<FrameHeader>, steps: [Step]) -> String {
    let end = steps.firstIndex { $0.fields.isEmpty } ?? steps.count - 1
    let last = steps[end].destination
    let compared = Array(steps[..<end])
    if headers.isEmpty, compared.isEmpty, last.key.isEmpty, last.copies.isEmpty {
      return define(last)
    }

    let first = addChain(compared, last: last)
    let name = Self.name(
      "d", distributions.count + 1,
      headers.isEmpty ? "any" : headers.sorted().map(\.rawValue).joined())
    var children: [XMLNode] = [
      .element("queue", ["base": Self.hex(last.queues.first.rawValue), "count": "1"])
    ]
    if !headers.isEmpty {
      children.append(
        .element(
          "protocols", [:],
          headers.sorted().map { .element("protocolref", ["name": $0.rawValue]) }))
    }
    children.append(.element("action", ["type": "classification", "name": first]))
    distributions.append(.element("distribution", ["name": name], children))
    return name
  }

  /// A chain of classifications, one for each run of rules that compare the same fields; a miss in
  /// one goes on to the next, and a miss in the last to `last`.
  ///
  /// - Returns: The name of the first.
  private mutating func addChain(_ steps: [Step], last: Destination) -> String {
    var runs: [[Step]] = []
    for step in steps {
      if let run = runs.last, run[0].fields.map(\.name) == step.fields.map(\.name),
        run.count < Self.entryLimit, Self.firstNode(step.fields).count == step.fields.count
      {
        // A rule that the plan's check has called unreachable would be an entry for nothing.
        if run.contains(where: { $0.covers(step) }) { continue }
        runs[runs.count - 1].append(step)
      } else {
        runs.append([step])
      }
    }
    var next = action(to: last, onMiss: true)
    // Frames without any rule still need a classification to reach a scheme that hashes.
    if runs.isEmpty { return addNode(keys: ["ethernet.type"], entries: [], masks: false, next) }
    var first = ""
    for run in runs.reversed() {
      first = addRun(run, next)
      next = .element(
        "action", ["condition": "on-miss", "type": "classification", "name": first])
    }
    return first
  }

  /// What a node of the classifier holds: three fields, and 255 entries beside the miss (nxp-qoriq
  /// fmc, `source/FMCPCDReader.cpp`; fmlib, `include/fmd/Peripherals/fm_pcd_ext.h`).
  private static let fieldLimit = 3
  private static let entryLimit = 255

  /// Those of some fields that one node compares: three fields, or bytes.
  private static func firstNode(_ fields: [FMCMatchField]) -> ArraySlice<FMCMatchField> {
    guard let first = fields.first, !first.isBytes else { return fields.prefix(1) }
    return fields.prefix { !$0.isBytes }.prefix(fieldLimit)
  }

  private mutating func addRun(_ run: [Step], _ miss: XMLNode) -> String {
    let fields = run[0].fields
    let own = Self.firstNode(fields)
    guard own.count < fields.count else {
      let entries = run.map { step in (step.fields, action(to: step.destination)) }
      return addNode(entries, miss)
    }
    // More fields than a node compares: a second node for the rest, with the same way out.
    let rest = Step(
      fields: Array(fields[own.endIndex...]), destination: run[0].destination)
    let inner = addRun([rest], miss)
    return addNode(
      [
        (
          Array(own),
          .element("action", ["type": "classification", "name": inner])
        )
      ], miss)
  }

  private mutating func addNode(
    _ entries: [(fields: [FMCMatchField], action: XMLNode)], _ miss: XMLNode
  ) -> String {
    let masks = entries.contains { $0.fields.contains { $0.mask.contains { $0 != 0xff } } }
    return addNode(
      keys: entries[0].fields.map(\.name),
      entries: entries.map { entry in
        var children: [XMLNode] = [
          .element("data", text: Self.hex(entry.fields.flatMap(\.data)))
        ]
        if masks { children.append(.element("mask", text: Self.hex(entry.fields.flatMap(\.mask)))) }
        return .element("entry", [:], children + [entry.action])
      }, masks: masks, miss)
  }

  private mutating func addNode(
    keys: [String], entries: [XMLNode], masks: Bool, _ miss: XMLNode
  ) -> String {
    let name = Self.name(
      "c", classifications.count + 1, keys.joined(separator: "_").replacing(".", with: "-"))
    var node = XMLElement(
      "classification", ["name": name, "max": "\(max(entries.count, 1))"],
      [
        .element(
          "key", [:],
          keys.map(Self.keyElement))
      ] + entries + [miss])
    if masks { node.attributes.append(XMLAttribute("masks", "yes")) }
    classifications.append(.element(node))
    return name
  }

  /// The distribution that a classification leads to.
  mutating func name(of destination: Destination) -> String {
    targets.insert(destination)
    return define(destination)
  }

  /// The distribution for a destination, made when it is first asked for.
  private mutating func define(_ destination: Destination) -> String {
    if let policer = destination.policer { policed[policer, default: []].insert(ports.count) }
    if let name = names[destination] { return name }
    let name = Self.name("d", distributions.count + 1, destination.name)
    names[destination] = name
    var children: [XMLNode] = [
      .element(
        "queue",
        [
          "base": Self.hex(destination.queues.first.rawValue),
          "count": "\(destination.queues.count)",
        ])
    ]
    if !destination.key.isEmpty {
      children.append(
        .element("key", [:], destination.key.map(Self.keyElement)))
    }
    if destination.isDropped { children.append(.element("action", ["type": "drop"])) }
    // The queue has been chosen when a policer is asked; what it lets through goes on to it.
    if let policer = destination.policer.flatMap(settings) {
      children.append(.element("action", ["type": "policer", "name": policerName(policer)]))
    }
    if let profile = destination.profile {
      profiles.insert(profile)
      children.append(.element("vsp", ["name": "profile\(profile)"]))
    }
    distributions.append(.element("distribution", ["name": name], children))
    return name
  }

  private static func hex(_ number: UInt32) -> String { "0x" + String(number, radix: 16) }

  private static func hex(_ bytes: [UInt8]) -> String {
    "0x" + bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
