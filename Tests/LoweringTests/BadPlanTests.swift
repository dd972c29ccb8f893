import Diagnostics
import Glibc
import Lowering
import Testing

/// Every fixture under `Tests/Fixtures/plans` is named after the code that it trips. Its first
/// lines say all that must be found in it, each with its place and that of its first note:
///
///     # expect: error queue-overlap 5:55 note 4:51
@Suite struct BadPlanTests {
  static let directory = "Tests/Fixtures/plans"

  @Test(arguments: DiagnosticCatalogue.entries.map(\.code.description))
  func `a bad plan trips its code at both places, and nothing else`(code: String) throws {
    var bag = DiagnosticBag()
    let file = try #require(
      TextFile.read("\(Self.directory)/\(code).yaml", into: &bag), "every code has a fixture")
    let result = PlanLoader.load(file)
    let found = result.diagnostics.sorted.map(Self.summary)
    let expected = String(decoding: file.bytes, as: UTF8.self).split(separator: "\n")
      .filter { $0.hasPrefix("# expect: ") }.map { String($0.dropFirst(10)) }
    #expect(found == expected, "\(DiagnosticRenderer().render(result.diagnostics))")
    #expect(expected.contains { $0.split(separator: " ").dropFirst().first == code[...] })
    #expect((result.partition == nil) == result.diagnostics.hasErrors)
  }

  @Test func `every fixture is named after a code`() throws {
    let codes = Set(DiagnosticCatalogue.entries.map(\.code.description))
    let handle = try #require(opendir(Self.directory))
    defer { closedir(handle) }
    while let entry = readdir(handle) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard name.hasSuffix(".yaml") else { continue }
      #expect(codes.contains(String(name.dropLast(5))), "\(name) is named after no code")
    }
  }

  @Test func `codes are unique, in kebab case, and summarised`() {
    let entries = DiagnosticCatalogue.entries
    #expect(Set(entries.map(\.code)).count == entries.count)
    for entry in entries {
      #expect(entry.code.description.allSatisfy { $0.isLowercase || $0 == "-" || $0.isNumber })
      #expect(!entry.summary.isEmpty && !entry.summary.hasSuffix("."))
    }
  }

  @Test func `an error says what to do about it`() {
    for entry in DiagnosticCatalogue.entries {
      let result = PlanLoader.load("\(Self.directory)/\(entry.code).yaml")
      for diagnostic in result.diagnostics.diagnostics {
        #expect(!diagnostic.message.hasSuffix("."), "\(diagnostic.message)")
        #expect(diagnostic.span != nil, "\(diagnostic.message)")
      }
    }
  }

  private static func summary(_ diagnostic: Diagnostic) -> String {
    func place(_ span: SourceSpan?) -> String {
      span.map { "\($0.start.line):\($0.start.column)" } ?? "nowhere"
    }
    let note = diagnostic.notes.first.map { " note \(place($0.span))" } ?? ""
    return "\(diagnostic.severity.rawValue) \(diagnostic.code) \(place(diagnostic.span))\(note)"
  }
}
