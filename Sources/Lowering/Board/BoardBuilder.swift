import Diagnostics
import QorIQ

/// Makes a ``Board`` of merged facts, and says what is lacking.
struct BoardBuilder {
  var bag = DiagnosticBag()
  var origins = OriginMap()
  /// Whether the facts come from a device tree, which is another thing to complain about.
  let fromTree: Bool

  mutating func board(_ facts: Fact) -> Board? {
    let root = Place(facts, "", "the board")
    let name = text("name", root)
    let model = text("model", root)
    let soc = text("soc", root)
    let core = text("core", root)
    let cpus = rows("cpus", root, code: .missingKey)
    let qman = part("qman", root, code: .blockMissing).flatMap { self.qman($0) }
    let bman = part("bman", root, code: .blockMissing).flatMap { self.bman($0) }
    let fmans = rows("fmans", root, code: .blockMissing).map {
      $0.compactMap { fman($0.place, $0.number) }
    }
    _ = optional("memory", root)
    let accelerators = self.accelerators(root)
    let pamu = pamu(root)
    let controller = interruptController(root)
    guard let name, let model, let soc, let core, let cpus, let qman, let bman, let fmans,
      !bag.hasErrors
    else { return nil }
    return Board(
      name: name, model: model, soc: SoC(soc), core: core,
      clockFrequency: optional("clock", root) ?? 0, cpus: cpus.map { cpu($0.place, $0.number) },
      memorySize: optional("memory", root) ?? 0, addressMap: addressMap(root),
      interruptController: controller, qman: qman, bman: bman, fmans: fmans,
      accelerators: accelerators, pamu: pamu)
  }

  // MARK: CPUs and the map

  private mutating func cpu(_ row: Place, _ number: UInt64) -> CPU {
    CPU(
      index: CPUIndex(UInt16(truncatingIfNeeded: number)),
      coreIndex: optional("core", row).map { Int($0) } ?? Int(number),
      clusterIndex: optional("cluster", row).map { Int($0) })
  }

  private mutating func addressMap(_ root: Place) -> AddressMap {
    guard let map = child("address-map", root) else { return AddressMap() }
    return AddressMap(
      regions: map.keys.compactMap { key in
        child(key, map).flatMap { registers($0) }.map { AddressRegion(name: key, range: $0) }
      })
  }

  private mutating func interruptController(_ root: Place) -> InterruptController? {
    guard let place = child("interrupt-controller", root),
      let kind = text("kind", place).flatMap({ InterruptController.Kind(rawValue: $0) }),
      let registers = registers(place)
    else { return nil }
    return InterruptController(kind: kind, registers: registers)
  }

  // MARK: queue and buffer manager

  private mutating func qman(_ place: Place) -> QManBlock? {
    let revision = revision("revision", place)
    let portals = rows("portals", place, code: .blockMissing)?
      .map { portal($0.place, $0.number, dma: true) }
    let queues = number("queues", place)
    let channels = range("pool-channels", place)
    let groups = number("congestion-groups", place)
    guard let revision, let portals, let queues, let channels, let groups else { return nil }
    return QManBlock(
      revision: revision, registers: registers(place),
      liodn: optional("liodn", place).map(Self.liodn), portals: portals.compactMap { $0 },
      queueCount: UInt32(truncatingIfNeeded: queues),
      frameMemorySize: optional("frame-memory", place) ?? 32 << 20,
      poolChannels: channels.map { ChannelID(UInt16(truncatingIfNeeded: $0)) },
      congestionGroupCount: Int(groups))
  }

  private mutating func bman(_ place: Place) -> BManBlock? {
    let revision = revision("revision", place)
    let portals = rows("portals", place, code: .blockMissing)?
      .map { portal($0.place, $0.number, dma: false) }
    let pools = number("pools", place)
    guard let revision, let portals, let pools else { return nil }
    return BManBlock(
      revision: revision, registers: registers(place),
      liodn: optional("liodn", place).map(Self.liodn), portals: portals.compactMap { $0 },
      poolCount: Int(pools), memorySize: optional("memory", place) ?? 16 << 20)
  }

