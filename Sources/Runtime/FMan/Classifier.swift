import DPAAPortal
import Partitioning
import QorIQ

// SAFETY: the indexes of rules, terms and extractions come from the tables' own construction.
/// An interface's rules, flat: the first rule all of whose terms hold decides.
struct Classifier: ~Copyable {
  private let rules: FlatTable<Rule>
  private let steps: FlatTable<Step>
  private let extractions: FlatTable<FrameBytes>
  /// Further receivers of rules.
  let copies: FlatTable<Receiver>
  private let index: RuleIndex

  /// A comparison of a rule, and where it leads: the rules' stand one behind the other, so that who looks for
  /// the first rule that matches never looks at the rules themselves.
  struct Step: BitwiseCopyable {
    var term: RuleTerm
    /// How many more the rule has, and which it is.
    var rest: UInt32
    var rule: UInt32
  }

  /// Who gets a rule's frames, and in which queues.
  struct Receiver: BitwiseCopyable {
    var owner: Int
    /// The first queue, aligned to the count.
    var queueBase: UInt32
    /// The queue count less one: a mask for the hash.
    var queueMask: UInt32

    init(_ owner: Int, _ queues: QueueRange, isSpread: Bool) {
      self.owner = owner
      queueBase = queues.first.rawValue
      queueMask = isSpread ? queues.count - 1 : 0
    }

    /// The queue of a frame with this hash: FQID = base | (hash & (count − 1)).
    @inline(__always)
    func queue(_ hash: UInt64) -> UInt32 {
      queueBase | UInt32(truncatingIfNeeded: hash & 0xff_ffff) & queueMask
    }
  }

  /// What a port does to a frame for the accelerator that has it next.
  struct ChainEntry: BitwiseCopyable {
    /// Whether only its IP packet goes in.
    var takesPacket: Bool
    /// The command in its descriptor.
    var command: UInt32

    init(_ chain: DeviceChain) {
      takesPacket = chain.takesPackets
      command = chain.patternSet.map { PatternCommand.scan(set: $0).word } ?? 0
    }
  }

  /// Where a frame goes.
  struct Rule: BitwiseCopyable {
    var firstStep: Int
    var receiver: Receiver
    /// What the hash covers; meaningless where none is made.
    var key: KeySelection
    /// The policer of its frames; -1 for none.
    var policer: Int
    /// Whether a hash chooses among queues, the rule's own or those of copies.
    var isHashed: Bool
    /// Whether its frames are dropped; the owner is charged with them then.
    var isDropped: Bool
    /// Who gets a copy of each, as a run of ``copies``.
    var firstCopy: Int
    var copyCount: Int
    /// The chain that its frames go into, if they do.
    var chain: ChainEntry?
    /// Whether a frame is only to be queued: no policer, no copies, no drop, no chain.
    var isPlain: Bool
    /// The owner that gets the frame.
    @inline(__always)
    var owner: Int { receiver.owner }

    /// The queue of a frame with this hash.
    @inline(__always)
    func queue(_ hash: UInt64) -> UInt32 { receiver.queue(hash) }
  }

