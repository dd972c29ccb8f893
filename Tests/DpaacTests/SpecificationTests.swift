import Foundation
import TestSupport
import Testing

/// `SPECIFICATION.md` names the suites that hold its promises; they must exist.
@Suite struct SpecificationTests {
  @Test func `every suite that the specification names exists`() throws {
    let text = try String(contentsOfFile: "\(Checkout.path)/SPECIFICATION.md", encoding: .utf8)
    let named = Set(text.matches(of: /`(\w+Tests)`/).map { String($0.1) })
    #expect(named.count > 10)
    var defined: Set<String> = []
    let files = FileManager.default.enumerator(atPath: "\(Checkout.path)/Tests")
    while let file = files?.nextObject() as? String {
      guard file.hasSuffix(".swift"), !file.hasPrefix("Fixtures") else { continue }
      let source = try String(contentsOfFile: "\(Checkout.path)/Tests/\(file)", encoding: .utf8)
      for match in source.matches(of: /struct (\w+Tests)\b/) { defined.insert(String(match.1)) }
    }
    #expect(named.subtracting(defined).sorted() == [])
  }
}
