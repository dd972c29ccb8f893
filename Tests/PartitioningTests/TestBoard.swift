import QorIQ

extension Board {
  /// A board of no make: eight CPUs and portals, two frame managers, 4,095 queues.
  static func test(storageProfiles: Int = 64) -> Board {
    let portals = (UInt16(0)..<8).map {
      SoftwarePortal(
        index: PortalIndex($0),
        cacheEnabled: AddressRange(base: UInt64($0) << 14, size: 1 << 14),
        cacheInhibited: AddressRange(base: UInt64($0) << 12, size: 1 << 12),
        interrupt: InterruptSource(UInt32($0)))
    }
    return Board(
      name: "test", model: "test", soc: .t4240, core: "e6500", clockFrequency: 1,
      cpus: (UInt16(0)..<8).map { CPU(index: CPUIndex($0), coreIndex: Int($0) / 2) },
      memorySize: 8 << 30,
      qman: QManBlock(
        revision: Revision(3, 0), portals: portals, queueCount: 4096, poolChannels: [0x401],
        congestionGroupCount: 256),
      bman: BManBlock(revision: Revision(2, 1), portals: portals, poolCount: 64),
      fmans: (0..<2).map { fman in
        FManBlock(
          index: fman, majorRevision: 6, base: UInt64(fman) << 20,
          interfaces: (UInt8(0)..<2).map { mac in
            NetworkInterface(
              name: "fm\(fman + 1)-gb\(mac)", speed: 1000, macIndex: mac,
              receivePort: PortID(8 + mac),
              transmitPort: PortID(0x28 + mac),
              transmitChannel: ChannelID(0x800 + UInt16(fman) * 0x20 + UInt16(mac)))
          },
          offlinePorts: (UInt8(2)..<5).map {
            OfflinePort(
              port: PortID($0), channel: ChannelID(0x807 + UInt16(fman) * 0x20 + UInt16($0)))
          },
          schemeCount: 32, storageProfileCount: storageProfiles)
      })
  }
}
