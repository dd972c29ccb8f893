public import QorIQ

/// A network interface that several owners share: its rules and how frames reach each owner's pool.
public struct SharedInterface: Sendable, Hashable {
  /// The board's name for it, for example `fm1-10g0`.
  public var name: String
  /// The frame manager's index from 0.
  public var fman: Int
  /// The channel of its transmit port.
  public var transmitChannel: ChannelID
  /// The rules in order: the first that matches decides. The last has no condition and takes
  /// everything else.
  public var rules: [FlowRule]
  /// How a frame gets into its owner's own pool.
  public var delivery: Delivery
  /// A capture that `dpaac run` plays into the interface; relative to the plan.
  public var replay: String?

  /// Creates a shared interface.
  public init(
    name: String, fman: Int, transmitChannel: ChannelID, rules: [FlowRule], delivery: Delivery,
    replay: String?
  ) {
    self.name = name
    self.fman = fman
    self.transmitChannel = transmitChannel
    self.rules = rules
    self.delivery = delivery
    self.replay = replay
  }

  /// How a frame gets into its owner's own pool.
  public enum Delivery: Sendable, Hashable {
    /// Straight, without a copy. FMan v3: each rule's storage profile names the owner's pools.
    /// FMan v2: all frames are for one owner, whose pools the port has; the rules name no profile.
    case storageProfiles
    /// FMan v2: the receive port has one owner's pools. Frames for others go over a hop queue to
    /// an offline port that classifies them again into a buffer of the right pool. One copy.
    case offlineHop(OfflineHop)
    /// All frames come into one pool, which its owner shares with everybody behind the interface:
    /// nothing is copied, and nothing keeps them from each other's frames.
    case sharedPool(BPID)
  }

  /// The detour that some of its frames make; `nil` when none does.
  public var hop: OfflineHop? {
    if case .offlineHop(let hop) = delivery { hop } else { nil }
  }

  /// The detour of frames whose owner's pool the receive port cannot reach.
  public struct OfflineHop: Sendable, Hashable {
    /// The owner (index) whose pools the receive port uses.
    public var receivingOwner: Int
    /// The queue between the receive port and the offline port, one of that owner's.
    public var queue: FQID
    /// The frame manager of the offline port, from 0.
    public var fman: Int
    /// The offline port.
    public var port: OfflinePort
    /// Creates a hop.
    public init(receivingOwner: Int, queue: FQID, fman: Int, port: OfflinePort) {
      self.receivingOwner = receivingOwner
      self.queue = queue
      self.fman = fman
      self.port = port
    }
  }
}

/// One line of an interface's classification.
public struct FlowRule: Sendable, Hashable {
  /// What must all hold; empty for `otherwise`.
  public var conditions: [MatchCondition]
  /// The index of the owner that gets the frame.
  public var owner: Int
  /// The queues: a power of two on an aligned base; one queue without a spread.
  public var receive: QueueRange
  /// How frames are spread over the queues.
  public var spread: Spread?
  /// The storage profile that chooses the owner's pools, on FMan v3.
  public var storageProfile: Int?
  /// Whether its frames are dropped. The owner is then who is charged with them, and gets none.
  public var isDropped: Bool
  /// Who else gets each frame, in a buffer of his own; on FMan v3 only.
  public var copies: [Copy]
  /// The owner's chain that its frames go into; the queue is that chain's.
  public var chain: String?

  /// A copy of each frame of a rule.
  public struct Copy: Sendable, Hashable {
    /// The index of the owner that gets it.
    public var owner: Int
    /// The queues, over which the rule's hash spreads.
    public var receive: QueueRange
    /// The storage profile that chooses the owner's pools.
    public var storageProfile: Int?
    /// Creates a copy.
    public init(owner: Int, receive: QueueRange, storageProfile: Int?) {
      self.owner = owner
      self.receive = receive
      self.storageProfile = storageProfile
    }
  }

  /// Creates a rule.
  public init(
    conditions: [MatchCondition], owner: Int, receive: QueueRange, spread: Spread?,
    storageProfile: Int?, isDropped: Bool = false, copies: [Copy] = [],
    chain: String? = nil
  ) {
    self.conditions = conditions
    self.owner = owner
    self.receive = receive
    self.spread = spread
    self.storageProfile = storageProfile
    self.isDropped = isDropped
    self.copies = copies
    self.chain = chain
  }

  /// Who gets its frames, with the queues and profile of each; empty where they are dropped.
  public var shares: [Copy] {
    isDropped
      ? [] : [Copy(owner: owner, receive: receive, storageProfile: storageProfile)] + copies
  }
  /// The owners that get its frames; empty where they are dropped.
  public var receivers: [Int] { shares.map(\.owner) }

  /// What KeyGen hashes to spread frames over queues.
  public enum Spread: Sendable, Hashable {
    /// Both IP addresses, the protocol and both ports.
    case fiveTuple
    /// Both IP addresses.
    case addressPair
    /// Fields and bytes of the plan's choice.
    case key(HashKey)
  }
}

