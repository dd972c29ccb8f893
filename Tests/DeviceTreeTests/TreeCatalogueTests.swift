import DeviceTree
import DeviceTreeCommands
import Diagnostics
import Foundation
import Testing

@Suite struct TreeCatalogueTests {
  private let codes = Set(TreeCatalogue.entries.map(\.code.description))

  @Test func `every check and every code in the sources has a summary`() throws {
    #expect(Set(TreeCheck.known.map(\.code.description)).subtracting(codes).sorted() == [])
    let found = try SourceCodes.codes(in: "Sources/DeviceTree")
      .union(SourceCodes.codes(in: "Sources/DeviceTreeCommands"))
    #expect(found.count > 45)
    #expect(found.subtracting(codes).sorted() == [])
  }

  @Test func `a summary is one sentence of its own, without a full stop`() {
    #expect(codes.count == TreeCatalogue.entries.count)
    for entry in TreeCatalogue.entries {
      #expect(entry.summary.count > 10 && !entry.summary.hasSuffix("."), "\(entry.code)")
    }
    let counts = Dictionary(grouping: TreeCatalogue.entries, by: \.summary).filter {
      $0.value.count > 1
    }
    #expect(counts.map { $0.value.map(\.code.description) } == [])
  }

  @Test func `SARIF says what a rule is about`() {
    let test = TestConsole("/dts-v1/; / { n@1 { }; };")
    #expect(test.run(.dtc, "--diagnostics=sarif") == 0)
    #expect(test.errors.contains("a node has a unit address when it has reg or ranges"))
  }
}
