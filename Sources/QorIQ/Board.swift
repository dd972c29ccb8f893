/// A board as values: what there is to share.
///
/// A board read from YAML equals the same board read from a device tree; where each fact was
/// written, and how sure it is, is kept beside it.
public struct Board: Sendable, Hashable {
  /// The name that plans use, for example `t4240qds`.
  public var name: String
  /// The `model` of the device tree's root, for example `fsl,T4240QDS`.
  public var model: String
  /// The system-on-chip.
  public var soc: SoC
  /// The processor core as QEMU and device trees name it: `e500mc`, `e5500` or `e6500`.
  public var core: String
  /// The core's clock in hertz; 0 when nobody has said it.
  public var clockFrequency: UInt64
  /// The CPUs (hardware threads) in ascending order.
  public var cpus: [CPU]
  /// Bytes of DRAM, from physical address 0; 0 when nobody has said it.
  public var memorySize: UInt64
  /// What answers at which physical addresses, DRAM aside.
  public var addressMap: AddressMap
  /// What turns interrupt lines into interrupts.
  public var interruptController: InterruptController?
  /// The queue manager.
  public var qman: QManBlock
  /// The buffer manager.
  public var bman: BManBlock
  /// The frame managers in order.
  public var fmans: [FManBlock]
  /// The blocks that work on frames from queues.
  public var accelerators: Accelerators
  /// What stands between devices and memory.
  public var pamu: PAMUBlock?

  /// Creates a board from its parts.
  public init(
    name: String, model: String, soc: SoC, core: String, clockFrequency: UInt64, cpus: [CPU],
    memorySize: UInt64, addressMap: AddressMap = AddressMap(),
    interruptController: InterruptController? = nil, qman: QManBlock, bman: BManBlock,
    fmans: [FManBlock], accelerators: Accelerators = Accelerators(), pamu: PAMUBlock? = nil
  ) {
    self.name = name
    self.model = model
    self.soc = soc
    self.core = core
    self.clockFrequency = clockFrequency
    self.cpus = cpus
    self.memorySize = memorySize
    self.addressMap = addressMap
    self.interruptController = interruptController
    self.qman = qman
    self.bman = bman
    self.fmans = fmans
    self.accelerators = accelerators
    self.pamu = pamu
  }

  /// The network interface of this name, with the frame manager that it belongs to; one that the
  /// board does not enable is none.
  public func interface(named name: String) -> (fman: FManBlock, interface: NetworkInterface)? {
    for fman in fmans {
      if let found = fman.interfaces.first(where: { $0.name == name }), found.isEnabled {
        return (fman, found)
      }
    }
    return nil
  }

  /// The names of all network interfaces that the board enables: `fm1-gb0`, `fm1-10g0` and so on.
  public var interfaceNames: [String] {
    fmans.flatMap { $0.interfaces.filter(\.isEnabled).map(\.name) }
  }

  /// The portals that exist in both managers: a portal of a plan stands for one of each.
  public var sharedPortals: [PortalIndex] {
    let buffers = Set(bman.portals.map(\.index))
    return qman.portals.map(\.index).filter(buffers.contains)
  }

  /// The portals' registers as this family lays them out.
  public var portalRegisters: PortalRegisters {
    core.hasPrefix("cortex") ? .arm : .powerPC
  }
}

/// Where a portal's registers lie within its cache-inhibited window: the family decides, not the
/// revision of QMan (Linux 6.1, `drivers/soc/fsl/qbman/qman.c`, under `CONFIG_ARM64`).
public enum PortalRegisters: String, Sendable, Hashable {
  /// P and T series: registers from offset 0 on.
  case powerPC = "powerpc"
  /// LS series: registers from offset 0x3000 on, 64 bytes apart.
  case arm
}
