import Diagnostics

/// Makes findings of what a C preprocessor writes to standard error.
///
/// clang and gcc agree on the form: `In file included from a.dts:1:` and then
/// `b.dtsi:3:10: fatal error: 'c.h' file not found`.
struct PreprocessorMessages {
  let source: SourceFile
  let load: @Sendable (String) -> [UInt8]?
  private var files: [String: SourceFile] = [:]
  private var chain: [Note] = []

  init(source: SourceFile, load: @escaping @Sendable (String) -> [UInt8]?) {
    self.source = source
    self.load = load
  }

  mutating func read(_ bytes: [UInt8], into bag: inout DiagnosticBag) {
    for line in bytes.split(separator: 0x0A) {
      read(String(decoding: line, as: UTF8.self), into: &bag)
    }
  }

  private mutating func read(_ line: String, into bag: inout DiagnosticBag) {
    for start in ["In file included from ", "                 from "] where line.hasPrefix(start) {
      guard let (place, _) = place(line.dropFirst(start.count)) else { continue }
      // clang names the outermost file first, in lines of their own; gcc the innermost, in one list.
      let note = Note("included from here", at: place)
      if start.hasPrefix("In"), line.hasSuffix(":"), !chain.isEmpty {
        chain.insert(note, at: 0)
      } else {
        chain.append(note)
      }
      return
    }
    guard let (span, rest) = place(line[...]) else { return }
    let severities: [(String, Severity)] = [
      ("fatal error: ", .error), ("error: ", .error), ("warning: ", .warning),
    ]
    for (word, severity) in severities where rest.hasPrefix(word) {
      bag.add(
        Diagnostic(
          severity == .error ? "preprocessor" : "preprocessor-warning", severity,
          message(rest.dropFirst(word.count)), at: span, notes: chain))
      chain = []
      return
    }
  }

  /// The compiler's message without the name of its own option.
  private func message(_ text: Substring) -> String {
    guard text.hasSuffix("]"), let bracket = text.range(of: " [-W") else { return String(text) }
    return String(text[..<bracket])
  }

  /// Takes `file:line:column: ` or `file:line:` off the front.
  private mutating func place(_ text: Substring) -> (span: SourceSpan, rest: Substring)? {
    let parts = text.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count >= 2, let line = Int(parts[1].prefix { $0.isNumber }) else { return nil }
    let column = parts.count > 2 ? Int(parts[2].prefix { $0.isNumber }) : nil
    let name = SourceExpansion.name(String(parts[0]), standardInput: source.name)
    let file = file(name)
    let start = file.offset(line: line, column: column ?? 1)
    let end = file.offset(line: line, column: .max)
    let rest = parts.count > 3 ? parts[3].drop { $0 == " " } : ""
    return (SourceSpan(file, start..<max(start, end)), rest)
  }

  private mutating func file(_ name: String) -> SourceFile {
    if let known = files[name] { return known }
    let file = name == source.name ? source : SourceFile(name: name, bytes: load(name) ?? [])
    files[name] = file
    return file
  }
}

extension Substring {
  /// Where a text stands first.
  fileprivate func range(of text: String) -> String.Index? {
    var index = startIndex
    while index < endIndex {
      if self[index...].hasPrefix(text) { return index }
      index = self.index(after: index)
    }
    return nil
  }
}
