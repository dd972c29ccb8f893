import DPAARuntime
import Foundation
import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import Codegen

/// Packages that depend on this one, which are built one after the other in one place; minutes, so only on demand.
@Suite(.serialized, .enabled(if: isHeavy, "heavy: set DPAAC_HEAVY_TESTS=1"))
enum DependentPackageTests {
  /// Has Swift's package manager do something with a package.
  static func swift(_ command: [String], _ package: String) throws -> Tool.Outcome {
    try Tool.swift.run(command + ["--scratch-path", Checkout.dependentScratch], in: package)
  }
}

extension DependentPackageTests {
  /// Compiles what is generated.
  @Suite(.timeLimit(.minutes(30)))
  struct SwiftPackageTests {
    @Test func `heavy: a generated package's configuration is the partition's`() throws {
      let directory = try TemporaryDirectory()
      defer { directory.remove() }
      for partition in try judgedPartitions() {
        try generate(partition, in: directory.path)
        // In place of the host, a program that shows the value.
        // A dictionary has no order that two processes share.
        let main = """
          import Configuration
          import DPAARuntime
          var rest = configuration
          rest.queueing = [:]
          dump(rest)
          for index in configuration.owners.indices { dump(configuration.queueing[index]) }

          """
        try directory.write("out/swift/Sources/host/main.swift", Data(main.utf8))
        let outcome = try DependentPackageTests.swift(["run", "-q"], "\(directory.path)/out/swift")
        #expect(outcome.status == 0, "\(outcome.errorText)")
        var expected = ""
        let configuration = RuntimeConfiguration(partition)
        var rest = configuration
        rest.queueing = [:]
        dump(rest, to: &expected)
        for index in configuration.owners.indices {
          dump(configuration.queueing[index], to: &expected)
        }
        #expect(outcome.text == expected)
      }
    }

    @Test(arguments: Example.names)
    func `heavy: an example's package builds without a warning and runs as dpaac run does`(
      example: String
    ) throws {
      let directory = try TemporaryDirectory()
      defer { directory.remove() }
      let plan = "\(Checkout.path)/examples/\(example).yaml"
      try generate(
        Example.partition(example), in: directory.path,
        planDirectory: URL(fileURLWithPath: plan).deletingLastPathComponent().path)
      let package = "\(directory.path)/out/swift"
      let build = try DependentPackageTests.swift(["build"], package)
      #expect(build.status == 0, "\(build.text)\(build.errorText)")
      #expect(!build.text.contains("warning:"))
      let run = try DependentPackageTests.swift(["run", "-q"], package)
      #expect(run.status == 0, "\(run.errorText)")
      #expect(run.text.contains("conserved: yes"))
      let dpaac = Tool(Checkout.product("dpaac"), package: "dpaac")
      let direct = try dpaac.run(["run", plan])
      #expect(run.text == direct.text)
    }

    private func generate(
      _ partition: Partition, in directory: String, planDirectory: String? = nil
    ) throws {
      let options = GenerationOptions(
        planName: "plan.yaml", planDirectory: planDirectory ?? directory,
        outputDirectory: "\(directory)/out")
      try? FileManager.default.removeItem(atPath: "\(directory)/out/swift/Sources")
      let generator = try Generator(only: ["swift"])
      try generator.write(
        generator.artifacts(for: partition, options: options), to: options.outputDirectory)
    }
  }
}
