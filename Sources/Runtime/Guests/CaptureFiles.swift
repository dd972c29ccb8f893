import CPortalShims
import Glibc

/// The files and folders that a run makes, so that a run that cannot begin leaves none behind and
/// takes none away.
struct CaptureFiles {
  private var files: [String] = []
  private var directories: [String] = []
  private var descriptors: [Int32] = []
  /// Captures that are played, and so must not be written.
  private let inputs: [String]

  init(protecting inputs: [String] = []) { self.inputs = inputs }

  /// Makes a folder and those above it that are missing.
  mutating func makeDirectory(_ path: String) throws(EngineError) {
    guard !path.isEmpty else { throw .file("''", ENOENT) }
    var made = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
      made += "/\(part)"
      if mkdir(made, 0o777) == 0 {
        directories.append(made)
      } else if errno != EEXIST {
        throw .file(made, errno)
      }
    }
  }

  /// Opens a file for writing, and makes it when it is not there.
  ///
  /// What it holds stays until ``empty()``, so that a run that cannot begin loses nothing; a
  /// capture that is played is refused.
  mutating func open(_ path: String) throws(EngineError) -> Int32 {
    let made = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    if made >= 0 { files.append(path) }
    let descriptor = made >= 0 ? made : Glibc.open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .file(path, errno) }
    if let input = inputs.first(where: { Self.isSameFile(descriptor, $0) }) {
      close(descriptor)
      throw .overwritesInput(input)
    }
    descriptors.append(descriptor)
    return descriptor
  }

  private static func isSameFile(_ descriptor: Int32, _ path: String) -> Bool {
    var (left, right) = (Glibc.stat(), Glibc.stat())
    return fstat(descriptor, &left) == 0 && stat(path, &right) == 0 && left.st_dev == right.st_dev
      && left.st_ino == right.st_ino
  }

  /// Opens a file for a guest that starts while the run goes on, and empties it.
  mutating func openLate(_ path: String) throws(EngineError) -> Int32 {
    let descriptor = try open(path)
    descriptors.removeLast()
    ftruncate(descriptor, 0)
    return descriptor
  }

  /// Empties the files that were opened, before anything is written.
  func empty() {
    for descriptor in descriptors { ftruncate(descriptor, 0) }
  }

  /// Removes what was made, and nothing that was there before.
  func remove() {
    for file in files { unlink(file) }
    for directory in directories.reversed() { rmdir(directory) }
  }
}
