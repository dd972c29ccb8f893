import Partitioning
import QorIQ
import TestSupport

@testable import DPAARuntime

/// A guest that keeps the rules, in bytes: rings, registers and every kind of command.
///
/// It may die in the midst of a store, and the engine may look in the midst of one.
final class ByteSearchGuest: SearchGuest {
  private unowned let world: SearchWorld
  private let owner: Int
  private let portals: [RawPortal]
  private let pool: PoolAssignment
  private let queues: QueueRange
  /// Queues that it takes into service and out of it as it likes.
  private let spare: [UInt32]
  /// Buffers that it holds.
  private var held: [UInt64] = []
  /// Whether it consumes entry by entry.
  private let isDiscrete: Bool

  init(_ world: SearchWorld, _ owner: Int) {
    self.world = world
    self.owner = owner
    let configuration = world.simulation.engine.configuration.owners[owner]
    pool = configuration.pools[0]
    queues = configuration.queues[0]
    let last = queues.last.rawValue
    spare = (0..<3).map { last - $0 }
    portals = configuration.portals.indices.map {
      RawPortal(world.simulation.engine, owner: owner, portal: $0)
    }
    isDiscrete = world.oneIn(2)
    let dies = world.mayDie && world.oneIn(6)
    for portal in portals {
      if isDiscrete { portal.setRegister(0x100, 0x02f2_0000) }
      portal.fuse = dies ? world.below(3000) : nil
      if world.oneIn(2) {
        portal.afterByte = { [unowned world] in
          if world.oneIn(40) { world.simulation.engine.round() }
        }
      }
    }
  }

  var isStopped: Bool { portals.contains { $0.fuse == 0 } }

  func act() {
    switch world.below(10) {
    case 0: acquire()
    case 1: release(world.below(9))
    case 2, 3: for _ in 0...world.below(4) { send() }
    case 4, 5: for portal in portals { takeFrames(portal, atMost: 1 + world.below(5)) }
    case 6: takeMessages()
    case 7, 8: command()
    default: ask()
    }
  }

  // MARK: Buffers

  private func acquire() {
    for address in portals[0].acquire(UInt8(1 + world.below(8)), from: pool.bpid.rawValue) {
      hold(address, "an acquire")
    }
  }

  private func hold(_ address: UInt64, _ what: String) {
    guard address >= pool.base, (address - pool.base) % UInt64(pool.bufferStride) == 0,
      address < pool.base + pool.memory.size
    else { return world.fault("\(what) gave owner \(owner) the address \(address)") }
    if held.contains(address) { world.fault("\(what) gave owner \(owner) what it had already") }
    held.append(address)
  }

  private func release(_ most: Int) {
    let portal = portals[0]
    let consumer = Int(RawPortal.number(RawPortal.line(portal.bmanRegisters + 4)[0..<4]))
    let count = min(most, held.count, 8)
    guard count > 0, (portal.released - consumer) & 7 < 7 else { return }
    let isEach = world.oneIn(2)
    let buffers = held.suffix(count).map { (pool: pool.bpid.rawValue, address: $0) }
    held.removeLast(count)
    portal.release(verb: (isEach ? 0x30 : 0x20) | UInt8(count), buffers)
  }

  // MARK: Frames

  /// Where a buffer lies in this process.
  private func memory(_ address: UInt64) -> UnsafeMutableRawPointer {
    world.simulation.engine.memory[owner].pools[0].memory + Int(address - pool.base)
  }

  private func send() {
    let portal = portals[0]
    let size = portal.rings.enqueue
    guard (portal.enqueued - Int(portal.register(4))) & (size - 1) < size - 1,
      let address = held.popLast()
    else { return }
    let routes = SearchWorld.routes[owner]
    var route = routes[world.below(routes.count)]
    switch world.below(8) {
    case 0: route = ([0, 401, 0xff_ffff][world.below(3)], FrameLabel.nobody)
    case 1, 2: route = (spare[world.below(3)], owner)
    default: break
    }
    let label = world.newLabel(from: owner, to: route.addressee)
    let descriptor =
      world.oneIn(3) && held.count >= 2
      ? pieces(of: label, tableIn: address) : whole(label, in: address)
    world.noteSent(label)
    portal.enqueue(
      RawPortal.enqueueCommand(
        descriptor, to: route.queue, tag: UInt32(label.number),
        verb: 1 | UInt8(world.below(4)) << 3 | (world.oneIn(4) ? 4 : 0)))
  }

  /// A frame in one buffer.
  private func whole(_ label: FrameLabel, in address: UInt64) -> [UInt8] {
    let frame = label.frame(words: 8 + world.below(100))
    let offset = 8 * world.below(64)
    (memory(address) + offset).copyMemory(from: frame, byteCount: frame.count)
    return RawPortal.descriptor(
      bpid: pool.bpid.rawValue, address: address, offset: UInt32(offset),
      length: UInt32(frame.count))
  }

