public import QorIQ

/// What a frame queue is for.
public enum QueueRole: String, Sendable, Hashable, CaseIterable {
  /// Frames that arrive from an interface or a link.
  case receive
  /// Frames on their way to an interface or a link.
  case transmit
  /// Frames that an interface has sent, given back to their sender.
  case confirm
  /// Frames that an interface received damaged or could not send.
  case error
  /// Work for SEC.
  case securityRequest = "sec-request"
  /// What SEC has done.
  case securityResponse = "sec-response"
  /// Work for PME.
  case patternRequest = "pme-request"
  /// What PME has found.
  case patternResponse = "pme-response"
  /// Frames on their way from an interface into an accelerator.
  case chainRequest = "chain-request"
  /// What an accelerator has made of them.
  case chainResponse = "chain-response"

  /// The work queue where the plan names none: Linux 6.1, `dpaa_eth.c`, puts confirmations on 1,
  /// errors on 5, what is received on 6 and best-effort transmission on 6; `drivers/crypto/caam/qi.c`
  /// puts requests to SEC on 2 and the answers on 3. PME's are treated alike.
  public var usualWorkQueue: WorkQueue {
    switch self {
    case .receive, .transmit: 6
    case .confirm: 1
    case .error: 5
    case .securityRequest, .patternRequest, .chainRequest: 2
    case .securityResponse, .patternResponse, .chainResponse: 3
    }
  }
}

/// The colour that a policer gives to a frame.
public enum FrameColour: String, Sendable, Hashable, CaseIterable {
  /// Within the committed rate.
  case green
  /// Within the peak or excess rate.
  case yellow
  /// Beyond.
  case red
}

/// How something is counted.
public enum CountingMode: String, Sendable, Hashable, CaseIterable {
  /// By the frames' bytes.
  case bytes
  /// By frames.
  case frames
}

/// A congestion group: a count over many queues, and what happens when it is high.
public struct CongestionGroupWish: Sendable, Hashable {
  /// The group's number; `nil` leaves it to the planner. May lie beyond what the board has.
  public var id: UInt32?
  /// What it counts.
  public var counting: CountingMode
  /// The count above which frames are refused, in bytes or frames.
  public var tailDrop: UInt64?
  /// Random early drop by colour.
  public var earlyDrop: [FrameColour: EarlyDrop]
  /// The partitions that are told when it becomes congested and when that ends.
  public var notify: [String]

  /// Creates a congestion group.
  public init(
    id: UInt32? = nil, counting: CountingMode = .bytes, tailDrop: UInt64? = nil,
    earlyDrop: [FrameColour: EarlyDrop] = [:], notify: [String] = []
  ) {
    self.id = id
    self.counting = counting
    self.tailDrop = tailDrop
    self.earlyDrop = earlyDrop
    self.notify = notify
  }

  /// A curve of weighted random early drop (WRED): nothing is dropped below the start, the stated
  /// share at the end, everything above.
  public struct EarlyDrop: Sendable, Hashable {
    /// Where dropping starts, in bytes or frames.
    public var start: UInt64
    /// Where everything is dropped.
    public var end: UInt64
    /// The share of frames that is dropped just below the end, in percent.
    public var percent: UInt8
    /// Creates a curve.
    public init(start: UInt64, end: UInt64, percent: UInt8) {
      self.start = start
      self.end = end
      self.percent = percent
    }
  }
}

/// A policer: two token buckets that colour frames.
public struct PolicerWish: Sendable, Hashable {
  /// The name that rules use.
  public var name: String
  /// How the buckets are filled.
  public var algorithm: Algorithm
  /// What is counted.
  public var counting: CountingMode
  /// Bits or frames in a second that fill the committed bucket (CIR).
  public var committedRate: UInt64
  /// Bytes or frames that the committed bucket holds (CBS).
  public var committedBurst: UInt64
  /// Bits or frames in a second that fill the peak bucket (RFC 2698: PIR); RFC 4115: the excess
  /// rate (EIR).
  public var excessRate: UInt64
  /// Bytes or frames that the peak or excess bucket holds (PBS or EBS).
  public var excessBurst: UInt64
  /// Whether the colour that a frame comes with counts.
  public var isColourAware: Bool
  /// What becomes of frames by colour; those not named go on.
  public var drops: Set<FrameColour>

