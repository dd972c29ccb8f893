import DPAARuntime
import Foundation
import Partitioning
import TestSupport
import Testing

@testable import Codegen

extension DependentPackageTests {
  /// The build-tool plugin at work in a package of its own.
  @Suite(.timeLimit(.minutes(30)))
  struct BuildPluginTests {
    static let plan = "Sources/office/office.yaml"

    @Test
    func
      `heavy: a target is built from its plan, anew when the plan changes, never from a bad one`()
      throws
    {
      let directory = try TemporaryDirectory()
      defer { directory.remove() }
      let package = try copyExample(to: directory)

      let first = try build(package)
      #expect(first.status == 0, "\(first.text)\(first.errorText)")
      #expect(
        !first.text.contains("warning:") && !first.errorText.contains("warning:"), "\(first.text)")
      let run = try Self.office.run([])
      #expect(run.status == 0, "\(run.errorText)")
      #expect(run.text.hasPrefix("web: queues 128-191, portals [2, 3], pool 1\n"))
      #expect(run.text.contains("mail hears web on queue "))
      #expect(run.text.contains("conserved: yes"))
      let direct = try Tool(Checkout.product("dpaac"), package: "dpaac")
        .run(["run", "\(package)/\(Self.plan)"])
      #expect(run.text.hasSuffix(direct.text))

      let sound = try String(contentsOfFile: "\(package)/\(Self.plan)", encoding: .utf8)
      try write(
        sound.replacing("portals: 2, queues: 128", with: "portals: 3, queues: 128"), in: package)
      let second = try build(package)
      #expect(second.status == 0, "\(second.text)")
      let wider = try Self.office.run([])
      #expect(wider.status == 0)
      #expect(wider.text.hasPrefix("web: queues 128-191, portals [2, 3, 4], pool 1\n"))

      try write(sound.replacing("queues: 1-64,", with: "queues: 1-64, portal: 2,"), in: package)
      let bad = try build(package)
      #expect(bad.status != 0)
      let place = "\(package)/\(Self.plan):6:"
      #expect((bad.text + bad.errorText).contains(place), "\(bad.text)\(bad.errorText)")
      #expect((bad.text + bad.errorText).contains("[unknown-key]"))

      try FileManager.default.removeItem(atPath: "\(package)/\(Self.plan)")
      let none = try build(package)
      #expect(none.status != 0)
      #expect((none.text + none.errorText).contains("should have one plan"))
    }

    private static let office = Tool(
      "\(Checkout.dependentScratch)/debug/office", package: "the example")

    private func build(_ package: String) throws -> Tool.Outcome {
      try DependentPackageTests.swift(["build"], package)
    }

    private func write(_ text: String, in package: String) throws {
      try Data(text.utf8).write(to: URL(fileURLWithPath: "\(package)/\(Self.plan)"))
    }

    /// The example with its dependency on this checkout, beside the capture that its plan names.
    private func copyExample(to directory: TemporaryDirectory) throws -> String {
      let files = FileManager.default
      let package = "\(directory.path)/build-plugin"
      try files.createDirectory(
        atPath: "\(package)/Sources", withIntermediateDirectories: true)
      let example = "\(Checkout.path)/examples/build-plugin"
      try files.copyItem(atPath: "\(example)/Sources/office", toPath: "\(package)/Sources/office")
      try files.createSymbolicLink(
        atPath: "\(directory.path)/kvm-forum",
        withDestinationPath: "\(Checkout.path)/examples/kvm-forum")
      let manifest = try String(contentsOfFile: "\(example)/Package.swift", encoding: .utf8)
      try #require(manifest.contains("path: \"../..\""))
      try directory.write(
        "build-plugin/Package.swift",
        Data(manifest.replacing("path: \"../..\"", with: "path: \"\(Checkout.path)\"").utf8))
      return package
    }
  }
}
