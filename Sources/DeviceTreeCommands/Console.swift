import DeviceTree
import Glibc

/// Where a command reads and writes; tests put their own in place.
public struct Console: Sendable {
  /// Reads all of standard input.
  public var readInput: @Sendable () -> [UInt8]?
  /// Writes to standard output; false when that fails.
  public var write: @Sendable ([UInt8]) -> Bool
  /// Writes to standard error.
  public var error: @Sendable (String) -> Void

  /// Creates a console.
  public init(
    readInput: @escaping @Sendable () -> [UInt8]?, write: @escaping @Sendable ([UInt8]) -> Bool,
    error: @escaping @Sendable (String) -> Void
  ) {
    self.readInput = readInput
    self.write = write
    self.error = error
  }

  /// The process's own streams.
  public static let system = Console(
    readInput: { FileLoader.read(descriptor: STDIN_FILENO) },
    write: { FileWriter.write($0, to: STDOUT_FILENO) },
    error: { _ = FileWriter.write(Array($0.utf8), to: STDERR_FILENO) })

  /// Writes text to standard output.
  func print(_ text: String) { _ = write(Array(text.utf8)) }

  /// The bytes of a file, `-` for standard input; `nil` after saying why not.
  func read(_ path: String) -> [UInt8]? {
    if let bytes = load(path) { return bytes }
    fatal("cannot read \"\(path)\": \(FileWriter.lastError)")
    return nil
  }

  /// The bytes of a file, `-` for standard input.
  func load(_ path: String) -> [UInt8]? {
    path == "-" ? readInput() : FileLoader.system.load(path)
  }

  /// Says why the command cannot go on.
  func fatal(_ message: String) { error("FATAL ERROR: \(message)\n") }
}
