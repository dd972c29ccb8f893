import Partitioning
import QorIQ

// SAFETY: the indexes of rules, terms and extractions come from the tables' own construction.
/// An interface's rules, flat: the first rule all of whose terms hold decides.
struct Classifier: ~Copyable {
  private let rules: FlatTable<Rule>
  private let terms: FlatTable<RuleTerm>
  private let extractions: FlatTable<FrameBytes>
  /// Further receivers of rules.
  let copies: FlatTable<Copy>
  private let index: RuleIndex

  /// A further receiver of a rule's frames.
  struct Copy: BitwiseCopyable {
    var owner: Int
    var queueBase: UInt32
    var queueMask: UInt32

    /// The queue of a frame with this hash.
    @inline(__always)
    func queue(_ hash: UInt64) -> UInt32 {
      queueBase | UInt32(truncatingIfNeeded: hash & 0xff_ffff) & queueMask
    }
  }

  /// Where a frame goes.
  struct Rule: BitwiseCopyable {
    var firstTerm: Int
    var termCount: Int
    /// The owner that gets the frame.
    var owner: Int
    /// The first queue, aligned to the count.
    var queueBase: UInt32
    /// The queue count less one: a mask for the hash.
    var queueMask: UInt32
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

    /// The queue of a frame with this hash: FQID = base | (hash & (count − 1)).
    @inline(__always)
    func queue(_ hash: UInt64) -> UInt32 {
      queueBase | UInt32(truncatingIfNeeded: hash & 0xff_ffff) & queueMask
    }
  }

  /// Compiles rules; the last one must have no condition.
  ///
  /// - Parameters:
  ///   - flowRules: The rules in order.
  ///   - policers: The number of each policed rule's policer, by the rule's place.
  /// - Throws: ``EngineError`` for rules that no frame can be classified by.
  init(_ flowRules: [FlowRule], policers: [Int: Int] = [:]) throws(EngineError) {
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
    let terms = try FlatTable<RuleTerm>(count: compiled.reduce(0) { $0 + $1.count })
    let rules = try FlatTable<Rule>(count: flowRules.count)
    let copies = try FlatTable<Copy>(count: flowRules.reduce(0) { $0 + $1.copies.count })
    var (next, nextExtraction, nextCopy) = (0, compared.count, 0)
    for (place, rule) in flowRules.enumerated() {
      for range in [rule.receive] + rule.copies.map(\.receive) {
        let count = range.count
        guard count & (count - 1) == 0, range.first.rawValue & (count - 1) == 0 else {
          throw .badConfiguration("\(range) is not a power of two on an aligned base")
        }
      }
      rules.base[place] = Rule(
        firstTerm: next, termCount: compiled[place].count, owner: rule.owner,
        queueBase: rule.receive.first.rawValue,
        queueMask: rule.spread == nil ? 0 : rule.receive.count - 1,
        key: KeySelection(rule.spread ?? .fiveTuple, firstExtraction: nextExtraction),
        policer: policers[place] ?? -1,
        isHashed: rule.spread != nil && rule.shares.contains { $0.receive.count > 1 },
        isDropped: rule.isDropped, firstCopy: nextCopy,
        copyCount: rule.copies.count)
      for copy in rule.copies {
        copies.base[nextCopy] = Copy(
          owner: copy.owner, queueBase: copy.receive.first.rawValue,
          queueMask: rule.spread == nil ? 0 : copy.receive.count - 1)
        nextCopy += 1
      }
      nextExtraction += rule.spread?.hashKey.bytes.count ?? 0
      for term in compiled[place] {
        terms.base[next] = term
        next += 1
      }
    }
    self.terms = terms
    self.rules = rules
    self.extractions = extractions
    self.copies = copies
    self.index = index
  }

  /// The rule that decides about a frame; the last has no terms and always matches.
  ///
  /// - Parameters:
  ///   - frame: What the parser found.
  ///   - bytes: The frame itself.
  /// - Returns: The rule.
  @inline(__always)
  func classify(_ frame: borrowing ParsedFrame, _ bytes: UnsafeRawBufferPointer) -> Rule {
    rules.base[ruleIndex(frame, bytes)]
  }

  /// The number of the rule that decides, from 0.
  @inline(__always)
  func ruleIndex(_ frame: borrowing ParsedFrame, _ bytes: UnsafeRawBufferPointer) -> Int {
    guard index.isEmpty else { return indexed(frame, bytes) }
    var place = 0
    while !matches(rules.base[place], frame, bytes) { place &+= 1 }
    return place
  }

  /// The same by tables. Out of line, so that few rules are quick.
  @inline(never)
  private func indexed(_ frame: ParsedFrame, _ bytes: UnsafeRawBufferPointer) -> Int {
    index.first(
      frame, last: rules.count &- 1,
      word: { word in
        word < RuleTerm.wordCount
          ? frame.words[word]
          : frame.extract(extractions.base[word &- RuleTerm.wordCount], of: bytes)
      }, matches: { matches(rules.base[$0], frame, bytes) })
  }

  /// The owners that get a rule's frames; empty where they are dropped.
  func receivers(of rule: Rule) -> [Int] {
    guard !rule.isDropped else { return [] }
    let places = rule.firstCopy..<rule.firstCopy + rule.copyCount
    return [rule.owner] + places.map { copies.base[$0].owner }
  }

  /// The hash of a frame under a rule; 0 where it chooses nothing.
  @inline(__always)
  func hash(
    _ rule: Rule, _ frame: borrowing ParsedFrame, _ bytes: UnsafeRawBufferPointer,
    _ keyGen: borrowing KeyGen
  ) -> UInt64 {
    guard rule.isHashed else { return 0 }
    switch rule.key.kind {
    case .fiveTuple: return keyGen.hash(frame, isFiveTuple: true)
    case .addressPair: return keyGen.hash(frame, isFiveTuple: false)
    case .chosen:
      return keyGen.hash(frame, bytes, key: rule.key, extractions: UnsafePointer(extractions.base))
    }
  }

  @inline(__always)
  private func matches(
    _ rule: Rule, _ frame: borrowing ParsedFrame, _ bytes: UnsafeRawBufferPointer
  ) -> Bool {
    var term = rule.firstTerm
    let end = rule.firstTerm &+ rule.termCount
    while term < end {
      let entry = terms.base[term]
      if entry.word < RuleTerm.wordCount {
        if frame.words[entry.word] & entry.mask != entry.value { return false }
      } else {
        let extraction = extractions.base[entry.word &- RuleTerm.wordCount]
        guard let found = frame.extract(extraction, of: bytes), found & entry.mask == entry.value
        else { return false }
      }
      term &+= 1
    }
    return true
  }
}
