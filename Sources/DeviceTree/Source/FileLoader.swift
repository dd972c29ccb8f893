import Glibc

/// How a reader gets at the files that a source includes.
public struct FileLoader: Sendable {
  /// The bytes of a file, or `nil` when it cannot be read.
  public var load: @Sendable (_ path: String) -> [UInt8]?
  /// A name that is the same for every way to spell one file.
  public var identity: @Sendable (_ path: String) -> String

  /// Creates a loader.
  public init(
    load: @escaping @Sendable (_ path: String) -> [UInt8]?,
    identity: @escaping @Sendable (_ path: String) -> String = { $0 }
  ) {
    self.load = load
    self.identity = identity
  }

  /// Reads from the file system.
  public static let system = FileLoader(
    load: { readFile($0) },
    identity: { path in
      var status = stat()
      guard stat(path, &status) == 0 else { return path }
      return "\(status.st_dev):\(status.st_ino)"
    })

  /// What a file that never ends is cut at.
  private static let maximumSize = 1 << 30

  /// Reads a file, a pipe or a device up to its end; `nil` when that fails or exceeds 1 GiB.
  private static func readFile(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return read(descriptor: descriptor)
  }

  /// Reads an open file up to its end; `nil` when that fails or exceeds 1 GiB.
  package static func read(descriptor: Int32) -> [UInt8]? {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else { return nil }
    var bytes: [UInt8] = []
    let expected = Int(status.st_size)
    guard expected <= maximumSize else { return nil }
    while true {
      let room = bytes.isEmpty ? max(expected + 1, 4096) : max(4096, bytes.count)
      var count = 0
      // SAFETY: `read` writes at most the capacity handed to it, and only what it reports as read
      // is marked as initialised.
      let chunk = [UInt8](unsafeUninitializedCapacity: room) { buffer, initialized in
        repeat {
          count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        } while count < 0 && errno == EINTR
        initialized = max(0, count)
      }
      guard count >= 0 else { return nil }
      guard count > 0 else { return bytes }
      if bytes.isEmpty { bytes = chunk } else { bytes += chunk }
      guard bytes.count <= maximumSize else { return nil }
    }
  }
}
