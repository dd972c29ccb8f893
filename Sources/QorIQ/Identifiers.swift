/// A number that names one kind of hardware object and cannot be passed for another kind.
public protocol HardwareIdentifier: RawRepresentable, Sendable, Hashable, Comparable,
  CustomStringConvertible, ExpressibleByIntegerLiteral
where RawValue: FixedWidthInteger & Sendable {
  /// Creates an identifier from its number.
  init(_ rawValue: RawValue)
}

extension HardwareIdentifier {
  /// Creates an identifier from its number.
  @inlinable public init(rawValue: RawValue) { self.init(rawValue) }
  /// Creates an identifier from a literal number.
  @inlinable public init(integerLiteral value: RawValue) { self.init(value) }
  /// Numeric order.
  @inlinable public static func < (left: Self, right: Self) -> Bool {
    left.rawValue < right.rawValue
  }
  /// The number in decimal.
  public var description: String { String(rawValue) }
}

/// A frame queue's number: 24 bits, 0 is by convention no queue (Linux 6.1, `drivers/soc/fsl/qbman/qman.c`).
@frozen public struct FQID: HardwareIdentifier {
  /// The number, 0 to 16,777,215.
  public let rawValue: UInt32
  /// Creates an identifier from its number.
  @inlinable public init(_ rawValue: UInt32) { self.rawValue = rawValue }
}

/// A buffer pool's number: 0 to 63 on every DPAA1 part but BMan 2.0 (Linux 6.1, `include/soc/fsl/bman.h`).
@frozen public struct BPID: HardwareIdentifier {
  /// The number, 0 to 63.
  public let rawValue: UInt8
  /// Creates an identifier from its number.
  @inlinable public init(_ rawValue: UInt8) { self.rawValue = rawValue }
}

/// A QMan channel's number: 13 bits. Software portal *n* has channel *n*; pool channels start at
/// 0x21 (QMan 1) or 0x401 (QMan 3); FMan ports, SEC and PME have channels of their own.
@frozen public struct ChannelID: HardwareIdentifier {
  /// The number, 0 to 8191.
  public let rawValue: UInt16
  /// Creates an identifier from its number.
  @inlinable public init(_ rawValue: UInt16) { self.rawValue = rawValue }
  /// The number in hexadecimal, as device trees write it.
  public var description: String { "0x" + String(rawValue, radix: 16) }
}

/// One of a channel's eight work queues: 0 is served first.
@frozen public struct WorkQueue: HardwareIdentifier {
  /// The number, 0 to 7.
  public let rawValue: UInt8
  /// Creates an identifier from its number.
  @inlinable public init(_ rawValue: UInt8) { self.rawValue = rawValue }
}

/// A software portal's index: also the number of its dedicated channel and its `cell-index`. Below
/// 1,024: QMan 3 counts pool channels from 0x401 on (Linux 6.1, `include/soc/fsl/qman.h`).
@frozen public struct PortalIndex: HardwareIdentifier {
  /// The index, 0 to 9 on P-series parts, 0 to 49 on T4240.
  public let rawValue: UInt16
  /// Creates an identifier from its index.
  @inlinable public init(_ rawValue: UInt16) { self.rawValue = rawValue }
}

/// A logical I/O device number, the identity that a DMA bears in front of the PAMU: 12 bits.
@frozen public struct LIODN: HardwareIdentifier {
  /// The number, 0 to 4095.
  public let rawValue: UInt16
  /// Creates an identifier from its number.
  @inlinable public init(_ rawValue: UInt16) { self.rawValue = rawValue }
}

/// A congestion group's number: 0 to 255 on QMan 1 and 3.
@frozen public struct CGRID: HardwareIdentifier {
  /// The number, 0 to 255.
  public let rawValue: UInt8
  /// Creates an identifier from its number.
  @inlinable public init(_ rawValue: UInt8) { self.rawValue = rawValue }
}

/// A CPU's number as the operating system and the plan count them; T4240 has two per core.
@frozen public struct CPUIndex: HardwareIdentifier {
  /// The number, from 0.
  public let rawValue: UInt16
  /// Creates an identifier from its number.
  @inlinable public init(_ rawValue: UInt16) { self.rawValue = rawValue }
}

/// What is added to a block's LIODN base: the part of a LIODN that tells whom the block works for.
@frozen public struct LIODNOffset: HardwareIdentifier {
  /// The number: `QCSP_LIO_CFG` has 12 bits for it (Linux 6.1, `qman_ccsr.c`).
  public let rawValue: UInt16
  /// How many offsets a frame can carry: a frame descriptor has 10 bits for them (Linux 6.1,
  /// `include/soc/fsl/qman.h`, `struct qm_fd`).
  public static let limit: UInt16 = 1024
  /// Creates an offset from its number.
  @inlinable public init(_ rawValue: UInt16) { self.rawValue = rawValue }
}

/// The cache that a portal's entries and frames are stashed to.
@frozen public struct StashDestination: HardwareIdentifier {
  /// The number: a core's, or a cluster's, as the SoC counts them.
  public let rawValue: UInt8
  /// Creates a destination from its number.
  @inlinable public init(_ rawValue: UInt8) { self.rawValue = rawValue }
}

/// A line of the interrupt controller: an MPIC source, or a shared peripheral interrupt of a GIC.
@frozen public struct InterruptSource: HardwareIdentifier {
  /// The number.
  public let rawValue: UInt32
  /// Creates a source from its number.
  @inlinable public init(_ rawValue: UInt32) { self.rawValue = rawValue }
}

/// A hardware port's id within its FMan: 1 to 7 offline, 0x08 and 0x10 on receive, 0x28 and 0x30 on
/// transmit (Linux 6.1, `qoriq-fman*.dtsi`).
@frozen public struct PortID: HardwareIdentifier {
  /// The id, 0 to 63.
  public let rawValue: UInt8
  /// Creates an id from its number.
  @inlinable public init(_ rawValue: UInt8) { self.rawValue = rawValue }
}
