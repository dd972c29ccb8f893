import Diagnostics
import Foundation
import Lowering
import Partitioning
import QorIQ
import TestSupport
import Testing

/// `like`, `count` and `include`: what partitions take over from each other and from other files.
@Suite struct PlanReuseTests {
  private func load(_ text: String, name: String = "p.yaml") -> PlanLoader.Result {
    PlanLoader.load(SourceFile(name: name, text: text))
  }

  private static let host =
    "host: {cpus: 0-3, memory: 1 GiB, portals: [0, 1], queues: 1-100, "
    + "pools: [ {id: 1, buffers: 64, size: 2 KiB} ]}"

  @Test func `what can be had once is taken over as a number, the rest as it is`() throws {
    let result = load(
      """
      board: t4240qds
      templates:
        small: {cpus: 4-5, memory: {size: 64 MiB, address: 0x40000000}, liodn-offset: 3, os: linux-sdk}
      partitions:
        \(Self.host)
        guest1: {like: small, portals: [4], queues: [101-150, 161-170], pools: [ {id: 2, buffers: 64, size: 2 KiB} ]}
        guest2: {like: guest1, memory: 128 MiB}
      """)
    let plan = try #require(result.plan)
    #expect(plan.partitions.map(\.name) == ["host", "guest1", "guest2"])
    let first = plan.partitions[1]
    #expect(first.cpus == .count(2))
    #expect(first.memory == 64 << 20 && first.memoryAddress == nil && first.liodnOffset == nil)
    #expect(first.portals == .exactly([4]))
    let second = plan.partitions[2]
    #expect(second.cpus == .count(2) && second.portals == .count(1))
    #expect(second.memory == 128 << 20)
    #expect(second.queues == .count(60))
    #expect(second.pools == [PoolWish(bpid: nil, bufferCount: 64, bufferSize: 2048)])
    #expect(second.os == .linuxSDK && second.like == "guest1")
  }

  @Test func `a count makes partitions with numbers behind the name`() throws {
    let result = load(
      """
      board: t4240qds
      partitions:
        \(Self.host)
        guest: {count: 3, cpus: 4-5, memory: 64 MiB, portals: 1, queues: 101-110, pools: [ {id: 9, buffers: 64, size: 2 KiB} ]}
      links: [ [host, guest1], [guest1, guest2], [guest2, guest3] ]
      """)
    #expect(!result.diagnostics.hasErrors, "\(DiagnosticRenderer().render(result.diagnostics))")
    let owners = try #require(result.partition).owners
    #expect(owners.map(\.name) == ["host", "guest1", "guest2", "guest3"])
    #expect(Set(owners.flatMap(\.cpus)).count == 10)
    #expect(Set(owners.flatMap { $0.pools.map(\.bpid) }).count == 4)
  }

