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
  /// The rule that decides, counted from 0; the last one of an interface takes everything.
  public var rule: Int
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
  /// The pool whose buffer holds the frame at last; `nil` when none of the owner's does.
  public var pool: BPID?
  /// The channel of the queue, and the portal that it is dedicated to.
  public var channel: ChannelID?
  /// Whether the rule drops the frame; queue, pool and channel say nothing then.
  public var isDropped: Bool
  /// What the rule's further receivers get.
  public var copies: [Copy]

  /// A copy of the frame.
  public struct Copy: Sendable, Hashable {
    /// Who gets it.
    public var owner: Int
    /// The queue.
    public var queue: FQID
    /// The storage profile.
    public var storageProfile: Int?
    /// The pool whose buffer holds it; `nil` when none of the owner's does.
    public var pool: BPID?
    /// The channel of the queue, and the portal that it is dedicated to.
    public var channel: ChannelID?
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
    let keyGen = try KeyGen()
    self.configuration = configuration
    self.index = index
    self.classifier = classifier
    self.keyGen = keyGen
  }

  // SAFETY: the parser reads `count` bytes at most, which the buffer has.
  /// What becomes of a frame; `nil` for less than an Ethernet header.
  public func trace(_ frame: UnsafeRawBufferPointer) -> FrameTrace? {
    guard frame.count >= 14, let start = frame.baseAddress else { return nil }
    let interface = configuration.interfaces[index]
    let parsed = ParsedFrame(start, count: frame.count)
    let number = classifier.ruleIndex(parsed, frame)
    let decided = classifier.classify(parsed, frame)
    let rule = interface.rules[number]
    let hash = classifier.hash(decided, parsed, frame, keyGen)
    let queue = FQID(decided.queue(hash))
    var hop: SharedInterface.OfflineHop?
    if case .offlineHop(let detour) = interface.delivery, detour.receivingOwner != decided.owner {
      hop = detour
    }
    let copies = rule.copies.enumerated().map { place, copy in
      let queue = FQID(classifier.copies.base[decided.firstCopy + place].queue(hash))
      return FrameTrace.Copy(
        owner: copy.owner, queue: queue, storageProfile: copy.storageProfile,
        pool: pool(of: copy.owner, for: frame.count), channel: channel(of: queue, for: copy.owner))
    }
    return FrameTrace(
      length: frame.count, fields: parsed.fields, faults: parsed.faults, rule: number,
      owner: decided.owner, hash: decided.isHashed ? hash : nil,
      queues: rule.receive, queue: queue, storageProfile: rule.storageProfile,
      hop: decided.isDropped ? nil : hop,
      pool: decided.isDropped ? nil : pool(of: decided.owner, for: frame.count),
      channel: decided.isDropped ? nil : channel(of: queue, for: decided.owner),
      isDropped: decided.isDropped, copies: copies)
  }

  /// The pool whose buffer holds a frame of an owner: the smallest that fits.
  private func pool(of owner: Int, for length: Int) -> BPID? {
    let pools: [PoolAssignment] =
      if case .sharedPool(let bpid) = configuration.interfaces[index].delivery {
        configuration.owners.flatMap(\.pools).filter { $0.bpid == bpid }
      } else { configuration.owners[owner].pools }
    return pools.sorted { $0.bufferSize < $1.bufferSize }
      .first { length + Buffer.headroom <= Int($0.bufferSize) }?.bpid
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
