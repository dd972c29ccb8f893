import DPAAPortal

/// A static or pull dequeue command, as it was read
/// (Linux 6.1, `include/soc/fsl/qman.h`, `QM_SDQCR_*`; USDPAA, `include/usdpaa/fsl_qman.h`,
/// `QM_PDQCR_*`, which has the same fields but for the token).
struct DequeueCommand {
  let rawValue: UInt32

  /// Which queue comes first and how long it stays.
  enum Precedence: UInt32 {
    /// Nothing is dequeued.
    case none = 0
    /// The class of the work queue decides, then the queue's credit.
    case priority = 1
    /// The queue that was served goes on while it has credit.
    case active = 2
    /// The queue that was served goes on while it has frames.
    case activeWithoutCredit = 3
  }
  @inline(__always)
  var precedence: Precedence { Precedence(rawValue: rawValue &>> 24 & 3) ?? .none }
  /// Whether one work queue is meant, not channels.
  @inline(__always)
  var isWorkQueue: Bool { rawValue & 0x4000_0000 != 0 }
  /// How many frames a queue gives before the next one has its turn.
  @inline(__always)
  var turn: Int { rawValue & 0x2000_0000 != 0 ? 3 : 1 }
  /// Whether the dedicated channel goes before pool channels.
  @inline(__always)
  var prefersDedicated: Bool { rawValue & 0x1000_0000 != 0 }
  @inline(__always)
  var token: UInt8 { UInt8(truncatingIfNeeded: rawValue &>> 16) }

  /// The channels that are meant, the dedicated one in bit 15, pool channel *n* *n* bits below.
  @inline(__always)
  var channels: UInt32 {
    // One work queue: the pool channel's number, 0 for the dedicated one, in bits 7:4.
    isWorkQueue ? 0x8000 &>> (rawValue &>> 4 & 15) : rawValue & 0xffff
  }
  /// The work queues that are meant, one bit each.
  @inline(__always)
  var workQueues: UInt8 {
    isWorkQueue ? 1 &<< UInt8(truncatingIfNeeded: rawValue & 7) : 0xff
  }
}

/// A volatile dequeue command: frames of one parked or retired queue
/// (Linux 6.1, `include/soc/fsl/qman.h`, `QM_VDQCR_*`).
struct VolatileCommand {
  let rawValue: UInt32
  /// Whether scheduled work goes before it.
  @inline(__always)
  var yieldsToScheduled: Bool { rawValue & 0x8000_0000 != 0 }
  /// How many frames; 0 for all there are. Without EXACT (bit 30) hardware may give up to two more;
  /// the exact number is right in either case.
  @inline(__always)
  var frames: UInt32 { rawValue &>> 24 & 0x3f }
  @inline(__always)
  var fqid: UInt32 { rawValue & 0xff_ffff }
}

/// The registers of dequeue commands.
extension EnginePortal {
  /// The static command; none in pull mode (CFG.DP).
  @inline(__always)
  var staticCommand: DequeueCommand {
    guard configuration & 0x4_0000 == 0 else { return DequeueCommand(rawValue: 0) }
    return DequeueCommand(rawValue: registers.acquire32(PortalLayout.QManRegister.sdqcr))
  }

  /// Takes a volatile command into work, or forgets the one in work when the guest wrote 0.
  ///
  /// A command that is written while another is in work waits until that has expired. The register
  /// shows the command until it expires.
  @inline(__always)
  mutating func pollVolatileCommand() {
    guard configuration & 0x4_0000 == 0 else { return }
    let written = registers.acquire32(PortalLayout.QManRegister.vdqcr)
    if volatileCommand != 0 {
      if written == 0 { volatileCommand = 0 }
    } else if written != 0 {
      volatileCommand = written
      volatileLeft = VolatileCommand(rawValue: written).frames
    }
  }

  /// Ends the volatile command, before its last entry can be seen: whoever sees that may write the
  /// next command.
  mutating func expireVolatileCommand() {
    registers.replace32(PortalLayout.QManRegister.vdqcr, volatileCommand, with: 0)
    volatileCommand = 0
  }

  /// Takes the pull command, in pull mode (CFG.DP); `nil` when there is none.
  mutating func takePullCommand() -> UInt32? {
    guard configuration & 0x4_0000 != 0 else { return nil }
    let register = PortalLayout.QManRegister.pdqcr
    guard registers.acquire32(register) != 0 else { return nil }
    let command = registers.exchange32(register, 0)
    return command == 0 ? nil : command
  }
}