  private mutating func portal(_ row: Place, _ index: UInt64, dma: Bool) -> SoftwarePortal? {
    let enabled = number("ce", row)
    let enabledSize = number("ce-size", row)
    let inhibited = number("ci", row)
    let inhibitedSize = number("ci-size", row)
    let interrupt = number("interrupt", row)
    guard let enabled, let enabledSize, let inhibited, let inhibitedSize, let interrupt else {
      return nil
    }
    return SoftwarePortal(
      index: PortalIndex(UInt16(truncatingIfNeeded: index)),
      cacheEnabled: AddressRange(base: enabled, size: enabledSize),
      cacheInhibited: AddressRange(base: inhibited, size: inhibitedSize),
      interrupt: Self.interrupt(interrupt), dma: dma ? portalDMA(row) : nil)
  }

  private mutating func portalDMA(_ row: Place) -> PortalDMA? {
    guard let ring = optional("dqrr-liodn", row), let frame = optional("frame-liodn", row),
      let offset = optional("liodn-offset", row), let stash = optional("stash", row)
    else { return nil }
    return PortalDMA(
      dequeueRing: Self.liodn(ring), frame: Self.liodn(frame), offset: Self.offset(offset),
      stashDestination: StashDestination(UInt8(truncatingIfNeeded: stash)))
  }

  // MARK: frame managers

  private mutating func fman(_ place: Place, _ number: UInt64) -> FManBlock? {
    let revision = self.number("revision", place)
    let base = self.number("base", place)
    let schemes = self.number("schemes", place)
    let profiles = self.number("storage-profiles", place)
    let interfaces = child("interfaces", place).map { table in
      table.keys.compactMap { key in
        child(key, table).flatMap { interface($0, "fm\(number)-\(key)") }
      }
    }
    let offline = child("offline-ports", place).map { table in
      table.numberedKeys.compactMap { key, number in child(key, table).map { ($0, number) } }
    }
    guard let revision, let base, let schemes, let profiles else { return nil }
    let ports = (offline ?? []).map { row, id in
      (
        id: PortID(UInt8(truncatingIfNeeded: id)), channel: optional("channel", row),
        isEnabled: flag("enabled", row) ?? true
      )
    }
    return FManBlock(
      index: Int(number) - 1, majorRevision: UInt8(truncatingIfNeeded: revision), base: base,
      memorySize: optional("memory", place) ?? 0,
      interrupt: optional("interrupt", place).map(Self.interrupt),
      channels: optionalRange("channels", place),
      liodnBase: optional("liodn-base", place).map(Self.liodn),
      interfaces: (interfaces ?? []).sorted {
        ($0.receivePort, $0.macIndex) < ($1.receivePort, $1.macIndex)
      },
      offlinePorts: ports.compactMap { port in
        port.channel.map {
          OfflinePort(port: port.id, channel: Self.channel($0), isEnabled: port.isEnabled)
        }
      },
      offlinePortsWithoutChannel: ports.filter { $0.channel == nil }.map(\.id),
      schemeCount: Int(schemes), storageProfileCount: Int(profiles),
      policerProfileCount: Int(optional("policers", place) ?? 0))
  }

  private mutating func interface(_ row: Place, _ name: String) -> NetworkInterface? {
    let speed = number("speed", row)
    let mac = number("mac", row)
    let receive = number("receive", row)
    let transmit = number("transmit", row)
    let channel = number("channel", row)
    guard let speed, let mac, let receive, let transmit, let channel else { return nil }
    return NetworkInterface(
      name: name, speed: Int(speed), macIndex: UInt8(truncatingIfNeeded: mac),
      receivePort: PortID(UInt8(truncatingIfNeeded: receive)),
      transmitPort: PortID(UInt8(truncatingIfNeeded: transmit)),
      transmitChannel: Self.channel(channel),
      liodnOffset: optional("liodn-offset", row).map(Self.offset),
      connection: optionalText("connection", row)
        .flatMap { NetworkInterface.Connection(rawValue: $0) },
      isEnabled: flag("enabled", row) ?? true)
  }

  // MARK: accelerators and PAMU

