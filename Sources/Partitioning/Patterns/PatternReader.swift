/// Reads regular expressions: the part of Perl's notation that an automaton can match in one pass and
/// without memory of what it saw.
///
/// An expression is about bytes, and `.` is any of them. It has literal bytes, classes (`[a-z]`, `\d`,
/// `\w`, `\s` and what is not in them), escapes (`\n`, `\xHH`), groups, alternatives, repeats, and `^` and
/// `$` at the ends of the whole or of its alternatives.
package struct PatternReader {
  /// What is wrong with an expression, and where.
  package struct Fault: Error, Sendable, Hashable {
    /// What is wrong, in one sentence without a full stop.
    package var message: String
    /// What to write instead.
    package var repair: String
    /// The bytes that it is about.
    package var range: Range<Int>
  }

  /// How deep groups may lie in each other.
  package static let depthLimit = 16
  /// The largest number of a repeat.
  package static let repeatLimit: UInt32 = 255

  private let bytes: [UInt8]
  private let ignoresCase: Bool
  private var place = 0
  private var depth = 0

  private init(_ bytes: [UInt8], ignoresCase: Bool) {
    self.bytes = bytes
    self.ignoresCase = ignoresCase
  }

  /// The expression of a text.
  ///
  /// - Parameters:
  ///   - text: The text.
  ///   - ignoresCase: Whether upper and lower case of ASCII's letters are alike.
  /// - Returns: The expression.
  /// - Throws: The first fault.
  package static func read(
    _ text: String, ignoresCase: Bool = false
  ) throws(Fault) -> PatternExpression {
    var reader = PatternReader(Array(text.utf8), ignoresCase: ignoresCase)
    let root = try reader.alternatives(isOutermost: true)
    if reader.place < reader.bytes.count {
      throw reader.fault(
        "nothing is open here that ) could close", "write \\) for the character", 1)
    }
    return PatternExpression(root)
  }

  // MARK: structure

  private mutating func alternatives(isOutermost: Bool) throws(Fault) -> PatternExpression.Node {
    var choices = [try sequence(isOutermost: isOutermost)]
    while peek == UInt8(ascii: "|") {
      place += 1
      choices.append(try sequence(isOutermost: isOutermost))
    }
    return choices.count == 1 ? choices[0] : .choice(choices)
  }

  private mutating func sequence(isOutermost: Bool) throws(Fault) -> PatternExpression.Node {
    var parts: [PatternExpression.Node] = []
    while let byte = peek, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
      switch byte {
      case UInt8(ascii: "^"), UInt8(ascii: "$"):
        parts.append(try anchor(byte, isOutermost: isOutermost, isFirst: parts.isEmpty))
      default:
        let start = place
        parts.append(try repeated(try atom(), from: start))
      }
    }
    return .sequence(parts)
  }

  private mutating func anchor(
    _ byte: UInt8, isOutermost: Bool, isFirst: Bool
  ) throws(Fault) -> PatternExpression.Node {
    let isStart = byte == UInt8(ascii: "^")
    let next = place + 1 < bytes.count ? bytes[place + 1] : UInt8(ascii: "|")
    guard isOutermost, isStart ? isFirst : next == UInt8(ascii: "|") else {
      let name = isStart ? "^" : "$"
      throw fault(
        "\(name) stands for the \(isStart ? "start" : "end") of what is scanned, and here it is not",
        "write \\\(name) for the character, or put it \(isStart ? "first" : "last")", 1)
    }
    place += 1
    if let next = peek, Self.repeats.contains(next) {
      throw fault("a \(isStart ? "start" : "end") cannot be repeated", "take this out", 1)
    }
    return isStart ? .start : .end
  }

  private static let repeats: Set<UInt8> = Set("*+?{".utf8)

  private mutating func repeated(
    _ part: PatternExpression.Node, from start: Int
  ) throws(Fault) -> PatternExpression.Node {
    guard let byte = peek, Self.repeats.contains(byte) else { return part }
    if bytes[start] >= 0x80 {
      throw fault(
        "this would repeat the last byte of a character", "put the character into brackets: (…)", 1)
    }
    let sign = place
    let (least, most): (UInt32, UInt32?)
    switch byte {
    case UInt8(ascii: "*"): (least, most) = (0, nil)
    case UInt8(ascii: "+"): (least, most) = (1, nil)
    case UInt8(ascii: "?"): (least, most) = (0, 1)
    default: (least, most) = try bounds()
    }
    if byte != UInt8(ascii: "{") { place += 1 }
    if let most, most < least || most == 0 {
      throw Fault(
        message: most == 0 ? "no times is nothing" : "\(most) times is less than \(least)",
        repair: most == 0 ? "take the part out" : "write {\(most),\(least)}", range: sign..<place)
    }
    if let next = peek, Self.repeats.contains(next) {
      throw fault(
        next == UInt8(ascii: "?") || next == UInt8(ascii: "+")
          ? "every match is found, the short ones and the long ones: there is nothing to choose"
          : "a repeat of a repeat", "take this out, or put what is repeated into brackets", 1)
    }
    return .repeated(part, least: least, most: most)
  }

  /// `{3}`, `{3,}`, `{3,5}`.
  private mutating func bounds() throws(Fault) -> (UInt32, UInt32?) {
    let start = place
    place += 1
    let least = number()
    var most = least
    if least != nil, peek == UInt8(ascii: ",") {
      place += 1
      most = number()
      if most == nil, peek != UInt8(ascii: "}") { place = bytes.count }
    }
    guard let least, peek == UInt8(ascii: "}") else {
      place = start
      throw fault("{ begins a number of times", "write \\{ for the character, or {2,5}", 1)
    }
    place += 1
    if max(least, most ?? 0) > Self.repeatLimit {
      throw Fault(
        message: "a part is repeated at most \(Self.repeatLimit) times",
        repair: "write {\(Swift.min(least, Self.repeatLimit)),} for any number",
        range: start..<place)
    }
    return (least, most)
  }

  /// A number, or far too much.
  private mutating func number() -> UInt32? {
    var value: UInt32?
    while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
      // More digits do not make it any better.
      value = Swift.min((value ?? 0) * 10 + UInt32(byte & 15), 1_000_000)
      place += 1
    }
    return value
  }

  // MARK: atoms

  private mutating func atom() throws(Fault) -> PatternExpression.Node {
    let byte = bytes[place]
    switch byte {
    case UInt8(ascii: "("): return try group()
    case UInt8(ascii: "["): return .byte(try bracketed())
    case UInt8(ascii: "."):
      place += 1
      return .byte(.all)
    case UInt8(ascii: "\\"): return .byte(cased(try escape().set))
    case _ where Self.repeats.contains(byte):
      throw fault("there is nothing before this that could be repeated", "write \\ before it", 1)
    default:
      place += 1
      return .byte(cased(ByteSet(byte)))
    }
  }

  /// A set as it is meant. Of what is not in a class both cases are not: this comes first.
  private func cased(_ set: ByteSet) -> ByteSet { ignoresCase ? set.withBothCases : set }

  private mutating func group() throws(Fault) -> PatternExpression.Node {
    let start = place
    place += 1
    if peek == UInt8(ascii: "?") {
      guard place + 1 < bytes.count, bytes[place + 1] == UInt8(ascii: ":") else {
        throw fault(
          "groups with (? are not known, but for (?:…)",
          "write ignore-case: true for (?i); there is no looking ahead or behind", 2)
      }
      place += 2
    }
    guard depth < Self.depthLimit else {
      throw Fault(
        message: "groups lie in each other more than \(Self.depthLimit) deep",
        repair: "write it with fewer brackets", range: start..<start + 1)
    }
    depth += 1
    let inner = try alternatives(isOutermost: false)
    depth -= 1
    guard peek == UInt8(ascii: ")") else {
      throw Fault(
        message: "this bracket is not closed", repair: "write \\( for the character, or close it",
        range: start..<start + 1)
    }
    place += 1
    return inner
  }

  private mutating func bracketed() throws(Fault) -> ByteSet {
    let start = place
    place += 1
    var set = ByteSet()
    let isInverted = peek == UInt8(ascii: "^")
    if isInverted { place += 1 }
    var isEmpty = true
    while let byte = peek, byte != UInt8(ascii: "]") || isEmpty {
      if byte == UInt8(ascii: "]") {
        throw fault("a class needs something in it", "write \\] for the character", 1)
      }
      isEmpty = false
      let first = try member()
      guard peek == UInt8(ascii: "-"), place + 1 < bytes.count,
        bytes[place + 1] != UInt8(ascii: "]")
      else {
        set.formUnion(first.set)
        continue
      }
      let sign = place
      place += 1
      let last = try member()
      guard let low = first.byte, let high = last.byte, low <= high else {
        throw Fault(
          message: "this is not a range from a byte to a higher one",
          repair: "write \\- for the character", range: sign..<sign + 1)
      }
      set.insert(low...high)
    }
    guard peek == UInt8(ascii: "]") else {
      throw Fault(
        message: "this class is not closed", repair: "write \\[ for the character, or close it",
        range: start..<start + 1)
    }
    place += 1
    let result = isInverted ? cased(set).inverted : cased(set)
    if result == ByteSet() {
      throw Fault(
        message: "no byte is in this class", repair: "take it out", range: start..<place)
    }
    return result
  }

  private mutating func member() throws(Fault) -> (set: ByteSet, byte: UInt8?) {
    let byte = bytes[place]
    switch byte {
    case UInt8(ascii: "\\"): return try escape()
    case UInt8(ascii: "[")
    where place + 1 < bytes.count && ":.=".utf8.contains(bytes[place + 1]):
      throw fault("classes of this kind have no names", "write \\[ for the character, or \\w", 1)
    case 0x80...:
      throw fault(
        "a class is about single bytes, and this character has several",
        "write alternatives: (ä|ö)", 1)
    default:
      place += 1
      return (ByteSet(byte), byte)
    }
  }

  private static let digits = ByteSet(UInt8(ascii: "0")...UInt8(ascii: "9"))
  private static let words = ByteSet(
    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_")...UInt8(ascii: "_"))
  /// Tab, line feed, vertical tab, form feed, carriage return; space.
  private static let spaces = ByteSet(9...13, 32...32)

  private mutating func escape() throws(Fault) -> (set: ByteSet, byte: UInt8?) {
    guard place + 1 < bytes.count else {
      throw fault("nothing is behind this", "write \\\\ for the character", 1)
    }
    let byte = bytes[place + 1]
    func one(_ value: UInt8) -> (ByteSet, UInt8?) { (ByteSet(value), value) }
    let result: (ByteSet, UInt8?)
    switch byte {
    case UInt8(ascii: "d"): result = (Self.digits, nil)
    case UInt8(ascii: "D"): result = (Self.digits.inverted, nil)
    case UInt8(ascii: "w"): result = (Self.words, nil)
    case UInt8(ascii: "W"): result = (Self.words.inverted, nil)
    case UInt8(ascii: "s"): result = (Self.spaces, nil)
    case UInt8(ascii: "S"): result = (Self.spaces.inverted, nil)
    case UInt8(ascii: "t"): result = one(9)
    case UInt8(ascii: "n"): result = one(10)
    case UInt8(ascii: "v"): result = one(11)
    case UInt8(ascii: "f"): result = one(12)
    case UInt8(ascii: "r"): result = one(13)
    case UInt8(ascii: "x"):
      let digits = bytes[(place + 2)...].prefix(2)
      guard digits.count == 2, let value = Self.hexadecimal(digits) else {
        throw fault("\\x needs two hexadecimal digits", "write for example \\x0a", 2)
      }
      place += 2
      result = one(value)
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      let name = String(UnicodeScalar(byte))
      throw fault(
        "\\\(name) is not known: there are \\d \\w \\s, \\D \\W \\S, \\t \\n \\v \\f \\r and \\xHH",
        "write \(name) for the character; there is no looking back or around", 2)
    case 0x21...0x7e: result = one(byte)
    default:
      throw fault("\\ needs a printable character behind it", "write \\x and two digits", 1)
    }
    place += 2
    return result
  }

  private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt8? {
    var value: UInt8 = 0
    for digit in digits {
      guard let number = UnicodeScalar(digit).hexadecimalDigit else { return nil }
      value = value << 4 | number
    }
    return value
  }

  private var peek: UInt8? { place < bytes.count ? bytes[place] : nil }

  private func fault(_ message: String, _ repair: String, _ length: Int) -> Fault {
    Fault(
      message: message, repair: repair, range: place..<Swift.min(place + length, bytes.count))
  }
}

extension UnicodeScalar {
  /// The value of a hexadecimal digit.
  var hexadecimalDigit: UInt8? {
    switch self {
    case "0"..."9": UInt8(value & 15)
    case "a"..."f", "A"..."F": UInt8(value & 15) + 9
    default: nil
    }
  }
}
