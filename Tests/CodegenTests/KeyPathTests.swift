import Codegen
import Diagnostics
import Foundation
import Lowering
import Partitioning
import TestSupport
import Testing

/// Files of keys: a plan names the same ones from wherever it is read, and so does what is made of it.
@Suite struct KeyPathTests {
  private static let plan = "examples/ipsec/p4080ds.yaml"

  private func partition(_ path: String) throws -> Partition {
    let result = PlanLoader.load(path)
    return try #require(result.partition, "\(DiagnosticRenderer().render(result.diagnostics))")
  }

  private static func directory(of path: String) -> String {
    URL(fileURLWithPath: path).deletingLastPathComponent().path
  }

  /// The configuration in Swift, generated where the plan is named as here.
  private func source(_ path: String) throws -> String {
    let options = GenerationOptions(
      planName: "p4080ds.yaml", planDirectory: Self.directory(of: path),
      outputDirectory: "/plans/out", packagePath: "/plans/dpaac")
    let artifacts = try Generator(only: ["swift-configuration"])
      .artifacts(for: try partition(path), options: options)
    return String(decoding: try #require(artifacts.first).bytes, as: UTF8.self)
  }

  @Test func `a plan that is named in another way has the same keys`() throws {
    let far = "\(Checkout.path)/\(Self.plan)"
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    try FileManager.default.createSymbolicLink(
      atPath: "\(directory.path)/link",
      withDestinationPath: Self.directory(of: far))
    let linked = "\(directory.path)/link/p4080ds.yaml"
    let wanted = try partition(far)
    #expect(try partition(Self.plan) == wanted)
    #expect(try partition(linked) == wanted)
    let text = try source(far)
    #expect(text.contains(".file(\"keys/ipv4-out.key\", count: "))
    #expect(!text.contains(Checkout.path))
    #expect(try source(Self.plan) == text)
    #expect(try source(linked) == text)
  }
}
