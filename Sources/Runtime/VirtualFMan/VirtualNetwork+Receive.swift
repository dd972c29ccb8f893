import DPAAPortal
import QorIQ

/// A receive port: it takes a frame from the wire into buffers of the client's pools and enqueues it.
extension VirtualNetwork {
  private typealias Register = FManRegister.Receive

  /// A pool that a port may take buffers from: Linux 6.1, `fman_port.c`, `fmbm_ebmpi`.
  private struct Pool {
    var number: UInt8
    var size: Int
  }

  /// How a port lays a frame out in buffers.
  private struct Layout {
    var startMargin: Int
    var endMargin: Int
    var context: InternalContextCopy

    init(_ port: UnsafeMutableRawPointer) {
      let margins = port.acquire32(Register.margins)
      startMargin = Int(margins >> 16 & 0x1ff)
      endMargin = Int(margins & 0x1ff)
      context = InternalContextCopy(port.acquire32(Register.internalContext))
    }
  }

  /// Whether a MAC and its receive port are up.
  func isReceiving(_ index: Int) -> Bool {
    let command = macs[index].registers.acquire32(FManRegister.MAC.command)
    return command & FManRegister.MAC.receives != 0
      && macs[index].receivePort.acquire32(Register.configuration) & FManRegister.isEnabled != 0
  }

  /// What a port learns of a frame.
  private struct Context {
    var result = ParseResult()
    var hash: UInt64 = 0
    /// The time stamp, in nanoseconds.
    var now: UInt64

    init(now: UInt64) { self.now = now }

    /// The context as it lies in FMan's memory, from its first byte.
    var bytes: InlineArray<80, UInt8> {
      let words = result.words
      let values = [words.0, words.1, words.2, words.3, now, hash]
      var bytes = InlineArray<80, UInt8>(repeating: 0)
      for (index, value) in values.enumerated() {
        for place in 0..<8 {
          bytes[InternalContextCopy.parseResult + 8 * index + place] = UInt8(
            truncatingIfNeeded: value >> UInt64(56 - 8 * place))
        }
      }
      return bytes
    }
  }

  /// Takes a frame, without check sequence, that arrives at a MAC.
  func receive(
    _ bytes: UnsafeRawBufferPointer, on index: Int, _ tables: inout EngineTables, now: UInt64
  ) {
    let (mac, port) = (macs[index], macs[index].receivePort)
    guard isReceiving(index) else { return lose() }
    let command = mac.registers.acquire32(FManRegister.MAC.command)
    let statistics = mac.registers + FManRegister.MAC.receiveStatistics
    guard bytes.count >= 14 else {
      // An undersized frame.
      statistics.count64(0x68)
      return lose()
    }
    statistics.countFrame(bytes)
    guard command & FManRegister.MAC.isPromiscuous != 0 || isFor(mac, bytes) else { return }

    var status: UInt32 = 0
    if bytes.count + 4 > Int(mac.registers.acquire32(FManRegister.MAC.longestFrame) & 0xffff) {
      statistics.count64(0xa8)
      status |= FrameStatus.size
    }
    var queue = port.acquire32(Register.queue)
    var context = Context(now: now)
    // The parser, and after it KeyGen or the queue of all frames (Linux 6.1, `fman_port.c`,
    // `init_bmi_rx` and `fman_port_use_kg_hash`).
    if port.acquire32(Register.nextEngine) & Register.engine == Register.parserEngine,
      let start = bytes.baseAddress
    {
      let parsed = ParsedFrame(start, count: bytes.count)
      context.result = parsed.result
      status |= parsed.result.status
      if port.acquire32(Register.engineAfterParser) & Register.engine == Register.keyGenEngine {
        if let choice = blocks[mac.block].keyGen.queue(of: parsed, on: mac.receiveNumber, keyGen) {
          (queue, context.hash) = choice
        } else {
          status |= FrameStatus.noScheme
        }
      }
    }
    if status & port.acquire32(Register.discardMask) != 0 { return discard(port, bytes) }
    if status & port.acquire32(Register.errorMask) != 0 {
      queue = port.acquire32(Register.errorQueue)
    }
    let kept = keptBytes(bytes, mac, command)
    let layout = Layout(port)
    guard var descriptor = store(kept, layout, port, context, &tables) else {
      return lose()
    }
    descriptor.command = status
    if enqueue(descriptor, to: queue & FManRegister.queueMask, &tables) {
      port.count32(Register.frames)
      tally.received += 1
    } else {
      giveBack(descriptor, &tables)
      discard(port, bytes)
    }
  }

