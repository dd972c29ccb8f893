import Partitioning
import QorIQ

// SAFETY: rule and term indexes come from the tables' own construction.
/// An interface's rules, flat: the first rule all of whose terms hold decides.
struct Classifier: ~Copyable {
  private let rules: FlatTable<Rule>
  private let terms: FlatTable<Term>

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
    /// What the hash covers; meaningless when the mask is 0.
    var spread: FlowRule.Spread
    /// The policer of its frames; -1 for none.
    var policer: Int

    /// The queue of a frame with this hash: FQID = base | (hash & (count − 1)).
    @inline(__always)
    func queue(_ hash: UInt64) -> UInt32 {
      queueBase | UInt32(truncatingIfNeeded: hash & 0xff_ffff) & queueMask
    }
  }

  /// One masked comparison of a word of ``ParsedFrame``.
  struct Term: BitwiseCopyable {
    var word: Int
    var mask: UInt64
    var value: UInt64
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
    let compiled = flowRules.map { $0.conditions.flatMap(Self.terms) }
    let terms = try FlatTable<Term>(count: compiled.reduce(0) { $0 + $1.count })
    let rules = try FlatTable<Rule>(count: flowRules.count)
    var next = 0
    for (index, rule) in flowRules.enumerated() {
      let count = rule.receive.count
      guard count & (count - 1) == 0, rule.receive.first.rawValue & (count - 1) == 0 else {
        throw .badConfiguration("\(rule.receive) is not a power of two on an aligned base")
      }
      rules.base[index] = Rule(
        firstTerm: next, termCount: compiled[index].count, owner: rule.owner,
        queueBase: rule.receive.first.rawValue, queueMask: rule.spread == nil ? 0 : count - 1,
        spread: rule.spread ?? .fiveTuple, policer: policers[index] ?? -1)
      for term in compiled[index] {
        terms.base[next] = term
        next += 1
      }
    }
    self.terms = terms
    self.rules = rules
  }

  /// The rule that decides about a frame; the last has no terms and always matches.
  @inline(__always)
  func classify(_ frame: borrowing ParsedFrame) -> Rule { rules.base[ruleIndex(frame)] }

  /// The number of the rule that decides, from 0.
  @inline(__always)
  func ruleIndex(_ frame: borrowing ParsedFrame) -> Int {
    var index = 0
    while !matches(rules.base[index], frame) { index &+= 1 }
    return index
  }

  /// The hash of a frame under a rule; 0 where the rule spreads nothing.
  @inline(__always)
  func hash(_ rule: Rule, _ frame: borrowing ParsedFrame, _ keyGen: borrowing KeyGen) -> UInt64 {
    rule.queueMask == 0 ? 0 : keyGen.hash(frame, spread: rule.spread)
  }

  @inline(__always)
  private func matches(_ rule: Rule, _ frame: borrowing ParsedFrame) -> Bool {
    var term = rule.firstTerm
    let end = rule.firstTerm &+ rule.termCount
    while term < end {
      let entry = terms.base[term]
      if frame.words[entry.word] & entry.mask != entry.value { return false }
      term &+= 1
    }
    return true
  }

  private static func terms(_ condition: MatchCondition) -> [Term] {
    func field(_ word: Int, _ mask: UInt64, _ value: UInt64, needs flags: UInt64) -> [Term] {
      [
        Term(word: 7, mask: flags, value: flags),
        Term(word: word, mask: mask, value: value & mask),
      ]
    }
    func prefix(_ length: UInt8, from first: UInt8) -> UInt64 {
      let bits = UInt64(min(max(Int(length) - Int(first), 0), 64))
      return bits == 0 ? 0 : UInt64.max << (64 - bits)
    }
    let mac: UInt64 = 0xffff_ffff_ffff_0000
    switch condition {
    case .ethernetDestination(let address):
      return field(0, mac, address << 16, needs: ParsedFrame.Presence.ethernet)
    case .ethernetSource(let address):
      return field(1, mac, address << 16, needs: ParsedFrame.Presence.ethernet)
    case .etherType(let type):
      return field(0, 0xffff, UInt64(type), needs: ParsedFrame.Presence.ethernet)
    case .vlan(let vlan): return field(1, 0xfff, UInt64(vlan), needs: ParsedFrame.Presence.vlan)
    case .ipv4Source(let network):
      return field(
        2, prefix(network.length, from: 0), UInt64(network.address) << 32,
        needs: ParsedFrame.Presence.ipv4)
    case .ipv4Destination(let network):
      return field(
        2, prefix(network.length, from: 0) >> 32, UInt64(network.address),
        needs: ParsedFrame.Presence.ipv4)
    case .ipv6Source(let network):
      return field(
        3, prefix(network.length, from: 0), network.high, needs: ParsedFrame.Presence.ipv6)
        + field(4, prefix(network.length, from: 64), network.low, needs: ParsedFrame.Presence.ipv6)
    case .ipv6Destination(let network):
      return field(
        5, prefix(network.length, from: 0), network.high, needs: ParsedFrame.Presence.ipv6)
        + field(6, prefix(network.length, from: 64), network.low, needs: ParsedFrame.Presence.ipv6)
    case .ipProtocol(let number):
      return field(7, 0xff << 32, UInt64(number) << 32, needs: ParsedFrame.Presence.ip)
    case .l4Source(let port):
      return field(7, 0xffff << 16, UInt64(port) << 16, needs: ParsedFrame.Presence.layer4)
    case .l4Destination(let port):
      return field(7, 0xffff, UInt64(port), needs: ParsedFrame.Presence.layer4)
    }
  }
}
