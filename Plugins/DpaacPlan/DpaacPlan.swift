import Foundation
import PackagePlugin

/// Makes a target's configuration from the plan that lies in its directory, whenever it is built.
///
/// The target gains `Configuration.swift`: an enumeration of named constants for each partition, and
/// the value `configuration`. A plan that is not sound stops the build at its own line.
@main
struct DpaacPlan: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    guard let target = target.sourceModule else { return [] }
    let entries = try FileManager.default.contentsOfDirectory(
      at: target.directoryURL, includingPropertiesForKeys: nil)
    let plans = entries.filter { ["yaml", "yml"].contains($0.pathExtension) }
      .sorted { $0.path < $1.path }
    guard plans.count == 1 else {
      let found = plans.isEmpty ? "none" : plans.map(\.lastPathComponent).joined(separator: ", ")
      Diagnostics.error(
        "\(target.name) should have one plan, a YAML file in \(target.directoryURL.path), but has "
          + "\(found); what a plan includes belongs in a directory below")
      return []
    }
    let output = context.pluginWorkDirectoryURL
    // Whatever else is there may be part of the plan: what it includes, a board of one's own, a
    // lock, a capture. As inputs they are no files that SwiftPM would call unhandled.
    let others = target.sourceFiles.filter { [.unknown, .resource].contains($0.type) }.map(\.url)
    return [
      .buildCommand(
        displayName: "Planning \(plans[0].lastPathComponent)",
        executable: try context.tool(named: "dpaac").url,
        arguments: [
          "generate", plans[0].path, "--only", "swift-configuration", "--output", output.path,
        ],
        inputFiles: plans + others.filter { $0 != plans[0] },
        outputFiles: [output.appending(path: "Configuration.swift")])
    ]
  }
}
