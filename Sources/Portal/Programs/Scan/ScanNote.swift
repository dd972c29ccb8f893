import QorIQ

// SAFETY: the note lies in the first bytes of a buffer that this guest holds. They are the driver's own, and behind
// them a parse result that nobody reads here (Linux 6.1, `drivers/net/ethernet/freescale/dpaa/dpaa_eth.c`,
// `DPAA_TX_PRIV_DATA_SIZE`); frame and table begin behind the note, and behind the request's table where that lies in
// front of it.
/// What is kept of a frame while PME has it, in the frame's own buffer: no other place holds as many as there are
/// buffers, and none is filled or emptied faster.
struct ScanNote: BitwiseCopyable, Equatable {
  /// The way that the frame came on.
  var path = 0
  /// The place of the group that is looked for.
  var stage = 0
  /// The place of its flow; -1 for none.
  var flow = -1
  /// The frame's number in its flow.
  var order: UInt32 = 0
  /// How it goes through PME.
  var phase = Phase.alone
  /// What is looked through: so many bytes behind so many.
  var skip = 0
  var count = 0
  /// Whether the bytes are the first of a stream.
  var starts = false
  /// Offset and length of the frame as it came.
  var formatLength: UInt32 = 0

  /// How a frame goes through PME.
  enum Phase: UInt8 {
    /// It stands for itself.
    case alone
    /// Its bytes are the next of its flow.
    case next
    /// It waits for its turn in its flow: whatever came before it is judged then.
    case turn
    /// It waits for its turn, and stands for itself behind that.
    case turnThenAlone
  }

  /// Whether its bytes are looked through in this phase.
  var isLookedAt: Bool { count > 0 && (phase == .alone || phase == .next) }
  /// Whether it goes through its flow's queues.
  var isInFlow: Bool { phase != .alone }

  /// Bytes of a note.
  static let size = 24
  /// Bytes of a request's table: an output and an input.
  private static let requestSize = 2 * FragmentEntry.size
  /// The highest offset that a descriptor can say.
  static let mostOffset = 0x1ff

  init(_ packet: ScannedPacket, path: Int, formatLength: UInt32) {
    self.path = path
    skip = packet.skip
    count = packet.count
    self.formatLength = formatLength
  }

  /// Reads the note of a frame that is still narrowed.
  init(of buffer: borrowing Buffer) {
    let memory = buffer.memory + (buffer.descriptor.isCompound ? Self.requestSize : 0)
    let word = memory.loadUnaligned(as: UInt64.self)
    let other = memory.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    formatLength = UInt32(truncatingIfNeeded: word)
    path = Int(word >> 32 & 0xff)
    stage = Int(word >> 40 & 0xff)
    starts = word >> 48 & 1 != 0
    phase = Phase(rawValue: UInt8(word >> 49 & 3)) ?? .alone
    flow = Int(other & 0xffff) - 1
    skip = Int(other >> 16 & 0xffff)
    count = Int(other >> 32)
    order = memory.loadUnaligned(fromByteOffset: 16, as: UInt32.self)
  }

  func write(to memory: UnsafeMutableRawPointer) {
    let low = UInt64(formatLength) | UInt64(path) << 32 | UInt64(stage) << 40
    memory.storeBytes(
      of: low | (starts ? 1 << 48 : 0) | UInt64(phase.rawValue) << 49, as: UInt64.self)
    memory.storeBytes(
      of: UInt64(flow + 1) | UInt64(skip) << 16 | UInt64(count) << 32, toByteOffset: 8,
      as: UInt64.self)
    memory.storeBytes(of: order, toByteOffset: 16, as: UInt32.self)
  }

  /// Whether a frame can be narrowed to what is looked through, where it lies.
  static func fits(_ buffer: borrowing Buffer, _ packet: ScannedPacket, head: Int) -> Bool {
    let offset = Int(buffer.descriptor.offset)
    guard offset >= size, packet.count >= 0 else { return false }
    guard buffer.descriptor.isScattered else { return offset + packet.skip <= mostOffset }
    // Bytes behind the packet are no part of a stream; a first piece that is used up would be empty, and one that
    // begins too far behind cannot be said.
    let first = FragmentEntry(buffer.memory + offset)
    return packet.skip < head && packet.skip + packet.count == Int(buffer.descriptor.length)
      && Int(first.offset) + packet.skip <= FragmentEntry.mostOffset
  }

