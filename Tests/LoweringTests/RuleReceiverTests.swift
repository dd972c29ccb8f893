import Diagnostics
import Lowering
import Testing

/// Wishes of rules that give their frames to several partitions are those of all of them.
@Suite struct RuleReceiverTests {
  /// What is found of a kind in a plan with some rules; guest1 has a congestion group.
  private func found(_ code: DiagnosticCode, host: String = "", _ rules: [String]) -> [String] {
    let pools = "pools: [ {buffers: 64, size: 2 KiB} ]"
    let text = """
      board: t4240qds
      partitions:
        host: { cpus: 0-3, memory: 1 GiB, portals: 4, queues: 1-100, \(pools)\(host) }
        guest1: { cpus: 4-5, memory: 512 MiB, portals: 2, queues: 101-200, \(pools), congestion-groups: [ {tail-drop: 1 MiB} ] }
      interfaces:
        fm1-gb0:
          rules:
      \(rules.map { "      - \($0)" }.joined(separator: "\n"))
          otherwise: host
      """
    return PlanLoader.load(SourceFile(name: "p.yaml", text: text)).diagnostics.diagnostics
      .filter { $0.code == code }.map(\.message)
  }

  private func copying(_ wish: String) -> String {
    "{ when: {eth.dst: \"01:00:5e:00:00:01\"}, to: [guest1, host], \(wish) }"
  }

  @Test func `whoever gets a copy has the congestion group, too`() {
    let rules = [copying("congestion-group: 0")]
    #expect(
      found("unknown-congestion-group", rules) == [
        "a rule of fm1-gb0 puts frames of host into its congestion group 0, but it has 0"
      ])
    let groups = ", congestion-groups: [ {tail-drop: 1 MiB} ]"
    #expect(found("unknown-congestion-group", host: groups, rules) == [])
  }

  @Test(arguments: [("work-queue", 2, 3), ("congestion-group", 0, 1)])
  func `a copy agrees with the rule that gives its partition other frames`(
    key: String, first: Int, second: Int
  ) {
    let own = "{ when: {ipv4.dst: 10.0.0.1}, to: host, \(key): \(first) }"
    let message =
      "this rule gives what host receives from fm1-gb0 \(key) \(second), but an earlier one "
      + "\(first): both fill the same queues"
    let groups = ", congestion-groups: 2"
    #expect(
      found("rule-disagreement", host: groups, [own, copying("\(key): \(second)")]) == [message])
    #expect(found("rule-disagreement", host: groups, [own, copying("\(key): \(first)")]) == [])
  }
}
