import DPAAPortal
import QorIQ

/// A transmit port: it takes what its channel's queues hold, sends it, and confirms or frees.
extension VirtualNetwork {
  private typealias Register = FManRegister.Transmit

  /// What was learnt of a frame on its way out.
  private struct Gathered {
    var length = 0
    /// How many bytes of a table of fragments were copied; 0 for a frame in one buffer.
    var tableLength = 0
    var status: UInt32 = 0
  }

  /// Transmits what a MAC's channel holds, a burst at most.
  func transmit(_ index: Int, _ tables: inout EngineTables, now: UInt64) -> Bool {
    let mac = macs[index]
    guard
      mac.transmitPort.acquire32(Register.dequeue) & FManRegister.isEnabled != 0,
      mac.transmitPort.acquire32(Register.configuration) & FManRegister.isEnabled != 0,
      mac.registers.acquire32(FManRegister.MAC.command) & FManRegister.MAC.transmits != 0
    else { return false }
    var sent = 0
    var turns = 0
    while sent < EngineTables.burst, turns < EngineTables.burst,
      let fqid = tables.qman.select(mac.channel)
    {
      turns += 1
      let queue = tables.qman.queues.base + Int(fqid)
      var turn = 0
      while turn < EngineTables.turn, queue.pointee.count > 0 {
        let descriptor = tables.qman.pop(fqid)
        let context = (
          tables.qman.settings.base[Int(fqid)].contextA, queue.pointee.contextB
        )
        transmit(descriptor, context, on: index, &tables, now: now)
        turn += 1
        sent += 1
      }
      tables.endPortTurn(fqid)
    }
    return turns > 0
  }

  private func transmit(
    _ descriptor: FrameDescriptor, _ context: (a: UInt64, b: UInt32), on index: Int,
    _ tables: inout EngineTables, now: UInt64
  ) {
    let mac = macs[index]
    var gathered = gather(descriptor)
    if gathered.status == 0 {
      let bytes = UnsafeMutableRawBufferPointer(start: frame.base, count: FrameLength.longest)
      let asked = FrameStatus.doesChecksum | FrameStatus.readsContext
      if descriptor.command & asked == asked, let result = parseResult(of: descriptor, mac) {
        InternetChecksum.fill(
          UnsafeMutableRawBufferPointer(rebasing: bytes[..<gathered.length]), result)
      }
      // The shortest frame has 64 bytes with its check sequence.
      if gathered.length < 60,
        mac.registers.acquire32(FManRegister.MAC.command) & FManRegister.MAC.padsFrames != 0
      {
        UnsafeMutableRawBufferPointer(rebasing: bytes[gathered.length..<60])
          .initializeMemory(as: UInt8.self, repeating: 0)
        gathered.length = 60
      }
      let sent = UnsafeMutableRawBufferPointer(rebasing: bytes[..<gathered.length])
      (mac.registers + FManRegister.MAC.transmitStatistics)
        .countFrame(UnsafeRawBufferPointer(sent))
      mac.transmitPort.count32(Register.frames)
      tally.transmitted += 1
      send(sent, from: index, &tables, now: now)
    } else {
      tally.lost += 1
      mac.transmitPort.count32(
        gathered.status == FrameStatus.length
          ? Register.lengthErrors
          : gathered.status == FrameStatus.unsupportedFormat
            ? Register.formatErrors : Register.discards)
    }
    complete(descriptor, gathered, context, mac, &tables)
  }

  /// Copies a frame of the client into ``frame``.
  private func gather(_ descriptor: FrameDescriptor) -> Gathered {
    let length = Int(descriptor.length)
    guard descriptor.format == 0 || descriptor.isScattered else {
      return Gathered(status: FrameStatus.unsupportedFormat)
    }
    guard length >= FrameLength.shortest, length <= FrameLength.longest else {
      return Gathered(status: FrameStatus.length)
    }
    let start = descriptor.address + UInt64(descriptor.offset)
    guard descriptor.isScattered else {
      guard let part = memory.part(start, length), let source = part.baseAddress else {
        return Gathered(status: FrameStatus.memory)
      }
      UnsafeMutableRawPointer(frame.base).copyMemory(from: source, byteCount: length)
      return Gathered(length: length)
    }
    return gatherFragments(at: start, length: length)
  }

