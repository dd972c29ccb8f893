import Diagnostics

/// Cuts source into tokens: bytes with integer offsets, one pass, includes on a stack.
///
/// The same bytes mean different things in different places (`10` is a number in cells, a byte in
/// `[10]`, a name before `{`), so the scanner keeps a mode that the tokens themselves switch.
struct Scanner {
  enum Mode {
    case value
    case name
    case bytes
  }

  private struct Frame {
    var file: Int32
    var position: Int
    var identity: String
    var misses: Misses
  }

  /// What was looked for in a file in vain. The next token would look through the same bytes again, and a hostile
  /// file may be one word of many megabytes.
  private struct Misses {
    /// Letters and digits that no colon follows: no label begins among them.
    var word = 0..<0
    /// A quote that nothing closes: all behind it are escaped, and so not closed either.
    var quote = Int.max
  }

  /// The deepest nesting of includes.
  private static let maximumIncludes = 200
  /// The most files that one source may be made of, and the most bytes: files that include others
  /// twice each would double with every level.
  private static let maximumFiles = 10_000
  private static let maximumRefusals = 100
  private static let maximumSize = 1 << 30

  private(set) var files: [SourceFile]
  var bag = DiagnosticBag()
  private(set) var bytes: [UInt8]
  private var file: Int32 = 0
  var position = 0
  private var mode = Mode.value
  private var outer: [Frame] = []
  private var identity: String
  private let includePaths: [String]
  private let loader: FileLoader
  private let preprocessor: SourcePreprocessor?
  private let classes = ByteClass.table
  private var lineMarkers = LineMarkers()
  private var size = 0
  private var refusals = 0
  private var misses = Misses()
  /// Whether a comment or string swallowed the rest of a file, so what follows means nothing.
  private(set) var isBroken = false

  init(
    _ source: SourceFile, includePaths: [String], loader: FileLoader,
    preprocessor: SourcePreprocessor? = nil
  ) {
    files = [source]
    bytes = source.bytes
    identity = loader.identity(source.name)
    self.includePaths = includePaths
    self.loader = loader
    self.preprocessor = preprocessor
  }

  // MARK: text of tokens

  func bytes(of token: Token) -> ArraySlice<UInt8> {
    token.file == file
      ? bytes[token.start..<token.end] : files[Int(token.file)].bytes[token.start..<token.end]
  }

  func span(_ token: Token) -> SourceSpan {
    SourceSpan(files[Int(token.file)], token.start..<token.end)
  }

  /// Where to report: in the file that a line marker names, if there is one before the token.
  func reportSpan(_ token: Token) -> SourceSpan {
    let span = span(token)
    return span.file.expansion == nil ? lineMarkers.map(span, file: token.file) : span
  }

  /// Continues at a token that was read already, in another mode.
  mutating func rescan(_ token: Token, as mode: Mode) {
    self.mode = mode
    // Across the end of an include there is nothing to go back to.
    if token.file == file { position = token.start }
  }

  // MARK: tokens

