import Synchronization

/// How a text that a preprocessor made came to be: which of its lines stands where in which of the
/// user's own files, and by which includes it got there.
///
/// A ``SourceFile`` that carries one is never shown: findings in it are shown at the place in the
/// user's file, with the include chain as notes (``Diagnostic/atOrigin``).
public final class SourceExpansion: Sendable {
  /// A place from where the preprocessor went on in another file.
  struct Include: Sendable {
    let file: String
    /// The line of the directive.
    var line: Int
    /// What included the file of the directive, by its place in ``includes``.
    let outer: Int?
  }

  /// A run of lines that follow each other in the expansion and in the original.
  struct Run: Sendable {
    /// The first line in the expansion, from 1.
    let expandedLine: Int
    let file: String
    let line: Int
    let include: Int?
  }

  /// How many includes are told; a hostile text has markers for any number.
  private static let maximumChain = 32

  let runs: [Run]
  let includes: [Include]
  /// Whether the originals can be read, so that the files named here are known to be the ones used.
  public let isComplete: Bool
  private let load: @Sendable (String) -> [UInt8]?
  private let originals = Mutex<[String: SourceFile?]>([:])

  /// Reads the line markers (`# 12 "file.dts" 1` or `#line 12 "file.dts"`) of a text; `nil` when it
  /// has none.
  ///
  /// - Parameters:
  ///   - bytes: The expansion.
  ///   - name: What replaces `<stdin>` as the name of a file.
  ///   - load: Gives the bytes of an original; without it, or where it gives none, the expanded
  ///     line stands in for the original's.
  public init?(
    ofLineMarkersIn bytes: [UInt8], name: String,
    load: (@Sendable (String) -> [UInt8]?)? = nil
  ) {
    var reader = LineMarkerReader(standardInput: name)
    reader.read(bytes)
    guard !reader.runs.isEmpty else { return nil }
    runs = reader.runs
    includes = reader.includes
    self.load = load ?? { _ in nil }
    isComplete = load != nil
  }

  /// The user's name for a file that a preprocessor names, which knows its input as `<stdin>` and
  /// puts `./` in front of what it found beside that.
  public static func name(_ name: String, standardInput: String) -> String {
    if name == "<stdin>" || name == "-" { return standardInput }
    return name.hasPrefix("./") && !standardInput.contains("/") ? String(name.dropFirst(2)) : name
  }

  /// The names of the files that took part, in the order they were met.
  public var files: [String] {
    var seen: Set<String> = []
    return runs.map(\.file).filter { !$0.hasPrefix("<") && seen.insert($0).inserted }
  }

  /// Where a span of the expansion stands in the user's file, and the include chain that leads
  /// there, innermost first; the span itself when it stands before the first line marker.
  ///
  /// - Complexity: O(log *n*) in line markers, and the length of the line.
  func origin(of span: SourceSpan) -> (span: SourceSpan, chain: [Note]) {
    let start = span.start
    guard let run = run(ofLine: start.line) else { return (span, []) }
    let line = run.line + start.line - run.expandedLine
    let text = Array(span.file.text(ofLine: start.line).utf8)
    let column = start.column - 1
    let end = span.end.line == start.line ? span.end.column - 1 : text.count
    let range = min(column, text.count)..<max(min(column, text.count), min(end, text.count))
    guard let original = original(run.file) else {
      let part = SourceFile(name: run.file, bytes: text, firstLine: line)
      return (SourceSpan(part, range), chain(run.include))
    }
    let target = Array(original.text(ofLine: line).utf8)
    let place = LineAlignment(expanded: text, original: target).place(of: range)
    let offset = original.offset(line: line, column: 1)
    let found = SourceSpan(
      original, (offset + place.lowerBound)..<(offset + place.upperBound))
    return (found, chain(run.include))
  }

  private func run(ofLine line: Int) -> Run? {
    var low = 0
    var high = runs.count
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].expandedLine <= line { low = middle + 1 } else { high = middle }
    }
    return low > 0 ? runs[low - 1] : nil
  }

  private func original(_ name: String) -> SourceFile? {
    originals.withLock { originals in
      if let known = originals[name] { return known }
      let file = load(name).map { SourceFile(name: name, bytes: $0) }
      originals[name] = .some(file)
      return file
    }
  }

  private func chain(_ include: Int?) -> [Note] {
    var notes: [Note] = []
    var current = include
    while let index = current, notes.count < Self.maximumChain {
      let include = includes[index]
      let message = "included from here"
      if let file = original(include.file) {
        let start = file.offset(line: include.line, column: 1)
        let text = file.text(ofLine: include.line)
        let blanks = text.utf8.prefix { $0 == 0x20 || $0 == 0x09 }.count
        let range = (start + blanks)..<(start + text.utf8.count)
        notes.append(Note(message, at: SourceSpan(file, range)))
      } else {
        notes.append(Note("included from \(include.file):\(include.line)"))
      }
      current = include.outer
    }
    return notes
  }
}

extension SourceSpan {
  /// The place in the user's own file, where this one is in what a preprocessor made of it.
  public var atOrigin: SourceSpan { file.expansion?.origin(of: self).span ?? self }
}

extension Diagnostic {
  /// The finding with all places in the user's own files, where a preprocessor was at work; the
  /// include chain of the main place follows its notes.
  public var atOrigin: Diagnostic {
    let spans = [span] + notes.map(\.span) + fixIts.map(\.span)
    guard spans.contains(where: { $0?.file.expansion != nil }) else { return self }
    var chain: [Note] = []
    var place = span
    if let span, let expansion = span.file.expansion {
      (place, chain) = expansion.origin(of: span)
    }
    let repairs = fixIts.map { fixIt in
      guard let span = fixIt.span else { return fixIt }
      let origin = span.atOrigin
      // A repair applies only where the preprocessor changed nothing.
      guard origin.text == span.text, !fixIt.replacement.isEmpty || !span.range.isEmpty else {
        return FixIt(fixIt.message)
      }
      return FixIt(fixIt.message, replacing: origin, with: fixIt.replacement)
    }
    return Diagnostic(
      code, severity, message, at: place, label: label,
      notes: notes.map { Note($0.message, at: $0.span?.atOrigin) } + chain, fixIts: repairs)
  }
}
