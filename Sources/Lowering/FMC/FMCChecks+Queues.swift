import Diagnostics

/// Frame queues that something in the files enqueues to.
struct FMCQueues {
  var range: Range<Int>
  /// Who does, for messages.
  var user: String
  var span: SourceSpan
}

extension FMCChecks {
  mutating func checkQueues() {
    var users: [FMCQueues] = []
    for distribution in model.distributions { add(distribution, to: &users) }
    for classification in model.classifications {
      for entry in classification.entries {
        add(entry.queue, of: "an entry of \(classification.name.value)", to: &users)
      }
      add(classification.missQueue, of: "a miss in \(classification.name.value)", to: &users)
    }
    for replicator in model.replicators {
      for entry in replicator.entries {
        add(entry.queue, of: "a copy of \(replicator.name.value)", to: &users)
      }
    }
    for reassembly in model.reassemblies {
      for name in ["fqidForTimeOutFrames", "nonConsistentSpFqid"] {
        add(reassembly.numbers[name], of: "\(name) of \(reassembly.name.value)", to: &users)
      }
    }
    checkOverlaps(users)
  }

  private mutating func add(_ queue: FMCInteger?, of user: String, to users: inout [FMCQueues]) {
    guard let queue else { return }
    if checkRange(queue.value, count: 1, of: user, at: queue.span) {
      users.append(FMCQueues(range: queue.value..<queue.value + 1, user: user, span: queue.span))
    }
  }

  private mutating func add(_ distribution: FMCDistribution, to users: inout [FMCQueues]) {
    let name = distribution.name.value
    guard let base = distribution.base else {
      if distribution.queueSpan == nil, distribution.action?.type ?? "" == "" {
        bag.error(
          "fmc-queue-missing", "\(name) enqueues but has no <queue>: FMC takes FQID 0",
          at: distribution.name.span)
      }
      return
    }
    let size = distribution.size
    if let count = distribution.count, size & (size - 1) != 0 || size > 1 << 23 {
      let near = [1 << Self.log2(size), 2 << Self.log2(size)].filter { $0 <= 1 << 23 }
      bag.error(
        "fmc-queue-count",
        "\(name) has \(count.value) queues, which is no power of two up to 2^23", at: count.span,
        fixIts: near.map { FixIt("take \($0)", replacing: count.span, with: "\($0)") })
      return
    }
    guard checkRange(base.value, count: size, of: name, at: base.span) else { return }
    if base.value % size != 0 {
      let low = base.value / size * size
      let near = [low, low + size].filter { $0 > 0 && $0 + size <= 1 << 24 }
      bag.error(
        "fmc-queue-alignment",
        "\(name) begins at \(Self.hex(base.value)), which is no multiple of its \(size) queues: "
          + "KeyGen ORs the hash into the base, so some queues get no frame and others get two",
        at: base.span,
        fixIts: near.map {
          FixIt("begin at \(Self.hex($0))", replacing: base.span, with: Self.hex($0))
        })
    }
    users.append(
      FMCQueues(range: base.value..<base.value + size, user: name, span: base.span))
  }

  private mutating func checkRange(_ base: Int, count: Int, of user: String, at span: SourceSpan)
    -> Bool
  {
    guard base < 1 || base + count > 1 << 24 else { return true }
    let queues = count == 1 ? "FQID \(base)" : "FQIDs from \(base) to \(base + count - 1)"
    bag.error(
      "fmc-queue-range", "\(user) enqueues to \(queues), but there are 1 to 0xffffff", at: span)
    return false
  }

  /// Ranges may be the same, when two ways lead to one destination, and a single queue may be the
  /// first of a range; anything else in common is a mistake.
  private mutating func checkOverlaps(_ users: [FMCQueues]) {
    let sorted = users.sorted {
      ($0.range.lowerBound, -$0.range.count) < ($1.range.lowerBound, -$1.range.count)
    }
    var widest: FMCQueues?
    for queues in sorted {
      if let other = widest, other.range.overlaps(queues.range), other.range != queues.range,
        queues.range.count > 1 || queues.range.lowerBound != other.range.lowerBound
      {
        let common = queues.range.clamped(to: other.range)
        bag.error(
          "fmc-queue-overlap",
          "\(queues.user) has \(common.count == 1 ? "FQID" : "FQIDs") \(Self.text(common)) in "
            + "common with \(other.user)", at: queues.span,
          notes: [Note("\(other.user) has \(Self.text(other.range))", at: other.span)])
      }
      if queues.range.upperBound > widest?.range.upperBound ?? 0 { widest = queues }
    }
  }

  private static func text(_ range: Range<Int>) -> String {
    range.count == 1
      ? hex(range.lowerBound) : "\(hex(range.lowerBound))-\(hex(range.upperBound - 1))"
  }

  static func hex(_ number: Int) -> String { "0x" + String(number, radix: 16) }

  private static func log2(_ number: Int) -> Int {
    min(Int.bitWidth - 1 - max(number, 1).leadingZeroBitCount, 40)
  }
}
