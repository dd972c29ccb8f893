import Diagnostics
import Foundation
import Lowering
import TestSupport
import Testing

/// Every code has an example, and every example is a fixture under `Tests/Fixtures/plans`: the plan
/// as `CODE.yaml`, what must be found in it beside it as `CODE.expected`. Both are renewed with
/// `DPAAC_RENEW_GOLDEN=1 swift test --filter BadPlanTests`.
@Suite struct BadPlanTests {
  static let directory = "Tests/Fixtures/plans"

  @Test(arguments: DiagnosticCatalogue.entries.map(\.code.description))
  func `the example of a code trips it, with these words at these places`(code: String) throws {
    let entry = try #require(
      DiagnosticCatalogue.entries.first { $0.code.description == code })
    let explanation = try #require(entry.explanation, "\(code) is not explained")
    let path = "\(Self.directory)/\(entry.code)"
    for (name, text) in explanation.files.sorted(by: { $0.key < $1.key }) {
      try compare(text, with: "\(Self.directory)/\(name)")
    }
    try compare(explanation.example, with: "\(path).yaml")
    let result = PlanLoader.load("\(path).yaml")
    try compare(DiagnosticRenderer().render(result.diagnostics), with: "\(path).expected")
    let found = result.diagnostics.diagnostics
    #expect(found.contains { $0.code == entry.code && $0.severity == entry.severity })
    #expect((result.partition == nil) == result.diagnostics.hasErrors)
    for diagnostic in found {
      #expect(!diagnostic.message.hasSuffix("."), "\(diagnostic.message)")
      #expect(diagnostic.span != nil, "\(diagnostic.message)")
    }
    // A mistake does not echo: a check's example breaks its own rule and no other.
    let others = Set(found.map(\.code)).subtracting([entry.code])
    #expect(others.isEmpty, "\(others) beside \(entry.code)")
  }

  @Test func `every fixture is named after a code`() throws {
    let codes = Set(DiagnosticCatalogue.entries.map(\.code.description))
    let files = Set(
      DiagnosticCatalogue.entries.flatMap { ($0.explanation?.files ?? [:]).keys })
    for name in try FileManager.default.contentsOfDirectory(atPath: Self.directory)
    where !files.contains(name) {
      let parts = name.split(separator: ".")
      #expect(
        parts.count == 2 && codes.contains(String(parts[0]))
          && ["yaml", "expected"].contains(parts[1]), "\(name) is named after no code")
    }
  }

  @Test func `codes are unique, in kebab case, and explained`() throws {
    let entries = DiagnosticCatalogue.entries
    #expect(Set(entries.map(\.code)).count == entries.count)
    let codes = Set(entries.map(\.code))
    for entry in entries {
      #expect(entry.code.description.allSatisfy { $0.isLowercase || $0 == "-" || $0.isNumber })
      #expect(!entry.summary.isEmpty && !entry.summary.hasSuffix("."), "\(entry.code)")
      let explanation = try #require(entry.explanation)
      #expect(explanation.meaning.hasSuffix("."), "\(entry.code) has no whole sentence")
      #expect(!explanation.repair.isEmpty && !explanation.repair.hasSuffix("."), "\(entry.code)")
      #expect(!explanation.source.isEmpty, "\(entry.code) has no source")
      #expect(codes.isSuperset(of: entry.prerequisites), "\(entry.code) waits for no code")
    }
  }

  /// Two codes with one meaning, one repair or one example would be one code under two names.
  @Test func `no two codes say the same`() {
    let entries = DiagnosticCatalogue.entries
    #expect(Set(entries.map(\.summary)).count == entries.count)
    #expect(Set(entries.map(\.explanation?.meaning)).count == entries.count)
    #expect(Set(entries.map(\.explanation?.example)).count == entries.count)
  }

  @Test func `every code is documented in docs/findings.md`() throws {
    try compare(DiagnosticCatalogue.markdown, with: "docs/findings.md")
  }

  private func compare(_ text: String, with path: String) throws {
    if Golden.isRenewing { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }
    let fixture = FileManager.default.contents(atPath: path)
    #expect(fixture.map { String(decoding: $0, as: UTF8.self) } == text, "\(path) has changed")
  }
}
