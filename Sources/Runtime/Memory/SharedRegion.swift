import CPortalShims
import Glibc

// SAFETY: the mapping lives as long as the object; who writes which bytes is the portal protocol's
// matter, and every word that crosses goes through the atomic accessors of `DPAAPortal`.
/// A region of memory that the engine shares with one guest: a sealed `memfd`.
///
/// Sealed against shrinking and growing, so a guest that gets the descriptor cannot truncate the
/// file and kill the engine with SIGBUS.
public final class SharedRegion: @unchecked Sendable {
  /// The descriptor, to be passed to the guest.
  public let descriptor: Int32
  /// The bytes, zeroed at first.
  public let memory: UnsafeMutableRawPointer
  /// How many bytes, a whole number of pages.
  public let size: Int
  /// What this is a part of, mapped with it; `nil` for a region of its own.
  private let whole: SharedRegion?

  /// Creates a region.
  ///
  /// - Parameters:
  ///   - name: Shown in `/proc/PID/maps`.
  ///   - size: Bytes, rounded up to whole pages.
  /// - Throws: ``EngineError/noMemory(_:_:)`` when the kernel refuses.
  public init(name: String, size: Int) throws(EngineError) {
    let page = 4096
    self.size = max(page, (size + page - 1) / page * page)
    descriptor = memfd_create("dpaac-\(name)", UInt32(MFD_CLOEXEC) | UInt32(MFD_ALLOW_SEALING))
    guard descriptor >= 0 else { throw .noMemory(name, errno) }
    let seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL
    guard ftruncate(descriptor, self.size) == 0, fcntl(descriptor, F_ADD_SEALS, seals) == 0,
      let mapped = mmap(nil, self.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
      mapped != MAP_FAILED
    else {
      let error = errno
      close(descriptor)
      throw .noMemory(name, error)
    }
    memory = mapped
    whole = nil
  }

  /// A part of another region, which it keeps mapped.
  ///
  /// - Parameters:
  ///   - whole: The region.
  ///   - offset: Where the part begins in it.
  ///   - size: Its bytes.
  init(of whole: SharedRegion, at offset: Int, size: Int) {
    precondition(offset >= 0 && size >= 0 && offset + size <= whole.size, "a part lies inside")
    self.whole = whole
    self.size = size
    descriptor = whole.descriptor
    memory = whole.memory + offset
  }

  deinit {
    guard whole == nil else { return }
    munmap(memory, size)
    close(descriptor)
  }
}
