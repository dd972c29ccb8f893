import DPAAPortal
import QorIQ

/// A buffer pool: which buffers are free, and who holds each of the others.
///
/// Last in, first out, so that a buffer is used again while it is still in the cache. One byte for
/// each buffer names its holder; a release or an enqueue of a buffer that its sender does not hold
/// is refused, which rules out double release, double enqueue and foreign buffers at once.
struct BufferPool: BitwiseCopyable {
  /// The holder of a free buffer.
  static let free: UInt8 = 0
  /// The holder of a buffer that is in a queue or on a port.
  static let engine: UInt8 = 255
  /// The holder of a buffer with the table of a frame that is in a queue or on a port: a frame in several
  /// buffers shows itself where its table's buffer is to change hands, and others pay nothing for it.
  static let engineTable: UInt8 = 254
  /// The holder of a buffer that belongs to a compound frame, beside the one with its table.
  static let enginePart: UInt8 = 253
  /// The holder byte of an owner.
  static func holder(_ owner: Int) -> UInt8 { UInt8(truncatingIfNeeded: owner &+ 1) }

  let bpid: BPID
  let owner: Int
  let base: UInt64
  let count: UInt32
  let size: UInt32
  let stride: UInt32
  private let places: BufferPlaces
  let memory: UnsafeMutableRawPointer
  private let holders: UnsafeMutablePointer<UInt8>
  private let freeList: UnsafeMutablePointer<UInt32>
  private(set) var freeCount: UInt32
  private(set) var lowestFree: UInt32
  /// When somebody began to wait for a buffer, in nanoseconds; 0 when nobody waits.
  var waitingSince: UInt64 = 0
  /// Nobody waits for this pool any more, until it has recovered.
  var isGivenUp = false
  /// What the engine keeps of its buffers' pieces of frames.
  let fragments: UnsafeMutablePointer<Fragment>
  /// When somebody began to wait for several buffers at once; 0 when nobody waits, `UInt64.max` when nobody
  /// waits until such a frame has found its buffers. Frames in one buffer go on meanwhile, so that what
  /// they find says nothing about those in several.
  var piecesSince: UInt64 = 0

  // Two cache lines for each pool: a table of them is indexed by a shift, several times a frame.

  // SAFETY: `memory` covers `count * stride` bytes, `holders`, `freeList` and `fragments` cover `count`
  // records; all outlive the pool. Only the engine's thread calls in.
  /// Seeds the pool with all its buffers.
  init(
    _ pool: GuestGrant.Pool, owner: Int, memory: UnsafeMutableRawPointer,
    holders: UnsafeMutablePointer<UInt8>, freeList: UnsafeMutablePointer<UInt32>,
    fragments: UnsafeMutablePointer<Fragment>
  ) {
    bpid = pool.bpid
    self.owner = owner
    base = pool.base
    count = pool.count
    size = pool.size
    stride = pool.stride
    places = BufferPlaces(byteCount: UInt64(pool.byteCount), stride: stride)
    self.memory = memory
    self.holders = holders
    self.freeList = freeList
    self.fragments = fragments
    freeCount = pool.count
    lowestFree = pool.count
    // The first buffer is taken first.
    for index in 0..<Int(count) {
      freeList[index] = count - 1 - UInt32(index)
      holders[index] = Self.free
    }
  }

  /// The pool over other memory, as it was when all its buffers were free.
  func renewed(in memory: UnsafeMutableRawPointer) -> BufferPool {
    var pool = BufferPool(
      GuestGrant.Pool(bpid: bpid, base: base, count: count, size: size, stride: stride),
      owner: owner, memory: memory, holders: holders, freeList: freeList, fragments: fragments)
    pool.lowestFree = lowestFree
    return pool
  }

  /// Goes on from where the same pool of other tables is. `places` has the place here of each pool there.
  mutating func takeOver(from other: BufferPool, places: (UInt8) -> UInt8) {
    let count = Int(count)
    holders.update(from: other.holders, count: count)
    freeList.update(from: other.freeList, count: Int(other.freeCount))
    for buffer in 0..<count {
      var fragment = other.fragments[buffer]
      if fragment.nextPool != Fragment.none { fragment.nextPool = places(fragment.nextPool) }
      fragments[buffer] = fragment
    }
    (freeCount, lowestFree) = (other.freeCount, other.lowestFree)
    (waitingSince, isGivenUp) = (other.waitingSince, other.isGivenUp)
    piecesSince = other.piecesSince
  }

  /// Takes a free buffer for a holder; `nil` when the pool is empty.
  @inline(__always)
  mutating func acquire(for holder: UInt8) -> UInt32? {
    guard freeCount > 0 else { return nil }
    freeCount &-= 1
    if freeCount < lowestFree { lowestFree = freeCount }
    let buffer = freeList[Int(freeCount)]
    holders[Int(buffer)] = holder
    return buffer
  }

  /// Gives a buffer back if the holder holds it.
  @inline(__always)
  mutating func release(_ buffer: UInt32, from holder: UInt8) -> Bool {
    guard holders[Int(buffer)] == holder else { return false }
    holders[Int(buffer)] = Self.free
    freeList[Int(freeCount)] = buffer
    freeCount &+= 1
    if isGivenUp, freeCount >= count / 4 { isGivenUp = false }
    return true
  }

  /// Hands a buffer from one holder to another if the first holds it.
  @inline(__always)
  func transfer(_ buffer: UInt32, from: UInt8, to: UInt8) -> Bool {
    guard holders[Int(buffer)] == from else { return false }
    holders[Int(buffer)] = to
    return true
  }

  /// The buffer that starts at an address; `nil` outside the pool and between buffers.
  @inline(__always)
  func buffer(at address: UInt64) -> UInt32? {
    places.buffer(at: address &- base)
  }

  /// The buffer that so many bytes at an address lie in, and where; `nil` when they do not lie in one buffer.
  func place(of address: UInt64, count: Int) -> (buffer: UInt32, pointer: UnsafeMutableRawPointer)?
  {
    guard let (buffer, rest) = places.place(of: address &- base), rest <= UInt64(size),
      UInt64(count) <= UInt64(size) &- rest
    else { return nil }
    return (buffer, pointer(to: buffer) + Int(rest))
  }

  /// Whether somebody holds a buffer.
  func isHeld(_ buffer: UInt32, by holder: UInt8) -> Bool { holders[Int(buffer)] == holder }

  /// The address of a buffer, as descriptors name it.
  @inline(__always)
  func address(of buffer: UInt32) -> UInt64 { base &+ offset(of: buffer) }

  /// Where a buffer lies in the engine's memory.
  @inline(__always)
  func pointer(to buffer: UInt32) -> UnsafeMutableRawPointer {
    memory + Int(truncatingIfNeeded: offset(of: buffer))
  }

  /// How many bytes behind the first buffer one begins.
  @inline(__always)
  func offset(of buffer: UInt32) -> UInt64 { UInt64(buffer) &* UInt64(stride) }

  /// Takes every buffer back that a holder has; how many there were.
  mutating func reclaim(from holder: UInt8) -> UInt32 {
    var reclaimed: UInt32 = 0
    for buffer in 0..<count where release(buffer, from: holder) { reclaimed += 1 }
    return reclaimed
  }

  /// How many buffers a holder has.
  func heldCount(by holder: UInt8) -> Int {
    (0..<Int(count)).count { holders[$0] == holder }
  }
}