  /// Compiles rules; the last one must have no condition.
  ///
  /// - Parameters:
  ///   - flowRules: The rules in order.
  ///   - policers: The number of each policed rule's policer, by the rule's place.
  ///   - chains: What is done for the chain of each rule that leads into one, by the rule's place.
  /// - Throws: ``EngineError`` for rules that no frame can be classified by.
  init(
    _ flowRules: [FlowRule], policers: [Int: Int] = [:], chains: [Int: ChainEntry] = [:]
  ) throws(EngineError) {
    guard let last = flowRules.last, last.conditions.isEmpty else {
      throw .badConfiguration("an interface's last rule takes everything else")
    }
    var compared: [FrameBytes] = []
    let compiled = flowRules.map { RuleTerm.terms($0.conditions, extractions: &compared) }
    let hashed = flowRules.flatMap { $0.spread?.hashKey.bytes ?? [] }
    let extractions = try FlatTable<FrameBytes>(count: compared.count + hashed.count)
    for (place, bytes) in (compared + hashed).enumerated() { extractions.base[place] = bytes }
    let index = try RuleIndex(
      zip(flowRules.dropLast(), compiled).map { (conditions: $0.conditions, terms: $1) })
    let steps = try FlatTable<Step>(count: compiled.reduce(0) { $0 + max($1.count, 1) })
    let rules = try FlatTable<Rule>(count: flowRules.count)
    let copies = try FlatTable<Receiver>(count: flowRules.reduce(0) { $0 + $1.copies.count })
    var (next, nextExtraction, nextCopy) = (0, compared.count, 0)
    for (place, rule) in flowRules.enumerated() {
      for range in [rule.receive] + rule.copies.map(\.receive) {
        let count = range.count
        guard count & (count - 1) == 0, range.first.rawValue & (count - 1) == 0 else {
          throw .badConfiguration("\(range) is not a power of two on an aligned base")
        }
      }
      rules.base[place] = Rule(
        firstStep: next,
        receiver: Receiver(rule.owner, rule.receive, isSpread: rule.spread != nil),
        key: KeySelection(rule.spread ?? .fiveTuple, firstExtraction: nextExtraction),
        policer: policers[place] ?? -1,
        isHashed: rule.spread != nil && rule.shares.contains { $0.receive.count > 1 },
        isDropped: rule.isDropped, firstCopy: nextCopy,
        copyCount: rule.copies.count, chain: chains[place],
        isPlain: policers[place] == nil && rule.copies.isEmpty && !rule.isDropped
          && chains[place] == nil)
      for copy in rule.copies {
        copies.base[nextCopy] = Receiver(
          copy.owner, copy.receive, isSpread: rule.spread != nil)
        nextCopy += 1
      }
      nextExtraction += rule.spread?.hashKey.bytes.count ?? 0
      // A rule without conditions holds for every frame.
      let terms =
        compiled[place].isEmpty ? [RuleTerm(word: 0, mask: 0, value: 0)] : compiled[place]
      for (number, term) in terms.enumerated() {
        steps.base[next] = Step(
          term: term, rest: UInt32(terms.count - number - 1), rule: UInt32(place))
        next += 1
      }
    }
    self.steps = steps
    self.rules = rules
    self.extractions = extractions
    self.copies = copies
    self.index = index
  }

  // SAFETY: the pointers are to a classifier and a frame that live as long as the call.
  /// The rule that decides about a frame; the last has no terms and always matches.
  ///
  /// By pointers, as ``ruleIndex(_:_:_:)`` and ``hash(_:_:_:_:)`` are: a call out of line that only reads a
  /// value as large as these would have it copied.
  ///
  /// - Parameters:
  ///   - classifier: The interface's rules.
  ///   - frame: What the parser found.
  ///   - bytes: The frame itself.
  /// - Returns: The rule, as long as the classifier lives.
  @inline(__always)
  static func classify(
    _ classifier: UnsafePointer<Classifier>, _ frame: UnsafePointer<ParsedFrame>,
    _ bytes: UnsafeRawBufferPointer
  ) -> UnsafePointer<Rule> {
    UnsafePointer(classifier.pointee.rules.base) + ruleIndex(classifier, frame, bytes)
  }

  /// The number of the rule that decides, from 0.
  @inline(__always)
  static func ruleIndex(
    _ classifier: UnsafePointer<Classifier>, _ frame: UnsafePointer<ParsedFrame>,
    _ bytes: UnsafeRawBufferPointer
  ) -> Int {
    guard classifier.pointee.index.isEmpty else { return indexed(classifier, frame, bytes) }
    var step = UnsafePointer(classifier.pointee.steps.base)
    while true {
      if !holds(step, classifier, frame, bytes) {
        step += Int(step.pointee.rest) &+ 1
      } else if step.pointee.rest == 0 {
        return Int(step.pointee.rule)
      } else {
        step += 1
      }
    }
  }

  /// Whether the rule at a place matches.
  @inline(__always)
  private static func matches(
    _ classifier: UnsafePointer<Classifier>, _ place: Int, _ frame: UnsafePointer<ParsedFrame>,
    _ bytes: UnsafeRawBufferPointer
  ) -> Bool {
    var step = UnsafePointer(
      classifier.pointee.steps.base + classifier.pointee.rules.base[place].firstStep)
    while holds(step, classifier, frame, bytes) {
      if step.pointee.rest == 0 { return true }
      step += 1
    }
    return false
  }