/// One condition of a rule, on a field that FMan's parser finds.
public enum MatchCondition: Sendable, Hashable {
  /// `eth.dst`: a 48-bit MAC address.
  case ethernetDestination(UInt64)
  /// `eth.src`: a 48-bit MAC address.
  case ethernetSource(UInt64)
  /// `eth.type`: the EtherType behind any VLAN tags.
  case etherType(UInt16)
  /// `vlan.id`: the outermost tag's VLAN, 0 to 4095.
  case vlan(UInt16)
  /// `ipv4.src` in a prefix.
  case ipv4Source(IPv4Prefix)
  /// `ipv4.dst` in a prefix.
  case ipv4Destination(IPv4Prefix)
  /// `ipv6.src` in a prefix.
  case ipv6Source(IPv6Prefix)
  /// `ipv6.dst` in a prefix.
  case ipv6Destination(IPv6Prefix)
  /// `ip.proto`: the IPv4 protocol or the last IPv6 next header.
  case ipProtocol(UInt8)
  /// `l4.src`: the TCP, UDP or SCTP source port.
  case l4Source(UInt16)
  /// `l4.dst`: the TCP, UDP or SCTP destination port.
  case l4Destination(UInt16)
  /// A field of which some bits count: `l4.dst: 0x1f90/0xfff0`.
  case masked(MaskedField)
  /// `bytes`: bytes of the frame, and what they must be.
  case bytes(FrameBytes, UInt64)
}

/// An IPv4 address with the number of leading bits that count.
public struct IPv4Prefix: Sendable, Hashable, CustomStringConvertible {
  /// The address in host order; bits behind the prefix are 0.
  public let address: UInt32
  /// Leading bits that count, 0 to 32.
  public let length: UInt8

  /// Creates a prefix; bits behind it are cleared.
  public init(address: UInt32, length: UInt8) {
    precondition(length <= 32, "an IPv4 prefix has at most 32 bits")
    self.length = length
    self.address = length == 0 ? 0 : address & (UInt32.max << (32 - UInt32(length)))
  }

  /// `192.168.2.0/24`, or the bare address for a prefix of 32 bits.
  public var description: String {
    let octets = [24, 16, 8, 0].map { String(address >> $0 & 0xff) }.joined(separator: ".")
    return length == 32 ? octets : "\(octets)/\(length)"
  }
}

/// An IPv6 address with the number of leading bits that count.
public struct IPv6Prefix: Sendable, Hashable, CustomStringConvertible {
  /// The upper 64 bits in host order.
  public let high: UInt64
  /// The lower 64 bits in host order.
  public let low: UInt64
  /// Leading bits that count, 0 to 128.
  public let length: UInt8

  /// Creates a prefix; bits behind it are cleared.
  public init(high: UInt64, low: UInt64, length: UInt8) {
    precondition(length <= 128, "an IPv6 prefix has at most 128 bits")
    self.length = length
    let highBits = min(UInt64(length), 64)
    let lowBits = UInt64(length) - highBits
    self.high = highBits == 0 ? 0 : high & (UInt64.max << (64 - highBits))
    self.low = lowBits == 0 ? 0 : low & (UInt64.max << (64 - lowBits))
  }

  /// `fd00:2::/64` with the longest run of zero groups shortened (RFC 5952).
  public var description: String {
    let groups = [high, low].flatMap { half in
      stride(from: 48, through: 0, by: -16).map { UInt16(truncatingIfNeeded: half >> UInt64($0)) }
    }
    var best = 0..<0
    var start = 0
    while start < 8 {
      var end = start
      while end < 8, groups[end] == 0 { end += 1 }
      if end - start > max(best.count, 1) { best = start..<end }
      start = max(end, start + 1)
    }
    func text(_ range: Range<Int>) -> String {
      groups[range].map { String($0, radix: 16) }.joined(separator: ":")
    }
    let address =
      best.isEmpty ? text(0..<8) : "\(text(0..<best.lowerBound))::\(text(best.upperBound..<8))"
    return length == 128 ? address : "\(address)/\(length)"
  }
}

/// One direction of a software-to-software link: a queue into an offline port that copies the
/// frame into the receiver's pool.
public struct Link: Sendable, Hashable {
  /// The sender's index.
  public var from: Int
  /// The receiver's index.
  public var to: Int
  /// The sender's queue, served by the offline port's channel.
  public var transmit: FQID
  /// The receiver's queue.
  public var receive: FQID
  /// The frame manager of the offline port, from 0.
  public var fman: Int
  /// The offline port.
  public var port: OfflinePort

  /// Creates a direction of a link.
  public init(from: Int, to: Int, transmit: FQID, receive: FQID, fman: Int, port: OfflinePort) {
    self.from = from
    self.to = to
    self.transmit = transmit
    self.receive = receive
    self.fman = fman
    self.port = port
  }
}
