import Foundation
public import Partitioning

/// Collects what all backends print and puts it on disk in one stroke.
///
/// ```swift
/// let generator = try Generator()
/// let artifacts = try generator.artifacts(for: partition, options: options)
/// let changed = try generator.write(artifacts, to: options.outputDirectory)
/// ```
///
/// Everything is rendered before anything is written, and written into temporary files beside the
/// destinations before anything is renamed: after an error the directory is as it was.
public struct Generator: Sendable {
  /// The backends of a whole generation, in the order their files are listed.
  public static let allBackends: [any Backend] = [
    GuestTreeBackend(), FragmentBackend(), BoardTreeBackend(), QEMUBackend(), LibvirtBackend(),
    SwiftBackend(), FMCBackend(),
    HypervisorBackend(), HostTreeBackend(), ReportBackend(),
  ]

  /// Backends for one use that are chosen by name only.
  public static let backendsOnRequest: [any Backend] = [SwiftConfigurationBackend()]

  /// The backends in use.
  public let backends: [any Backend]

  /// Creates a generator with the backends of these names; with ``allBackends`` when there is no
  /// name.
  ///
  /// - Throws: ``GenerationError/unknownBackend(_:known:)``.
  public init(only names: [String] = []) throws(GenerationError) {
    let known = Self.allBackends + (names.isEmpty ? [] : Self.backendsOnRequest)
    for name in names where !known.contains(where: { $0.name == name }) {
      throw .unknownBackend(name, known: known.map(\.name))
    }
    backends = known.filter { names.isEmpty || names.contains($0.name) }
  }

  init(backends: [any Backend]) { self.backends = backends }

  /// Everything that is generated for a partition, by path.
  ///
  /// - Throws: The first backend's error, or one about paths that clash or escape.
  public func artifacts(
    for partition: Partition, options: GenerationOptions
  ) throws(GenerationError) -> [Artifact] {
    var artifacts: [Artifact] = []
    for backend in backends {
      artifacts += try backend.artifacts(for: partition, options: options)
    }
    var seen: Set<String> = []
    for artifact in artifacts {
      let components = artifact.path.split(separator: "/", omittingEmptySubsequences: false)
      guard !components.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) else {
        throw .unsafePath(artifact.path)
      }
      guard seen.insert(artifact.path).inserted else { throw .duplicatePath(artifact.path) }
    }
    return artifacts.sorted { $0.path < $1.path }
  }

  /// The artifacts that a directory lacks or has with other content or without the right to run.
  public func stale(_ artifacts: [Artifact], in directory: String) -> [StaleFile] {
    artifacts.compactMap { artifact in
      let path = "\(directory)/\(artifact.path)"
      guard let data = FileManager.default.contents(atPath: path) else {
        return StaleFile(path: artifact.path, reason: .missing)
      }
      guard artifact.isStub || data.elementsEqual(artifact.bytes),
        !artifact.isExecutable || FileManager.default.isExecutableFile(atPath: path)
      else { return StaleFile(path: artifact.path, reason: .different) }
      return nil
    }
  }

  /// Brings a directory up to date and makes it if need be; files that are current keep their
  /// modification time.
  ///
  /// - Returns: The paths that were written, in order.
  /// - Throws: ``GenerationError/file(path:reason:)``; nothing has changed then, unless the very
  ///   last step, the renaming, failed half-way.
  @discardableResult
  public func write(
    _ artifacts: [Artifact], to directory: String
  ) throws(GenerationError) -> [String] {
    let stale = Set(stale(artifacts, in: directory).map(\.path))
    var pending: [(temporary: String, final: String)] = []
    do throws(GenerationError) {
      for artifact in artifacts where stale.contains(artifact.path) {
        pending.append(try Self.writeBeside(artifact, in: directory))
      }
      for file in pending {
        guard rename(file.temporary, file.final) == 0 else {
          throw .file(path: file.final, reason: String(cString: strerror(errno)))
        }
      }
    } catch {
      for file in pending { unlink(file.temporary) }
      throw error
    }
    return artifacts.map(\.path).filter(stale.contains)
  }

  /// Writes an artifact into a new file in the directory where it belongs.
  private static func writeBeside(
    _ artifact: Artifact, in directory: String
  ) throws(GenerationError) -> (temporary: String, final: String) {
    let final = URL(fileURLWithPath: directory).appendingPathComponent(artifact.path)
    let folder = final.deletingLastPathComponent()
    let temporary = folder.appendingPathComponent(
      ".\(final.lastPathComponent).\(UUID().uuidString)")
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: final.path, isDirectory: &isDirectory),
      isDirectory.boolValue
    {
      throw .file(path: final.path, reason: "there is a directory of this name")
    }
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try Data(artifact.bytes).write(to: temporary, options: .withoutOverwriting)
      try FileManager.default.setAttributes(
        [.posixPermissions: artifact.isExecutable ? 0o755 : 0o644], ofItemAtPath: temporary.path)
    } catch {
      unlink(temporary.path)
      throw .file(path: final.path, reason: "\(error.localizedDescription)")
    }
    return (temporary.path, final.path)
  }
}

/// A file on disk that is not what would be generated now.
public struct StaleFile: Sendable, Hashable, CustomStringConvertible {
  /// What is wrong with it.
  public enum Reason: String, Sendable, Hashable {
    /// There is no such file.
    case missing
    /// Its content, or its right to be run, is another.
    case different
  }

  /// The path relative to the output directory.
  public var path: String
  /// What is wrong with it.
  public var reason: Reason

  /// `guest1.dts: missing`
  public var description: String { "\(path): \(reason.rawValue)" }
}
