/// Why nothing could be generated.
public enum GenerationError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A file cannot be read, written or renamed.
  case file(path: String, reason: String)
  /// Two files would have the same path.
  case duplicatePath(String)
  /// A path leads out of the output directory.
  case unsafePath(String)
  /// A backend made something that its format cannot hold.
  case unprintable(artifact: String, reason: String)
  /// There is no backend of this name.
  case unknownBackend(String, known: [String])

  /// One sentence without a full stop.
  public var description: String {
    switch self {
    case .file(let path, let reason): "\(path): \(reason)"
    case .duplicatePath(let path): "two generated files would both be \(path)"
    case .unsafePath(let path): "the generated file \(path) would lie outside the output directory"
    case .unprintable(let artifact, let reason): "\(artifact) cannot be printed: \(reason)"
    case .unknownBackend(let name, let known):
      "there is no output named \(name); there are \(known.joined(separator: ", "))"
    }
  }
}
