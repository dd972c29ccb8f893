import CPortalShims
import Glibc

// SAFETY: `base` covers `count` records for the table's life; zero bytes are a valid `Record`.
/// Flat, zeroed memory for a table of trivial records that only the engine touches.
///
/// The kernel provides pages as they are touched, so a table of 16 million queues costs what is
/// used of it. Index checks are the caller's: every index that comes from outside is compared with
/// ``count`` where it is validated.
struct FlatTable<Record: BitwiseCopyable>: ~Copyable {
  let base: UnsafeMutablePointer<Record>
  let count: Int
  private let byteCount: Int

  init(count: Int) throws(EngineError) {
    self.count = count
    byteCount = max(1, count) * MemoryLayout<Record>.stride
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    guard let memory = mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0),
      memory != MAP_FAILED
    else { throw .noMemory("table", errno) }
    if byteCount >= 1 << 21 { madvise(memory, byteCount, 14 /* MADV_HUGEPAGE */) }
    base = memory.bindMemory(to: Record.self, capacity: max(1, count))
  }

  deinit { munmap(base, byteCount) }
}
