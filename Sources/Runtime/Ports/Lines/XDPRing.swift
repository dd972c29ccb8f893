import DPAAPortal
import Glibc

// SAFETY: the mapping lives until `unmap()`, and places are masked by the count of entries, a power of two.
// The kernel keeps the other side's index and is trusted with it.
/// One of the four rings that an AF_XDP socket shares with the kernel: addresses of free buffers, or
/// descriptors of frames.
///
/// (Linux 6.1, `Documentation/networking/af_xdp.rst`, `net/xdp/xsk_queue.h`.)
struct XDPRing: BitwiseCopyable {
  private let mapping: UnsafeMutableRawPointer
  private let byteCount: Int
  private let entries: UnsafeMutableRawPointer
  private let mask: UInt32
  /// Where the index lies that this side moves, and the one that the kernel moves.
  private let ownIndex: Int
  private let kernelIndex: Int
  /// This side's index.
  private(set) var own: UInt32

  /// Which ring: where it is mapped, where its offsets stand in `struct xdp_mmap_offsets`, and who fills it
  /// (Linux 6.1, `include/uapi/linux/if_xdp.h`).
  struct Kind {
    let what: String
    let option: Int32
    let place: Int
    let firstOffset: Int
    let entrySize: Int
    let isFilledHere: Bool

    static let receive = Kind(
      what: "receive", option: 2, place: 0, firstOffset: 0, entrySize: 16, isFilledHere: false)
    static let transmit = Kind(
      what: "transmit", option: 3, place: 0x8000_0000, firstOffset: 4, entrySize: 16,
      isFilledHere: true)
    static let fill = Kind(
      what: "fill", option: 5, place: 0x1_0000_0000, firstOffset: 8, entrySize: 8,
      isFilledHere: true)
    static let completion = Kind(
      what: "completion", option: 6, place: 0x1_8000_0000, firstOffset: 12, entrySize: 8,
      isFilledHere: false)
  }

  /// Maps a ring that the socket was asked for.
  ///
  /// - Parameters:
  ///   - kind: Which one.
  ///   - descriptor: The socket.
  ///   - count: Its entries, a power of two.
  ///   - offsets: `struct xdp_mmap_offsets`: for each ring the places of producer, consumer, entries, flags.
  /// - Throws: When the kernel has no memory for it.
  init(
    _ kind: Kind, of descriptor: Int32, count: Int, _ offsets: [UInt64]
  ) throws(LineError) {
    let (producer, consumer) = (
      Int(offsets[kind.firstOffset]), Int(offsets[kind.firstOffset + 1])
    )
    let first = Int(offsets[kind.firstOffset + 2])
    byteCount = first + count * kind.entrySize
    guard
      let mapping = mmap(
        nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor, kind.place),
      mapping != MAP_FAILED
    else { throw LineError("cannot map the \(kind.what) ring") }
    self.mapping = mapping
    entries = mapping + first
    mask = UInt32(count) - 1
    (ownIndex, kernelIndex) = kind.isFilledHere ? (producer, consumer) : (consumer, producer)
    own = 0
  }

  func unmap() { munmap(mapping, byteCount) }

  /// How many entries lie between this side and the kernel: those that wait for the one who takes them.
  @inline(__always)
  func distance(isFilledHere: Bool) -> UInt32 {
    let kernel = mapping.hostOrder32(kernelIndex)
    return isFilledHere ? own &- kernel : kernel &- own
  }

  /// The entry that this side is at, of 8 bytes.
  @inline(__always)
  var address: UInt64 {
    get { (entries + Int(own & mask) &* 8).load(as: UInt64.self) }
    nonmutating set { (entries + Int(own & mask) &* 8).storeBytes(of: newValue, as: UInt64.self) }
  }

  /// The frame that this side is at: an entry of 16 bytes.
  @inline(__always)
  var frame: (address: UInt64, length: UInt32) {
    get {
      let entry = entries + Int(own & mask) &* 16
      return (
        entry.load(as: UInt64.self), entry.load(fromByteOffset: 8, as: UInt32.self)
      )
    }
    nonmutating set {
      let entry = entries + Int(own & mask) &* 16
      entry.storeBytes(of: newValue.address, as: UInt64.self)
      entry.storeBytes(of: UInt64(newValue.length), toByteOffset: 8, as: UInt64.self)
    }
  }

  /// Moves on by an entry, and tells the kernel.
  @inline(__always)
  mutating func advance() {
    own &+= 1
    mapping.setHostOrder32(ownIndex, own)
  }
}
