import Foundation
import TestSupport
import Testing

/// `dpaac doctor` as a user types it.
@Suite(.timeLimit(.minutes(5))) struct DoctorCommandTests {
  @Test func `the report is for people or programs, with a verdict for each thing`() throws {
    let text = try Dpaac.tool.run(["doctor"])
    #expect(text.status == 0)
    #expect(text.text.hasPrefix("name "))
    let json = try Dpaac.tool.run(["doctor", "--format", "json"])
    #expect(json.status == 0)
    let findings = try #require(Dpaac.report(json.text)["findings"] as? [[String: Any]])
    for finding in findings {
      let name = try #require(finding["name"] as? String)
      #expect(["yes", "partly", "no"].contains(finding["verdict"] as? String ?? ""))
      #expect(text.text.contains("\n\(name) "), "the table has no \(name)")
    }
    #expect(findings.count > 15)
  }

  @Test func `what is required and not there fails, by its name`() throws {
    let environment = ["PATH": "/nowhere"]
    let outcome = try Dpaac.tool.run(
      ["doctor", "--require", "qemu,vhost-user, memory"], environment: environment)
    #expect(outcome.status == 1)
    #expect(outcome.errorText.contains("error: qemu is required: no qemu-system-"))
    #expect(outcome.errorText.contains("error: vhost-user is required: no dpdk-testpmd"))
  }

  @Test func `an unknown name is bad usage, with the nearest one`() throws {
    let outcome = try Dpaac.tool.run(["doctor", "--require", "qemo"])
    #expect(outcome.status == 64)
    #expect(outcome.errorText.contains("did you mean qemu?"))
  }
}
