public import Partitioning

/// Prints the configuration of ``SwiftBackend``'s package as one file, `Configuration.swift`, to be
/// compiled into a target of the user's own.
///
/// The file's name does not depend on the plan, as SwiftPM wants of what a build command makes; the
/// build-tool plugin asks for it.
public struct SwiftConfigurationBackend: Backend {
  /// Creates the backend.
  public init() {}

  /// `swift-configuration`
  public var name: String { "swift-configuration" }

  /// The file.
  public func artifacts(
    for partition: Partition, options: GenerationOptions
  ) throws(GenerationError) -> [Artifact] {
    let sources = SwiftSources(partition: partition, options: options)
    // Public: a target may have made imports internal by default.
    var text = """
      // \(options.banner(for: partition))
      public import DPAARuntime
      public import Partitioning
      public import QorIQ

      """
    for source in sources.configurationFiles {
      // Each begins with its own banner and imports, up to the first empty line.
      let rendered = try source.render()
      guard let start = rendered.firstRange(of: "\n\n") else {
        throw .unprintable(artifact: "Configuration.swift", reason: "\(source.path) has no body")
      }
      text += rendered[rendered.index(after: start.lowerBound)...]
    }
    return [Artifact("Configuration.swift", text: text)]
  }
}
