import Documents
public import Partitioning
import QorIQ

/// Prints the classification of each frame manager for the Frame Manager Configuration tool:
/// `fmc/fm0-config.xml` and `fmc/fm0-policy.xml`, and the same for `fm1`.
///
/// There is a pair for each engine because FMC holds 32 KeyGen schemes in one run, as many as one
/// FMan has: `fmc -c fmc/fm0-config.xml -p fmc/fm0-policy.xml -a`.
public struct FMCBackend: Backend {
  /// Creates the backend.
  public init() {}

  /// `fmc`
  public var name: String { "fmc" }

  /// A configuration and a policy file for each frame manager that classifies.
  public func artifacts(
    for partition: Partition, options: GenerationOptions
  ) throws(GenerationError) -> [Artifact] {
    var artifacts: [Artifact] = []
    for fman in partition.board.fmans {
      let model = try FMCPolicyFile(partition: partition, fman: fman)
      guard !model.ports.isEmpty else { continue }
      for (kind, root) in [("config", model.configuration()), ("policy", model.policy())] {
        let path = "fmc/fm\(fman.index)-\(kind).xml"
        do throws(XMLWriterError) {
          let text = try XMLWriter().text(
            of: root, header: " \(options.banner(for: partition))\(Self.remark(on: partition)) ")
          artifacts.append(Artifact(path, text: text))
        } catch {
          throw .unprintable(artifact: path, reason: error.description)
        }
      }
    }
    return artifacts
  }

  /// What the files lack of a plan with chains into SEC.
  private static func remark(on partition: Partition) -> String {
    let chains = partition.resources.flatMap(\.chains)
    guard chains.contains(where: \.takesPackets) else { return "" }
    return
      ". Not in it: the manipulations that take headers off frames for SEC and put them in front of "
      + "its answers"
  }
}
