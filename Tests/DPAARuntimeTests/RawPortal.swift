import Partitioning

@testable import DPAARuntime

/// A client of one portal that talks bytes, as the manual describes them: it uses nothing of the
/// guest library, so what both misunderstand does not cancel out.
final class RawPortal {
  let qman: UnsafeMutableRawPointer
  let registers: UnsafeMutableRawPointer
  let bman: UnsafeMutableRawPointer
  let bmanRegisters: UnsafeMutableRawPointer
  let rings: RingSizes
  private let engine: Engine
  private(set) var enqueued = 0
  private(set) var released = 0
  private(set) var dequeued = 0
  private(set) var messages = 0
  /// How many bytes it writes before its processor stops in the midst of whatever it does; `nil`
  /// for never.
  var fuse: Int?
  /// Done behind each byte that it writes.
  var afterByte: (() -> Void)?
  private var qmanPolarity: UInt8 = 0x80
  private var bmanPolarity: UInt8 = 0x80

  init(_ engine: Engine, owner: Int, portal: Int = 0) {
    self.engine = engine
    let configuration = engine.configuration.owners[owner]
    rings = configuration.rings
    let region = engine.memory[owner].window.memory
    let count = configuration.portals.count
    qman = region + 0x4000 * portal
    bman = region + 0x4000 * (count + portal)
    registers = region + 0x8000 * count + 0x1000 * portal
    bmanRegisters = region + 0x8000 * count + 0x1000 * (count + portal)
    // CFG: enqueue by valid bit, dequeue ring filled, consumption by register.
    setRegister(0x100, 0x02f0_0000)
    // BMan's CFG: release by valid bit.
    setBManRegister(0x100, 2)
    // SDQCR: the dedicated channel, up to three frames.
    setRegister(0x54, 0x2100_8000)
  }

  // MARK: Bytes

  /// Writes bytes, the first of them last: it bears the valid bit.
  static func write(_ bytes: [UInt8], at address: UnsafeMutableRawPointer) {
    for place in bytes.indices.reversed() {
      address.storeBytes(of: bytes[place], toByteOffset: place, as: UInt8.self)
    }
  }

  /// The same for who may die of it or be looked at in the midst of it.
  private func put(_ bytes: [UInt8], at address: UnsafeMutableRawPointer) {
    guard fuse != nil || afterByte != nil else { return Self.write(bytes, at: address) }
    for place in bytes.indices.reversed() {
      if let left = fuse {
        guard left > 0 else { return }
        fuse = left - 1
      }
      address.storeBytes(of: bytes[place], toByteOffset: place, as: UInt8.self)
      afterByte?()
    }
  }

  /// The 64 bytes of a line.
  static func line(_ address: UnsafeMutableRawPointer) -> [UInt8] {
    (0..<64).map { address.load(fromByteOffset: $0, as: UInt8.self) }
  }

  /// A register of QMan's.
  func register(_ offset: Int) -> UInt32 { Self.number(Self.line(registers + offset)[0..<4]) }

  /// Writes a register of QMan's.
  func setRegister(_ offset: Int, _ value: UInt32) {
    guard fuse != 0 else { return }
    withUnsafeBytes(of: value.bigEndian) {
      (registers + offset).copyMemory(from: $0.baseAddress.unsafelyUnwrapped, byteCount: 4)
    }
  }

  /// A register of BMan's.
  func bmanRegister(_ offset: Int) -> UInt32 {
    Self.number(Self.line(bmanRegisters + offset)[0..<4])
  }

  /// Writes a register of BMan's.
  func setBManRegister(_ offset: Int, _ value: UInt32) {
    bmanRegisters.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
  }

