import CPortalShims
import Glibc

// SAFETY: `base` covers `count` records inside the mapping, for the table's life; zero bytes are a
// valid `Record`.
/// Flat, zeroed memory for a table of trivial records that only the engine touches.
///
/// The kernel provides pages as they are touched, so a table of 16 million queues costs what is
/// used of it, in huge pages where the kernel has them. Index checks are the caller's: every index
/// that comes from outside is compared with ``count`` where it is validated.
struct FlatTable<Record: BitwiseCopyable>: ~Copyable {
  let base: UnsafeMutablePointer<Record>
  let count: Int
  private let mapping: UnsafeMutableRawBufferPointer

  private static var page: Int { 1 << 12 }
  private static var hugePage: Int { 1 << 21 }

  init(count: Int) throws(EngineError) {
    self.count = count
    let needed = max(1, count) * MemoryLayout<Record>.stride
    let isHuge = needed >= Self.hugePage
    let size = needed + (isHuge ? Self.hugePage : Self.page)
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    guard let memory = mmap(nil, size, PROT_READ | PROT_WRITE, flags, -1, 0), memory != MAP_FAILED
    else { throw .noMemory("table", errno) }
    mapping = UnsafeMutableRawBufferPointer(start: memory, count: size)
    var start = memory
    if isHuge {
      start = memory.alignedUp(toMultipleOf: Self.hugePage)
      madvise(start, needed, 14 /* MADV_HUGEPAGE */)
    } else {
      // The first lines of all tables would share one set of the cache if each began with a page:
      // they begin at a line that follows from the page's number.
      start = memory + (Int(bitPattern: memory) / Self.page & 31) * 128
    }
    base = start.bindMemory(to: Record.self, capacity: max(1, count))
  }

  deinit { munmap(mapping.baseAddress, mapping.count) }
}
