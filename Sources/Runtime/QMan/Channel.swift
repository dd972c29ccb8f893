/// A work queue: the first and the last of its queues, which are linked. A channel has eight of them,
/// in a table of their own.
struct WorkQueueLine: BitwiseCopyable {
  var head: UInt32 = 0
  var tail: UInt32 = 0
  /// How many there are, for `QUERYWQ`.
  var length: UInt32 = 0
  var reserved: UInt32 = 0
}

/// A channel: which of its eight work queues hold scheduled frame queues.
struct Channel: BitwiseCopyable {
  /// The hardware's number.
  var number: UInt16 = 0
  /// Bit *n*: work queue *n* is not empty.
  var nonEmpty: UInt8 = 0
  /// Where the round of work queues 2 to 7 stands.
  private var turn: UInt8 = 2

  /// Goes on with the round of another.
  mutating func takeTurn(of other: Channel) { turn = other.turn }

  /// The work queue whose turn it is, of those that `allowed` names; `nil` when they are empty.
  ///
  /// Work queues 0 and 1 are strict, since QMan has no weights for them (Linux 6.1,
  /// `drivers/soc/fsl/qbman/qman_ccsr.c`, `qm_set_wq_scheduling`). For 2 to 7 the formula of the
  /// weights and of the elevation counter is not known to us; with the equal weights that Linux
  /// writes they take turns here.
  @inline(__always)
  mutating func chooseWorkQueue(_ allowed: UInt8) -> Int? {
    let nonEmpty = nonEmpty & allowed
    guard nonEmpty != 0 else { return nil }
    if nonEmpty & 0b11 != 0 { return nonEmpty & 1 != 0 ? 0 : 1 }
    let behind = nonEmpty &>> turn
    let workQueue =
      behind != 0 ? Int(turn) &+ behind.trailingZeroBitCount : nonEmpty.trailingZeroBitCount
    turn = workQueue >= 7 ? 2 : UInt8(truncatingIfNeeded: workQueue &+ 1)
    return workQueue
  }

  /// Whether a queue of a work queue must yield: something of a higher class waits, or of its own.
  /// Work queues 2 to 7 are one class.
  @inline(__always)
  func hasRival(ofWorkQueue workQueue: UInt8, isOwnClassRival: Bool) -> Bool {
    let higher: UInt8 = workQueue >= 2 ? 0b11 : workQueue == 1 ? 0b1 : 0
    let own: UInt8 = workQueue >= 2 ? 0b1111_1100 : 1 &<< workQueue
    return nonEmpty & (isOwnClassRival ? higher | own : higher) != 0
  }
}