  @Test func `a mistake that many take over is told once`() {
    let result = load(
      """
      board: t4240qds
      templates:
        small: {cpus: 1, memory: 64 MB, portals: 1, queues: 9, colour: red}
      partitions:
        \(Self.host)
        guest: {like: small, count: 10}
        other: {like: small, os: linx-sdk}
        third: {like: smal}
      """)
    #expect(
      result.diagnostics.sorted.filter { $0.severity == .error }
        .map { "\($0.span?.start.line ?? 0) \($0.code)" } == [
          "3 bad-size", "3 unknown-key", "7 bad-choice", "8 unknown-partition",
        ])
  }

  @Test func `an included file's findings stand in it, and say where it was included`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let guests = try directory.write(
      "guests.yaml",
      Data(
        """
        partitions:
          guest1: {cpus: 4-5, memory: 64 MiB, portals: 1, queues: 51-150}
        links: [ [host, guest1] ]
        """.utf8))
    let path = try directory.write(
      "plan.yaml",
      Data(
        """
        include: guests.yaml
        board: t4240qds
        partitions:
          \(Self.host)
        """.utf8))
    let result = PlanLoader.load(path)
    #expect(result.plan?.partitions.map(\.name) == ["guest1", "host"])
    let overlap = try #require(
      result.diagnostics.diagnostics.first { $0.code == "queue-overlap" })
    #expect(overlap.span?.location == "\(path):4:61")
    #expect(overlap.notes.map { $0.span?.location } == ["\(guests):2:59"])
    let pool = try #require(result.diagnostics.diagnostics.first { $0.code == "pool-missing" })
    #expect(pool.span?.location == "\(guests):2:3")
    #expect(pool.notes.last?.message == "guests.yaml is included here")
    #expect(pool.notes.last?.span?.location == "\(path):1:10")
  }

  @Test func `a name that two files define is told at both places`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let other = try directory.write("other.yaml", Data("partitions: {\(Self.host)}\n".utf8))
    let path = try directory.write(
      "plan.yaml",
      Data("include: [other.yaml]\nboard: t4240qds\npartitions: {\(Self.host)}\n".utf8))
    let result = PlanLoader.load(path)
    let finding = try #require(result.diagnostics.diagnostics.first)
    #expect(finding.code == "yaml-duplicate-key")
    #expect(finding.span?.location == "\(path):3:14")
    #expect(finding.notes.first?.span?.location == "\(other):1:14")
  }

  @Test func `a hostile plan of copies costs little`() {
    var text = "board: t4240qds\npartitions:\n  g0: {cpus: 1}\n"
    for index in 1..<2000 { text += "  g\(index): {like: g\(index - 1)}\n" }
    #expect(load(text).diagnostics.hasErrors)
    text = "board: t4240qds\npartitions:\n"
    for index in 0..<100 { text += "  g\(index): {count: 1024, cpus: 1}\n" }
    let result = load(text)
    #expect(result.diagnostics.diagnostics.contains { $0.message.contains("at most 10000") })
  }

  @Test func `quantities of every kind are read`() throws {
    let result = load(
      """
      board: t4240qds
      policers:
        gold: {committed-rate: 100 Mbit/s, committed-burst: 64 KiB, excess-rate: 1 Gbit/s, excess-burst: 128 KiB}
        tin: {count: frames, algorithm: rfc-4115, committed-rate: 1000 frames/s, committed-burst: 10, excess-rate: 5 frames/s, excess-burst: 1 frame, drop: [red, yellow], colour-aware: yes}
      reserved:
        u-boot: {queues: [5, 10-20], memory: {address: 0x1000, size: 4 KiB}, pools: 7}
      partitions:
        host:
          like: base
          congestion-groups: [ {count: frames, tail-drop: 100, wred: {yellow: {from: 10, to: 20, drop: 5%}}, notify: [host]} ]
          roles: {error: 7-7, sec-request: 2}
      templates:
        base: {cpus: 1, memory: 1 GiB, portals: 1, queues: 1-100}
      """)
    let plan = try #require(result.plan)
    #expect(plan.policers[0].committedRate == 100_000_000 && plan.policers[0].excessBurst == 131072)
    #expect(plan.policers[1].algorithm == .rfc4115 && plan.policers[1].committedBurst == 10)
    #expect(plan.policers[1].drops == [.red, .yellow] && plan.policers[1].isColourAware)
    #expect(plan.reservations[0].queues.map(\.description) == ["5", "10-20"])
    #expect(plan.reservations[0].memory == [AddressRange(base: 0x1000, size: 4096)])
    #expect(plan.reservations[0].numbers[.pools] == [7])
    let group = plan.partitions[0].congestionGroups[0]
    #expect(group.counting == .frames && group.tailDrop == 100 && group.notify == ["host"])
    #expect(group.earlyDrop[.yellow] == .init(start: 10, end: 20, percent: 5))
    #expect(plan.partitions[0].roles[.securityRequest] == .count(2))
    #expect(plan.partitions[0].roles[.error] == .exactly([QueueRange(first: 7, count: 1)]))
  }

  @Test(arguments: [
    ("committed-rate: 100 MB/s", "bad-number"), ("committed-rate: 100", "bad-number"),
    ("committed-rate: 99999999999999 Gbit/s", "bad-number"), ("committed-burst: 1 KB", "bad-size"),
  ]) func `what is no rate or burst is refused`(text: String, code: String) {
    let result = load(
      """
      board: t4240qds
      policers: {a: {\(text)}}
      partitions: {\(Self.host)}
      """)
    #expect(result.diagnostics.diagnostics.contains { $0.code.description == code })
  }
}
