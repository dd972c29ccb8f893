import Diagnostics
import Lowering
import Partitioning
import QorIQ
import Testing

/// Plans that fit, and only just: what is counted is what the planner takes.
@Suite struct SoundPlanTests {
  private func load(_ text: String) -> PlanLoader.Result {
    PlanLoader.load(SourceFile(name: "p.yaml", text: text))
  }

  /// The example of a finding with one text in the place of another.
  private func example(
    _ code: DiagnosticCode, _ old: String, _ new: String
  ) throws -> PlanLoader.Result {
    let entry = try #require(DiagnosticCatalogue.entries.first { $0.code == code })
    let broken = try #require(entry.explanation).example
    try #require(broken.contains(old))
    #expect(load(broken).diagnostics.diagnostics.contains { $0.code == code })
    return load(broken.replacing(old, with: new))
  }

  @Test func `a policer takes one profile, however many interfaces of its FMan name it`() throws {
    let rate = "{committed-rate: 1 Mbit/s, committed-burst: 64 KiB, excess-rate: 2 Mbit/s, "
    var lines = ["board: p4080ds", "policers:"]
    for number in 1...200 { lines.append("  p\(number): \(rate)excess-burst: 64 KiB}") }
    lines.append("partitions:")
    lines.append(
      "  host: {cpus: 0-3, memory: 1 GiB, portals: 4, queues: 256-1023, "
        + "pools: [ {buffers: 256, size: 2 KiB} ]}")
    lines.append("interfaces:")
    for interface in ["fm1-gb0", "fm1-gb1"] {
      lines += ["  \(interface):", "    rules:"]
      for number in 1...200 {
        lines.append("      - {when: {l4.dst: \(number)}, to: host, policer: p\(number)}")
      }
      lines.append("    otherwise: host")
    }
    let result = load(lines.joined(separator: "\n") + "\n")
    let partition = try #require(
      result.partition, "\(DiagnosticRenderer().render(result.diagnostics))")
    #expect(partition.policers.count == 200)
    #expect(partition.policers.allSatisfy { $0.users.count == 2 })
  }

  @Test func `interfaces whose frames all come into one partition's pools take no profiles`() throws
  {
    let result = try example(
      "storage-profiles-exhausted", "    otherwise: host",
      "    otherwise: host\n    delivery: offline-hop")
    let codes = result.diagnostics.diagnostics.map(\.code)
    #expect(!codes.contains("storage-profiles-exhausted"))
    #expect(!codes.contains("yaml-syntax") && !codes.contains("unknown-key"))
  }

  @Test func `an interface that tells nothing apart takes one scheme`() throws {
    let result = try example(
      "schemes-exhausted", "  fm1-gb3: *shared\n",
      ["fm1-gb3", "fm1-gb4", "fm1-gb5"].map { "  \($0): {otherwise: host}\n" }.joined())
    let codes = result.diagnostics.diagnostics.map(\.code)
    #expect(!codes.contains("schemes-exhausted"))
    #expect(!codes.contains("yaml-syntax") && !codes.contains("unknown-interface"))
  }
}
