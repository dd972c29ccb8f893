import DPAAPortal

/// The registers of a frame manager that a driver's doing has consequences in, as offsets from the
/// block, a port's page or a MAC's page. All others are memory that keeps what is written.
enum FManRegister {
  /// A block of the third version: Linux 6.1, `drivers/net/ethernet/freescale/fman/fman.c`.
  enum Block {
    /// Bytes of the block, as the guest's tree has it.
    static let size = 0xf_e000
    static let keyGen = 0xc_1000
    static let revision = 0xc_30c4
    static let reset = 0xc_30cc
    /// Major 6, minor 2: of the third version's larger kind, and none of the driver's workarounds for
    /// errata is for it.
    static let revisionValue: UInt32 = 0x0602
    /// Resets the whole block; it clears itself.
    static let resetAll: UInt32 = 0x8000_0000
    /// Memory inside the block, and the controllers' code: nothing follows from a store to them.
    static let quiet = [0..<0x6_0000, 0xc_4000..<0xc_5000]
  }

  /// Linux 6.1, `fman_port.c`, `struct fman_port_rx_bmi_regs`.
  enum Receive {
    static let configuration = 0x00
    static let frameEnd = 0x10
    static let internalContext = 0x14
    static let margins = 0x1c
    /// The engines that a frame goes to next: after it was received, and after it was parsed.
    static let nextEngine = 0x20
    static let engineAfterParser = 0x28
    static let engine: UInt32 = 0x7c_0000
    static let parserEngine: UInt32 = 0x44_0000
    static let keyGenEngine: UInt32 = 0x48_0000
    static let queue = 0x60
    static let errorQueue = 0x64
    static let discardMask = 0x68
    static let errorMask = 0x6c
    static let pools = 0x100
    static let frames = 0x204
    static let discards = 0x214
    static let outOfBuffers = 0x21c
    /// The parser's stop and its state: `struct fman_port_hwp_regs`, behind the page's 0x800.
    static let parser = 0xbf8
    static let parserStop: UInt32 = 0x1
    static let parserRuns: UInt32 = 0x100
  }

  /// Linux 6.1, `fman_port.c`, `struct fman_port_tx_bmi_regs`; QMI's behind 0x400.
  enum Transmit {
    static let configuration = 0x00
    static let internalContext = 0x14
    static let confirmQueue = 0x20
    static let errorQueue = 0x24
    static let frames = 0x204
    static let discards = 0x208
    static let lengthErrors = 0x20c
    static let formatErrors = 0x210
    static let dequeue = 0x400
  }

  /// Linux 6.1, `fman_memac.c`, `struct memac_regs`.
  enum MAC {
    static let size = 0x1000
    static let command = 0x08
    static let address = 0x0c
    static let longestFrame = 0x14
    static let hashControl = 0x2c
    static let moreAddresses = 0x80
    static let receiveStatistics = 0x100
    static let transmitStatistics = 0x200

    static let reset: UInt32 = 0x1000
    static let padsFrames: UInt32 = 0x800
    static let forwardsChecksum: UInt32 = 0x40
    static let isPromiscuous: UInt32 = 0x10
    static let receives: UInt32 = 0x2
    static let transmits: UInt32 = 0x1
  }

  /// Bit 31 of a port's BMI and QMI configuration.
  static let isEnabled: UInt32 = 0x8000_0000
  /// A queue in a register.
  static let queueMask: UInt32 = 0xff_ffff
}

extension UnsafeMutableRawPointer {
  /// Counts in a register that wraps, as the client may have left it.
  func count32(_ offset: Int, _ amount: UInt32 = 1) {
    release32(offset, acquire32(offset) &+ amount)
  }

  /// Counts in two registers, the lower half first.
  func count64(_ offset: Int, _ amount: UInt64 = 1) {
    let sum = (UInt64(acquire32(offset + 4)) << 32 | UInt64(acquire32(offset))) &+ amount
    release32(offset, UInt32(truncatingIfNeeded: sum))
    release32(offset + 4, UInt32(truncatingIfNeeded: sum >> 32))
  }
}
