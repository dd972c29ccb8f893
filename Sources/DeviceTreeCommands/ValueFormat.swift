/// How `fdtget` shows and `fdtput` reads values: `-t` and what follows it.
struct ValueFormat {
  enum Kind: Character {
    case string = "s"
    case signed = "i"
    case unsigned = "u"
    case hexadecimal = "x"
    case raw = "r"
  }

  /// `nil` lets the value decide.
  var kind: Kind?
  /// The bytes of each number; `nil` is 4, or 1 where 4 does not fit.
  var size: Int?

  init() {}

  /// Reads `[hh|b|h|l](s|i|u|x|r)`; `nil` for anything else.
  init?(_ text: String) {
    var rest = text[...]
    let sizes: [(String, Int?)] = [("hh", 1), ("b", 1), ("h", 2), ("l", 4), ("L", nil)]
    if let (prefix, size) = sizes.first(where: { rest.hasPrefix($0.0) }) {
      self.size = size
      rest = rest.dropFirst(prefix.count)
    }
    guard rest.count == 1, let kind = rest.first.flatMap(Kind.init) else { return nil }
    self.kind = kind
    if kind == .string { size = nil }
  }

  /// Whether bytes are one or more strings that are not empty and can be shown.
  static func isText(_ bytes: [UInt8]) -> Bool {
    guard bytes.last == 0 else { return false }
    return bytes.dropLast().split(separator: 0, omittingEmptySubsequences: false).allSatisfy {
      !$0.isEmpty && $0.allSatisfy { (0x20..<0x7F).contains($0) }
    }
  }

  /// A value as text without a line break, or why it cannot be shown so.
  func text(_ bytes: [UInt8]) -> Result<[UInt8], OptionParser.Failure> {
    if bytes.isEmpty || kind == .raw { return .success(bytes) }
    if kind == .string || (kind == nil && Self.isText(bytes)) {
      guard bytes.last == 0 else {
        return .failure(OptionParser.Failure(message: "the string has no end"))
      }
      return .success(bytes.dropLast().map { $0 == 0 ? 0x20 : $0 })
    }
    let size = size ?? (bytes.count % 4 == 0 ? 4 : 1)
    guard bytes.count % size == 0 else {
      return .failure(
        OptionParser.Failure(
          message: "\(bytes.count) bytes are no whole number of values of \(size) bytes"))
    }
    let words = stride(from: 0, to: bytes.count, by: size).map { offset in
      let number = bytes[offset..<(offset + size)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      switch kind {
      case .hexadecimal: return String(number, radix: 16)
      case .unsigned: return String(number)
      default: return String(Int32(bitPattern: number))
      }
    }
    return .success(Array(words.joined(separator: " ").utf8))
  }

  /// The bytes that words of a command line mean.
  func bytes(_ words: [String]) -> Result<[UInt8], OptionParser.Failure> {
    var bytes: [UInt8] = []
    for word in words {
      if kind == .string || kind == .raw {
        bytes += word.utf8
        if kind == .string { bytes.append(0) }
        continue
      }
      let number = CNumber(word, base: base)
      guard number.isWhole && !number.isOutOfRange else {
        return .failure(OptionParser.Failure(message: refusal(of: word)))
      }
      for index in (0..<(size ?? 4)).reversed() {
        bytes.append(UInt8(truncatingIfNeeded: number.value >> (8 * index)))
      }
    }
    return .success(bytes)
  }

  /// The base of numbers: decimal unless a type is asked for, as dtc 1.8 has it; 0 lets `0x` and `0`
  /// in front decide.
  private var base: Int32 {
    switch kind {
    case nil: 10
    case .hexadecimal: 16
    default: 0
    }
  }

  private func refusal(of word: String) -> String {
    let isNumber = kind == nil && CNumber(word).isWhole
    return "'\(word)' is not a \(isNumber ? "decimal number; -tu reads it" : "number of this type")"
  }
}