  private func gatherFragments(at start: UInt64, length: Int) -> Gathered {
    var gathered = Gathered()
    while gathered.length < length {
      let place = gathered.tableLength
      guard place < FragmentEntry.size * Self.entryLimit else {
        gathered.status = FrameStatus.length
        return gathered
      }
      guard let part = memory.part(start + UInt64(place), FragmentEntry.size),
        let source = part.baseAddress
      else {
        gathered.status = FrameStatus.memory
        return gathered
      }
      (UnsafeMutableRawPointer(table.base) + place)
        .copyMemory(from: source, byteCount: FragmentEntry.size)
      gathered.tableLength = place + FragmentEntry.size
      let entry = FragmentEntry(UnsafeRawPointer(table.base) + place)
      guard !entry.isExtension else {
        gathered.status = FrameStatus.unsupportedFormat
        return gathered
      }
      let count = min(Int(entry.length), length - gathered.length)
      guard let bytes = memory.part(entry.address + UInt64(entry.offset), count) else {
        gathered.status = FrameStatus.memory
        return gathered
      }
      if let source = bytes.baseAddress {
        (UnsafeMutableRawPointer(frame.base) + gathered.length)
          .copyMemory(from: source, byteCount: count)
      }
      gathered.length += count
      if entry.isFinal, gathered.length < length {
        gathered.status = FrameStatus.length
        return gathered
      }
    }
    return gathered
  }

  /// The parse result that the driver has put in front of a frame, at the place where the port's
  /// register says that the internal context lies; the result is behind its first 32 bytes.
  private func parseResult(of descriptor: FrameDescriptor, _ mac: MAC) -> InlineArray<32, UInt8>? {
    let context = InternalContextCopy(mac.transmitPort.acquire32(Register.internalContext))
    let skipped = InternalContextCopy.parseResult - context.first
    guard skipped >= 0, context.size >= skipped + 32 else { return nil }
    let address = descriptor.address + UInt64(context.offset + skipped)
    guard let part = memory.part(address, 32) else { return nil }
    return InlineArray { part[$0] }
  }

  /// Confirms a frame, or gives its buffers back, as the descriptor, the queue's context A (Linux
  /// 6.1, `dpaa_eth.c`, `dpaa_fq_init`) and the port say. One that failed goes to the error queue.
  private func complete(
    _ descriptor: FrameDescriptor, _ gathered: Gathered, _ context: (a: UInt64, b: UInt32),
    _ mac: MAC, _ tables: inout EngineTables
  ) {
    let (hasA2, hasB) = (
      context.a & 0x0800_0000_0000_0000 != 0, context.a & 0x0200_0000_0000_0000 != 0
    )
    let confirmQueue = mac.transmitPort.acquire32(Register.confirmQueue) & FManRegister.queueMask
    var queue: UInt32
    if gathered.status != 0 {
      queue = mac.transmitPort.acquire32(Register.errorQueue) & FManRegister.queueMask
    } else if descriptor.command & FrameStatus.sendsConfirmation != 0 {
      queue = descriptor.command & FManRegister.queueMask
      if queue == 0, hasB { queue = context.b & FManRegister.queueMask }
      if queue == 0 { queue = confirmQueue }
    } else {
      // The lowest word's highest bit: buffers are freed by the port.
      queue = hasA2 && context.a & 0x8000_0000 != 0 ? 0 : confirmQueue
    }
    guard queue == 0 else {
      var answer = descriptor
      answer.command = gathered.status
      if enqueue(answer, to: queue, &tables) { tally.confirmed += 1 } else { tally.lost += 1 }
      return
    }
    for place in stride(from: 0, to: gathered.tableLength, by: FragmentEntry.size) {
      let entry = FragmentEntry(UnsafeRawPointer(table.base) + place)
      release(entry.address, to: entry.bpid.rawValue, &tables)
    }
    release(descriptor.address, to: descriptor.bpid.rawValue, &tables)
  }

  /// Gives a buffer to a pool of the client; who names another has lost it.
  func release(_ address: UInt64, to pool: UInt8, _ tables: inout EngineTables) {
    if tables.clientPools.isAllowed(pool), tables.clientPools.release(address, to: pool) {
      tally.released += 1
    } else {
      tables.counters.add(.strayBuffers, 0)
    }
  }
}

/// Which part of a frame's internal context is copied to or from the buffer, and where, in units of
/// 16 bytes: Linux 6.1, `fman_port.c` (`fmbm_ricp`, `fmbm_ticp`) and `fman_sp.c`.
struct InternalContextCopy {
  /// Where the copy lies in the buffer.
  var offset: Int
  /// The first byte of the context that is copied.
  var first: Int
  var size: Int

  /// The parse result in the context; a time stamp and the hash of 8 bytes each follow it.
  static let parseResult = 32
  static let timeStamp = 64
  static let hash = 72
  /// How much of the context has a meaning here.
  static let known = 80

  init(_ register: UInt32) {
    offset = Int(register >> 16 & 0x1f) * 16
    first = Int(register >> 8 & 0xf) * 16
    size = Int(register & 0x1f) * 16
  }
}
