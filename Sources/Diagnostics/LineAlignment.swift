/// Finds in a user's line what a preprocessor made another line of.
///
/// White space does not count, for preprocessors print their own. A word that stands equally often
/// in both lines is that word; else what lies before the first and after the last macro is matched
/// byte by byte, and a place between them is all of what lies between.
struct LineAlignment {
  private let expanded: [UInt8]
  private let original: [UInt8]

  init(expanded: [UInt8], original: [UInt8]) {
    self.expanded = expanded
    self.original = original
  }

  /// The place in the original line of a range of the expanded one.
  func place(of range: Range<Int>) -> Range<Int> {
    if expanded == original { return range }
    if let word = place(ofWord: range) { return word }
    let from = solid(expanded)
    let to = solid(original)
    guard !from.isEmpty, !to.isEmpty else { return 0..<original.count }
    let limit = min(from.count, to.count)
    var prefix = 0
    while prefix < limit, expanded[from[prefix]] == original[to[prefix]] { prefix += 1 }
    var suffix = 0
    while suffix < limit - prefix,
      expanded[from[from.count - 1 - suffix]] == original[to[to.count - 1 - suffix]]
    {
      suffix += 1
    }
    let first = from.firstIndex { $0 >= range.lowerBound } ?? from.count - 1
    let isPoint = range.isEmpty
    let last = isPoint ? first : max(first, (from.lastIndex { $0 < range.upperBound } ?? first))
    let lower: Int
    let upper: Int
    if first < prefix {
      lower = to[first]
    } else if first >= from.count - suffix {
      lower = to[to.count - (from.count - first)]
    } else {
      lower = wordStart(to[min(prefix, to.count - 1)])
    }
    if last < prefix {
      upper = to[last] + 1
    } else if last >= from.count - suffix {
      upper = to[to.count - (from.count - last)] + 1
    } else {
      upper = closed(lower, wordEnd(to[max(to.count - 1 - suffix, 0)] + 1))
    }
    return lower..<(isPoint ? lower : max(lower, upper))
  }

  /// The same word in the original, when both lines have it equally often.
  private func place(ofWord range: Range<Int>) -> Range<Int>? {
    let word = Array(expanded[range])
    guard !word.isEmpty, word.allSatisfy(Self.isWord) else { return nil }
    let places = self.places(of: word, in: expanded)
    let targets = self.places(of: word, in: original)
    guard places.count == targets.count, let index = places.firstIndex(of: range.lowerBound) else {
      return nil
    }
    return targets[index]..<(targets[index] + word.count)
  }

  private func places(of word: [UInt8], in text: [UInt8]) -> [Int] {
    var places: [Int] = []
    var start = 0
    while start < text.count {
      guard Self.isWord(text[start]) else {
        start += 1
        continue
      }
      let end = text[start...].firstIndex { !Self.isWord($0) } ?? text.count
      if text[start..<end].elementsEqual(word) { places.append(start) }
      start = end
    }
    return places
  }

  /// The offsets of bytes that are neither white space nor in a comment.
  private func solid(_ text: [UInt8]) -> [Int] {
    var offsets: [Int] = []
    var index = 0
    var isQuoted = false
    while index < text.count {
      let byte = text[index]
      let next = index + 1 < text.count ? text[index + 1] : 0
      if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
      if !isQuoted, byte == UInt8(ascii: "/"), next == UInt8(ascii: "/") { break }
      if !isQuoted, byte == UInt8(ascii: "/"), next == UInt8(ascii: "*") {
        index += 2
        while index < text.count,
          !(text[index] == UInt8(ascii: "/") && text[index - 1] == UInt8(ascii: "*"))
        {
          index += 1
        }
      } else if byte > 0x20 {
        offsets.append(index)
      }
      index += 1
    }
    return offsets
  }

  private func wordStart(_ offset: Int) -> Int {
    var start = offset
    while start > 0, Self.isWord(original[start]), Self.isWord(original[start - 1]) { start -= 1 }
    return start
  }

  private func wordEnd(_ offset: Int) -> Int {
    var end = offset
    while end < original.count, Self.isWord(original[end - 1]), Self.isWord(original[end]) {
      end += 1
    }
    return end
  }

  /// Takes the closing parentheses of a macro's arguments in, which a result may end with too.
  private func closed(_ lower: Int, _ upper: Int) -> Int {
    guard lower < upper else { return upper }
    var depth = 0
    for byte in original[lower..<upper] {
      if byte == UInt8(ascii: "(") { depth += 1 }
      if byte == UInt8(ascii: ")") { depth -= 1 }
    }
    var end = upper
    while depth > 0, end < original.count, original[end] == UInt8(ascii: ")") {
      end += 1
      depth -= 1
    }
    return end
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"): true
    default: false
    }
  }
}
