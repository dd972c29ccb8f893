import Diagnostics
import Foundation
import Lowering
import Partitioning
import QorIQ
import TestSupport
import Testing

/// The lock: a plan that grows moves nobody, and what does not hold any more is said.
@Suite struct PlanLockTests {
  private static func plan(_ guests: [String], links: [String] = [], board: String = "t4240qds")
    -> String
  {
    """
    board: \(board)
    policers:
      gold: {committed-rate: 100 Mbit/s, committed-burst: 64 KiB, excess-rate: 2 Gbit/s, excess-burst: 64 KiB}
    shared-memory:
      mail: {size: 1 MiB, between: [host, guest1]}
    partitions:
      host: {cpus: 2, memory: 1 GiB, portals: 2, queues: 90, pools: [ {buffers: 64, size: 2 KiB} ], congestion-groups: 2, pool-channels: 1}
    \(guests.map { "  \($0): \(Self.guest)" }.joined(separator: "\n"))
    interfaces:
      fm1-gb0:
        policer: gold
        rules:
    \(guests.enumerated().map { "      - {when: {vlan.id: \($0 + 1)}, to: \($1), spread: 5-tuple}" }.joined(separator: "\n"))
        otherwise: host
      fm1-gb1: {otherwise: \(guests.last ?? "host")}
    links: [\(links.joined(separator: ", "))]
    """
  }

  private static let guest =
    "{cpus: 1, memory: 100 MiB, portals: 1, queues: 70, pools: [ {buffers: 64, size: 2 KiB} ], "
    + "congestion-groups: 1, roles: {error: 1, sec-request: 2, sec-response: 2}}"

  private func partition(_ text: String, lock: PlanLock = PlanLock()) throws -> Partition {
    let loaded = PlanLoader.load(SourceFile(name: "p.yaml", text: text), lock: .none)
    let plan = try #require(loaded.plan)
    let board = try #require(loaded.board)
    var bag = DiagnosticBag()
    try #require(!loaded.diagnostics.hasErrors, "\(text)")
    let partition = Planner(plan: plan, board: board, lock: lock).partition(into: &bag)
    return try #require(partition, "\(DiagnosticRenderer().render(bag))")
  }

  /// Whether all lines of one text are lines of another, in order.
  private func isContained(_ old: String, in new: String) -> Bool {
    var rest = new.split(separator: "\n")[...]
    for line in old.split(separator: "\n") {
      guard let place = rest.firstIndex(of: line) else { return false }
      rest = rest[(place + 1)...]
    }
    return true
  }

  @Test(arguments: [0, 1, 2]) func `a new guest, wherever it stands, changes no line of the lock`(
    place: Int
  ) throws {
    let names = ["guest1", "guest2"]
    let before = try partition(Self.plan(names, links: ["[host, guest2]"]))
    var more = names
    more.insert("newcomer", at: place)
    let text = Self.plan(more, links: ["[newcomer, host]", "[host, guest2]"])
      .replacing("fm1-gb1: {otherwise: newcomer}", with: "fm1-gb1: {otherwise: guest2}")
    let after = try partition(text, lock: PlanLock(before))
    let old = PlanLock(before).text
    let new = PlanLock(after).text
    #expect(isContained(old.replacing("{}", with: ""), in: new), "\(old)\n---\n\(new)")
    for name in ["host", "guest1", "guest2"] {
      let first = try #require(before.ownerIndex(named: name))
      let second = try #require(after.ownerIndex(named: name))
      var grown = after.owners[second]
      // The host has one path more, to the newcomer.
      grown.paths.removeAll { $0.name == "newcomer" }
      #expect(grown == before.owners[first])
      #expect(after.resources[second].dmaWindow == before.resources[first].dmaWindow)
      #expect(after.resources[second].roles == before.resources[first].roles)
    }
    // Without the lock, somebody would have moved.
    if place == 0 {
      #expect(!isContained(old, in: PlanLock(try partition(text)).text))
    }
  }

  @Test func `a lock is read as it was written`() throws {
    let lock = PlanLock(try partition(Self.plan(["guest1", "guest2"], links: ["[host, guest1]"])))
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let path = try directory.write("office.lock", Data(lock.text.utf8))
    let plan = try directory.write(
      "office.yaml", Data(Self.plan(["guest1", "guest2"], links: ["[host, guest1]"]).utf8))
    let result = PlanLoader.load(plan)
    #expect(result.lock == lock)
    #expect(result.diagnostics.isEmpty, "\(DiagnosticRenderer().render(result.diagnostics))")
    #expect(result.partition.map(PlanLock.init) == lock)
    // Another plan with this lock is told, and so is a lock of another board.
    let grown = try directory.write(
      "grown.yaml",
      Data(Self.plan(["guest1", "guest2", "guest3"], links: ["[host, guest1]"]).utf8))
    let stale = PlanLoader.load(grown, lock: .file(path))
    #expect(stale.diagnostics.diagnostics.map(\.code) == ["lock-stale"])
    #expect(stale.diagnostics.diagnostics.first?.message.contains("guest3 is new") == true)
    #expect(PlanLoader.load(grown, lock: .updating(path)).diagnostics.isEmpty)
  }