  /// A big-endian number.
  static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.reduce(0) { $0 << 8 | UInt32($1) }
  }

  // MARK: Frames

  /// The bytes of an enqueue command without its valid bit.
  static func enqueueCommand(
    _ frame: [UInt8], to fqid: UInt32, tag: UInt32 = 0, verb: UInt8 = 1
  ) -> [UInt8] {
    let identity = [fqid, tag].flatMap { word in [24, 16, 8, 0].map { UInt8(word >> $0 & 0xff) } }
    return [verb, 0, 0x12, 0x34, 0, 0, 0, 0] + identity + frame
  }

  /// An entry of a scatter-gather table.
  static func entry(
    _ address: UInt64, _ length: UInt32, bpid: UInt8 = 3, offset: UInt16 = 0,
    isFinal: Bool = false, isExtension: Bool = false
  ) -> [UInt8] {
    let word = length | (isFinal ? 1 << 30 : 0) | (isExtension ? 1 << 31 : 0)
    return [0, 0, 0] + [32, 24, 16, 8, 0].map { UInt8(address >> $0 & 0xff) }
      + QueueClient.big(word, 4) + [0, bpid, UInt8(offset >> 8), UInt8(offset & 0xff)]
  }

  /// The bytes of a descriptor.
  static func descriptor(
    bpid: UInt8, address: UInt64, offset: UInt32 = 64, length: UInt32 = 60, format: UInt32 = 0
  ) -> [UInt8] {
    let word = format << 29 | offset << 20 | length
    return [0, bpid, 0] + [32, 24, 16, 8, 0].map { UInt8(address >> $0 & 0xff) }
      + [24, 16, 8, 0].map { UInt8(word >> $0 & 0xff) } + [0xc0, 0xff, 0xee, 1]
  }

  /// Puts an enqueue command on the ring.
  func enqueue(_ command: [UInt8]) {
    var command = command
    if enqueued / rings.enqueue % 2 == 0 { command[0] |= 0x80 }
    put(command, at: qman + 64 * (enqueued % rings.enqueue))
    enqueued += 1
  }

  /// The next entry of the dequeue ring; `nil` when there is none.
  func dequeue() -> [UInt8]? {
    let line = Self.line(qman + 0x1000 + 64 * (dequeued % rings.dequeue))
    let polarity: UInt8 = dequeued / rings.dequeue % 2 == 0 ? 0x80 : 0
    guard line[0] & 0x7f == 0x60, line[0] & 0x80 == polarity else { return nil }
    dequeued += 1
    return line
  }

  /// Tells QMan which dequeue entries were taken.
  func consume() { setRegister(0x44, UInt32(dequeued % rings.dequeue)) }

  /// The next message; `nil` when there is none.
  func message() -> [UInt8]? {
    let line = Self.line(qman + 0x2000 + 64 * (messages % 8))
    let polarity: UInt8 = messages / 8 % 2 == 0 ? 0x80 : 0
    guard line[0] & 0x7f != 0, line[0] & 0x80 == polarity else { return nil }
    messages += 1
    return line
  }

  /// Tells QMan which messages were taken.
  func consumeMessages() { setRegister(0x84, UInt32(messages % 8)) }

  // MARK: Commands

  /// Has QMan carry out a command; its response.
  func qmanCommand(_ bytes: [UInt8]) -> [UInt8] {
    post(bytes)
    engine.round()
    return qmanAnswer ?? [UInt8](repeating: 0, count: 64)
  }

  /// QMan's answer to the last command; `nil` while there is none.
  var qmanAnswer: [UInt8]? {
    let line = Self.line(qman + (qmanPolarity == 0 ? 0x3940 : 0x3900))
    return line[0] == 0 ? nil : line
  }

  /// Writes a command that QMan carries out in its next round.
  func post(_ bytes: [UInt8]) {
    var bytes = bytes
    bytes[0] |= qmanPolarity
    put(bytes, at: qman + 0x3800)
    qmanPolarity ^= 0x80
  }

  /// Asks for buffers; BMan gives them in its next round.
  func postAcquire(_ count: UInt8, from pool: UInt8) { postBMan([0x10 | count, pool]) }

  /// The buffers that were asked for a round ago.
  func acquired() -> [UInt64] { Self.buffers(takeBMan()) }

  /// Has BMan carry out a command; its response.
  func bmanCommand(_ bytes: [UInt8]) -> [UInt8] {
    postBMan(bytes)
    engine.round()
    return takeBMan()
  }

  private func postBMan(_ bytes: [UInt8]) {
    var bytes = bytes
    bytes[0] |= bmanPolarity
    put(bytes, at: bman)
  }

  private func takeBMan() -> [UInt8] {
    let response = Self.line(bman + (bmanPolarity == 0 ? 0x100 : 0x140))
    bmanPolarity ^= 0x80
    return response
  }

  /// Acquires buffers; none when there are fewer.
  func acquire(_ count: UInt8, from pool: UInt8) -> [UInt64] {
    Self.buffers(bmanCommand([0x10 | count, pool]))
  }

  private static func buffers(_ response: [UInt8]) -> [UInt64] {
    (0..<Int(response[0] & 0xf)).map { address(response[(8 * $0)..<(8 * $0 + 8)]) }
  }

  /// The 40 bits of a buffer's address from its eight bytes; LIODN and BPID stand in front.
  static func address(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.dropFirst(3).reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Puts a release command on the ring: the pool in front of each address.
  func release(verb: UInt8, _ buffers: [(pool: UInt8, address: UInt64)]) {
    var bytes = buffers.flatMap { buffer in
      [0, buffer.pool] + [40, 32, 24, 16, 8, 0].map { UInt8(buffer.address >> $0 & 0xff) }
    }
    if bytes.isEmpty { bytes = [0, 0] }
    bytes[0] = verb | (released / 8 % 2 == 0 ? 0x80 : 0)
    put(bytes, at: bman + 0x1000 + 64 * (released % 8))
    released += 1
  }
}