  private mutating func accelerators(_ root: Place) -> Accelerators {
    Accelerators(
      sec: child("sec", root).flatMap { sec($0) }, pme: child("pme", root).flatMap { pme($0) },
      rman: child("rman", root).flatMap { rman($0) }, dce: child("dce", root).flatMap { dce($0) },
      raid: child("raid", root).flatMap { raid($0) })
  }

  private mutating func sec(_ place: Place) -> SECBlock? {
    let version = revision("version", place)
    let registers = required(registers(place), "base", place)
    let channel = number("channel", place)
    let rings = child("job-rings", place).map { table in
      table.numberedKeys.compactMap { key, number in
        child(key, table).flatMap { jobRing($0, number) }
      }
    }
    guard let version, let registers, let channel else { return nil }
    return SECBlock(
      version: version, era: optional("era", place).map { Int($0) }, registers: registers,
      interrupt: optional("interrupt", place).map(Self.interrupt), channel: Self.channel(channel),
      liodnBases: numbers("liodn-bases", place).map(Self.liodn), jobRings: rings ?? [])
  }

  private mutating func jobRing(_ row: Place, _ number: UInt64) -> SECBlock.JobRing? {
    let registers = required(registers(row), "base", row)
    let interrupt = self.number("interrupt", row)
    guard let registers, let interrupt else { return nil }
    return SECBlock.JobRing(
      index: Int(number), registers: registers, interrupt: Self.interrupt(interrupt),
      liodns: numbers("liodns", row).map(Self.liodn))
  }

  private mutating func pme(_ place: Place) -> PMEBlock? {
    let base = number("base", place)
    let channel = number("channel", place)
    guard let base, let channel else { return nil }
    return PMEBlock(
      base: base, channel: Self.channel(channel),
      liodn: optional("liodn", place).map(Self.liodn),
      liodnBases: numbers("liodn-bases", place).map(Self.liodn))
  }

  private mutating func rman(_ place: Place) -> RManBlock? {
    guard let base = number("base", place) else { return nil }
    return RManBlock(
      base: base, channels: numbers("channels", place).map(Self.channel),
      liodnBase: optional("liodn-base", place).map(Self.liodn),
      blockOffsets: numbers("block-offsets", place).map(Self.offset))
  }

  private mutating func dce(_ place: Place) -> DCEBlock? {
    let base = number("base", place)
    let compression = number("compression", place)
    let decompression = number("decompression", place)
    guard let base, let compression, let decompression else { return nil }
    return DCEBlock(
      base: base, compressionChannel: Self.channel(compression),
      decompressionChannel: Self.channel(decompression),
      liodnBases: numbers("liodn-bases", place).map(Self.liodn))
  }

  private mutating func raid(_ place: Place) -> RAIDBlock? {
    guard let registers = required(registers(place), "base", place) else { return nil }
    return RAIDBlock(
      registers: registers, liodnBase: optional("liodn-base", place).map(Self.liodn),
      jobQueueLIODNs: numbers("job-queue-liodns", place).map(Self.liodn))
  }

  private mutating func pamu(_ root: Place) -> PAMUBlock? {
    guard let place = child("pamu", root) else { return nil }
    let registers = required(registers(place), "base", place)
    let units = number("units", place)
    guard let registers, let units else { return nil }
    let devices = child("devices", place)
    return PAMUBlock(
      registers: registers, unitCount: Int(units),
      interrupt: optional("interrupt", place).map(Self.interrupt),
      liodnBits: Int(optional("liodn-bits", place) ?? 12),
      devices: devices.map { table in
        table.keys.sorted().map {
          PAMUBlock.Device(name: $0, liodns: numbers($0, table).map(Self.liodn))
        }
      } ?? [])
  }

  private static func liodn(_ number: UInt64) -> LIODN {
    LIODN(UInt16(truncatingIfNeeded: number))
  }
  private static func offset(_ number: UInt64) -> LIODNOffset {
    LIODNOffset(UInt16(truncatingIfNeeded: number))
  }
  private static func channel(_ number: UInt64) -> ChannelID {
    ChannelID(UInt16(truncatingIfNeeded: number))
  }
  private static func interrupt(_ number: UInt64) -> InterruptSource {
    InterruptSource(UInt32(truncatingIfNeeded: number))
  }
}