  @Test func `links whose names are alike with a hyphen between are two in a lock`() throws {
    let text = Self.plan(
      ["guest1", "a-b", "guest1-a", "b"], links: ["[guest1, a-b]", "[guest1-a, b]"])
    let partition = try partition(text)
    let lock = PlanLock(partition)
    #expect(Set(lock.links.map(\.name)).count == 4)
    // Nor is one taken for the other where nothing changes.
    #expect(PartitionDifference(from: partition, to: partition).steps.isEmpty)
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    try directory.write("p.lock", Data(lock.text.utf8))
    let result = PlanLoader.load(try directory.write("p.yaml", Data(text.utf8)))
    #expect(result.lock == lock)
    #expect(result.partition.map(PlanLock.init) == lock)
    #expect(!result.diagnostics.diagnostics.contains { $0.code == "lock-stale" })
  }

  @Test func `a lock that has hyphens between sender and receiver still holds`() throws {
    let text = Self.plan(["guest1", "guest-2"], links: ["[host, guest-2]"])
    let lock = PlanLock(try partition(text))
    let old = lock.text.replacing("host>guest-2", with: "host-guest-2")
      .replacing("guest-2>host", with: "guest-2-host")
    try #require(old != lock.text && !old.contains(">"))
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    try directory.write("p.lock", Data(old.utf8))
    let result = PlanLoader.load(try directory.write("p.yaml", Data(text.utf8)))
    #expect(result.lock == lock)
    #expect(!result.diagnostics.diagnostics.contains { $0.code == "lock-stale" })
  }

  @Test func `the same plan gives the same bytes, with and without its lock`() throws {
    let text = Self.plan(["guest1", "guest2"], links: ["[host, guest1]"])
    let first = try partition(text)
    let second = try partition(text)
    #expect(first == second)
    #expect(try partition(text, lock: PlanLock(first)) == first)
    #expect(PlanLock(first).text == PlanLock(second).text)
  }

  @Test func `a guest that leaves leaves a gap, which the next one takes`() throws {
    let three = try partition(Self.plan(["guest1", "guest2", "guest3"]))
    let two = try partition(
      Self.plan(["guest1", "guest3"]), lock: PlanLock(three))
    #expect(two.owners[2] == three.owners[3])
    let again = try partition(
      Self.plan(["guest1", "guest3", "guest4"]), lock: PlanLock(two))
    #expect(again.owners[3].portals == three.owners[2].portals)
    #expect(again.owners[3].memory == three.owners[2].memory)
  }

  @Test func `a lock that says nonsense is told, and keeps nothing from being planned`() throws {
    let text = Self.plan(["guest1"])
    let good = try partition(text)
    var lock = PlanLock(good)
    lock.partitions[1].portals = [99]
    lock.partitions[1].cpus = lock.partitions[0].cpus
    lock.partitions[1].memory = lock.partitions[0].memory
    lock.partitions[1].queues = [QueueRange(first: 1, count: 9_000_000)]
    lock.partitions[1].pools = [4000]
    lock.partitions[1].liodnOffset = 0
    lock.partitions[1].paths[0].receive = QueueRange(first: 3, count: 64)
    let planned = try partition(text, lock: lock)
    #expect(Set(planned.owners[1].cpus).isDisjoint(with: planned.owners[0].cpus))
    #expect(planned.owners[1].liodnOffset != planned.owners[0].liodnOffset)
    for text in ["", "lock: 2", "lock: 1\nboard: x\npartitions: 3", "[]", "lock: 1\nboard: [x]"] {
      let directory = try TemporaryDirectory()
      defer { directory.remove() }
      let plan = try directory.write("p.yaml", Data(Self.plan(["guest1"]).utf8))
      try directory.write("p.lock", Data(text.utf8))
      #expect(PlanLoader.load(plan).diagnostics.hasErrors, "\(text)")
    }
  }

  @Test func `what the lock holds is told as such when nothing is left for a newcomer`() throws {
    let host = "host: { cpus: 0-3, memory: 1 GiB, portals: 4, queues: 1-100, pools: [] }"
    let guest = { (name: String, queues: Int) in
      "\(name): { cpus: 1, memory: 256 MiB, portals: 1, queues: \(queues), pools: [] }"
    }
    let plan = { (guests: [String]) in
      "board: p4080ds\npartitions:\n  \(([host] + guests).joined(separator: "\n  "))\n"
    }
    let small = [guest("guest1", 30_000), guest("guest2", 64)]
    var lock = PlanLock(try partition(plan(small)))
    // guest2 lies in the middle of what is left, where somebody has put it once.
    lock.partitions[2].queues = [QueueRange(first: 50_000, count: 64)]
    let whole = plan([guest("guest1", 30_000), guest("guest2", 64), guest("guest3", 30_000)])
    #expect(try partition(whole).owners.count == 4)
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let path = try directory.write("p.lock", Data(lock.text.utf8))
    let result = PlanLoader.load(SourceFile(name: "p.yaml", text: whole), lock: .file(path))
    let finding = try #require(
      result.diagnostics.diagnostics.first { $0.code == "resource-short" })
    #expect(finding.message.hasPrefix("guest3 asks for 30000 frame queues in a row, but at most "))
    #expect(
      finding.notes.map(\.message) == [
        "host has 1-100", "guest1 has 101-30100 by the lock", "guest2 has 50000-50063 by the lock",
      ])
    #expect(result.diagnostics.diagnostics.contains { $0.code == "lock-stale" })
  }
}
