import Partitioning
import QorIQ

/// QEMU's paravirtual `ppce500` board: what a guest finds besides its own portals.
///
/// The numbers are those that QEMU 7.2 writes when it makes the tree itself (`hw/ppc/e500.c` and
/// `hw/ppc/e500plat.c`; see them with `-M ppce500,dumpdtb=FILE`). With `-dtb` it takes a tree as it
/// is, so the tree must bring them along.
enum PPCE500 {
  /// What Linux looks for, exactly (Linux 6.1, `arch/powerpc/platforms/85xx/qemu_e500.c`).
  static let compatible = "fsl,qemu-e500"
  /// The device registers, 1 MiB; on the silicon they lie elsewhere (`ccsrbar_base`).
  static let ccsr = AddressRange(base: 0xf_e000_0000, size: 0x10_0000)
  /// Where secondary CPUs spin until they are released (`spin_base`).
  static let spinTable: UInt64 = 0xf_ef00_0000
  /// Bytes of one CPU's entry in the spin table.
  static let spinTableEntrySize: UInt64 = 0x20
  /// Ticks per second of the time base, the UART and the CPU itself (`PLATFORM_CLK_FREQ_HZ`).
  static let clockFrequency: UInt32 = 400_000_000
  /// The unit address of the interrupt controller in the device registers.
  static let pic: UInt32 = 0x4_0000
  /// The unit address of the first UART.
  static let serial: UInt32 = 0x4500
  /// The unit address of the I²C controller with the real-time clock.
  static let i2c: UInt32 = 0x3000
  /// The unit address of the global utilities, through which a guest resets itself.
  static let globalUtilities: UInt32 = 0xe_0000
  /// The UART's interrupt.
  static let serialInterrupt: UInt32 = 42
  /// The I²C controller's interrupt.
  static let i2cInterrupt: UInt32 = 43
  /// The interrupt of the virtual managers' errors, which they share. Nothing of the machine has it;
  /// that of the boards, 16, Linux 6.1 keeps for its own handler of errors, and refuses as
  /// level-triggered ("type mismatch"; `arch/powerpc/sysdev/fsl_mpic_err.c`).
  static let errorInterrupt: UInt32 = 17
  /// The interrupt of the first virtual frame manager; the next ones follow, as on the boards
  /// (Linux 6.1, `qoriq-fman3-0.dtsi`).
  static let frameManagerInterrupt: UInt32 = 96
  /// The first of the eight message-signalled interrupts; device interrupts stay below.
  static let firstMessageInterrupt: UInt32 = 0xe0
  /// RAM is a multiple of this.
  static let memoryGranularity = GuestNeeds.memoryStep
  /// Level-triggered and active high, the second cell of a two-cell specifier (Linux 6.1,
  /// `Documentation/devicetree/bindings/powerpc/fsl/mpic.txt`).
  static let levelHigh: UInt32 = 2

  /// U-Boot for this machine, of Debian's package u-boot-qemu; QEMU 7.2 brings none along.
  static let firmware = "/usr/lib/u-boot/qemu-ppce500/uboot.elf"

  /// Whether `qemu-system-ppc` has the core; e5500 and e6500 are only in `qemu-system-ppc64`.
  static func is32Bit(_ core: String) -> Bool { core == "e500mc" }

  /// Bytes of a cache line as QEMU models the core.
  static func cacheLineSize(of core: String) -> UInt32 {
    // QEMU 7.2 gives its e6500 lines of 32 bytes, whatever the silicon has; `dcbz` clears that much.
    core == "e6500" ? 0x20 : 0x40
  }

  /// The RAM that QEMU must be given (`-m`) so that there is this much. What exceeds the tree's
  /// memory node is no memory to the guest.
  static func ramSize(for memory: UInt64) -> UInt64 {
    (memory + memoryGranularity - 1) / memoryGranularity * memoryGranularity
  }

  /// The guest's interrupt number for a board's portal interrupt.
  ///
  /// Numbers stay as on the board where `ppce500` has them. T4240's portals from 36 on are at 384
  /// and above (Linux 6.1, `t4240si-post.dtsi`), but Linux allocates 256 sources here
  /// (`qemu_e500.c`): they continue where the portals before them end, at 176.
  static func interrupt(forBoard source: InterruptSource) -> UInt32 {
    let number = source.rawValue
    return number < 384 ? number : number - 384 + 176
  }
}
