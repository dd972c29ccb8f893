/// Findings as a log in SARIF 2.1.0.
///
/// The members are those of the OASIS standard "Static Analysis Results Interchange Format Version
/// 2.1.0"; the sections named below are its.
struct SARIFLog {
  private let findings: [Diagnostic]
  private let codes: [DiagnosticCode]
  private let summaries: [DiagnosticCode: String]

  init(_ bag: DiagnosticBag, summaries: [DiagnosticCode: String]) {
    findings = bag.sorted.map(\.atOrigin)
    codes = Set(findings.map(\.code)).sorted()
    self.summaries = summaries
  }

  var json: JSONValue {
    [
      "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
      "version": "2.1.0",
      "runs": [
        [
          "tool": ["driver": ["name": "dpaac", "rules": .array(codes.map(rule))]],
          // 3.14.17: what a column counts.
          "columnKind": "utf16CodeUnits",
          "results": .array(results),
        ]
      ],
    ]
  }

  private func rule(_ code: DiagnosticCode) -> JSONValue {
    var members: [JSONValue.Member] = [.init("id", .string(code.description))]
    if let summary = summaries[code] {
      members.append(.init("shortDescription", ["text": .string(summary)]))
    }
    return .object(members)
  }

  private var results: [JSONValue] {
    let indices = Dictionary(
      uniqueKeysWithValues: codes.enumerated().map { ($0.element, $0.offset) })
    return findings.map { result($0, ruleIndex: indices[$0.code] ?? -1) }
  }

  private func result(_ finding: Diagnostic, ruleIndex: Int) -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("ruleId", .string(finding.code.description)),
      .init("ruleIndex", JSONValue(ruleIndex)),
      // 3.27.10: the levels have the names of ours.
      .init("level", .string(finding.severity.rawValue)),
      .init("message", ["text": .string(message(of: finding))]),
    ]
    if let span = finding.span {
      members.append(
        .init("locations", [location(span, message: finding.label)]))
    }
    if !finding.notes.isEmpty {
      members.append(
        .init(
          "relatedLocations",
          .array(Self.once(finding.notes.map { location($0.span, message: $0.message) }))))
    }
    let fixes = Self.once(finding.fixIts.compactMap(fix))
    if !fixes.isEmpty { members.append(.init("fixes", .array(fixes))) }
    return .object(members)
  }

  /// Each value once: related locations (3.27.22) and fixes (3.27.30) are sets.
  private static func once(_ values: [JSONValue]) -> [JSONValue] {
    var seen: Set<JSONValue> = []
    return values.filter { seen.insert($0).inserted }
  }

  /// The message, with the repairs that are words only: a fix must change an artifact (3.55.3).
  private func message(of finding: Diagnostic) -> String {
    ([finding.message] + finding.fixIts.filter { $0.span == nil }.map { "fix: \($0.message)" })
      .joined(separator: "\n")
  }

  private func location(_ span: SourceSpan?, message: String?) -> JSONValue {
    var members: [JSONValue.Member] = []
    if let span {
      members.append(
        .init(
          "physicalLocation",
          ["artifactLocation": artifact(span.file), "region": region(span)]))
    }
    if let message { members.append(.init("message", ["text": .string(message)])) }
    return .object(members)
  }

  private func fix(_ fixIt: FixIt) -> JSONValue? {
    guard let span = fixIt.span else { return nil }
    var replacement: [JSONValue.Member] = [.init("deletedRegion", region(span))]
    if !fixIt.replacement.isEmpty {
      replacement.append(.init("insertedContent", ["text": .string(fixIt.replacement)]))
    }
    return [
      "description": ["text": .string(fixIt.message)],
      "artifactChanges": [
        ["artifactLocation": artifact(span.file), "replacements": [.object(replacement)]]
      ],
    ]
  }

  private func region(_ span: SourceSpan) -> JSONValue {
    let (start, end) = (span.utf16Start, span.utf16End)
    return [
      "startLine": JSONValue(start.line), "startColumn": JSONValue(start.column),
      "endLine": JSONValue(end.line), "endColumn": JSONValue(end.column),
    ]
  }

  private func artifact(_ file: SourceFile) -> JSONValue { ["uri": .string(Self.uri(file.name))] }

  /// A file's name as a reference (RFC 3986): relative ones stay relative to where dpaac ran.
  static func uri(_ name: String) -> String {
    var text = ""
    for byte in name.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "/"), UInt8(ascii: "@"),
        UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: "="):
        text.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let hex = String(byte, radix: 16, uppercase: true)
        text += hex.utf8.count == 1 ? "%0\(hex)" : "%\(hex)"
      }
    }
    // Two slashes would make the first part of the path a host.
    return name.hasPrefix("/") ? "file://" + (name.hasPrefix("//") ? "/." : "") + text : text
  }
}
