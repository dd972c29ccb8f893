import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct LintCommandTests {
  static let fixtures = "\(Checkout.path)/Tests/Fixtures/fmc"

  @Test func `a sound pair of files is no finding, and a faulty one exits with 1`() throws {
    let files = ["\(Self.fixtures)/sound-config.xml", "\(Self.fixtures)/sound-policy.xml"]
    let sound = try Dpaac.tool.run(["lint", "fmc"] + files)
    #expect(sound.status == 0)
    #expect(sound.errorText.isEmpty)
    let old = try Dpaac.tool.run(["lint", "fmc"] + files + ["--board", "p4080ds"])
    #expect(old.status == 1)
    #expect(old.errorText.contains("sound-policy.xml:3:3: error: p4080ds has FMan v2"))
  }

  @Test(arguments: [
    ("json", #""code": "fmc-octal""#), ("sarif", #""ruleId": "fmc-octal""#),
    ("github", "::error file="),
  ])
  func `programs get the findings on standard output`(format: String, text: String) throws {
    let outcome = try Dpaac.tool.run([
      "lint", "fmc", "\(Self.fixtures)/sound-config.xml", "\(Self.fixtures)/fmc-octal-policy.xml",
      "--format", format,
    ])
    #expect(outcome.status == 1)
    #expect(outcome.errorText.isEmpty)
    #expect(outcome.text.contains(text))
  }

  @Test func `only one of two files can come from standard input`() throws {
    let outcome = try Dpaac.tool.run(["lint", "fmc", "-", "-"])
    #expect(outcome.status == 64)
  }
}