  // MARK: what is passed over

  /// Passes over so many bytes more in front of what is looked through; `false`, and nothing is changed, where there
  /// is no room to say so.
  mutating func pass(over bytes: Int, of buffer: borrowing Buffer) -> Bool {
    // A note has 16 bits for that.
    guard skip + bytes <= 0xffff, Self.canBegin(at: skip + bytes, of: buffer) else { return false }
    skip += bytes
    count -= bytes
    return true
  }

  /// Whether a frame can be narrowed to what is behind so many of its bytes. A descriptor says so of few. Of more says
  /// the table of a request, for which there must be room in front of the frame; of a frame in several buffers its
  /// own table, which begins with a later piece.
  private static func canBegin(at start: Int, of buffer: borrowing Buffer) -> Bool {
    let offset = Int(buffer.descriptor.offset)
    guard buffer.descriptor.isScattered else {
      return offset + start <= mostOffset || offset >= requestSize + size
    }
    let (place, front) = piece(at: start, of: buffer)
    let table = offset + place * FragmentEntry.size
    return table <= mostOffset
      && Int(FragmentEntry(buffer.memory + table).offset) + front <= FragmentEntry.mostOffset
  }

  /// The piece that what is behind so many of a frame's bytes begins in: its place in the table, and how many of its
  /// bytes are in front.
  private static func piece(
    at start: Int, of buffer: borrowing Buffer
  ) -> (place: Int, front: Int) {
    let table = buffer.memory + Int(buffer.descriptor.offset)
    var (place, front) = (0, start)
    while place < FragmentEntry.limit - 1 {
      let length = Int(FragmentEntry(table + place * FragmentEntry.size).length)
      guard front >= length else { break }
      front -= length
      place += 1
    }
    return (place, front)
  }

  /// Narrows a frame to what is looked through, and keeps the note in it.
  func narrow(_ buffer: inout Buffer) {
    let own = buffer.descriptor
    let start = Int(own.offset) + skip
    guard !isLookedAt || own.isScattered || start <= Self.mostOffset else {
      // Table and bytes may lie in one buffer. For reports there is no room, so that the answer says as of a frame
      // only whether something was found.
      FragmentEntry(bpid: own.bpid, address: own.address, offset: 0, length: 0, isFinal: false)
        .write(to: buffer.memory)
      FragmentEntry(
        bpid: own.bpid, address: own.address + UInt64(start), offset: 0,
        length: UInt32(truncatingIfNeeded: count), isFinal: true
      ).write(to: buffer.memory + FragmentEntry.size)
      write(to: buffer.memory + Self.requestSize)
      buffer.descriptor = FrameDescriptor(
        compound: own.bpid, address: own.address, length: UInt32(truncatingIfNeeded: count))
      return
    }
    write(to: buffer.memory)
    guard isLookedAt else { return }
    guard own.isScattered else {
      buffer.descriptor.formatLength =
        UInt32(truncatingIfNeeded: start) << 20 | UInt32(truncatingIfNeeded: count)
      return
    }
    // Pieces in front of that are this guest's meanwhile.
    let (place, front) = Self.piece(at: skip, of: buffer)
    let table = Int(own.offset) + place * FragmentEntry.size
    Self.cut(front, offEntryAt: buffer.memory + table)
    buffer.descriptor.formatLength =
      FrameDescriptor(
        bpid: own.bpid, address: own.address, offset: UInt32(truncatingIfNeeded: table),
        length: UInt32(truncatingIfNeeded: count)
      ).scattered.formatLength
  }

  /// Makes a frame again what it was.
  func widen(_ buffer: inout Buffer) {
    let narrowed = buffer.descriptor
    buffer.descriptor.formatLength = formatLength
    guard isLookedAt, narrowed.isScattered else { return }
    let table = buffer.memory + Int(buffer.descriptor.offset)
    let first = buffer.memory + Int(narrowed.offset)
    // Only the piece that the narrowed frame began with is not what it was.
    var (front, place) = (skip, table)
    while place < first {
      front -= Int(FragmentEntry(place).length)
      place += FragmentEntry.size
    }
    Self.cut(-front, offEntryAt: first)
  }

  /// Takes bytes off the front of a piece, or puts them back.
  private static func cut(_ count: Int, offEntryAt entry: UnsafeMutableRawPointer) {
    FragmentEntry(entry).cut(front: count).write(to: entry)
  }
}
