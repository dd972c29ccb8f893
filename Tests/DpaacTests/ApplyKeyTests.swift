import Foundation
import Security
import TestSupport
import Testing

/// `dpaac apply` over a gateway whose keys stand in files.
@Suite(
  .timeLimit(.minutes(30)),
  .enabled(
    if: SecurityLibrary.allCases.allSatisfy { $0.problem == nil },
    "needs package libipsec-mb-dev"))
struct ApplyKeyTests {
  private static let digits = "000102030405060708090a0b0c0d0e0f10111213"

  @Test func `keys are those that a plan came with, whatever is in their files since`() throws {
    let directory = try TemporaryDirectory()
    try FileManager.default.copyItem(
      atPath: "\(Checkout.path)/examples/ipsec", toPath: "\(directory.path)/ipsec")
    let plan = "\(directory.path)/ipsec/p4080ds.yaml"
    let file = URL(fileURLWithPath: "\(directory.path)/ipsec/keys/ipv4-out.key")
    let old = try Data(contentsOf: file)
    let run = try ControlledRun(plan, in: directory)
    // What would become of the gateway, and why.
    func change(_ words: String...) throws -> [String] {
      let outcome = try run.tool(["apply", plan, "--format", "json"] + words)
      try #require(outcome.status == 0, "\(outcome.errorText)\(outcome.text)")
      let gateway = try Dpaac.partition("gateway", of: try Dpaac.report(outcome.text))
      return [try #require(gateway["fate"] as? String)]
        + (try #require(gateway["reasons"] as? [String]))
    }
    // It has a while to end, with packets in SEC.
    func restart() throws {
      try run.wait("the gateway does not start again") {
        try run.guests("restart", "gateway").status == 0
      }
    }
    let isAnother = ["restarted", "the key out to 192.0.2.2 is another"]
    #expect(try change("--dry-run") == ["untouched"])
    try Data(Self.digits.utf8).write(to: file)
    #expect(try change("--dry-run") == isAnother)
    // As long as no plan brings it, a guest that starts again has the old one.
    try restart()
    #expect(try change("--dry-run") == isAnother)
    #expect(try change("--confirm-within", "3000") == isAnother)
    try FileManager.default.removeItem(at: file)
    try restart()
    let reverted = try run.tool(["apply", "--revert"])
    #expect(reverted.status == 0, "\(reverted.errorText)")
    #expect(reverted.text.contains("the key out to 192.0.2.2 is another"))
    try restart()
    try Data(Self.digits.utf8).write(to: file)
    #expect(try change("--dry-run") == isAnother)
    try old.write(to: file)
    #expect(try change("--dry-run") == ["untouched"])
    #expect(try run.end()["conserved"] as? Bool == true)
  }
}
