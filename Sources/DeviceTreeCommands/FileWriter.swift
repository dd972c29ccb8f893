import Glibc

/// Writes files so that a reader sees the old content or the new, never a part.
enum FileWriter {
  /// The words for the last failure of the system.
  static var lastError: String { String(cString: strerror(errno)) }

  /// Writes all bytes to an open file; false when that fails.
  static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    bytes.withUnsafeBytes { buffer in
      var offset = 0
      while offset < buffer.count {
        // SAFETY: the pointer and count stay inside `buffer`, which lives for the whole closure.
        let count = Glibc.write(
          descriptor, buffer.baseAddress.map { $0 + offset }, buffer.count - offset)
        if count < 0 {
          if errno == EINTR { continue }
          return false
        }
        offset += count
      }
      return true
    }
  }

  /// Writes a file under a temporary name beside it and then puts it in place.
  ///
  /// What exists and is no regular file, such as `/dev/null` or a pipe, is written to directly.
  static func replace(_ path: String, with bytes: [UInt8]) -> Bool {
    var status = stat()
    let exists = stat(path, &status) == 0
    if exists && status.st_mode & S_IFMT != S_IFREG {
      let descriptor = open(path, O_WRONLY | O_CLOEXEC)
      guard descriptor >= 0 else { return false }
      defer { close(descriptor) }
      return write(bytes, to: descriptor)
    }
    // A link is followed, so that the file it names is replaced and not the link.
    let target = exists ? resolved(path) : path
    let temporary = "\(target).\(getpid()).tmp"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { return false }
    if exists { _ = fchmod(descriptor, status.st_mode & 0o7777) }
    let isWritten = write(bytes, to: descriptor)
    guard close(descriptor) == 0, isWritten, rename(temporary, target) == 0 else {
      let failure = errno
      unlink(temporary)
      errno = failure
      return false
    }
    return true
  }

  private static func resolved(_ path: String) -> String {
    guard let name = realpath(path, nil) else { return path }
    defer { free(name) }
    return String(cString: name)
  }
}
