/// PAMU: lets a device's DMA through by its LIODN, to the windows that were opened for it.
public struct PAMUBlock: Sendable, Hashable {
  /// The registers of all units.
  public var registers: AddressRange
  /// How many units there are, each in front of some of the devices.
  public var unitCount: Int
  /// The line of violations.
  public var interrupt: InterruptSource?
  /// How many bits a LIODN has.
  public var liodnBits: Int
  /// The LIODNs of devices that have no queues, by the device's name: `pcie1`, `dma2`, `usb1` ….
  public var devices: [Device]

  /// A device with LIODNs of its own.
  public struct Device: Sendable, Hashable {
    /// The name: `pcie1`, `dma2`, `usb1` ….
    public var name: String
    /// Its LIODNs.
    public var liodns: [LIODN]
    /// Creates a device.
    public init(name: String, liodns: [LIODN]) {
      self.name = name
      self.liodns = liodns
    }
  }

  /// Creates a PAMU.
  public init(
    registers: AddressRange, unitCount: Int, interrupt: InterruptSource? = nil,
    liodnBits: Int = 12, devices: [Device] = []
  ) {
    self.registers = registers
    self.unitCount = unitCount
    self.interrupt = interrupt
    self.liodnBits = liodnBits
    self.devices = devices
  }
}

/// A LIODN and whose it is.
public struct LIODNUse: Sendable, Hashable {
  /// The LIODN.
  public var liodn: LIODN
  /// Whose it is, for example `QMan portal 3, dequeue ring`.
  public var user: String
  /// The path of the fact in an `OriginMap`.
  public var path: String
  /// Creates a use.
  public init(liodn: LIODN, user: String, path: String) {
    self.liodn = liodn
    self.user = user
    self.path = path
  }
}

extension Board {
  /// What an accelerator's DMA bears that works on a portal's frames: base plus the portal's offset.
  public static func liodn(_ base: LIODN, _ offset: LIODNOffset) -> LIODN {
    LIODN(base.rawValue &+ offset.rawValue)
  }

  /// Every LIODN that is known, with whose it is, in ascending order.
  ///
  /// Accelerators have one for each base and each offset that some portal has.
  public var liodnTable: [LIODNUse] {
    var uses: [LIODNUse] = []
    func add(_ liodn: LIODN?, _ user: String, _ path: String) {
      if let liodn { uses.append(LIODNUse(liodn: liodn, user: user, path: path)) }
    }
    for portal in qman.portals {
      let path = "/qman/portals/\(portal.index)"
      add(portal.dma?.dequeueRing, "QMan portal \(portal.index), dequeue ring", path)
      add(portal.dma?.frame, "QMan portal \(portal.index), frames", path)
    }
    add(qman.liodn, "QMan", "/qman")
    add(bman.liodn, "BMan", "/bman")
    for fman in fmans {
      for interface in fman.interfaces {
        guard let base = fman.liodnBase, let offset = interface.liodnOffset else { continue }
        add(
          Self.liodn(base, offset), "\(interface.name), receive",
          "/fmans/\(fman.index + 1)/interfaces/\(interface.key)")
      }
    }
    add(accelerators.pme?.liodn, "PME", "/pme")
    for ring in accelerators.sec?.jobRings ?? [] {
      for liodn in ring.liodns {
        add(liodn, "SEC job ring \(ring.index)", "/sec/job-rings")
      }
    }
    if let rman = accelerators.rman, let base = rman.liodnBase {
      for (index, offset) in rman.blockOffsets.enumerated() {
        add(Self.liodn(base, offset), "RMan block \(index)", "/rman")
      }
    }
    for liodn in accelerators.raid?.jobQueueLIODNs ?? [] { add(liodn, "RAID engine", "/raid") }
    for device in pamu?.devices ?? [] {
      for liodn in device.liodns { add(liodn, device.name, "/pamu/devices/\(device.name)") }
    }
    uses += producerUses()
    return uses.sorted { ($0.liodn, $0.user) < ($1.liodn, $1.user) }
  }

  /// The blocks that work on portals' frames, with the bases of their LIODNs.
  public var liodnBases: [(block: String, path: String, bases: [LIODN])] {
    var bases: [(block: String, path: String, bases: [LIODN])] = fmans.compactMap { fman in
      fman.liodnBase.map { ("FMan \(fman.index + 1)", "/fmans/\(fman.index + 1)", [$0]) }
    }
    if let sec = accelerators.sec { bases.append(("SEC", "/sec", sec.liodnBases)) }
    if let pme = accelerators.pme { bases.append(("PME", "/pme", pme.liodnBases)) }
    if let rman = accelerators.rman, let base = rman.liodnBase {
      bases.append(("RMan", "/rman", [base]))
    }
    if let dce = accelerators.dce { bases.append(("DCE", "/dce", dce.liodnBases)) }
    return bases
  }

  private func producerUses() -> [LIODNUse] {
    let offsets = Set(qman.portals.compactMap(\.dma?.offset)).sorted()
    return liodnBases.flatMap { block, path, bases in
      bases.flatMap { base in
        offsets.map { offset in
          let portals = qman.portals.filter { $0.dma?.offset == offset }.map(\.index)
          return LIODNUse(
            liodn: Self.liodn(base, offset),
            user: "\(block) for \(Self.portalNames(portals))", path: path)
        }
      }
    }
  }

  private static func portalNames(_ portals: [PortalIndex]) -> String {
    guard let first = portals.first, let last = portals.last, portals.count > 1 else {
      return "portal \(portals.first.map(\.description) ?? "?")"
    }
    let isRun = Int(last.rawValue) - Int(first.rawValue) == portals.count - 1
    return isRun ? "portals \(first)-\(last)" : "\(portals.count) portals from \(first)"
  }
}
