import Glibc

/// A file that is a virtual machine's memory.
public enum GuestMemoryFile {
  /// Makes a file of zeros, which takes no room until it is written to, unless there is one already.
  ///
  /// - Throws: ``EngineError/file(_:_:)`` when it cannot be made.
  public static func make(_ path: String, size: Int) throws(EngineError) {
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      if errno == EEXIST { return }
      throw .file(path, errno)
    }
    defer { close(descriptor) }
    guard ftruncate(descriptor, off_t(size)) == 0 else { throw .file(path, errno) }
  }
}