  /// A frame in as many buffers as it holds, up to four, with a further table now and then.
  private func pieces(of label: FrameLabel, tableIn address: UInt64) -> [UInt8] {
    var table = memory(address) + 64
    var length = 0
    let count = 1 + world.below(min(4, held.count))
    for number in 0..<count {
      if held.count > count - number, world.oneIn(3), let next = held.popLast() {
        write(next, 64, 0, flags: 0x80, to: table)
        table = memory(next) + 64
      }
      guard let piece = held.popLast() else { return [] }
      let frame = label.frame(words: 2 + world.below(200))
      let offset = 8 * world.below(8)
      (memory(piece) + offset).copyMemory(from: frame, byteCount: frame.count)
      write(
        piece, offset, frame.count, flags: number == count - 1 ? 0x40 : 0, to: table)
      table += 16
      length += frame.count
    }
    return RawPortal.descriptor(
      bpid: pool.bpid.rawValue, address: address, length: UInt32(length), format: 4)
  }

  /// Writes an entry of a table.
  private func write(
    _ address: UInt64, _ offset: Int, _ length: Int, flags: UInt8, to table: UnsafeMutableRawPointer
  ) {
    let bytes: [UInt8] =
      Frame.big(address) + [flags, UInt8(length >> 16), UInt8(length >> 8 & 0xff)]
      + [UInt8(length & 0xff), 0, pool.bpid.rawValue, UInt8(offset >> 8), UInt8(offset & 0xff)]
    table.copyMemory(from: bytes, byteCount: 16)
  }

  /// The frame of a descriptor that QMan gave, after its buffers were noted.
  private func frame(_ descriptor: ArraySlice<UInt8>, _ what: String) -> [UInt8]? {
    let bytes = Array(descriptor)
    let address = RawPortal.address(bytes[0..<8])
    hold(address, what)
    let word = RawPortal.number(bytes[8..<12])
    let (offset, length) = (Int(word >> 20 & 0x1ff), Int(word & 0xf_ffff))
    guard bytes[1] == pool.bpid.rawValue, word >> 29 == 0 || word >> 29 == 4, held.last == address
    else {
      world.fault("\(what) of owner \(owner) has the descriptor \(bytes)")
      return nil
    }
    guard word >> 29 == 4 else { return part(address, offset, length, what) }
    var found: [UInt8] = []
    var table = memory(address) + offset
    for _ in 0..<16 {
      let entry = (0..<16).map { table.load(fromByteOffset: $0, as: UInt8.self) }
      let piece = RawPortal.address(entry[0..<8])
      let start = Int(entry[14] & 0x1f) << 8 | Int(entry[15])
      hold(piece, what)
      guard held.last == piece, start + 16 <= Int(pool.bufferSize) else { return nil }
      guard entry[8] & 0x80 == 0 else {
        table = memory(piece) + start
        continue
      }
      let count = Int(RawPortal.number(entry[8..<12]) & 0x3fff_ffff)
      guard let bytes = part(piece, start, count, what) else { return nil }
      found += bytes
      if entry[8] & 0x40 != 0 {
        if found.count != length {
          world.fault("\(what) of owner \(owner) has \(found.count) bytes, not \(length)")
        }
        return found
      }
      table += 16
    }
    world.fault("\(what) of owner \(owner) has a table without an end")
    return nil
  }

  /// Bytes of a buffer that it holds.
  private func part(_ address: UInt64, _ offset: Int, _ length: Int, _ what: String) -> [UInt8]? {
    guard offset + length <= Int(pool.bufferSize) else {
      world.fault("\(what) of owner \(owner) reaches behind its buffer")
      return nil
    }
    return Array(UnsafeRawBufferPointer(start: memory(address) + offset, count: length))
  }

  @discardableResult
  private func takeFrames(_ portal: RawPortal, atMost most: Int) -> Bool {
    var taken = 0
    while taken < most, portal.fuse != 0, let entry = portal.dequeue() {
      taken += 1
      if entry[1] & 0x10 != 0 {
        if !queues.rawValues.contains(RawPortal.number(entry[8..<12])) {
          world.fault("owner \(owner) got a frame of queue \(entry[8..<12])")
        }
        if let frame = frame(entry[16..<32], "an entry") {
          frame.withUnsafeBytes { world.noteReceived($0, by: owner) }
        }
      }
      if isDiscrete {
        let place = UInt32((portal.dequeued - 1) % portal.rings.dequeue)
        portal.setRegister(0x50, place | (world.oneIn(8) ? 0x40 : 0))
        world.simulation.engine.round()
      } else if world.oneIn(2) {
        portal.consume()
      }
    }
    return taken > 0
  }

