/// What a pattern looks for, as a value: an expression that has been read and is within the limits.
///
/// Whatever the source's notation, only this reaches an engine, in a form that has no special cases.
package struct PatternExpression: Sendable, Hashable {
  /// A part of an expression.
  package indirect enum Node: Sendable, Hashable {
    /// One byte of a set.
    case byte(ByteSet)
    /// Parts behind each other.
    case sequence([Node])
    /// One of several parts.
    case choice([Node])
    /// A part, so many times; without a most, any number.
    case repeated(Node, least: UInt32, most: UInt32?)
    /// The start of what is scanned.
    case start
    /// The end of what is scanned.
    case end
  }

  /// All of it.
  package var root: Node

  /// Creates an expression.
  package init(_ root: Node) { self.root = root }

  /// An expression for bytes as they are, but for the case of letters if that is to be ignored.
  package init(literal bytes: some Sequence<UInt8>, ignoresCase: Bool = false) {
    root = .sequence(
      bytes.map {
        let byte = ByteSet($0)
        return .byte(ignoresCase ? byte.withBothCases : byte)
      })
  }

  /// How many bytes have a place of their own in it, with repeats written out: what an automaton for it
  /// grows with. At most `UInt32.max`.
  package var positions: UInt32 { root.positions }

  /// How many bytes a match has at least.
  package var leastLength: UInt32 { root.leastLength }

  /// It in PCRE's notation, where `.` is any byte: every byte as a number, groups that capture nothing.
  package var canonical: String {
    var text = ""
    root.write(to: &text)
    return text
  }
}

extension PatternExpression.Node {
  /// Adds without wrapping around.
  private static func sum(_ values: some Sequence<UInt32>) -> UInt32 {
    values.reduce(0) { $0.addingReportingOverflow($1).overflow ? .max : $0 + $1 }
  }

  fileprivate var positions: UInt32 {
    switch self {
    case .byte: 1
    case .sequence(let parts), .choice(let parts): Self.sum(parts.lazy.map(\.positions))
    case .repeated(let part, let least, let most):
      part.positions.multipliedWithoutOverflow(by: Swift.max(most ?? least, 1))
    case .start, .end: 0
    }
  }

  fileprivate var leastLength: UInt32 {
    switch self {
    case .byte: 1
    case .sequence(let parts): Self.sum(parts.lazy.map(\.leastLength))
    case .choice(let parts): parts.lazy.map(\.leastLength).min() ?? 0
    case .repeated(let part, let least, _): part.leastLength.multipliedWithoutOverflow(by: least)
    case .start, .end: 0
    }
  }

  fileprivate func write(to text: inout String) {
    switch self {
    case .byte(let set): Self.write(set, to: &text)
    case .sequence(let parts): for part in parts { part.write(to: &text) }
    case .choice(let parts):
      text += "(?:"
      for (index, part) in parts.enumerated() {
        if index > 0 { text += "|" }
        part.write(to: &text)
      }
      text += ")"
    case .repeated(let part, let least, let most):
      if case .byte = part {
        part.write(to: &text)
      } else {
        text += "(?:"
        part.write(to: &text)
        text += ")"
      }
      text += "{\(least)," + (most.map { "\($0)" } ?? "") + "}"
    case .start: text += "^"
    // Not `$`, which PCRE takes for a place before a last line feed, too.
    case .end: text += "\\z"
    }
  }

  private static func write(_ set: ByteSet, to text: inout String) {
    let ranges = set.ranges
    if ranges == [0...255] {
      text += "."
    } else if let only = ranges.first, ranges.count == 1, only.count == 1 {
      write(only.lowerBound, to: &text)
    } else {
      text += "["
      for range in ranges {
        write(range.lowerBound, to: &text)
        guard range.count > 1 else { continue }
        text += "-"
        write(range.upperBound, to: &text)
      }
      text += "]"
    }
  }

  private static func write(_ byte: UInt8, to text: inout String) {
    let digits = String(byte, radix: 16)
    text += digits.utf8.count == 1 ? "\\x0\(digits)" : "\\x\(digits)"
  }
}

extension UInt32 {
  fileprivate func multipliedWithoutOverflow(by other: UInt32) -> UInt32 {
    let (product, isTooMuch) = multipliedReportingOverflow(by: other)
    return isTooMuch ? .max : product
  }
}
