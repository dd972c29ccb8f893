/// Gathers the line markers that a C preprocessor leaves in its output.
struct LineMarkerReader {
  private(set) var runs: [SourceExpansion.Run] = []
  private(set) var includes: [SourceExpansion.Include] = []
  /// What `<stdin>` stands for.
  let standardInput: String
  private var include: Int?

  init(standardInput: String) { self.standardInput = standardInput }

  /// Reads the markers of a whole text, in the order they stand there.
  ///
  /// - Complexity: O(*n*) in the number of bytes.
  mutating func read(_ bytes: [UInt8]) {
    var line = 1
    var start = 0
    for (offset, byte) in bytes.enumerated() where byte == 0x0A {
      if bytes[start] == UInt8(ascii: "#") { add(bytes[start..<offset], at: line) }
      start = offset + 1
      line += 1
    }
    if start < bytes.count, bytes[start] == UInt8(ascii: "#") { add(bytes[start...], at: line) }
  }

  private mutating func add(_ text: ArraySlice<UInt8>, at expandedLine: Int) {
    guard let marker = Marker(text) else { return }
    let name = SourceExpansion.name(marker.name, standardInput: standardInput)
    let before = runs.last
    if marker.isEntry, let before, !before.file.hasPrefix("<") {
      // A guess, for empty lines are not always printed; the marker of the return knows.
      let line = before.line + expandedLine - before.expandedLine
      includes.append(.init(file: before.file, line: max(line, 1), outer: include))
      include = includes.count - 1
    } else if marker.isReturn {
      // Back in the includer: leave levels until one is in that file, for what lies between may
      // have printed nothing.
      while let index = include, includes[index].file != name { include = includes[index].outer }
      if let index = include {
        includes[index].line = max(marker.line - 1, 1)
        include = includes[index].outer
      }
    }
    runs.append(
      .init(expandedLine: expandedLine + 1, file: name, line: marker.line, include: include))
  }
}

/// One line marker: `# 12 "file.dts" 1 3` or `#line 12 "file.dts"`.
private struct Marker {
  let line: Int
  let name: String
  private let flags: Set<Int>

  /// Whether a file begins here.
  var isEntry: Bool { flags.contains(1) }
  /// Whether an included file ended before this.
  var isReturn: Bool { flags.contains(2) }

  init?(_ text: ArraySlice<UInt8>) {
    var rest = text.dropFirst()
    if rest.starts(with: Array("line".utf8)) { rest = rest.dropFirst(4) }
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    guard let blank = rest.first, isBlank(blank) else { return nil }
    rest = rest.drop(while: isBlank)
    let digits = rest.prefix { (0x30...0x39).contains($0) }
    guard let line = Int(String(decoding: digits, as: UTF8.self)), line <= Int(Int32.max) else {
      return nil
    }
    rest = rest.dropFirst(digits.count).drop(while: isBlank)
    guard rest.first == UInt8(ascii: "\"") else { return nil }
    rest = rest.dropFirst()
    var name: [UInt8] = []
    while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
      if byte == UInt8(ascii: "\\"), let escaped = rest.popFirst() {
        name.append(escaped)
      } else {
        name.append(byte)
      }
    }
    let words = String(decoding: rest, as: UTF8.self).split(separator: " ")
    self.line = line
    self.name = String(decoding: name, as: UTF8.self)
    flags = Set(words.compactMap { Int($0) })
  }
}
