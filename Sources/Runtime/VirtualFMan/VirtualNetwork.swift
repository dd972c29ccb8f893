import CPortalShims
import DPAAPortal
import Partitioning
import QorIQ

// SAFETY: whoever makes it keeps the client's memory and the window mapped as long as it lives. One
// thread works on it.
/// The virtual frame managers of one client: their registers in the client's window, its MACs with
/// their ports, and the wire between them.
///
/// Registers are memory that the client may write at any time; what they say is looked at when it
/// matters, each word once, and every queue, pool and address that they or a descriptor name is held
/// against what is the client's.
final class VirtualNetwork {
  /// A MAC with its two ports.
  struct MAC {
    let registers: UnsafeMutableRawPointer
    let receivePort: UnsafeMutableRawPointer
    let transmitPort: UnsafeMutableRawPointer
    let receiveNumber: UInt8
    /// Its block's place among the blocks.
    let block: Int
    /// The place of its transmit channel in QMan's table.
    let channel: Int
    /// The MAC at the other end of the wire; `nil` for none.
    var peer: Int?
    /// Which multicast groups are let in, by their hash.
    var groups: UInt64 = 0
    var shownHashControl: UInt32 = 0
  }

  struct Block {
    let registers: UnsafeMutableRawPointer
    var keyGen = VirtualKeyGen()
  }

  /// What became of frames, for people.
  struct Tally {
    var transmitted: UInt64 = 0
    var received: UInt64 = 0
    var confirmed: UInt64 = 0
    var released: UInt64 = 0
    var lost: UInt64 = 0
  }

  /// How many entries of a driver's table are read.
  static let entryLimit = 256

  let memory: ClientBytes
  let keyGen: KeyGen
  let stamp: UInt64
  var macs: [MAC] = []
  var blocks: [Block] = []
  var tally = Tally()
  /// The frame that is on its way, and the table that it was gathered from: the engine's own copies.
  let frame: FlatTable<UInt8>
  let table: FlatTable<UInt8>
  /// The buffers behind the table of the frame that was stored last.
  var fragments: [UInt64] = []
  /// Where frames of MACs without a peer go, told of the MAC and the time; whether it has turned the
  /// frame into an answer.
  var outlet: ((UnsafeMutableRawBufferPointer, Int, UInt64) -> Bool)?

  /// Puts the registers of every block into their reset state.
  ///
  /// - Parameters:
  ///   - plan: What the client is served.
  ///   - window: The client's window.
  ///   - memory: The client's memory.
  ///   - tables: Its managers.
  /// - Throws: ``EngineError`` for want of memory.
  init(
    _ plan: AttachPlan, window: UnsafeMutableRawPointer, memory: ClientBytes,
    _ tables: borrowing EngineTables
  ) throws(EngineError) {
    self.memory = memory
    keyGen = KeyGen()
    frame = try FlatTable<UInt8>(count: FrameLength.longest)
    table = try FlatTable<UInt8>(count: FragmentEntry.size * Self.entryLimit)
    stamp = tables.owners.base[0].stamp
    for index in plan.frameManagers {
      let registers = window + AttachLayout.frameManager(index)
      registers.initializeMemory(
        as: UInt8.self, repeating: 0, count: FManRegister.Block.size)
      registers.release32(FManRegister.Block.revision, FManRegister.Block.revisionValue)
      blocks.append(Block(registers: registers))
    }
    for mac in plan.macs {
      guard let block = plan.frameManagers.firstIndex(of: mac.frameManager),
        let channel = (1..<tables.qman.channels.count).first(where: {
          tables.qman.channels.base[$0].number == mac.transmitChannel.rawValue
        })
      else { throw .badConfiguration("no channel \(mac.transmitChannel) for a virtual MAC") }
      let registers = blocks[block].registers
      macs.append(
        MAC(
          registers: registers + mac.offset,
          receivePort: registers + VirtualMAC.offset(of: mac.receivePort),
          transmitPort: registers + VirtualMAC.offset(of: mac.transmitPort),
          receiveNumber: mac.receivePort.rawValue, block: block, channel: channel))
    }
    for (a, b) in plan.wires {
      macs[a].peer = b
      macs[b].peer = a
    }
  }

