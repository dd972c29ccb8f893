import DPAAPortal
import Diagnostics
import Lowering
import Partitioning
import TestSupport
import Testing

@testable import DPAARuntime

/// Where a gateway's keys are read from.
@Suite struct KeyFileTests {
  @Test func `files of keys are seen from the plan, as captures are`() throws {
    let directory = "\(Checkout.path)/examples/ipsec"
    let result = PlanLoader.load("\(directory)/p4080ds.yaml")
    let partition = try #require(
      result.partition, "\(DiagnosticRenderer().render(result.diagnostics))")
    let configuration = RuntimeConfiguration(partition)
    // A generated program has them as the plan does.
    let written = configuration.findingKeys { path in
      "keys/\(path.split(separator: "/").last ?? "")"
    }
    #expect(throws: EngineError.self) { _ = try written.grant(ofOwner: 1) }
    let options = RunOptions(directory: directory, guestProgram: [])
    let found = written.findingKeys(options.resolve)
    #expect(try found.grant(ofOwner: 1) == configuration.grant(ofOwner: 1))
    #expect(configuration.findingKeys(options.resolve) == configuration)
  }
}
