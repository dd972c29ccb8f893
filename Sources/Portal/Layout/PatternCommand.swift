/// What PME is asked to do with a frame: the last word of its descriptor.
///
/// ```
///  31 … 29    28 … 24           23 … 16     15 … 0
/// +---------+-----------------+-----------+--------------+
/// | command | scan: flags     | scan: set | scan: subset |
/// |         |                 | write:    |              |
/// |         |                 | fields    |              |
/// +---------+-----------------+-----------+--------------+
/// ```
/// Source: Freescale SDK, `include/linux/fsl_pme.h` and `drivers/staging/fsl_pme2/pme2_private.h`.
@frozen public struct PatternCommand: Sendable, Hashable {
  /// The word.
  public var word: UInt32

  /// Creates a command from its word.
  @inlinable public init(word: UInt32) { self.word = word }

  /// What there is to do.
  public enum Kind: UInt32, Sendable, Hashable {
    /// Look for patterns.
    case scan = 0
    /// Change the database of patterns (PMTCC).
    case control = 1
    /// Write the queue's flow context (FCW).
    case writeFlow = 4
    /// Read the queue's flow context (FCR).
    case readFlow = 5
    /// Nothing.
    case none = 7
  }

  /// What there is to do; `nil` for a number that means nothing.
  @inlinable public var kind: Kind? { Kind(rawValue: word >> 29) }

  /// Looks for patterns.
  ///
  /// - Parameters:
  ///   - set: The set that they are in.
  ///   - subsets: The subsets that are wanted, a bit each.
  ///   - starts: Whether this is the start of a flow: what was scanned before is forgotten.
  ///   - ends: Whether this is its end.
  /// - Returns: The command.
  @inlinable public static func scan(
    set: UInt8, subsets: UInt16 = .max, starts: Bool = false, ends: Bool = false
  ) -> PatternCommand {
    PatternCommand(
      word: (starts ? startFlag : 0) | (ends ? endFlag : 0) | UInt32(set) << 16 | UInt32(subsets))
  }

  /// Does nothing; the answer comes in the order of requests.
  public static var none: PatternCommand { PatternCommand(word: Kind.none.rawValue << 29) }
  /// Reads the queue's flow context into the frame.
  public static var readFlow: PatternCommand { PatternCommand(word: Kind.readFlow.rawValue << 29) }
  /// Writes fields of the queue's flow context from the frame.
  @inlinable public static func writeFlow(_ fields: FlowFields) -> PatternCommand {
    PatternCommand(word: Kind.writeFlow.rawValue << 29 | UInt32(fields.rawValue) << 16)
  }

  /// SR: the start of a flow.
  @usableFromInline static var startFlag: UInt32 { 0x0200_0000 }
  /// E: the end of a flow.
  @usableFromInline static var endFlag: UInt32 { 0x0100_0000 }

  /// Whether a scan is the start of its flow.
  @inlinable public var starts: Bool { word & Self.startFlag != 0 }
  /// Whether a scan is the end of its flow.
  @inlinable public var ends: Bool { word & Self.endFlag != 0 }
  /// A scan's set.
  @inlinable public var set: UInt8 { UInt8(truncatingIfNeeded: word >> 16) }
  /// A scan's subsets.
  @inlinable public var subsets: UInt16 { UInt16(truncatingIfNeeded: word) }
  /// The fields that are written to a flow context.
  @inlinable public var fields: FlowFields {
    FlowFields(rawValue: UInt8(truncatingIfNeeded: word >> 16))
  }

  /// Groups of fields of a flow context (`PME_CMD_FCW_*`).
  @frozen public struct FlowFields: OptionSet, Sendable, Hashable {
    /// The bits.
    public var rawValue: UInt8
    /// Creates a set.
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// Whether matches may lie across frames, and the memory for that.
    public static var residue: FlowFields { FlowFields(rawValue: 0x80) }
    /// Whether it is at its start, and how many bytes were scanned.
    public static var sequence: FlowFields { FlowFields(rawValue: 0x40) }
    /// What stateful rules know of it.
    public static var rules: FlowFields { FlowFields(rawValue: 0x20) }
    /// How many comparisons and matches a scan may have.
    public static var limits: FlowFields { FlowFields(rawValue: 0x10) }
    /// All of it.
    public static var all: FlowFields { FlowFields(rawValue: 0xf0) }
  }
}

/// What came of a request to PME: the last word of its answer's descriptor.
///
/// Source: Freescale SDK, `include/linux/fsl_pme.h` (`enum pme_status`, `PME_STATUS_*`). Hardware has more
/// codes, of faults that do not come up here.
@frozen public struct PatternStatus: Sendable, Hashable {
  /// The word.
  public var word: UInt32

  /// Creates a status from its word.
  @inlinable public init(word: UInt32) { self.word = word }

  /// Creates a status.
  @inlinable public init(_ code: Code, isTruncated: Bool = false) {
    word = UInt32(code.rawValue) << 24 | (isTruncated ? 0x10_0000 : 0)
  }

  /// What went wrong, or nothing.
  public enum Code: UInt8, Sendable, Hashable {
    /// Nothing went wrong.
    case ok = 0
    /// There are more matches than the flow's limit: the scan has ended (`dxe_mle`).
    case matchLimit = 0x53
    /// The database of patterns cannot be changed so (`pmfa_pmtcce`).
    case control = 0x80
    /// The flow context cannot be written so (`pmfa_fcwe`).
    case flowWrite = 0x90
    /// The flow context cannot be read so (`pmfa_fcre`).
    case flowRead = 0x91
    /// Context A of the queue names no mode (`pmfa_ume`).
    case mode = 0x93
    /// The command means nothing (`pmfa_uce`).
    case command = 0x94
    /// The frame has a form that cannot be (`pmfa_ufe`).
    case frame = 0x95
    /// The flow context is not where it could be read (`pmfa_csmre`).
    case flowMemory = 0xc5
    /// The frame is not where it could be read (`pmfa_dsmre`).
    case dataMemory = 0xc6
    /// There is no place for the report (`pmfa_dsmwe`).
    case reportMemory = 0xe9
  }

  /// What went wrong; `nil` for a code that is not known here.
  @inlinable public var code: Code? { Code(rawValue: UInt8(truncatingIfNeeded: word >> 24)) }
  /// Whether there are more matches than the answer has room for. An answer that has none, because its
  /// request is no compound frame, says so that there are any.
  @inlinable public var isTruncated: Bool { word & 0x10_0000 != 0 }
  /// Whether an answer without reports says that something was found: once, or more often than may be.
  @inlinable public var isMatch: Bool { isTruncated || code == .matchLimit }
}