  /// The next token; at the end of the last file always `end`.
  mutating func next() -> Token {
    while true {
      skipSpace()
      guard position < bytes.count else {
        if outer.isEmpty { return token(.end, from: position) }
        popInclude()
        continue
      }
      let start = position
      let byte = bytes[start]
      switch byte {
      case UInt8(ascii: "\""):
        if let end = stringEnd(start) {
          position = end
          return token(.string, from: start)
        }
        unterminated(start, "unterminated-string", "string")
        continue
      case UInt8(ascii: "/"):
        if startsComment(start) {
          unterminated(start, "unterminated-comment", "comment")
          continue
        }
        if let directive = directive(start) { return directive }
        if startsInclude(start) {
          include()
          continue
        }
        return character(start)
      case UInt8(ascii: "#"):
        if skipLineMarker(start) { continue }
        return mode == .name ? word(start) : character(start)
      case UInt8(ascii: "'"):
        if start < misses.quote {
          if let end = characterEnd(start) {
            position = end
            return token(.characterLiteral, from: start)
          }
          misses.quote = start
        }
        return character(start)
      case UInt8(ascii: "&"): return reference(start)
      case UInt8(ascii: "{"), UInt8(ascii: ";"):
        mode = .name
        return character(start)
      case UInt8(ascii: "["):
        mode = .bytes
        return character(start)
      case UInt8(ascii: "]"):
        mode = .value
        return character(start)
      case UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "="), UInt8(ascii: "!"),
        UInt8(ascii: "|"):
        return operation(start)
      default: return word(start)
      }
    }
  }

  private func token(_ kind: Token.Kind, from start: Int) -> Token {
    Token(kind: kind, character: 0, file: file, start: start, end: position)
  }

  private mutating func character(_ start: Int) -> Token {
    position = start + 1
    return Token(
      kind: .character, character: bytes[start], file: file, start: start, end: position)
  }

  private mutating func operation(_ start: Int) -> Token {
    let kind: Token.Kind? =
      switch (bytes[start], start + 1 < bytes.count ? bytes[start + 1] : 0) {
      case (0x3C, 0x3C): .shiftLeft
      case (0x3E, 0x3E): .shiftRight
      case (0x3C, 0x3D): .lessEqual
      case (0x3E, 0x3D): .greaterEqual
      case (0x3D, 0x3D): .equal
      case (0x21, 0x3D): .notEqual
      case (0x7C, 0x7C): .or
      default: nil
      }
    guard let kind else { return character(start) }
    position = start + 2
    return token(kind, from: start)
  }

  @inline(__always)
  private func has(_ flags: UInt8, at offset: Int) -> Bool {
    offset < bytes.count && classes[Int(bytes[offset])] & flags != 0
  }

  private func end(of flags: UInt8, from start: Int) -> Int {
    var end = start
    while has(flags, at: end) { end += 1 }
    return end
  }

  /// Labels, names, numbers and bytes; the longest reading wins.
  private mutating func word(_ start: Int) -> Token {
    if has(ByteClass.letter, at: start), !misses.word.contains(start) {
      let end = end(of: ByteClass.letter | ByteClass.digit, from: start)
      if end < bytes.count, bytes[end] == UInt8(ascii: ":") {
        position = end + 1
        return token(.label, from: start)
      }
      misses.word = start..<end
    }
    switch mode {
    case .name:
      let escaped = bytes[start] == UInt8(ascii: "\\") ? 1 : 0
      let end = end(of: ByteClass.name, from: start + escaped)
      guard end > start + escaped else { return character(start) }
      position = end
      mode = .value
      return token(.name, from: start)
    case .bytes:
      guard has(ByteClass.hexadecimal, at: start), has(ByteClass.hexadecimal, at: start + 1) else {
        return character(start)
      }
      position = start + 2
      return token(.byte, from: start)
    case .value:
      guard has(ByteClass.digit, at: start) else { return character(start) }
      var end = end(of: ByteClass.digit, from: start)
      if bytes[start] == 0x30, start + 1 < bytes.count, bytes[start + 1] | 0x20 == 0x78,
        has(ByteClass.hexadecimal, at: start + 2)
      {
        end = self.end(of: ByteClass.hexadecimal, from: start + 2)
      }
      position = end + suffixLength(end)
      return token(.literal, from: start)
    }
  }

  /// The length of `U`, `L`, `UL`, `LL` or `ULL` after a number.
  private func suffixLength(_ offset: Int) -> Int {
    var length = 0
    if offset < bytes.count, bytes[offset] == UInt8(ascii: "U") { length = 1 }
    for _ in 0..<2
    where offset + length < bytes.count && bytes[offset + length] == UInt8(ascii: "L") {
      length += 1
    }
    return length
  }

  private mutating func reference(_ start: Int) -> Token {
    if start + 1 < bytes.count, bytes[start + 1] == UInt8(ascii: "&") {
      position = start + 2
      return token(.and, from: start)
    }
    if has(ByteClass.letter, at: start + 1) {
      position = end(of: ByteClass.letter | ByteClass.digit, from: start + 1)
      return token(.labelReference, from: start)
    }
    guard start + 1 < bytes.count, bytes[start + 1] == UInt8(ascii: "{") else {
      return character(start)
    }
    var end = start + 2
    if has(ByteClass.letter, at: end) {
      end = self.end(of: ByteClass.letter | ByteClass.digit, from: end)
    }
    guard end < bytes.count, bytes[end] == UInt8(ascii: "/") else { return character(start) }
    while end < bytes.count, has(ByteClass.name, at: end) || bytes[end] == UInt8(ascii: "/") {
      end += 1
    }
    guard end < bytes.count, bytes[end] == UInt8(ascii: "}") else { return character(start) }
    position = end + 1
    return token(.pathReference, from: start)
  }

  private mutating func directive(_ start: Int) -> Token? {
    guard has(ByteClass.letter, at: start + 1) else { return nil }
    // No table: setting one up would take longer than most sources take to read.
    return directive("/delete-property/", .deleteProperty, .name, start)
      ?? directive("/omit-if-no-ref/", .omitIfNoRef, .name, start)
      ?? directive("/delete-node/", .deleteNode, .name, start)
      ?? directive("/memreserve/", .memreserve, .value, start)
      ?? directive("/bits/", .bits, .value, start)
      ?? directive("/incbin/", .incbin, nil, start)
      ?? directive("/dts-v1/", .version, .value, start)
      ?? directive("/plugin/", .plugin, nil, start)
  }

  /// The token when this directive stands there; what follows it is read in that mode.
  private mutating func directive(
    _ text: StaticString, _ kind: Token.Kind, _ mode: Mode?, _ start: Int
  ) -> Token? {
    guard matches(text, at: start) else { return nil }
    position = start + text.utf8CodeUnitCount
    if let mode { self.mode = mode }
    return token(kind, from: start)
  }

  private func matches(_ text: StaticString, at start: Int) -> Bool {
    let count = text.utf8CodeUnitCount
    guard start + count <= bytes.count else { return false }
    for index in 0..<count where bytes[start + index] != text.utf8Start[index] { return false }
    return true
  }

  /// Past the closing quote; a backslash protects any byte but a line break.
  private func stringEnd(_ start: Int) -> Int? {
    var end = start + 1
    while end < bytes.count {
      if bytes[end] == UInt8(ascii: "\"") { return end + 1 }
      if bytes[end] == UInt8(ascii: "\\") {
        guard end + 1 < bytes.count, bytes[end + 1] != 0x0A else { return nil }
        end += 1
      }
      end += 1
    }
    return nil
  }

  private func characterEnd(_ start: Int) -> Int? {
    var end = start + 1
    while end < bytes.count, bytes[end] != UInt8(ascii: "'") {
      end += bytes[end] == UInt8(ascii: "\\") ? 2 : 1
    }
    return end < bytes.count ? end + 1 : nil
  }

  private func startsComment(_ start: Int) -> Bool {
    start + 1 < bytes.count && bytes[start + 1] == UInt8(ascii: "*")
  }

  /// Reports what never ends and gives up on the rest of the file.
  private mutating func unterminated(_ start: Int, _ code: DiagnosticCode, _ what: String) {
    position = start + 1
    let token = token(.end, from: start)
    bag.error(code, "this \(what) never ends", at: reportSpan(token))
    position = bytes.count
    isBroken = true
  }

  // MARK: space, comments, line markers

  /// Skips white space and complete comments.
  private mutating func skipSpace() {
    while position < bytes.count {
      if classes[Int(bytes[position])] & ByteClass.space != 0 {
        position += 1
        continue
      }
      guard bytes[position] == UInt8(ascii: "/"), position + 1 < bytes.count else { return }
      if bytes[position + 1] == UInt8(ascii: "/") {
        while position < bytes.count, bytes[position] != 0x0A { position += 1 }
      } else if bytes[position + 1] == UInt8(ascii: "*") {
        guard let end = commentEnd(position + 2) else { return }
        position = end
      } else {
        return
      }
    }
  }

  private func commentEnd(_ start: Int) -> Int? {
    var end = start
    while end + 1 < bytes.count {
      if bytes[end] == UInt8(ascii: "*"), bytes[end + 1] == UInt8(ascii: "/") { return end + 2 }
      end += 1
    }
    return nil
  }

  /// Takes `# 12 "file.dts"` or `#line 12 "file.dts"`, which preprocessors leave behind.
  private mutating func skipLineMarker(_ start: Int) -> Bool {
    guard start == 0 || bytes[start - 1] == 0x0A else { return false }
    var offset = start + 1
    if matches("line", at: offset) { offset += 4 }
    func blanks() -> Bool {
      let before = offset
      while offset < bytes.count, bytes[offset] == 0x20 || bytes[offset] == 0x09 { offset += 1 }
      return offset > before
    }
    guard blanks() else { return false }
    let digits = offset
    offset = end(of: ByteClass.digit, from: offset)
    let line = Int(String(decoding: bytes[digits..<offset], as: UTF8.self))
    guard let line, blanks(), offset < bytes.count, bytes[offset] == UInt8(ascii: "\""),
      let end = stringEnd(offset)
    else { return false }
    let name = String(decoding: bytes[(offset + 1)..<(end - 1)], as: UTF8.self)
    offset = end
    while offset < bytes.count, bytes[offset] != 0x0A { offset += 1 }
    lineMarkers.add(file: file, after: offset, line: line, name: name)
    position = offset
    return true
  }

  // MARK: includes

  private func startsInclude(_ start: Int) -> Bool {
    guard matches("/include/", at: start) else { return false }
    let quote = end(of: ByteClass.space, from: start + 9)
    return quote < bytes.count && bytes[quote] == UInt8(ascii: "\"") && stringEnd(quote) != nil
  }

  private mutating func include() {
    let quote = end(of: ByteClass.space, from: position + 9)
    guard let end = stringEnd(quote) else { return }
    let name = String(decoding: bytes[(quote + 1)..<(end - 1)], as: UTF8.self)
    position = end
    let place = token(.string, from: quote)
    guard let found = load(name) else {
      return refuse(place, "include-not-found", "cannot read \(name)")
    }
    let identity = loader.identity(found.name)
    if identity == self.identity || outer.contains(where: { $0.identity == identity }) {
      return refuse(place, "include-cycle", "\(name) is being read already")
    }
    guard outer.count < Self.maximumIncludes else {
      let message = "includes are nested more than \(Self.maximumIncludes) deep"
      return refuse(place, "include-depth", message)
    }
    size += found.bytes.count
    guard files.count < Self.maximumFiles, size <= Self.maximumSize else {
      let message = "gave up after \(files.count) included files of \(size) bytes"
      refuse(place, "include-limit", message)
      return giveUp()
    }
    var source = SourceFile(name: found.name, bytes: found.bytes)
    if let preprocessor {
      // Its findings say what is wrong; what such a file would have held is not known.
      guard let expanded = preprocessor.expand(source, into: &bag) else { return giveUp() }
      source = expanded
    }
    outer.append(
      Frame(file: file, position: position, identity: self.identity, misses: misses))
    misses = Misses()
    file = Int32(files.count)
    files.append(source)
    self.identity = identity
    bytes = source.bytes
    position = 0
  }

  /// Reports an include that is left out, and gives up where that has gone on for long.
  private mutating func refuse(_ place: Token, _ code: DiagnosticCode, _ message: String) {
    bag.error(code, message, at: reportSpan(place))
    refusals += 1
    if refusals == Self.maximumRefusals { giveUp() }
  }

  /// Counts bytes of a file that `/incbin/` takes in.
  ///
  /// - Returns: Whether there is room for them; if not, that was said, and the source ends here.
  mutating func take(_ count: Int, at place: Token) -> Bool {
    size += count
    if size <= Self.maximumSize { return true }
    refuse(place, "include-limit", "gave up after included files of \(size) bytes")
    giveUp()
    return false
  }

  /// Ends the source here, without a word of what is missing at its end.
  private mutating func giveUp() {
    outer = []
    position = bytes.count
    isBroken = true
  }

  private mutating func popInclude() {
    guard let frame = outer.popLast() else { return }
    file = frame.file
    identity = frame.identity
    misses = frame.misses
    position = frame.position
    bytes = files[Int(file)].bytes
  }

  /// A file by the name an include or `/incbin/` gives it: beside the file that names it, else in
  /// the include paths.
  func load(_ name: String) -> (name: String, bytes: [UInt8])? {
    if name.hasPrefix("/") { return loader.load(name).map { (name, $0) } }
    var candidates: [String] = []
    let current = files[Int(file)].name
    if let slash = current.lastIndex(of: "/") {
      candidates.append(String(current[...slash]) + name)
    } else {
      candidates.append(name)
    }
    candidates += includePaths.map { $0.hasSuffix("/") ? $0 + name : $0 + "/" + name }
    for candidate in candidates {
      if let bytes = loader.load(candidate) { return (candidate, bytes) }
    }
    return nil
  }
}
