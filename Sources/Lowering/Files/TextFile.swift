public import Diagnostics
import Glibc

/// Reads files whole, and says in a diagnostic why one cannot be read.
public enum TextFile {
  /// The most bytes that a file may have: far more than any plan, board or tree needs, and an end
  /// to what a device or pipe may pour out.
  public static let sizeLimit = 256 << 20

  /// Reads the file at a path, `-` for standard input.
  ///
  /// - Parameters:
  ///   - path: The path as the user gave it, which diagnostics will print.
  ///   - span: Where the path was written, if it stands in a file.
  ///   - bag: Where the error goes.
  /// - Returns: The file, or `nil` after an error has been added.
  public static func read(
    _ path: String, namedAt span: SourceSpan? = nil, into bag: inout DiagnosticBag
  ) -> SourceFile? {
    bytes(path, namedAt: span, into: &bag).map { SourceFile(name: path, bytes: $0) }
  }

  /// Reads a file, like ``read(_:namedAt:into:)``, of which nothing shall stay in memory: who gets the bytes erases them.
  static func bytes(
    _ path: String, namedAt span: SourceSpan?, into bag: inout DiagnosticBag
  ) -> [UInt8]? {
    func fail(_ reason: String, _ fixIts: [FixIt] = []) -> [UInt8]? {
      bag.error(
        .fileUnreadable, "\(path.isEmpty ? "\"\"" : path) \(reason)", at: span, fixIts: fixIts)
      return nil
    }
    guard !path.utf8.contains(0) else { return fail("is no path") }
    let descriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      return errno == ENOENT
        ? fail("does not exist", neighbours(of: path)) : fail("cannot be read: \(reason(errno))")
    }
    defer { close(descriptor) }
    var status = stat()
    if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
      return fail("is a directory, not a file")
    }
    var bytes: [UInt8] = []
    var count = 0
    repeat {
      if bytes.count < count + 65536 {
        bytes.append(contentsOf: repeatElement(0, count: max(65536, count)))
      }
      let room = bytes.count - count
      let got = bytes.withUnsafeMutableBytes { buffer in
        // SAFETY: `count` is within the buffer, which has `room` bytes behind it.
        Glibc.read(descriptor, buffer.baseAddress.map { $0 + count }, room)
      }
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { return fail("cannot be read: \(reason(errno))") }
      if got == 0 { break }
      count += got
    } while count <= sizeLimit
    guard count <= sizeLimit else { return fail("has more than \(sizeLimit >> 20) MiB") }
    bytes.removeLast(bytes.count - count)
    return bytes
  }

  /// A repair that names the file of nearly that name in the same directory.
  private static func neighbours(of path: String) -> [FixIt] {
    let directory = path.directory
    guard let handle = opendir(directory.isEmpty ? "." : directory) else { return [] }
    defer { closedir(handle) }
    var names: [String] = []
    while let entry = readdir(handle), names.count < 4096 {
      // SAFETY: the entry is valid until the next call, and its name ends in a zero byte.
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return nearestName(to: path.lastComponent, in: names.sorted())
      .map { [FixIt("did you mean \(directory)\($0)?")] } ?? []
  }

  private static func reason(_ code: Int32) -> String {
    strerror(code).map { String(cString: $0).lowercased() } ?? "error \(code)"
  }
}

extension [UInt8] {
  /// Overwrites the bytes, which nobody else has, and forgets them.
  mutating func erase() {
    withUnsafeMutableBytes { bytes in
      if let start = bytes.baseAddress { explicit_bzero(start, bytes.count) }
    }
    self = []
  }
}

extension String {
  /// What stands before the last slash, with the slash; empty without one.
  var directory: String {
    lastIndex(of: "/").map { String(self[...$0]) } ?? ""
  }

  /// What stands behind the last slash.
  var lastComponent: String {
    lastIndex(of: "/").map { String(self[index(after: $0)...]) } ?? self
  }

  /// The last component without its last ending.
  var stem: String {
    let name = lastComponent
    guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return name }
    return String(name[..<dot])
  }

  /// The ending behind the last dot of the last component, in lower case; empty without one.
  var ending: String {
    let name = lastComponent
    guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return "" }
    return name[name.index(after: dot)...].lowercased()
  }

  /// This path, seen from the directory of another unless it is absolute.
  func relative(toFile file: String) -> String {
    hasPrefix("/") || file == "-" ? self : file.directory + self
  }

  /// This path, seen from the directory of another unless it is absolute, as one that says the same from
  /// every current directory.
  func absolute(besideFile file: String) -> String {
    guard !hasPrefix("/"), self != "-" else { return self }
    let directory = file == "-" || file.directory.isEmpty ? "." : file.directory
    guard let resolved = realpath(directory, nil) else { return relative(toFile: file) }
    defer { free(resolved) }
    let root = String(cString: resolved)
    return root == "/" ? "/\(self)" : "\(root)/\(self)"
  }
}