  /// Whether a frame passes a comparison.
  @inline(__always)
  private static func holds(
    _ step: UnsafePointer<Step>, _ classifier: UnsafePointer<Classifier>,
    _ frame: UnsafePointer<ParsedFrame>, _ bytes: UnsafeRawBufferPointer
  ) -> Bool {
    let word = step.pointee.term.word
    if word < RuleTerm.wordCount {
      return frame.word(word) & step.pointee.term.mask == step.pointee.term.value
    }
    let extraction = classifier.pointee.extractions.base[word &- RuleTerm.wordCount]
    guard let found = frame.extract(extraction, of: bytes) else { return false }
    return found & step.pointee.term.mask == step.pointee.term.value
  }

  /// The same by tables. Out of line, so that few rules are quick.
  @inline(never)
  private static func indexed(
    _ classifier: UnsafePointer<Classifier>, _ frame: UnsafePointer<ParsedFrame>,
    _ bytes: UnsafeRawBufferPointer
  ) -> Int {
    let extractions = classifier.pointee.extractions.base
    return classifier.pointee.index.first(
      frame.pointee, last: classifier.pointee.rules.count &- 1,
      word: { word in
        word < RuleTerm.wordCount
          ? frame.word(word)
          : frame.extract(extractions[word &- RuleTerm.wordCount], of: bytes)
      }, matches: { matches(classifier, $0, frame, bytes) })
  }

  /// The owners that get a rule's frames; empty where they are dropped.
  func receivers(of rule: Rule) -> [Int] {
    guard !rule.isDropped else { return [] }
    let places = rule.firstCopy..<rule.firstCopy + rule.copyCount
    return [rule.owner] + places.map { copies.base[$0].owner }
  }

  /// The hash of a frame under a rule; 0 where it chooses nothing.
  @inline(__always)
  static func hash(
    _ classifier: UnsafePointer<Classifier>, _ rule: UnsafePointer<Rule>,
    _ frame: UnsafePointer<ParsedFrame>, _ bytes: UnsafeRawBufferPointer,
    _ keyGen: KeyGen
  ) -> UInt64 {
    guard rule.pointee.isHashed else { return 0 }
    switch rule.pointee.key.kind {
    case .fiveTuple: return keyGen.hash(frame.pointee, isFiveTuple: true)
    case .addressPair: return keyGen.hash(frame.pointee, isFiveTuple: false)
    case .chosen:
      return keyGen.hash(
        frame, bytes, key: rule.pointee.key,
        extractions: UnsafePointer(classifier.pointee.extractions.base))
    }
  }
}

extension UnsafePointer<ParsedFrame> {
  // SAFETY: the pointer is within the frame's.
  /// The frame's parse result.
  @inline(__always)
  var result: UnsafePointer<ParseResult> {
    (UnsafeRawPointer(self) + ParsedFrame.resultOffset).assumingMemoryBound(to: ParseResult.self)
  }

  // SAFETY: the words are what a parsed frame begins with, and `index` is one of theirs.
  /// A word of the frame, by a number that is not known when this is compiled.
  @inline(__always)
  fileprivate func word(_ index: Int) -> UInt64 {
    UnsafeRawPointer(self).load(fromByteOffset: 8 &* index, as: UInt64.self)
  }
}

/// The same for who has values and not pointers.
extension Classifier {
  /// The rule that decides about a frame.
  func classify(_ frame: ParsedFrame, _ bytes: UnsafeRawBufferPointer) -> Rule {
    rules.base[ruleIndex(frame, bytes)]
  }

  /// The number of the rule that decides, from 0.
  func ruleIndex(_ frame: ParsedFrame, _ bytes: UnsafeRawBufferPointer) -> Int {
    withUnsafePointer(to: self) { classifier in
      withUnsafePointer(to: frame) { Self.ruleIndex(classifier, $0, bytes) }
    }
  }

  /// The hash of a frame under a rule.
  func hash(
    _ rule: Rule, _ frame: ParsedFrame, _ bytes: UnsafeRawBufferPointer,
    _ keyGen: KeyGen
  ) -> UInt64 {
    withUnsafePointer(to: self) { classifier in
      withUnsafePointer(to: frame) { frame in
        withUnsafePointer(to: rule) { Self.hash(classifier, $0, frame, bytes, keyGen) }
      }
    }
  }
}