  private func lose() { tally.lost += 1 }

  private func discard(_ port: UnsafeMutableRawPointer, _ bytes: UnsafeRawBufferPointer) {
    port.count32(Register.discards)
    lose()
  }

  /// Whether a MAC lets a frame in that it need not: for one of its addresses, for all, or for a
  /// group whose hash is in its table (Linux 6.1, `fman_memac.c`).
  private func isFor(_ mac: MAC, _ bytes: UnsafeRawBufferPointer) -> Bool {
    let destination = bytes.prefix(6).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    if destination == 0xffff_ffff_ffff { return true }
    if bytes[0] & 1 != 0 {
      // Bit n of the hash is the parity of the address's byte n, counted from the last.
      let hash = (0..<6).reduce(0) {
        $0 | (bytes[$1].nonzeroBitCount & 1) << $1
      }
      return mac.groups & 1 << UInt64(hash) != 0
    }
    // The first byte of an address is the lowest one of its register.
    func holds(_ offset: Int) -> Bool {
      let low = UInt64(mac.registers.acquire32(offset).byteSwapped)
      let high = UInt64(UInt16(truncatingIfNeeded: mac.registers.acquire32(offset + 4)).byteSwapped)
      return low << 16 | high == destination
    }
    return holds(FManRegister.MAC.address)
      || (0..<7).contains { holds(FManRegister.MAC.moreAddresses + 8 * $0) }
  }

  /// What of a frame reaches the buffer: a MAC may pass the check sequence on, and the port cuts
  /// bytes off the end. A check sequence that would remain is not made here: then it counts as cut.
  private func keptBytes(
    _ bytes: UnsafeRawBufferPointer, _ mac: MAC, _ command: UInt32
  ) -> UnsafeRawBufferPointer {
    let cut = Int(mac.receivePort.acquire32(Register.frameEnd) >> 16 & 0x1f)
    let passed = command & FManRegister.MAC.forwardsChecksum != 0 ? 4 : 0
    return UnsafeRawBufferPointer(
      rebasing: bytes[..<max(0, min(bytes.count, bytes.count + passed - cut))])
  }

  // MARK: Buffers

  /// Puts a frame into the smallest buffer that holds it, or into several with a table in front; `nil`
  /// when there are none.
  private func store(
    _ bytes: UnsafeRawBufferPointer, _ layout: Layout, _ port: UnsafeMutableRawPointer,
    _ context: Context, _ tables: inout EngineTables
  ) -> FrameDescriptor? {
    let needed = layout.startMargin + bytes.count + layout.endMargin
    let pools = self.pools(of: port, tables)
    let fitting = pools.filter { $0.size >= needed }
    guard let largest = pools.last else {
      port.count32(Register.outOfBuffers)
      return nil
    }
    guard !fitting.isEmpty else {
      return storeFragments(bytes, layout, port, largest, context, &tables)
    }
    for pool in fitting {
      guard let address = tables.clientPools.acquire(from: pool.number) else { continue }
      guard address >> 40 == 0, let buffer = memory.part(address, pool.size),
        let target = buffer.baseAddress
      else {
        tables.counters.add(.strayBuffers, 0)
        return nil
      }
      write(context, layout, buffer)
      if let source = bytes.baseAddress {
        (target + layout.startMargin).copyMemory(from: source, byteCount: bytes.count)
      }
      return FrameDescriptor(
        bpid: BPID(pool.number), address: address, offset: UInt32(layout.startMargin),
        length: UInt32(bytes.count))
    }
    port.count32(Register.outOfBuffers)
    return nil
  }

