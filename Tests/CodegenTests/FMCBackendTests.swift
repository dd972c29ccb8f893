import Codegen
import Diagnostics
import Lowering
import Partitioning
import QorIQ
import TestSupport
import Testing

/// What FMC's files say is read back by an importer that shares nothing with the backend but the
/// model.
@Suite struct FMCBackendTests {
  @Test func `our own files are clean in the eyes of lint`() throws {
    for partition in try partitions() {
      for (configuration, policy) in try pairs(of: partition) {
        var bag = DiagnosticBag()
        FMCLint(board: partition.board)
          .check(configuration: configuration, policy: policy, into: &bag)
        #expect(bag.isEmpty, "\(DiagnosticRenderer().render(bag))")
      }
    }
  }

  @Test func `what is exported is imported again: rules, queues, spreads and profiles`() throws {
    for partition in try partitions() {
      let ports = try imported(partition)
      for interface in partition.interfaces {
        let port = try #require(ports.first { $0.name == interface.name })
        var hop: SharedInterface.OfflineHop?
        if case .offlineHop(let found) = interface.delivery { hop = found }
        compare(
          port,
          interface.rules.enumerated().map { index, rule in
            if let hop, rule.owner != hop.receivingOwner {
              return (rule.conditions, FMCTarget(name: "hop", queues: single(hop.queue)))
            }
            return (rule.conditions, target(rule, index, of: interface, in: partition))
          })
        if let hop {
          let behind = try #require(
            ports.first { $0.name == "fm\(hop.fman + 1)-oh\(hop.port.port)" })
          compare(
            behind,
            interface.rules.enumerated().map { index, rule in
              (rule.conditions, target(rule, index, of: interface, in: partition))
            })
        }
      }
      for link in partition.links {
        let port = try #require(
          ports.first { $0.name == "fm\(link.fman + 1)-oh\(link.port.port)" })
        let receiver = FMCTarget(
          name: partition.owners[link.to].name, queues: single(link.receive))
        #expect(port.rules == [FMCImportedRule(conditions: [], target: receiver)])
      }
      #expect(
        ports.count == partition.interfaces.count + partition.links.count
          + partition.interfaces.count { $0.delivery != .storageProfiles })
    }
  }

  @Test func `a key of MAC addresses is not read as one of IP addresses`() throws {
    let (old, new) = (
      "<fieldref name=\"ipv4.src\"/>\n      <fieldref name=\"ipv4.dst\"/>",
      "<fieldref name=\"ethernet.src\"/>\n      <fieldref name=\"ethernet.dst\"/>"
    )
    var changed = 0
    for (configuration, policy) in try pairs(of: Sample.t4240) {
      let text = String(decoding: policy.bytes, as: UTF8.self)
      guard text.contains(old) else { continue }
      var bag = DiagnosticBag()
      let ports = try #require(
        FMCImport(board: Sample.t4240.board).read(
          configuration: configuration,
          policy: SourceFile(name: "s.xml", text: text.replacing(old, with: new)), into: &bag),
        "\(DiagnosticRenderer().render(bag))")
      for case .key(let key)? in ports.flatMap(\.rules).map(\.target.spread)
      where key.fields.contains(.ethernetSource) {
        #expect(key.fields.contains(.ethernetDestination) && !key.fields.contains(.ipSource))
        changed += 1
      }
    }
    #expect(changed > 0)
  }

  @Test func `swapping two guests' values changes the files, and the import says so`() throws {
    for partition in try partitions() {
      let expected = try imported(partition).map(\.rules)
      for interface in partition.interfaces {
        for (first, second) in pairs(interface.rules.count)
        where interface.rules[first].owner != interface.rules[second].owner {
          let files = try pairs(of: partition)
          let one = hex(interface.rules[first].receive)
          let other = hex(interface.rules[second].receive)
          guard one != other else { continue }
          for (configuration, policy) in files {
            let text = String(decoding: policy.bytes, as: UTF8.self)
            guard text.contains(one), text.contains(other) else { continue }
            let swapped = text.replacing(one, with: "@").replacing(other, with: one)
              .replacing("@", with: other)
            var bag = DiagnosticBag()
            let ports = FMCImport(board: partition.board).read(
              configuration: configuration, policy: SourceFile(name: "s.xml", text: swapped),
              into: &bag)
            #expect(ports.map { $0.map(\.rules) } != expected)
          }
        }
      }
    }
  }

  @Test func `random rules: the same frames go to the same destination after export and import`()
    throws
  {
    var random = SeededGenerator(seed: 20_12)
    for round in 0..<60 {
      var partition = Sample.t4240
      var rules: [FlowRule] = []
      while rules.count < 6 {
        let conditions = RuleFrame.randomConditions(&random)
        guard !conditions.headerAlternatives.isEmpty else { continue }
        let owner = random.below(3)
        rules.append(
          FlowRule(
            conditions: conditions, owner: owner,
            receive: [
              QueueRange(first: 1, count: 1), QueueRange(first: 128, count: 64),
              QueueRange(first: 201, count: 1),
            ][owner],
            spread: owner == 1 ? .fiveTuple : nil, storageProfile: owner))
      }
      rules.append(
        FlowRule(
          conditions: [], owner: 0, receive: QueueRange(first: 1, count: 1), spread: nil,
          storageProfile: 0))
      partition = Sample.t4240(rules: rules)
      // Random rules may hide each other, which the import says; a plan's check would, too.
      let port = try #require(try imported(partition, mayWarn: true).first)
      for _ in 0..<200 {
        let frame = RuleFrame(&random)
        let wanted = rules.first { $0.conditions.allSatisfy(frame.has) }
        let found = port.rules.first { $0.conditions.allSatisfy(frame.has) }
        #expect(
          wanted?.receive == found?.target.queues, "\(random), round \(round): \(frame) \(rules)")
      }
    }
  }

  @Test func `policers come along, in the file and in the plan that is imported from it`() throws {
    let partition = try Example.rich()
    #expect(!partition.policers.isEmpty)
    let ports = try imported(partition)
    let names = ports.flatMap(\.rules).compactMap(\.target.policer?.name)
    #expect(names == ["gold", "gold"])
    let yaml = FMCPlanFragment(ports, board: partition.board, sources: ["a", "b"]).yaml()
    #expect(yaml.contains("to: guest2, policer: gold }"))
    #expect(yaml.contains("committed-rate: 100000000 bit/s"))
    #expect(yaml.contains("drop: [yellow, red]"))
  }

  static func rule(
    _ conditions: [MatchCondition], to owner: Int, _ spread: FlowRule.Spread? = nil,
    isDropped: Bool = false, copies: [FlowRule.Copy] = []
  ) -> FlowRule {
    FlowRule(
      conditions: conditions, owner: owner,
      receive: [
        QueueRange(first: 1, count: 1), QueueRange(first: 128, count: 64),
        QueueRange(first: 201, count: 1),
      ][owner], spread: spread, storageProfile: isDropped ? nil : owner, isDropped: isDropped,
      copies: copies)
  }

  @Test func `keys of one's own choice, what is dropped and bytes come along`() throws {
    let key = HashKey(
      [.ethernetDestination, .vlanTag, .ipSource, .ipService, .securityIndex, .l4Destination],
      bytes: [FrameBytes(.frame, at: 40, count: 2)])
    let rules = [
      Self.rule([.etherType(0x88f7)], to: 0, isDropped: true),
      Self.rule(
        [.ipv4Source(IPv4Prefix(address: 0x0a00_0000, length: 8)), .vlan(5)], to: 1, .key(key)),
      Self.rule([], to: 0, isDropped: true),
    ]
    let partition = Sample.t4240(rules: rules)
    let ports = try imported(partition)
    let found = try #require(ports.first { $0.name == "fm1-10g0" }).rules
    #expect(Set(found.map(\.target.name)) == ["drop", "guest1"])
    #expect(found.last == FMCImportedRule(conditions: [], target: .drop))
    #expect(
      found.first { $0.conditions == [.etherType(0x88f7)] }?.target == .drop)
    #expect(found.compactMap(\.target.spread) == [.key(key)])
    let yaml = FMCPlanFragment(ports, board: partition.board, sources: ["a", "b"]).yaml()
    #expect(yaml.contains("{ when: {eth.type: 0x88f7}, to: drop }"))
    #expect(yaml.contains("    otherwise: drop\n"))
    #expect(
      yaml.contains(
        "spread: {fields: [eth.dst, vlan.tci, ip.src, ip.tos, ipsec.spi, l4.dst], "
          + "bytes: [ {at: 40, size: 2} ]}"))
  }

  @Test func `bytes of the frame are a node of their own`() throws {
    let bytes = MatchCondition.bytes(FrameBytes(.frame, at: 14, count: 2, mask: 0xf0ff), 0x4000)
    let rules = [Self.rule([.vlan(5), bytes, .etherType(0x800)], to: 2), Self.rule([], to: 0)]
    let (configuration, policy) = try #require(try pairs(of: Sample.t4240(rules: rules)).first)
    let text = String(decoding: policy.bytes, as: UTF8.self)
    #expect(
      text.contains(
        "<nonheader source=\"frame_start\" offset=\"14\" size=\"2\"/>"), "\(text)")
    #expect(text.contains("<data>0x4000</data>"))
    #expect(text.contains("<mask>0xf0ff</mask>"))
    var bag = DiagnosticBag()
    FMCLint(board: Sample.t4240.board)
      .check(configuration: configuration, policy: policy, into: &bag)
    #expect(bag.isEmpty, "\(DiagnosticRenderer().render(bag))")
  }

  @Test func `copies come of a replicator with an entry for each receiver`() throws {
    let copy = FlowRule.Copy(
      owner: 2, receive: QueueRange(first: 201, count: 1), storageProfile: 2)
    let rules = [
      Self.rule([.ethernetDestination(0x0100_5e00_0001)], to: 1, .fiveTuple, copies: [copy]),
      Self.rule([], to: 0),
    ]
    let (configuration, policy) = try #require(try pairs(of: Sample.t4240(rules: rules)).first)
    let text = String(decoding: policy.bytes, as: UTF8.self)
    #expect(text.contains("<action type=\"replicator\" name=\"f01_guest1\"/>"), "\(text)")
    #expect(text.contains("<replicator name=\"f01_guest1\" max=\"2\">"))
    var bag = DiagnosticBag()
    FMCLint(board: Sample.t4240.board)
      .check(configuration: configuration, policy: policy, into: &bag)
    #expect(bag.isEmpty, "\(DiagnosticRenderer().render(bag))")
  }

  @Test func `a port's storage profiles begin at the lowest, be it that of a copy`() throws {
    let copy = FlowRule.Copy(
      owner: 0, receive: QueueRange(first: 1, count: 1), storageProfile: 0)
    let rules = [
      Self.rule([.ethernetDestination(0x0100_5e00_0001)], to: 2, copies: [copy]),
      Self.rule([], to: 2),
    ]
    let (configuration, policy) = try #require(try pairs(of: Sample.t4240(rules: rules)).first)
    let text = String(decoding: policy.bytes, as: UTF8.self)
    #expect(text.contains("<vsp name=\"profile0\" base=\"0\"/>"), "\(text)")
    #expect(text.contains("<vsp name=\"profile2\" base=\"2\"/>"))
    #expect(!text.contains("profile-"))
    var bag = DiagnosticBag()
    FMCLint(board: Sample.t4240.board)
      .check(configuration: configuration, policy: policy, into: &bag)
    #expect(bag.isEmpty, "\(DiagnosticRenderer().render(bag))")
  }

  // MARK: helpers

  private func partitions() throws -> [Partition] {
    try Example.names.map(Example.partition) + Sample.all + [Example.rich()]
  }

  private func pairs(_ count: Int) -> [(Int, Int)] {
    (0..<count).flatMap { first in (first + 1..<max(count, first + 1)).map { (first, $0) } }
  }

  private func hex(_ range: QueueRange) -> String {
    "base=\"0x\(String(range.first.rawValue, radix: 16))\""
  }

  private func single(_ queue: FQID) -> QueueRange { QueueRange(first: queue, count: 1) }

  private func target(
    _ rule: FlowRule, _ index: Int, of interface: SharedInterface, in partition: Partition
  ) -> FMCTarget {
    let window = interface.rules.compactMap(\.storageProfile).min() ?? 0
    let policer = partition.policers.first {
      $0.users.contains(.init(interface: interface.name, rule: index))
    }
    return FMCTarget(
      name: partition.owners[rule.owner].name, queues: rule.receive, spread: rule.spread,
      profile: rule.storageProfile.map { $0 - window }, policer: policer?.settings)
  }

  private func pairs(of partition: Partition) throws -> [(SourceFile, SourceFile)] {
    let artifacts = try FMCBackend().artifacts(for: partition, options: .sample)
    return stride(from: 0, to: artifacts.count, by: 2).map { index in
      (
        SourceFile(name: artifacts[index].path, bytes: artifacts[index].bytes),
        SourceFile(name: artifacts[index + 1].path, bytes: artifacts[index + 1].bytes)
      )
    }
  }

  private func imported(
    _ partition: Partition, mayWarn: Bool = false
  ) throws -> [FMCImportedPort] {
    var ports: [FMCImportedPort] = []
    for (configuration, policy) in try pairs(of: partition) {
      var bag = DiagnosticBag()
      let found = FMCImport(board: partition.board)
        .read(configuration: configuration, policy: policy, into: &bag)
      ports += try #require(found, "\(DiagnosticRenderer().render(bag))")
      #expect(mayWarn || bag.isEmpty, "\(DiagnosticRenderer().render(bag))")
    }
    return ports
  }

  /// The same rules, and those that one frame could satisfy in the same order.
  private func compare(_ port: FMCImportedPort, _ rules: [([MatchCondition], FMCTarget)]) {
    let found = port.rules.map {
      FMCImportedRule(conditions: canonical($0.conditions), target: $0.target)
    }
    let wanted = rules.map { FMCImportedRule(conditions: canonical($0.0), target: $0.1) }
    #expect(Set(found) == Set(wanted))
    #expect(found.count == Set(wanted).count)
    for (first, second) in pairs(wanted.count)
    where !(wanted[first].conditions + wanted[second].conditions).headerAlternatives.isEmpty {
      if let one = found.firstIndex(of: wanted[first]),
        let other = found.firstIndex(of: wanted[second]), one != other
      {
        #expect(one < other)
      }
    }
  }

  private func canonical(_ conditions: [MatchCondition]) -> [MatchCondition] {
    conditions.sorted { "\($0)" < "\($1)" }
  }
}
