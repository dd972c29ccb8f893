/// A run of consecutive frame queues, written `101-200`.
@frozen public struct QueueRange: Sendable, Hashable, CustomStringConvertible {
  /// The first queue.
  public let first: FQID
  /// How many; at least 1.
  public let count: UInt32

  /// Creates a range of `count` queues; the count must be at least 1 and the end within 24 bits.
  public init(first: FQID, count: UInt32) {
    precondition(count >= 1, "a queue range holds at least one queue")
    precondition(UInt64(first.rawValue) + UInt64(count) <= 1 << 24, "frame queue ids have 24 bits")
    self.first = first
    self.count = count
  }

  /// The last queue.
  public var last: FQID { FQID(first.rawValue + count - 1) }
  /// The queues' numbers.
  public var rawValues: Range<UInt32> { first.rawValue..<first.rawValue + count }

  /// Whether a queue is one of these.
  public func contains(_ fqid: FQID) -> Bool { rawValues.contains(fqid.rawValue) }
  /// Whether all queues of another range are among these.
  public func contains(_ other: QueueRange) -> Bool { first <= other.first && other.last <= last }

  /// The queues that both ranges have.
  public func intersection(_ other: QueueRange) -> QueueRange? {
    let low = max(first, other.first)
    let high = min(last, other.last)
    guard low <= high else { return nil }
    return QueueRange(first: low, count: high.rawValue - low.rawValue + 1)
  }

  /// `101-200`, or `101` for a single queue.
  public var description: String { count == 1 ? "\(first)" : "\(first)-\(last)" }
}
