import CPortalShims
import Glibc

// SAFETY: the mapping lives as long as the object. Somebody else may truncate the file at any time;
// the guard then puts memory of this process in its place, so no access ever fails.
/// A part of somebody else's file, mapped to be shared with whoever else maps it.
final class GuardedFile: @unchecked Sendable {
  /// The mapped bytes.
  let memory: UnsafeMutableRawPointer
  private let path: String
  private let descriptor: Int32
  private let offset: Int
  /// How many bytes are mapped.
  let size: Int
  private let guardNumber: Int32

  /// Maps a part of a file.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - offset: Where the part begins, a multiple of the page size.
  ///   - size: How long it is.
  ///   - isMade: Whether a file that is not there or is too short is made long enough.
  /// - Throws: ``EngineError/file(_:_:)`` or ``EngineError/fileTooShort(path:size:needed:)``.
  init(path: String, offset: Int, size: Int, isMade: Bool) throws(EngineError) {
    descriptor = open(path, O_RDWR | O_CLOEXEC | (isMade ? O_CREAT : 0), 0o600)
    guard descriptor >= 0 else { throw .file(path, errno) }
    var status = stat()
    var problem: EngineError?
    if fstat(descriptor, &status) != 0 {
      problem = .file(path, errno)
    } else if status.st_mode & S_IFMT == S_IFREG, status.st_size < offset + size {
      if !isMade || ftruncate(descriptor, off_t(offset + size)) != 0 {
        problem = .fileTooShort(path: path, size: Int(status.st_size), needed: offset + size)
      }
    }
    if let problem {
      close(descriptor)
      throw problem
    }
    guard
      let mapped = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, off_t(offset)),
      mapped != MAP_FAILED
    else {
      let error = errno
      close(descriptor)
      throw .file(path, error)
    }
    guardNumber = dpaac_guard(mapped, size)
    guard guardNumber >= 0 else {
      munmap(mapped, size)
      close(descriptor)
      throw .noMemory(path, ENOMEM)
    }
    memory = mapped
    self.path = path
    self.offset = offset
    self.size = size
  }

  /// Maps a whole file that must be so long at least, as long as it is now.
  convenience init(whole path: String, atLeast needed: Int) throws(EngineError) {
    var status = stat()
    guard stat(path, &status) == 0 else { throw .file(path, errno) }
    try self.init(path: path, offset: 0, size: max(needed, Int(status.st_size)), isMade: false)
  }

  deinit {
    dpaac_unguard(guardNumber)
    munmap(memory, size)
    close(descriptor)
  }

  /// Whether the memory is no longer the file's: it was truncated and then touched.
  var isLost: Bool { dpaac_guard_is_lost(guardNumber) != 0 }

  /// Whether the path still names this very file, and it is as long as it must be; costs two system
  /// calls.
  var isCurrent: Bool {
    var (own, named) = (stat(), stat())
    guard fstat(descriptor, &own) == 0, stat(path, &named) == 0 else { return false }
    guard own.st_dev == named.st_dev, own.st_ino == named.st_ino else { return false }
    return own.st_mode & S_IFMT != S_IFREG || own.st_size >= offset + size
  }
}