  /// Does what follows from what the client wrote, and moves frames.
  ///
  /// - Returns: Whether there was anything.
  func step(_ tables: inout EngineTables, now: UInt64) -> Bool {
    var isBusy = false
    for index in blocks.indices where update(&blocks[index]) { isBusy = true }
    for index in macs.indices {
      if update(&macs[index]) { isBusy = true }
      if transmit(index, &tables, now: now) { isBusy = true }
    }
    return isBusy
  }

  private func update(_ block: inout Block) -> Bool {
    let registers = block.registers
    if registers.acquire32(FManRegister.Block.revision) != FManRegister.Block.revisionValue {
      registers.release32(FManRegister.Block.revision, FManRegister.Block.revisionValue)
    }
    var isBusy = block.keyGen.update(registers + FManRegister.Block.keyGen)
    let reset = registers.acquire32(FManRegister.Block.reset)
    if reset & FManRegister.Block.resetAll != 0 {
      block.keyGen = VirtualKeyGen()
      registers.release32(FManRegister.Block.reset, reset & ~FManRegister.Block.resetAll)
      isBusy = true
    }
    return isBusy
  }

  /// A MAC's reset, its table of groups, and its receive port's parser, which is stopped and started.
  private func update(_ mac: inout MAC) -> Bool {
    typealias Register = FManRegister.MAC
    var isBusy = false
    let command = mac.registers.acquire32(Register.command)
    if command & Register.reset != 0 {
      mac.registers.initializeMemory(as: UInt8.self, repeating: 0, count: Register.size)
      mac.groups = 0
      mac.shownHashControl = 0
      isBusy = true
    }
    // Bit 8 lets a group in; the lowest six bits are its hash.
    let control = mac.registers.acquire32(Register.hashControl)
    if control != mac.shownHashControl {
      mac.shownHashControl = control
      let bit: UInt64 = 1 << UInt64(control & 0x3f)
      if control & 0x100 != 0 { mac.groups |= bit } else { mac.groups &= ~bit }
      isBusy = true
    }
    let parser = mac.receivePort.acquire32(FManRegister.Receive.parser)
    let runs = parser & FManRegister.Receive.parserStop == 0
    if runs != (parser & FManRegister.Receive.parserRuns != 0) {
      mac.receivePort.replace32(
        FManRegister.Receive.parser, parser, with: parser ^ FManRegister.Receive.parserRuns)
      isBusy = true
    }
    return isBusy
  }

  /// Puts a frame into a queue that a register or a descriptor named, if it is the client's.
  func enqueue(
    _ descriptor: FrameDescriptor, to fqid: UInt32, _ tables: inout EngineTables
  ) -> Bool {
    guard fqid != 0, tables.owns(fqid, count: 1, owner: 0) else { return false }
    let stamped = descriptor.stamped(stamp)
    if case .accepted = tables.qman.enqueue(stamped, to: fqid) { return true }
    return false
  }

  /// Brings a frame to whatever is connected to a MAC; an answer may come back at once.
  func send(
    _ bytes: UnsafeMutableRawBufferPointer, from index: Int, _ tables: inout EngineTables,
    now: UInt64
  ) {
    if let peer = macs[index].peer {
      receive(UnsafeRawBufferPointer(bytes), on: peer, &tables, now: now)
    } else if let outlet, outlet(bytes, index, now) {
      receive(UnsafeRawBufferPointer(bytes), on: index, &tables, now: now)
    }
  }
}

extension UnsafeMutableRawPointer {
  /// Counts a frame in a MAC's statistics of one direction: octets, frames, kinds of address and
  /// sizes, which are the same for both (Linux 6.1, `fman_memac.c`, `struct memac_regs`).
  func countFrame(_ frame: UnsafeRawBufferPointer) {
    // The four bytes of the frame check sequence are counted.
    let length = frame.count + 4
    count64(0x00, UInt64(length))
    count64(0x08, UInt64(length))
    count64(0x20)
    count64(0x40 + 8 * (MACCounter.address(frame).rawValue - MACCounter.unicast.rawValue))
    count64(0x60)
    count64(0x70 + 8 * MACCounter.sizeClass(length))
  }
}
