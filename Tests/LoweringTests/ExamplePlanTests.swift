import Diagnostics
import Lowering
import Partitioning
import QorIQ
import Testing

/// The plans of `examples/kvm-forum`: what the talk's table becomes on either board.
@Suite struct ExamplePlanTests {
  private func load(_ name: String) throws -> Partition {
    let result = PlanLoader.load("examples/kvm-forum/\(name).yaml")
    #expect(
      result.diagnostics.isEmpty, "\(DiagnosticRenderer().render(result.diagnostics))")
    return try #require(result.partition)
  }

  @Test func `on T4240QDS the table gets exactly these portals, queues, pools and paths`() throws {
    let partition = try load("t4240qds")
    #expect(partition.name == "t4240qds")
    #expect(partition.board.name == "t4240qds")
    #expect(partition.owners.map(\.name) == ["host", "guest1", "guest2", "guestN"])
    #expect(partition.owners.map(\.isHost) == [true, false, false, false])
    #expect(partition.owners.map(\.cpus) == [[0, 1, 2, 3], [4, 5], [6, 7], [8, 9, 10, 11]])
    #expect(partition.owners.map(\.portals) == [[0, 1, 2, 3], [4, 5], [6, 7], [8, 9]])
    #expect(partition.owners.map(\.liodnOffset) == [1, 5, 7, 9])
    #expect(
      partition.owners.map(\.memory) == [
        AddressRange(base: 0, size: 2 << 30), AddressRange(base: 0x8000_0000, size: 512 << 20),
        AddressRange(base: 0xa000_0000, size: 512 << 20),
        AddressRange(base: 0xc000_0000, size: 512 << 20),
      ])
    #expect(
      partition.owners.map(\.queues) == [
        [QueueRange(first: 1, count: 100)], [QueueRange(first: 101, count: 100)],
        [QueueRange(first: 201, count: 200)], [QueueRange(first: 401, count: 600)],
      ])
    // 4096 buffers 2112 bytes apart, 64 MiB below the top of each memory.
    #expect(
      partition.owners.map(\.pools)
        == [0x8000_0000, 0xa000_0000, 0xc000_0000, 0xe000_0000].enumerated().map {
          [
            PoolAssignment(
              bpid: BPID(UInt8($0 + 1)), bufferCount: 4096, bufferSize: 2048, bufferStride: 2112,
              base: UInt64($1) - (64 << 20) - 4096 * 2112)
          ]
        })
    #expect(
      partition.owners.map(\.paths) == [
        [
          path("fm1-10g0", receive: 3, 1, channels: [0], transmit: 1),
          path("guest1", isLink: true, receive: 4, 1, channels: [1], transmit: 2),
        ],
        [
          path("fm1-10g0", receive: 128, 64, channels: [4, 5], transmit: 101),
          path("host", isLink: true, receive: 104, 1, channels: [4], transmit: 102),
          path("guest2", isLink: true, receive: 105, 1, channels: [5], transmit: 103),
        ],
        [
          path("fm1-10g0", receive: 203, 1, channels: [6], transmit: 201),
          path("guest1", isLink: true, receive: 204, 1, channels: [7], transmit: 202),
        ],
        [path("fm1-10g0", receive: 402, 1, channels: [8], transmit: 401)],
      ])
    #expect(partition.owners[1].rings == RingSizes(enqueue: 64, dequeue: 64))
    #expect(partition.owners[0].rings == .hardware)
  }

  @Test func `on T4240QDS each rule names its owner's queues and storage profile`() throws {
    let interface = try #require(load("t4240qds").interfaces.first)
    #expect(interface.name == "fm1-10g0")
    #expect(interface.transmitChannel == 0x800)
    #expect(interface.delivery == .storageProfiles)
    #expect(interface.replay == "traffic.pcap")
    #expect(interface.rules.map(\.owner) == [0, 0, 1, 1, 2, 2, 3, 3, 0])
    #expect(interface.rules.map(\.storageProfile) == [0, 0, 1, 1, 2, 2, 3, 3, 0])
    #expect(
      interface.rules.map(\.receive.description)
        == ["3", "3", "128-191", "128-191", "203", "203", "402", "402", "3"])
    #expect(
      interface.rules[7].conditions
        == [.ipv6Destination(IPv6Prefix(high: 0xfd00_0003_0000_0000, low: 0, length: 64))])
    #expect(interface.rules[8].conditions.isEmpty)
  }

  @Test func `links take an offline port for each direction`() throws {
    let links = try load("t4240qds").links
    #expect(links.map(\.from) == [0, 1, 1, 2])
    #expect(links.map(\.to) == [1, 0, 2, 1])
    #expect(links.map(\.transmit) == [2, 102, 103, 202])
    #expect(links.map(\.receive) == [104, 4, 204, 105])
    #expect(links.map(\.port.channel) == [0x809, 0x80a, 0x80b, 0x80c])
  }

  @Test func `on P4080DS guests' frames take an offline port, and the plan says the price`() throws
  {
    let partition = try load("p4080ds")
    let interface = try #require(partition.interfaces.first)
    #expect(
      interface.delivery
        == .offlineHop(
          SharedInterface.OfflineHop(
            receivingOwner: 0, queue: 5, fman: 0, port: OfflinePort(port: 1, channel: 0x45))))
    #expect(interface.rules.allSatisfy { $0.storageProfile == nil })
    // The hop has taken the first offline port; the links go on to the second frame manager.
    #expect(partition.links.map(\.port.channel) == [0x46, 0x47, 0x48, 0x65])
    #expect(partition.links.map(\.fman) == [0, 0, 0, 1])
    #expect(
      partition.decisions.filter { $0.subject == "fm1-10g0" }.map(\.message) == [
        "FMan v2 has no storage profiles, pools belong to the port: it receives into host's pools, "
          + "and frames for others go over queue 5 to the offline port fm1-oh1, which classifies "
          + "them again", "each frame for guest1 is copied once, by fm1-oh1",
        "each frame for guest2 is copied once, by fm1-oh1",
        "each frame for guestN is copied once, by fm1-oh1",
      ])
  }

  @Test func `the planner says which part of an owned range a hash can use`() throws {
    let decisions = try load("t4240qds").decisions
    #expect(
      decisions.contains(
        Decision(
          "guest1",
          "owns 101-200; a hash over a power of two on an aligned base fits in 128-191: 64 queues "
            + "spread what arrives from fm1-10g0")))
  }

  @Test(arguments: ["t4240qds", "p4080ds"])
  func `the same plan gives the same partition`(name: String) throws {
    #expect(try load(name) == load(name))
  }

  @Test func `another board can take the place of the plan's own`() throws {
    let result = PlanLoader.load("examples/kvm-forum/p4080ds.yaml", board: "boards/t4240qds.dts")
    #expect(result.partition?.board.name == "t4240qds")
  }

  private func path(
    _ name: String, isLink: Bool = false, receive: FQID, _ count: UInt32, channels: [ChannelID],
    transmit: FQID
  ) -> OwnerPath {
    OwnerPath(
      name: name, isLink: isLink, receive: QueueRange(first: receive, count: count),
      channels: channels, transmit: transmit)
  }
}
