import Diagnostics
import Foundation
import Lowering
import TestSupport
import Testing

/// `allow` in a plan: which findings it lets pass, where, and what is said of one that lets none pass.
@Suite struct PlanAllowanceTests {
  /// Two guests, each with a portal fewer than CPUs: a warning for each.
  private func plan(
    top: String = "", template: String = "", guest1: String = "", guest2: String = "",
    host: String = ""
  ) -> String {
    """
    board: t4240qds
    \(top)
    templates:
      guest: { cpus: 2, memory: 512 MiB, portals: 1, queues: 64, os: linux-sdk\(template),
        pools: [ {buffers: 256, size: 2 KiB} ] }
    partitions:
      host:   { cpus: 0-3, memory: 2 GiB, portals: 4, queues: 256-355\(host), pools: [ {buffers: 256, size: 2 KiB} ] }
      guest1: { like: guest, portals: 1\(guest1) }
      guest2: { like: guest, portals: 1\(guest2) }
    links: [ [host, guest1], [guest1, guest2] ]
    """
  }

  private func load(_ text: String) -> PlanLoader.Result {
    PlanLoader.load(SourceFile(name: "p.yaml", text: text))
  }

  private func found(_ text: String) -> [String] {
    load(text).diagnostics.sorted.map { finding in
      "\(finding.span?.start.line ?? 0) \(finding.code)"
    }
  }

  @Test func `a warning is let pass in the text of the partition that allows it, and nowhere else`()
  {
    #expect(found(plan()) == ["8 portals-few", "9 portals-few"])
    #expect(found(plan(guest1: ", allow: [portals-few]")) == ["9 portals-few"])
    #expect(
      found(plan(guest1: ", allow: portals-few", guest2: ", allow: portals-few")) == [])
  }

  @Test func `what a template allows, whoever takes it over allows`() {
    #expect(found(plan(template: ", allow: [portals-few]")) == [])
    // Whoever says it anew takes nothing over.
    #expect(
      found(plan(template: ", allow: [portals-few]", guest2: ", allow: []")) == ["9 portals-few"])
  }

  @Test func `what the plan allows is let pass everywhere`() {
    #expect(found(plan(top: "allow: [portals-few]")) == [])
  }

  @Test func `an allowance without a finding is told once, where it is written`() throws {
    let text = plan(
      top: "allow: [partition-idle]", template: ", allow: [cpu-threads-split, portals-few]")
    #expect(found(text) == ["2 allowance-idle", "4 allowance-idle"])
    let finding = try #require(load(text).diagnostics.sorted.first)
    #expect(finding.span?.text == "partition-idle" && finding.severity == .warning)
    #expect(finding.message == "the plan allows partition-idle, but there is none to allow")
    // A code that stands twice has nothing to do the second time.
    #expect(
      found(plan(top: "allow: [portals-few, portals-few]")) == ["2 allowance-idle"])
    // The plan's is idle when each partition has its own.
    #expect(
      found(plan(top: "allow: [portals-few]", template: ", allow: [portals-few]"))
        == ["2 allowance-idle"])
  }

  @Test func `an idle allowance can itself be allowed, and that one can be idle`() {
    #expect(found(plan(top: "allow: [portals-few, partition-idle, allowance-idle]")) == [])
    #expect(
      found(plan(top: "allow: [portals-few, allowance-idle]")) == ["2 allowance-idle"])
  }

  @Test func `nobody is told of idle allowances while there is an error`() {
    let text = plan(top: "allow: [partition-idle]", host: ", cpuz: 3")
    #expect(!found(text).contains { $0.hasSuffix("allowance-idle") })
  }

  @Test func `errors cannot be allowed, and misspelt codes are corrected`() throws {
    let error = load(plan(guest1: ", allow: [queue-overlap, portals-few]"))
    #expect(error.partition == nil)
    let codes = error.diagnostics.sorted.map(\.code.description)
    #expect(codes == ["allowance-error", "portals-few"])
    let misspelt = load(plan(guest2: ", allow: [portal-few]"))
    let finding = try #require(
      misspelt.diagnostics.sorted.first { $0.code == "unknown-code" })
    #expect(finding.fixIts.first?.replacement == "portals-few")
    // An error of the same run stays: only what is no error is let pass.
    #expect(found(plan(host: ", allow: {a: b}")).contains("7 wrong-kind"))
  }

  @Test func `an interface allows what is found in its rules`() {
    let plan = { (allow: String) in
      """
      board: p4080ds
      partitions:
        host:   { cpus: 0-3, memory: 1 GiB, portals: 4, queues: 256-511, pools: [ {buffers: 256, size: 2 KiB} ] }
        guest1: { cpus: 4-5, memory: 512 MiB, portals: 2, queues: 512-767, pools: [ {buffers: 256, size: 2 KiB} ] }
      interfaces:
        fm1-10g0:
          rules:
            - { when: {ipv4.dst: 10.0.0.0/8}, to: guest1 }
            - { when: {ipv4.dst: 10.0.0.1}, to: guest1 }
          otherwise: host\(allow)
      """
    }
    #expect(found(plan("")) == ["9 rule-unreachable"])
    #expect(found(plan("\n    allow: [rule-unreachable]")) == [])
  }

  @Test func `an included file allows for itself and for the whole plan`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let common = """
      allow: [partition-idle]
      templates:
        small: { cpus: 2, memory: 512 MiB, portals: 1, queues: 64, os: linux-sdk, allow: portals-few,
          pools: [ {buffers: 64, size: 2 KiB} ] }
      """
    try directory.write("common.yaml", Data(common.utf8))
    let plan = """
      include: common.yaml
      board: p4080ds
      partitions:
        host: { cpus: 0-3, memory: 1 GiB, portals: 4, queues: 256-511, pools: [ {buffers: 64, size: 2 KiB} ] }
        guest1: { like: small }
        guest2: { like: small, cpus: 1 }
      """
    let result = PlanLoader.load(try directory.write("p.yaml", Data(plan.utf8)))
    #expect(result.diagnostics.diagnostics.map(\.code.description) == [])
    #expect(result.partition != nil)
  }
}
