import Glibc

extension FileLoader {
  /// Whether a path names a plain file of a size that a source may have, so that a name which
  /// stands in hostile text leads neither to a device nor to a pipe.
  static func isOrdinary(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
      && status.st_size <= 1 << 26
  }
}