  /// The pools that a port names and that are the client's, ascending by size.
  private func pools(
    of port: UnsafeMutableRawPointer, _ tables: borrowing EngineTables
  ) -> [Pool] {
    var pools: [Pool] = []
    for place in 0..<8 {
      let word = port.acquire32(Register.pools + 4 * place)
      let number = UInt8(word >> 16 & 0x3f)
      guard word & 0x8000_0000 != 0, tables.clientPools.isAllowed(number) else { continue }
      pools.append(Pool(number: number, size: Int(word & 0xffff)))
    }
    return pools.sorted { $0.size < $1.size }
  }

  /// Puts a frame into buffers of the largest pool, each with the port's margins, and a table of them
  /// into one more.
  private func storeFragments(
    _ bytes: UnsafeRawBufferPointer, _ layout: Layout, _ port: UnsafeMutableRawPointer,
    _ pool: Pool, _ context: Context, _ tables: inout EngineTables
  ) -> FrameDescriptor? {
    let room = pool.size - layout.startMargin - layout.endMargin
    let limit = FragmentEntry.limit
    guard room > 0, layout.startMargin + limit * FragmentEntry.size <= pool.size,
      bytes.count <= limit * room
    else { return nil }
    let count = (bytes.count + room - 1) / room
    guard tables.clientPools.freeCount(pool.number) > UInt32(count) else {
      port.count32(Register.outOfBuffers)
      return nil
    }
    var buffers: [(address: UInt64, bytes: UnsafeMutableRawBufferPointer)] = []
    for _ in 0...count {
      guard let address = tables.clientPools.acquire(from: pool.number), address >> 40 == 0,
        let buffer = memory.part(address, pool.size)
      else {
        tables.counters.add(.strayBuffers, 0)
        for buffer in buffers { release(buffer.address, to: pool.number, &tables) }
        return nil
      }
      buffers.append((address, buffer))
    }
    guard let start = buffers[0].bytes.baseAddress else { return nil }
    let table = start + layout.startMargin
    for index in 0..<count {
      let part = UnsafeRawBufferPointer(
        rebasing: bytes[index * room..<min(bytes.count, (index + 1) * room)])
      let target = UnsafeMutableRawBufferPointer(
        rebasing: buffers[index + 1].bytes[layout.startMargin..<layout.startMargin + part.count])
      target.copyMemory(from: part)
      FragmentEntry(
        bpid: BPID(pool.number), address: buffers[index + 1].address,
        offset: UInt32(layout.startMargin), length: UInt32(part.count), isFinal: index == count - 1
      ).write(to: table + FragmentEntry.size * index)
    }
    write(context, layout, buffers[0].bytes)
    fragments = buffers.dropFirst().map(\.address)
    return FrameDescriptor(
      bpid: BPID(pool.number), address: buffers[0].address, offset: UInt32(layout.startMargin),
      length: UInt32(bytes.count)
    ).scattered
  }

  /// Gives the buffers of a frame back that no queue took.
  private func giveBack(_ descriptor: FrameDescriptor, _ tables: inout EngineTables) {
    let pool = descriptor.bpid.rawValue
    if descriptor.isScattered { for address in fragments { release(address, to: pool, &tables) } }
    release(descriptor.address, to: pool, &tables)
  }

  /// Writes what the port's register wants of a frame's internal context into a buffer.
  private func write(
    _ context: Context, _ layout: Layout, _ buffer: UnsafeMutableRawBufferPointer
  ) {
    let bytes = context.bytes
    let copy = layout.context
    for place in 0..<copy.size where copy.offset + place < buffer.count {
      let from = copy.first + place
      buffer[copy.offset + place] = from < InternalContextCopy.known ? bytes[from] : 0
    }
  }
}