  /// Creates a policer.
  public init(
    name: String, algorithm: Algorithm, counting: CountingMode = .bytes, committedRate: UInt64,
    committedBurst: UInt64, excessRate: UInt64, excessBurst: UInt64, isColourAware: Bool = false,
    drops: Set<FrameColour> = [.red]
  ) {
    self.name = name
    self.algorithm = algorithm
    self.counting = counting
    self.committedRate = committedRate
    self.committedBurst = committedBurst
    self.excessRate = excessRate
    self.excessBurst = excessBurst
    self.isColourAware = isColourAware
    self.drops = drops
  }

  /// The two algorithms of FMan's policer.
  public enum Algorithm: String, Sendable, Hashable, CaseIterable {
    /// Two-rate three-colour marker: the peak rate includes the committed rate.
    case rfc2698 = "rfc-2698"
    /// Differentiated services two-rate marker: the excess rate comes on top.
    case rfc4115 = "rfc-4115"
  }
}

/// How frames reach the pools of several partitions behind one interface.
public enum DeliveryWish: String, Sendable, Hashable, CaseIterable {
  /// Each partition's pools by storage profile; FMan v3 only.
  case storageProfiles = "storage-profiles"
  /// Frames for others than the receiver are copied by an offline port.
  case offlineHop = "offline-hop"
  /// All frames come into one pool that all of them share.
  case sharedPool = "shared-pool"
}

/// How a partition learns that there is work.
public enum ServiceMode: String, Sendable, Hashable, CaseIterable {
  /// It looks.
  case poll
  /// The host passes the portal's interrupt on to it.
  case interrupt
}

/// The accelerators that take work from queues.
public enum AcceleratorKind: String, Sendable, Hashable, CaseIterable {
  /// Encryption and authentication.
  case sec
  /// Pattern matching.
  case pme

  /// The name of its node, and what others call it by (`crypto` and `pme` in the trees of Linux and of
  /// the SDK).
  package var nodeName: String {
    switch self {
    case .sec: "crypto"
    case .pme: "pme"
    }
  }
}

/// An accelerator that a partition uses.
public struct AcceleratorWish: Sendable, Hashable {
  /// Which.
  public var kind: AcceleratorKind
  /// How the partition learns of results.
  public var mode: ServiceMode
  /// How many pairs of queues: one for requests, one for responses.
  public var pairs: UInt32
  /// Its share beside others' when several have work at the same time.
  public var weight: UInt32
  /// What PME is to look for.
  public var patternGroups: [PatternGroupWish] = []

  /// Creates a wish.
  public init(
    kind: AcceleratorKind, mode: ServiceMode = .poll, pairs: UInt32 = 1, weight: UInt32 = 1
  ) {
    self.kind = kind
    self.mode = mode
    self.pairs = pairs
    self.weight = weight
  }
}

/// The marks at which a pool's depletion is told, in buffers: entered below the one, left above
/// the other.
public struct PoolThresholds: Sendable, Hashable {
  /// Portals are told that the pool is depleted.
  public var softwareEnter: UInt32?
  /// Portals are told that it is not any more.
  public var softwareExit: UInt32?
  /// FMan stops taking buffers, or sends pause frames.
  public var hardwareEnter: UInt32?
  /// FMan goes on.
  public var hardwareExit: UInt32?

  /// Creates marks.
  public init(
    softwareEnter: UInt32? = nil, softwareExit: UInt32? = nil, hardwareEnter: UInt32? = nil,
    hardwareExit: UInt32? = nil
  ) {
    self.softwareEnter = softwareEnter
    self.softwareExit = softwareExit
    self.hardwareEnter = hardwareEnter
    self.hardwareExit = hardwareExit
  }
}
