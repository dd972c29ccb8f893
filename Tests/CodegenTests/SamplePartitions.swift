import QorIQ

@testable import Partitioning

/// Partitions made by hand, so that what backends print does not depend on the planner's choices.
enum Sample {
  /// The talk's table on T4240QDS.
  static let t4240 = partition(board: board(t4240: true))
  /// The same on P4080DS, where frames for other owners make a detour over an offline port.
  static let p4080 = partition(board: board(t4240: false))
  /// Both, for tests with arguments.
  static let all = [t4240, p4080]

  /// One guest on a board with the core of P5020 (e5500), in another dialect, with one portal above
  /// 36 and no ways in or out.
  static let lonely: Partition = {
    var board = Sample.board(t4240: true)
    board.core = "e5500"
    var guest = owner(
      "bare-metal", cpus: [7], memory: AddressRange(base: 0x8000_0000, size: 96 << 20),
      portals: [3, 40], queues: [QueueRange(first: 5000, count: 7)], pools: [9, 10, 12], paths: [])
    guest.os = .bare
    return Partition(
      name: "lonely", board: board, owners: [host(paths: []), guest], interfaces: [], links: [],
      decisions: [])
  }()

  static func board(t4240: Bool) -> Board {
    let qmanBase: UInt64 = t4240 ? 0xf_f600_0000 : 0xf_f420_0000
    return Board(
      name: t4240 ? "t4240qds" : "p4080ds", model: t4240 ? "fsl,T4240QDS" : "fsl,P4080DS",
      soc: t4240 ? .t4240 : .p4080, core: t4240 ? "e6500" : "e500mc",
      clockFrequency: t4240 ? 1_666_666_666 : 1_500_000_000,
      cpus: (0..<(t4240 ? 24 : 8)).map { CPU(index: CPUIndex($0), coreIndex: Int($0) / 2) },
      memorySize: 4 << 30,
      qman: QManBlock(
        revision: t4240 ? Revision(3, 0) : Revision(1, 2),
        portals: portals(t4240: t4240, base: qmanBase, interrupt: 104), queueCount: 65_536,
        poolChannels: (0..<15).map { ChannelID((t4240 ? 0x401 : 0x21) + $0) },
        congestionGroupCount: 256),
      bman: BManBlock(
        revision: t4240 ? Revision(2, 1) : Revision(1, 0),
        portals: portals(t4240: t4240, base: 0xf_f400_0000, interrupt: 105), poolCount: 64),
      fmans: [
        FManBlock(
          index: 0, majorRevision: t4240 ? 6 : 2, base: 0xf_fe40_0000,
          interfaces: [
            NetworkInterface(
              name: "fm1-10g0", speed: 10_000, macIndex: 8, receivePort: 0x10, transmitPort: 0x30,
              transmitChannel: t4240 ? 0x800 : 0x40)
          ],
          offlinePorts: (1...4).map {
            OfflinePort(port: PortID($0), channel: ChannelID(0x44 + UInt16($0)))
          }, schemeCount: 32, storageProfileCount: t4240 ? 64 : 0)
      ])
  }

  private static func portals(t4240: Bool, base: UInt64, interrupt: UInt32) -> [SoftwarePortal] {
    let inhibited: UInt64 = t4240 ? 0x100_0000 : 0x10_0000
    let count: UInt16 = t4240 ? 50 : 10
    return (0..<count).map { (index: UInt16) -> SoftwarePortal in
      let enabledBase = base + 0x4000 * UInt64(index)
      let inhibitedBase = base + inhibited + 0x1000 * UInt64(index)
      return SoftwarePortal(
        index: PortalIndex(index),
        cacheEnabled: AddressRange(base: enabledBase, size: 0x4000),
        cacheInhibited: AddressRange(base: inhibitedBase, size: 0x1000),
        interrupt: InterruptSource(interrupt + 2 * UInt32(index) + (index < 36 ? 0 : 208)))
    }
  }

  private static func host(paths: [OwnerPath]) -> Owner {
    owner(
      "host", isHost: true, cpus: [0, 1, 2, 3], memory: AddressRange(base: 0, size: 1 << 31),
      portals: [0, 1, 2, 3], queues: [QueueRange(first: 1, count: 100)], pools: [1], paths: paths)
  }

