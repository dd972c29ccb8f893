import Diagnostics
import Foundation
import Lowering
import Partitioning
import TestSupport
import Testing

/// What the documentation shows as a plan is one that `dpaac check` finds sound.
@Suite struct DocumentedPlanTests {
  @Test func `the plan that docs/plan.md begins with is sound`() throws {
    let data = try #require(
      FileManager.default.contents(atPath: "\(Checkout.path)/docs/plan.md"))
    let blocks = String(decoding: data, as: UTF8.self).components(separatedBy: "```yaml\n")
      .dropFirst().compactMap { $0.components(separatedBy: "```").first }
    let plan = try #require(blocks.first { $0.hasPrefix("board: ") })
    let result = PlanLoader.load(SourceFile(name: "plan.md", text: plan), lock: .none)
    #expect(result.partition != nil)
    #expect(
      !result.diagnostics.hasErrors, "\(DiagnosticRenderer().render(result.diagnostics))")
  }

  @Test func `a partition may be called like the template that it takes over`() {
    let plan = """
      board: t4240qds
      templates:
        guest: {cpus: 2, memory: 512 MiB, portals: 2, queues: 64, pools: [ {buffers: 64, size: 2 KiB} ]}
      partitions:
        host: {cpus: 2, memory: 1 GiB, portals: 2, queues: 100, pools: [ {buffers: 64, size: 2 KiB} ]}
        guest: {like: guest, count: 2}
      links: [ [host, guest1], [host, guest2] ]
      """
    let result = PlanLoader.load(SourceFile(name: "p.yaml", text: plan), lock: .none)
    #expect(result.partition?.owners.map(\.name) == ["host", "guest1", "guest2"])
  }
}
