import QorIQ

// SAFETY: the note lies in the first bytes of a buffer that this guest holds. They are the driver's own, and behind
// them a parse result that nobody reads here (Linux 6.1, `drivers/net/ethernet/freescale/dpaa/dpaa_eth.c`,
// `DPAA_TX_PRIV_DATA_SIZE`); frame and table begin behind the note.
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
  /// The highest offset that a descriptor can say.
  static let mostOffset = 0x1ff

  init(_ packet: ScannedPacket, path: Int, formatLength: UInt32) {
    self.path = path
    skip = packet.skip
    count = packet.count
    self.formatLength = formatLength
  }

  init(_ memory: UnsafeMutableRawPointer) {
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

  /// Narrows a frame to what is looked through, and keeps the note in it.
  func narrow(_ buffer: inout Buffer) {
    write(to: buffer.memory)
    guard isLookedAt else { return }
    guard buffer.descriptor.isScattered else {
      buffer.descriptor.formatLength =
        UInt32(truncatingIfNeeded: Int(buffer.descriptor.offset) + skip) << 20
        | UInt32(truncatingIfNeeded: count)
      return
    }
    moveFirstPiece(of: buffer, by: skip)
    buffer.descriptor.formatLength -= UInt32(truncatingIfNeeded: skip)
  }

  /// Makes a frame again what it was.
  func widen(_ buffer: inout Buffer) {
    if isLookedAt, buffer.descriptor.isScattered { moveFirstPiece(of: buffer, by: -skip) }
    buffer.descriptor.formatLength = formatLength
  }

  /// Takes bytes off the front of a frame in several buffers, or puts them back.
  private func moveFirstPiece(of buffer: borrowing Buffer, by count: Int) {
    let table = buffer.memory + Int(buffer.descriptor.offset)
    FragmentEntry(table).cut(front: count).write(to: table)
  }
}
