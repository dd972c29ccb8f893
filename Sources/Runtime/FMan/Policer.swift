import Partitioning

/// A policer: two token buckets that colour the frames of some rules.
///
/// RFC 2698 has a peak bucket, from which every frame that is not red takes tokens, and a committed
/// one; RFC 4115 a committed bucket and one for the excess, and a frame takes from one of them.
/// Frames come from the wire without a colour, so colour-aware mode treats all as green, which is
/// what colour-blind mode does.
///
/// Tokens are billionths of a bit, or of a frame: a rate is then tokens for each nanosecond.
struct Policer: BitwiseCopyable {
  private let isRFC4115: Bool
  private let countsFrames: Bool
  private let drops: UInt8
  private let committed: Limit
  private let excess: Limit
  private var committedTokens: UInt64
  private var excessTokens: UInt64
  /// When the buckets were filled last; 0 before the first frame.
  private var filledAt: UInt64 = 0
  /// Frames by colour.
  private(set) var counts: (green: UInt64, yellow: UInt64, red: UInt64) = (0, 0, 0)

  /// A bucket's rate, and how many tokens it holds.
  private struct Limit: BitwiseCopyable {
    var rate: UInt64
    var burst: UInt64

    /// What the bucket holds some nanoseconds later.
    @inline(__always)
    func fill(_ tokens: UInt64, after nanoseconds: UInt64) -> UInt64 {
      let (more, isOver) = nanoseconds.multipliedReportingOverflow(by: rate)
      return isOver || more >= burst &- tokens ? burst : tokens &+ more
    }
  }

  /// A frame's colour, with QMan's number for it.
  enum Colour: UInt8 {
    case green
    case yellow
    case red
  }

  private static let billion: UInt64 = 1_000_000_000

  /// Starts with full buckets.
  init(_ wish: PolicerWish) {
    let unit = wish.counting == .frames ? Self.billion : 8 * Self.billion
    func limit(_ rate: UInt64, _ burst: UInt64) -> Limit {
      let (tokens, isOver) = burst.multipliedReportingOverflow(by: unit)
      return Limit(rate: rate, burst: isOver ? .max : tokens)
    }
    isRFC4115 = wish.algorithm == .rfc4115
    countsFrames = wish.counting == .frames
    drops = [(FrameColour.green, Colour.green), (.yellow, .yellow), (.red, .red)]
      .reduce(0) { wish.drops.contains($1.0) ? $0 | 1 << $1.1.rawValue : $0 }
    committed = limit(wish.committedRate, wish.committedBurst)
    excess = limit(wish.excessRate, wish.excessBurst)
    committedTokens = committed.burst
    excessTokens = excess.burst
  }

  @inline(__always)
  private func cost(_ byteCount: Int) -> UInt64 {
    countsFrames ? Self.billion : UInt64(byteCount) &* (8 &* Self.billion)
  }

  /// The colour of a frame that arrives now. It takes nothing yet: a port that has no buffer for it
  /// asks again.
  @inline(__always)
  mutating func colour(_ byteCount: Int, now: UInt64) -> Colour {
    if filledAt == 0 { filledAt = now }
    if now > filledAt {
      committedTokens = committed.fill(committedTokens, after: now &- filledAt)
      excessTokens = excess.fill(excessTokens, after: now &- filledAt)
      filledAt = now
    }
    let cost = cost(byteCount)
    if isRFC4115 {
      return committedTokens >= cost ? .green : excessTokens >= cost ? .yellow : .red
    }
    return excessTokens < cost ? .red : committedTokens < cost ? .yellow : .green
  }

  /// Takes the tokens of a frame and counts it.
  @inline(__always)
  mutating func take(_ byteCount: Int, _ colour: Colour) {
    let cost = cost(byteCount)
    switch colour {
    case .green:
      counts.green &+= 1
      committedTokens &-= cost
      if !isRFC4115 { excessTokens &-= cost }
    case .yellow:
      counts.yellow &+= 1
      excessTokens &-= cost
    case .red: counts.red &+= 1
    }
  }

  /// Whether frames of a colour are dropped.
  @inline(__always)
  func isDropped(_ colour: Colour) -> Bool { drops &>> colour.rawValue & 1 != 0 }
}

extension Policer.Colour {
  /// The colour of a frame that a policer has marked.
  @inline(__always)
  init(status: UInt32) {
    self = status & 0x800 != 0 ? .red : status & 0x400 != 0 ? .yellow : .green
  }

  /// The bits of the colour in a descriptor's status (Linux 6.1, `fman/fman.h`).
  @inline(__always)
  var status: UInt32 {
    switch self {
    case .green: 0
    case .yellow: 0x400
    case .red: 0x800
    }
  }
}
