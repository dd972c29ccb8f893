import DPAAPortal
public import Partitioning
public import QorIQ

/// What becomes of one frame that arrives on an interface: each step as the engine takes it.
public struct FrameTrace: Sendable, Hashable {
  /// Bytes of the frame.
  public var length: Int
  /// What the parser found, by field: `ipv4.dst` and the like, in the frame's order.
  public var fields: [Field]
  /// What is wrong with the headers, by layer; the parse ended there.
  public var faults: [String]
  /// Whether the frame is longer than the interface's MTU allows.
  public var isOversize: Bool
  /// The rule that decides, counted from 0; the last one of an interface takes everything. `nil` where a
  /// fault sends the frame into an error queue, and for one that is too long: no rule is asked then.
  public var rule: Int?
  /// The owner that gets the frame.
  public var owner: Int
  /// KeyGen's hash, where the rule spreads.
  public var hash: UInt64?
  /// The queues that the rule gives to.
  public var queues: QueueRange
  /// The queue.
  public var queue: FQID
  /// The storage profile, on FMan v3.
  public var storageProfile: Int?
  /// The detour over an offline port, where the receive port has other pools than the owner's.
  public var hop: SharedInterface.OfflineHop?
  /// The pool whose buffers hold the frame at last; `nil` when it is dropped for want of such a pool.
  public var storage: Storage?
  /// Who has no buffers for the frame, where that is so: its owner, or whose pools the detour begins in.
  public var lacksBuffers: Int?
  /// The channel of the queue, and the portal that it is dedicated to.
  public var channel: ChannelID?
  /// Why the frame is dropped, if it is; queue, storage and channel say nothing then.
  public var drop: Drop?
  /// What the rule's further receivers get.
  public var copies: [Copy]
  /// The chain that the queue leads into.
  public var chain: DeviceChain?

  /// Whether the frame is dropped.
  public var isDropped: Bool { drop != nil }

  /// Why a frame is dropped before anybody has stored it.
  public enum Drop: String, Sendable, Hashable {
    /// Its capture has not all of it.
    case cut = "the capture has less of it than was on the wire"
    /// It is longer than the interface's MTU allows, and nobody has a queue for such.
    case oversize = "longer than its MTU allows"
    /// Its rule says so.
    case byRule = "by its rule"
    /// Its chain takes IP packets, and there is no sound one in it.
    case noPacket = "no sound IP packet, and its chain takes nothing else"
  }

  /// A copy of the frame.
  public struct Copy: Sendable, Hashable {
    /// Who gets it.
    public var owner: Int
    /// The queue.
    public var queue: FQID
    /// The storage profile.
    public var storageProfile: Int?
    /// The pool whose buffers hold it; `nil` when none of the owner's does.
    public var storage: Storage?
    /// The channel of the queue, and the portal that it is dedicated to.
    public var channel: ChannelID?
  }

  /// Where a frame is stored.
  public struct Storage: Sendable, Hashable {
    /// The pool.
    public var pool: BPID
    /// How many of its buffers have pieces of the frame, and one more has their table; 1 for a frame in one
    /// buffer, which needs no table.
    public var pieces: Int
  }

  /// One field of a frame.
  public struct Field: Sendable, Hashable {
    /// The name that a plan uses.
    public var name: String
    /// The value, as a plan writes it.
    public var value: String
  }
}

/// Follows frames through an interface with the parser, classifier and hash that the engine runs.
public struct FrameTracer: ~Copyable {
  private let configuration: RuntimeConfiguration
  private let index: Int
  private let classifier: Classifier
  private let keyGen: KeyGen

  /// Prepares an interface, by its index in the configuration.
  public init(_ configuration: RuntimeConfiguration, interface index: Int) throws(EngineError) {
    // Locals first: a value that cannot be copied must not be half made when something throws.
    let classifier = try Classifier(configuration.interfaces[index].rules)
    let keyGen = KeyGen()
    self.configuration = configuration
    self.index = index
    self.classifier = classifier
    self.keyGen = keyGen
  }