  private static func owner(
    _ name: String, isHost: Bool = false, cpus: [CPUIndex], memory: AddressRange,
    portals: [PortalIndex], queues: [QueueRange], pools: [BPID], paths: [OwnerPath]
  ) -> Owner {
    let poolSize: UInt64 = 4096 * 2112
    return Owner(
      name: name, isHost: isHost, cpus: cpus, memory: memory, portals: portals, rings: .hardware,
      liodnOffset: UInt16(portals.first?.rawValue ?? 0) + 1, queues: queues,
      pools: pools.enumerated().map { index, bpid in
        PoolAssignment(
          bpid: bpid, bufferCount: 4096, bufferSize: 2048, bufferStride: 2112,
          base: memory.base + memory.size - poolSize * UInt64(pools.count - index))
      },
      os: .linuxSDK, program: isHost ? .sink : .reflect, paths: paths)
  }

  private static func path(
    _ name: String, isLink: Bool = false, receive: UInt32, count: UInt32, channels: [ChannelID],
    transmit: UInt32
  ) -> OwnerPath {
    OwnerPath(
      name: name, isLink: isLink, receive: QueueRange(first: FQID(receive), count: count),
      channels: channels, transmit: FQID(transmit))
  }

  /// The table on T4240QDS with other rules on its interface.
  static func t4240(rules: [FlowRule], policers: [PolicerProfile] = []) -> Partition {
    let talk = t4240
    return Partition(
      name: talk.name, board: talk.board, owners: talk.owners,
      interfaces: talk.interfaces.map { interface in
        var interface = interface
        interface.rules = rules
        return interface
      }, links: talk.links, decisions: [], policers: policers)
  }

  private static func partition(board: Board) -> Partition {
    let isT4240 = board.soc == .t4240
    var guest1 = owner(
      "guest1", cpus: [4, 5], memory: AddressRange(base: 0x8000_0000, size: 512 << 20),
      portals: [4, 5], queues: [QueueRange(first: 101, count: 100)], pools: [2],
      paths: [
        path("fm1-10g0", receive: 128, count: 64, channels: [4, 5], transmit: 101),
        path("host", isLink: true, receive: 102, count: 1, channels: [4], transmit: 103),
      ])
    guest1.rings = RingSizes(enqueue: 64, dequeue: 32)
    var guest2 = owner(
      "guest2", cpus: [6], memory: AddressRange(base: 0xa000_0000, size: 640 << 20), portals: [6],
      queues: [QueueRange(first: 201, count: 200)], pools: [3],
      paths: [path("fm1-10g0", receive: 201, count: 1, channels: [6], transmit: 202)])
    guest2.os = .linuxMainline
    guest2.program = .source(.init(path: "fm1-10g0", frames: 1000, size: 1514))
    let hop = SharedInterface.OfflineHop(
      receivingOwner: 0, queue: 4, fman: 0, port: OfflinePort(port: 1, channel: 0x45))
    return Partition(
      name: "talk", board: board,
      owners: [
        host(paths: [
          path("fm1-10g0", receive: 1, count: 1, channels: [0], transmit: 2),
          path("guest1", isLink: true, receive: 3, count: 1, channels: [0], transmit: 5),
        ]),
        guest1, guest2,
      ],
      interfaces: [
        SharedInterface(
          name: "fm1-10g0", fman: 0, transmitChannel: isT4240 ? 0x800 : 0x40,
          rules: [
            FlowRule(
              conditions: [.ipv4Destination(IPv4Prefix(address: 0xc0a8_010b, length: 32))],
              owner: 1, receive: QueueRange(first: 128, count: 64), spread: .fiveTuple,
              storageProfile: isT4240 ? 1 : nil),
            FlowRule(
              conditions: [
                .ipv6Destination(IPv6Prefix(high: 0xfd00_0002_0000_0000, low: 0, length: 64)),
                .vlan(7), .ipProtocol(17), .l4Destination(53),
              ],
              owner: 2, receive: QueueRange(first: 201, count: 1), spread: nil,
              storageProfile: isT4240 ? 2 : nil),
            FlowRule(
              conditions: [], owner: 0, receive: QueueRange(first: 1, count: 1), spread: nil,
              storageProfile: isT4240 ? 0 : nil),
          ],
          delivery: isT4240 ? .storageProfiles : .offlineHop(hop), replay: "traffic.pcap")
      ],
      links: [
        Link(
          from: 0, to: 1, transmit: 5, receive: 102, fman: 0,
          port: OfflinePort(port: 2, channel: 0x46)),
        Link(
          from: 1, to: 0, transmit: 103, receive: 3, fman: 0,
          port: OfflinePort(port: 3, channel: 0x47)),
      ],
      decisions: [])
  }
}
