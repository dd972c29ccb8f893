import Glibc

/// Tells whether a source is meant for a C preprocessor, and whether one was at work already.
///
/// dtc never preprocesses, and what it accepts must not change. DTS has words beginning with `#`
/// too (`#address-cells = <1>;`), so a directive is what starts a line, stands outside of comments
/// and strings, and could not be a property or node there: its word is followed on the same line
/// by something other than `=`, `;`, `{` or a comment. dtc refuses every such source.
enum DirectiveFinder {
  enum Answer: Equatable {
    /// Neither directives nor line markers.
    case plain
    /// Line markers and no directives: a preprocessor's output.
    case expanded
    /// A directive.
    case needsPreprocessor
  }

  private static let directives = [
    "include", "define", "undef", "if", "ifdef", "ifndef", "import", "include_next", "pragma",
    "error", "warning",
  ].map { Array($0.utf8) }

  /// - Complexity: O(*n*) in the bytes; all but the lines that begin with `#` are only searched
  ///   for that character, unless one looks like a directive.
  static func examine(_ bytes: [UInt8]) -> Answer {
    var hasMarker = false
    var candidates: [Int] = []
    bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return }
      var offset = 0
      // SAFETY: `offset` stays below `buffer.count`, so the search covers only bytes of `buffer`.
      while offset < buffer.count,
        let hit = memchr(base + offset, Int32(UInt8(ascii: "#")), buffer.count - offset)
      {
        let found = UnsafeRawPointer(hit) - base
        offset = found + 1
        guard startsLine(bytes, found) else { continue }
        if isMarker(bytes, found) { hasMarker = true }
        if isDirective(bytes, found) {
          candidates.append(found)
          // One is enough if it is none of a comment's or string's; a thousand will show.
          if candidates.count == 1000 { return }
        }
      }
    }
    if !candidates.isEmpty, standsInCode(candidates, of: bytes) { return .needsPreprocessor }
    return hasMarker ? .expanded : .plain
  }

  private static func startsLine(_ bytes: [UInt8], _ offset: Int) -> Bool {
    var index = offset
    while index > 0, isBlank(bytes[index - 1]) { index -= 1 }
    return index == 0 || bytes[index - 1] == 0x0A
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  private static func isMarker(_ bytes: [UInt8], _ offset: Int) -> Bool {
    guard offset + 2 < bytes.count else { return false }
    if isBlank(bytes[offset + 1]) { return (0x30...0x39).contains(bytes[offset + 2]) }
    return bytes[(offset + 1)...].starts(with: "line ".utf8)
  }

  private static func isDirective(_ bytes: [UInt8], _ offset: Int) -> Bool {
    var start = offset + 1
    while start < bytes.count, isBlank(bytes[start]) { start += 1 }
    var end = start
    while end < bytes.count, end - start < 16,
      (0x61...0x7A).contains(bytes[end] | 0x20)
        || bytes[end] == UInt8(ascii: "_")
    {
      end += 1
    }
    let word = bytes[start..<end]
    guard directives.contains(where: { word.elementsEqual($0) }) else { return false }
    var next = end
    while next < bytes.count, isBlank(bytes[next]) { next += 1 }
    guard next < bytes.count else { return false }
    switch bytes[next] {
    case UInt8(ascii: "\""), UInt8(ascii: "<"): return word.starts(with: "i".utf8)
    case UInt8(ascii: "("), UInt8(ascii: "!"): return true
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"): return next > end
    default: return false
    }
  }

  /// Whether any of these offsets is in neither a comment nor a string, as dtc reads them.
  private static func standsInCode(_ candidates: [Int], of bytes: [UInt8]) -> Bool {
    var rest = candidates[...]
    var index = 0
    while let candidate = rest.first {
      while index < candidate {
        let next = index + 1 < bytes.count ? bytes[index + 1] : 0
        switch (bytes[index], next) {
        case (UInt8(ascii: "/"), UInt8(ascii: "/")): index = lineEnd(bytes, index)
        case (UInt8(ascii: "/"), UInt8(ascii: "*")): index = commentEnd(bytes, index + 2)
        case (UInt8(ascii: "\""), _): index = stringEnd(bytes, index + 1)
        default: index += 1
        }
      }
      if index == candidate { return true }
      rest = rest.drop { $0 < index }
    }
    return false
  }

  private static func lineEnd(_ bytes: [UInt8], _ start: Int) -> Int {
    bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
  }

  private static func commentEnd(_ bytes: [UInt8], _ start: Int) -> Int {
    var index = start
    while index + 1 < bytes.count {
      if bytes[index] == UInt8(ascii: "*"), bytes[index + 1] == UInt8(ascii: "/") {
        return index + 2
      }
      index += 1
    }
    return bytes.count
  }

  private static func stringEnd(_ bytes: [UInt8], _ start: Int) -> Int {
    var index = start
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "\"") { return index + 1 }
      index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
    }
    return bytes.count
  }
}
