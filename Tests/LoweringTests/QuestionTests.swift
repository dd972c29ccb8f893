import Diagnostics
import Lowering
import Partitioning
import QorIQ
import TestSupport
import Testing

/// What is left, why something is whose it is, and what a new plan does to whom.
@Suite struct QuestionTests {
  private static let text = """
    board: t4240qds
    reserved: { u-boot: {portals: 49, queues: 60000-60009, memory: {address: 0x170000000, size: 1 MiB}} }
    partitions:
      host: {cpus: 2, memory: 1 GiB, portals: 2, queues: 1-100, pools: [ {id: 1, buffers: 64, size: 2 KiB} ]}
      guest1: {cpus: [4], memory: 512 MiB, portals: [4], queues: 101-200, pools: [ {buffers: 64, size: 2 KiB} ], congestion-groups: 1, roles: {error: 1}}
      guest2: {cpus: 1, memory: 512 MiB, portals: 1, queues: 50, pools: [ {buffers: 64, size: 2 KiB} ]}
    interfaces:
      fm1-gb0: {rules: [ {when: {vlan.id: 7}, to: guest1, spread: 5-tuple} ], otherwise: host}
    links: [ [guest1, guest2] ]
    """

  private func load(_ text: String = text, lock: PlanLoader.LockSource = .none)
    throws -> PlanLoader.Result
  {
    let result = PlanLoader.load(SourceFile(name: "p.yaml", text: text), lock: lock)
    try #require(
      result.partition != nil, "\(DiagnosticRenderer().render(result.diagnostics))")
    return result
  }

  // MARK: free

  @Test func `what is left, reserved and used comes to what there is`() throws {
    let partition = try #require(try load().partition)
    let free = FreeResources(partition)
    for row in free.rows {
      let used = row.held.reduce(0) { $0 + $1.count }
      #expect(row.total == row.free + row.reserved + used, "\(row.resource)")
    }
    func row(_ name: String) throws -> FreeResources.Row {
      try #require(free.rows.first { $0.resource == name })
    }
    #expect(try row("portals").which == "3,5-48")
    #expect(try row("queues").which == "251-59999,60010-65535")
    #expect(try row("congestion groups").free == 255)
    #expect(try row("storage profiles of fm1").held.map(\.owner) == ["host", "guest1"])
    #expect(try row("offline ports of fm1").free + row("offline ports of fm2").free >= 1)
    #expect(try row("memory").reserved == 1 << 20)
    #expect(free.text.contains("portals"))
  }

  @Test func `whatever is shown as free can be had`() throws {
    let partition = try #require(try load().partition)
    let rows = FreeResources(partition).rows
    func free(_ name: String) throws -> UInt64 {
      try #require(rows.first { $0.resource == name }).free
    }
    let greedy = Self.text.replacing(
      "links:",
      with: ""
    ).replacing(" [ [guest1, guest2] ]", with: "")
    let more = greedy.replacing(
      "interfaces:",
      with: """
          last: {cpus: \(try free("cpus")), memory: 1 GiB, portals: \(try free("portals")), queues: 9, pool-channels: \(try free("pool channels")), congestion-groups: \(try free("congestion groups"))}
        interfaces:
        """)
    #expect(try load(more).partition != nil)
    for (what, count) in [
      ("cpus", try free("cpus")), ("congestion-groups", try free("congestion groups")),
      ("pool-channels", try free("pool channels")), ("portals", try free("portals")),
    ] {
      let tooMuch = more.replacing("\(what): \(count)", with: "\(what): \(count + 1)")
      let result = PlanLoader.load(SourceFile(name: "p.yaml", text: tooMuch), lock: .none)
      #expect(result.partition == nil, "\(what)")
    }
  }

  // MARK: why

  private func why(
    _ kind: String, _ number: UInt64, in text: String = text
  ) throws -> Reason {
    let result = try load(text)
    return Reason(
      for: try #require(PlanObject(kind: kind, number: number)),
      in: try #require(result.partition), plan: try #require(result.plan),
      origins: result.origins)
  }

  @Test func `an exact claim answers with its place, and with what the object is for`() throws {
    let reason = try why("queue", 130)
    #expect(reason.owners == ["guest1"])
    #expect(reason.facts.first?.message == "guest1 claims 101-200 here")
    #expect(reason.facts.first?.span?.text == "101-200")
    #expect(reason.facts.contains { $0.message.hasPrefix("it receives from fm1-gb0") })
    #expect(reason.facts.contains { $0.span?.text.contains("vlan.id: 7") == true })
    #expect(reason.decisions.contains { $0.message.contains("128-191") })
    #expect(reason.text.hasPrefix("queue 130 belongs to guest1\n  p.yaml:5:"))
  }

  @Test func `a choice of the planner answers with its decision`() throws {
    let reason = try why("portal", 0)
    #expect(reason.owners == ["host"])
    #expect(
      reason.facts.first?.message
        == "host asks for a number of them here, and the planner chose portal 0")
    #expect(reason.decisions == [Decision("host", "portals 0-1")])
  }

  @Test(
    arguments: [
      ("queue", 60005, ["u-boot"]), ("queue", 5000, []), ("queue", 9_999_999, []),
      ("portal", 49, ["u-boot"]), ("portal", 4, ["guest1"]), ("portal", 77, []),
      ("bpid", 1, ["host"]), ("pool", 0, ["guest1"]), ("cpu", 4, ["guest1"]),
      ("channel", 4, ["guest1"]),
      ("cgr", 0, ["guest1"]), ("profile", 1, ["guest1"]), ("liodn-offset", 5, ["guest1"]),
      ("address", 0x4000_0000, ["guest1"]), ("address", 0x1_7000_0000, ["u-boot"]),
      ("address", 1 << 60, []), ("congestion-group", 9, []),
    ] as [(String, UInt64, [String])])
  func `every kind of object has an answer`(kind: String, number: UInt64, owners: [String]) throws {
    let reason = try why(kind, number)
    #expect(reason.owners == owners, "\(reason.text)")
    #expect(!reason.facts.isEmpty)
  }

  @Test func `what the planner noted of a number that begins alike is not told`() throws {
    let text = Self.text.replacing("congestion-groups: 1", with: "congestion-groups: 12")
    for number in [1, 10, 11] as [UInt64] {
      let reason = try why("congestion-group", number, in: text)
      #expect(reason.decisions == [Decision("guest1", "congestion group \(number)")])
    }
  }

  @Test func `memory that only somebody's DMA reaches is not called free`() throws {
    // 1000 MiB take the room of 1 GiB.
    let text = Self.text.replacing(
      "memory: 512 MiB, portals: [4]", with: "memory: 1000 MiB, portals: [4]")
    let reason = try why("address", 0x7f00_0000, in: text)
    #expect(reason.owners.isEmpty)
    #expect(
      reason.facts.map(\.message) == [
        "nobody has it, but guest1's DMA reaches it: the planner puts nothing there"
      ])
    #expect(reason.facts.first?.span?.start.line == 5)
    let free = try why("address", 0xa000_0000, in: text)
    #expect(free.facts.map(\.message) == ["it is there and free"])
  }

  @Test func `every queue that a path uses is known to belong to it`() throws {
    let result = try load()
    let partition = try #require(result.partition)
    for owner in partition.owners {
      for path in owner.paths {
        for number in [path.transmit.rawValue, path.receive.first.rawValue] {
          let reason = Reason(
            for: .queue(number), in: partition, plan: try #require(result.plan),
            origins: result.origins)
          #expect(reason.owners == [owner.name])
          #expect(reason.facts.contains { $0.message.contains(path.name) }, "\(reason.text)")
        }
      }
    }
  }

  // MARK: diff

  private func difference(_ change: (String) -> String) throws -> PartitionDifference {
    let old = try #require(try load().partition)
    let new = try #require(
      try load(change(Self.text), lock: .besideElse(PlanLock(old))).partition)
    return PartitionDifference(from: old, to: new)
  }

  @Test func `the same plan is nothing to do`() throws {
    let same = try difference { $0 }
    #expect(same.isEmpty)
    #expect(same.changes.allSatisfy { $0.fate == .untouched && $0.reasons.isEmpty })
  }

  @Test func `a new guest touches nobody but its peer`() throws {
    let grown = try difference {
      $0.replacing(
        "interfaces:",
        with: """
            guest3: {cpus: 1, memory: 256 MiB, portals: 1, queues: 50, pools: [ {buffers: 64, size: 2 KiB} ]}
          interfaces:
          """
      ).replacing("[ [guest1, guest2] ]", with: "[ [guest1, guest2], [guest2, guest3] ]")
    }
    #expect(
      grown.changes.map { "\($0.name) \($0.fate)" } == [
        "host untouched", "guest1 untouched", "guest2 drained", "guest3 added",
      ])
    #expect(grown.steps.last?.subject == "guest3")
  }

  @Test func `what passes from one to another is given up before it is taken`() throws {
    let moved = try difference {
      $0.replacing(
        "cpus: [4], memory: 512 MiB, portals: [4]", with: "cpus: [4], memory: 512 MiB, portals: [2]"
      )
      .replacing(
        "cpus: 1, memory: 512 MiB, portals: 1", with: "cpus: 1, memory: 512 MiB, portals: [4]")
    }
    #expect(
      moved.changes.map { "\($0.name) \($0.fate)" } == [
        "host untouched", "guest1 restarted", "guest2 restarted",
      ])
    let take = try #require(
      moved.steps.firstIndex {
        $0.subject == "guest2" && $0.action == "take portal 4, which guest1 has given up"
      })
    let stop = try #require(
      moved.steps.firstIndex { $0.subject == "guest1" && $0.action.hasPrefix("stop") })
    let start = try #require(
      moved.steps.firstIndex { $0.subject == "guest2" && $0.action.hasPrefix("seed") })
    #expect(stop < take && take < start)
    // Its traffic is turned away before it stops and let in after it has started.
    let away = try #require(moved.steps.firstIndex { $0.action.hasPrefix("turn away") })
    let back = try #require(moved.steps.firstIndex { $0.action.hasPrefix("let its traffic") })
    #expect(away < stop && start < back)
  }

  @Test(arguments: [
    ("queues: 101-200", "queues: 101-190", "guest1 drained"),
    ("roles: {error: 1}", "roles: {error: 2}", "guest1 drained"),
    ("congestion-groups: 1", "congestion-groups: [ {tail-drop: 1 MiB} ]", "guest1 drained"),
    ("cpus: [4]", "cpus: [9]", "guest1 restarted"),
    ("memory: 512 MiB, portals: [4]", "memory: 256 MiB, portals: [4]", "guest1 restarted"),
    ("roles: {error: 1}", "roles: {error: 1}, boot-arguments: quiet", "guest1 restarted"),
    ("roles: {error: 1}", "roles: {error: 1}, mode: interrupt", "guest1 restarted"),
    ("roles: {error: 1}", "roles: {error: 1}, os: linux-sdk", "guest1 restarted"),
  ]) func `a change has the least consequence`(old: String, new: String, fate: String) throws {
    let found = try difference { $0.replacing(old, with: new) }
    #expect(
      found.changes.filter { $0.fate != .untouched }.map { "\($0.name) \($0.fate)" } == [fate],
      "\(found.text)")
    #expect(!found.steps.isEmpty)
    #expect(found.changes.allSatisfy { ($0.fate == .untouched) == $0.reasons.isEmpty })
  }

  @Test func `rules that change for nobody's queues are written anew, and nobody stops`() throws {
    let found = try difference { $0.replacing("vlan.id: 7", with: "vlan.id: 8") }
    #expect(found.changes.allSatisfy { $0.fate == .untouched })
    #expect(found.steps.map(\.subject) == ["fm1-gb0", "fm1-gb0"])
  }

  @Test func `a guest that is gone is stopped and gives back what it has`() throws {
    let found = try difference { text in
      text.split(separator: "\n").filter { !$0.hasPrefix("  guest2:") && !$0.hasPrefix("links:") }
        .joined(separator: "\n")
    }
    #expect(found.changes.last.map { "\($0.name) \($0.fate)" } == "guest2 removed")
    #expect(found.steps.contains { $0.subject == "guest2" && $0.action.contains("memory back") })
    #expect(found.steps.contains { $0.subject == "guest2-guest1" })
  }
}