  // SAFETY: the parser reads `count` bytes at most, which the buffer has.
  /// What becomes of a frame.
  ///
  /// - Parameters:
  ///   - frame: The frame, as far as it is known.
  ///   - wireLength: Its bytes on the wire; `nil` for as many as are known.
  /// - Returns: What becomes of it; `nil` for less than an Ethernet header.
  public func trace(_ frame: UnsafeRawBufferPointer, wireLength: Int? = nil) -> FrameTrace? {
    if let wireLength, wireLength > frame.count { return cut(frame, wireLength) }
    guard frame.count >= 14, let start = frame.baseAddress else { return nil }
    let interface = configuration.interfaces[index]
    let parsed = ParsedFrame(start, count: frame.count)
    if let fate = fault(parsed, frame.count) { return fate }
    let number = classifier.ruleIndex(parsed, frame)
    let decided = classifier.classify(parsed, frame)
    let rule = interface.rules[number]
    let hash = classifier.hash(decided, parsed, frame, keyGen)
    let queue = FQID(decided.queue(hash))
    var trace = FrameTrace(
      length: frame.count, fields: parsed.fields, faults: parsed.faults, isOversize: false,
      rule: number, owner: decided.owner, hash: decided.isHashed ? hash : nil,
      queues: rule.receive, queue: queue, storageProfile: rule.storageProfile,
      drop: decided.isDropped ? .byRule : nil, copies: [])
    guard !decided.isDropped else { return trace }
    trace.chain = configuration.chain(of: rule)
    var stored = frame.count
    if trace.chain?.takesPackets == true {
      guard let packet = withUnsafePointer(to: parsed, { $0.packet(of: frame) }) else {
        trace.drop = .noPacket
        return trace
      }
      stored = packet.count
    }
    var stores = [(decided.owner, stored)]
    if let detour = interface.hop, detour.receivingOwner != decided.owner {
      trace.hop = detour
      stores.insert((detour.receivingOwner, frame.count), at: 0)
    }
    store(&trace, in: stores)
    trace.channel = trace.chain?.channel ?? channel(of: queue, for: decided.owner)
    trace.copies = rule.copies.enumerated().map { place, copy in
      let queue = FQID(classifier.copies.base[decided.firstCopy + place].queue(hash))
      return FrameTrace.Copy(
        owner: copy.owner, queue: queue, storageProfile: copy.storageProfile,
        storage: storage(of: copy.owner, for: frame.count),
        channel: channel(of: queue, for: copy.owner))
    }
    return trace
  }

  /// What becomes of a frame of which not all is there.
  private func cut(_ frame: UnsafeRawBufferPointer, _ wireLength: Int) -> FrameTrace {
    var fields: [FrameTrace.Field] = []
    if frame.count >= 14, let start = frame.baseAddress {
      fields = ParsedFrame(start, count: frame.count).fields
    }
    return FrameTrace(
      length: wireLength, fields: fields, faults: [], isOversize: false, rule: nil,
      owner: configuration.interfaces[index].errorOwner, hash: nil,
      queues: QueueRange(first: 0, count: 1), queue: 0, drop: .cut, copies: [])
  }

  /// What becomes of a frame that is received with an error; `nil` where it goes on as if it had none.
  private func fault(_ parsed: ParsedFrame, _ length: Int) -> FrameTrace? {
    let isOversize = length > configuration.longestFrame(ofInterface: index)
    guard isOversize || parsed.result.hasError else { return nil }
    let owner = configuration.interfaces[index].errorOwner
    let queue = configuration.queueing[owner]?.roles.errorQueue
    guard isOversize || queue != nil else { return nil }
    var trace = FrameTrace(
      length: length, fields: parsed.fields, faults: parsed.faults, isOversize: isOversize,
      rule: nil, owner: owner, hash: nil, queues: QueueRange(first: queue ?? 0, count: 1),
      queue: queue ?? 0, drop: queue == nil ? .oversize : nil, copies: [])
    if queue != nil {
      store(&trace, in: [(owner, length)])
      // The first queue of a role is served by the owner's first portal.
      trace.channel = configuration.owners[owner].portals.first.map {
        ChannelID(UInt16($0.rawValue))
      }
    }
    return trace
  }

  /// Notes where so many bytes of a frame are stored, one owner after the other, and who has no room for them.
  private func store(_ trace: inout FrameTrace, in stores: [(owner: Int, length: Int)]) {
    for (owner, length) in stores {
      trace.storage = storage(of: owner, for: length)
      guard trace.storage != nil else {
        trace.lacksBuffers = owner
        return
      }
    }
  }

  /// The pool whose buffers hold a frame of an owner: the smallest of which one does, or else the largest.
  private func storage(of owner: Int, for length: Int) -> FrameTrace.Storage? {
    let pools: [PoolAssignment] =
      if case .sharedPool(let bpid) = configuration.interfaces[index].delivery {
        configuration.owners.flatMap(\.pools).filter { $0.bpid == bpid }
      } else { configuration.owners[owner].pools }
    let fitting = pools.filter { length + Buffer.headroom <= Int($0.bufferSize) }
    if let smallest = fitting.min(by: { $0.bufferSize < $1.bufferSize }) {
      return FrameTrace.Storage(pool: smallest.bpid, pieces: 1)
    }
    return Scattering(
      of: length, over: pools.indices, { (pools[$0].bufferSize, pools[$0].bufferCount) }
    ).map { FrameTrace.Storage(pool: pools[$0.pool].bpid, pieces: $0.count) }
  }

  /// The channel of a queue in which an owner receives.
  private func channel(of queue: FQID, for owner: Int) -> ChannelID? {
    let name = configuration.interfaces[index].name
    let path = configuration.owners[owner].paths.first { !$0.isLink && $0.name == name }
    guard let path, queue >= path.receive.first, !path.channels.isEmpty else { return nil }
    let place = Int(queue.rawValue - path.receive.first.rawValue)
    return path.channels[place % path.channels.count]
  }
}
