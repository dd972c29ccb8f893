import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct ImportCommandTests {
  @Test func `what generate writes, import reads, and check takes the hypervisor's part`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let output = "\(directory.path)/out"
    let generate = try Dpaac.tool.run([
      "generate", Dpaac.example, "-o", output, "--only", "fmc", "--only", "hypervisor",
    ])
    #expect(generate.status == 0, "\(generate.errorText)")

    let partitions = try Dpaac.tool.run([
      "import", "hv", "\(output)/hv.dtb", "--board", "t4240qds",
    ])
    #expect(partitions.status == 0, "\(partitions.errorText)")
    #expect(partitions.text.contains("    queues: [101-200]\n"))
    let plan = try directory.write("imported.yaml", partitions.output)
    let check = try Dpaac.tool.run(["check", plan])
    #expect(check.status == 0, "\(check.errorText)")

    let rules = try Dpaac.tool.run([
      "import", "fmc", "\(output)/fmc/fm0-config.xml", "\(output)/fmc/fm0-policy.xml", "--board",
      "t4240qds",
    ])
    #expect(rules.status == 0, "\(rules.errorText)")
    #expect(rules.text.contains("{ when: {ipv4.dst: 192.168.1.11}, to: guest1, spread: 5-tuple }"))
    #expect(rules.text.contains("    otherwise: host\n"))
  }

  @Test func `an offline port behind a port of FMan v2 is no rule of the plan's`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let output = "\(directory.path)/out"
    let generate = try Dpaac.tool.run([
      "generate", Dpaac.p4080Example, "-o", output, "--only", "fmc",
    ])
    #expect(generate.status == 0, "\(generate.errorText)")
    let rules = try Dpaac.tool.run([
      "import", "fmc", "\(output)/fmc/fm0-config.xml", "\(output)/fmc/fm0-policy.xml",
    ])
    #expect(rules.status == 0, "\(rules.errorText)")
    #expect(rules.text.contains("{ when: {ipv4.dst: 192.168.2.0/24}, to: guest2 }"))
    #expect(!rules.text.contains("hop"))
  }

  @Test func `files with errors give no plan`() throws {
    let fixtures = "\(Checkout.path)/Tests/Fixtures/fmc"
    let faulty = try Dpaac.tool.run([
      "import", "fmc", "\(fixtures)/sound-config.xml", "\(fixtures)/fmc-queue-count-policy.xml",
    ])
    #expect(faulty.status == 1)
    #expect(faulty.text.isEmpty)
    let foreign = try Dpaac.tool.run(["import", "hv", "\(Checkout.path)/boards/p4080ds.dts"])
    #expect(foreign.status == 1)
    #expect(foreign.errorText.contains("[hv-root]"))
  }
}