  @discardableResult
  private func takeMessages() -> Bool {
    var found = false
    for portal in portals where portal.fuse != 0 {
      while let message = portal.message() {
        found = true
        if message[0] & 0x20 == 0 {
          if let frame = frame(message[16..<32], "a rejection") {
            frame.withUnsafeBytes { world.noteRejected($0, by: owner) }
          }
        } else if !queues.rawValues.contains(RawPortal.number(message[8..<12])) {
          world.fault("owner \(owner) got a message about queue \(message[8..<12])")
        }
        portal.consumeMessages()
      }
    }
    return found
  }

  // MARK: Commands

  private func result(_ verb: UInt8, _ fqid: UInt32) -> [UInt8] {
    portals[0].qmanCommand([verb, 0, 0, 0] + QueueClient.big(fqid, 4))
  }

  /// Has a spare queue do something, whether it is legal in its state or not.
  private func command() {
    let fqid = spare[world.below(3)]
    switch world.below(4) {
    case 0: initialize(fqid)
    case 1: portals[0].setRegister(0x58, UInt32(world.below(4)) << 24 | fqid)
    case 2:
      let commands: [UInt32] = [0, 0x2100_8000, 0x0100_8000, 0x3142_c000, 0x2200_8000, 0x23aa_8000]
      portals[0].setRegister(0x54, commands[world.below(commands.count)])
    default:
      let verbs: [UInt8] = [0x48, 0x49, 0x4a, 0x4b, 0x4d, 0x4e]
      _ = result(verbs[world.below(verbs.count)], fqid)
    }
  }

  private func initialize(_ fqid: UInt32) {
    let channel = UInt32(
      world.simulation.engine.configuration.owners[owner].portals[0].rawValue)
    var bytes = [UInt8](repeating: 0, count: 32)
    bytes[0] = world.oneIn(2) ? 0x41 : 0x40
    // Credit, threshold, context B, control and destination; a group where there is one.
    let mask: UInt32 = 0x3e | (owner > 0 ? 0x40 : 0)
    var control: UInt32 = world.oneIn(2) ? 0x0002 : 0
    if world.oneIn(3) { control |= 0x0200 }
    if owner > 0, world.oneIn(3) { control |= 0x0400 }
    bytes.replaceSubrange(2..<4, with: QueueClient.big(mask, 2))
    bytes.replaceSubrange(4..<8, with: QueueClient.big(fqid, 4))
    bytes[11] = UInt8(owner)
    bytes.replaceSubrange(12..<14, with: QueueClient.big(control, 2))
    let workQueue = UInt32(world.below(8))
    bytes.replaceSubrange(14..<16, with: QueueClient.big(channel << 3 | workQueue, 2))
    bytes.replaceSubrange(
      16..<18, with: QueueClient.big(world.oneIn(2) ? 0 : UInt32(world.below(600)), 2))
    bytes.replaceSubrange(18..<20, with: QueueClient.big(UInt32(world.below(256)) << 5 | 2, 2))
    _ = portals[0].qmanCommand(bytes)
  }

  /// Asks about anything, its own or not.
  private func ask() {
    let fqid = UInt32(world.below(420))
    switch world.below(4) {
    case 0: _ = portals[0].bmanCommand([0x40])
    case 1: _ = portals[0].qmanCommand([[0x46, 0x47, 0x58, 0x59, 0x7f][world.below(5)]])
    case 2: _ = result(0x44, fqid)
    default: _ = result(0x45, fqid)
    }
  }

  // MARK: The end

  func settle() -> Bool {
    var isBusy = takeMessages()
    for portal in portals {
      portal.fuse = nil
      portal.afterByte = nil
      portal.setRegister(0x54, 0x2100_8000)
      if takeFrames(portal, atMost: 100) { isBusy = true }
      if !isDiscrete { portal.consume() }
    }
    for fqid in spare where retire(fqid) { isBusy = true }
    if !held.isEmpty {
      release(8)
      isBusy = true
    }
    return isBusy
  }

  /// Brings a spare queue a step nearer to being out of service.
  private func retire(_ fqid: UInt32) -> Bool {
    let answer = result(0x45, fqid)
    guard answer[1] == 0xf0 else {
      world.fault("owner \(owner) may not ask for its queue \(fqid)")
      return false
    }
    switch answer[3] & 7 {
    case 0: return false
    case 1:
      if answer[44..<48].allSatisfy({ $0 == 0 }) {
        _ = result(0x4b, fqid)
      } else if portals[0].register(0x58) == 0 {
        portals[0].setRegister(0x58, fqid)
      }
    default: _ = result(0x4a, fqid)
    }
    return true
  }

  func acquireAll() -> [UInt64] {
    var all: [UInt64] = []
    while let address = portals[0].acquire(1, from: pool.bpid.rawValue).first {
      all.append(address)
      if all.count > 1000 { break }
    }
    return all
  }
}
