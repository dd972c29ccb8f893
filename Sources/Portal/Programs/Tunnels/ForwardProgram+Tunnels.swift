import QorIQ

/// What a router with tunnels does beside others: it has SEC put packets in and take them out, over its own
/// queues. Of a packet it reads headers and writes the one in front; the rest it does not touch.
extension ForwardProgram {
  /// Gives SEC a packet that goes into a tunnel, or comes out of it.
  mutating func ask(
    _ buffer: consuming Buffer, tunnel: Int, into: Bool, portal: Int,
    of session: inout GuestSession
  ) {
    var buffer = buffer
    guard let queue = queues?.request(tunnel, into: into) else {
      count(.refused, tunnel, into: into, of: session)
      return drop(buffer, .refused, portal: portal, of: &session)
    }
    guard let head = session.portals[portal].head(of: buffer), head.bytes.count >= 20 else {
      return drop(buffer, .malformed, portal: portal, of: &session)
    }
    // Behind a short packet Ethernet has filled up its frame.
    let length =
      head.bytes[14] >> 4 == 4
      ? Int(HeaderBytes.half(head.bytes, 16)) : 40 + Int(HeaderBytes.half(head.bytes, 18))
    guard session.portals[portal].cut(&buffer, behind: 14, count: length) else {
      return drop(buffer, .malformed, portal: portal, of: &session)
    }
    buffer.descriptor.command = 0
    session.portals[portal].enqueue(waitingForRoom: buffer, to: queue)
  }

  /// Takes an answer of SEC's to a pair of queues, by its place among those of SEC.
  mutating func handleAnswer(
    _ buffer: consuming Buffer, pair: Int, portal: Int, of session: inout GuestSession
  ) {
    var buffer = buffer
    // PME's pairs are counted from 0, too.
    guard let direction = queues?.direction(ofAnswer: buffer.queue, pair: pair) else {
      return drop(buffer, .ignored, portal: portal, of: &session)
    }
    let descriptor = buffer.descriptor
    let (tunnel, into) = (direction / 2, direction % 2 == 0)
    guard descriptor.command == 0, descriptor.format == 0, descriptor.offset >= 14,
      descriptor.length > 0
    else {
      let fault = GuestStatus.TunnelCounter(failure: descriptor.command)
      count(fault, tunnel, into: into, of: session)
      return drop(buffer, fault.sum, portal: portal, of: &session)
    }
    count(.packets, tunnel, into: into, of: session)
    buffer.descriptor.formatLength = (descriptor.offset - 14) << 20 | (descriptor.length + 14)
    let frame = buffer.frame
    let room = buffer.capacity - Int(buffer.descriptor.offset)
    let verdict: Forwarder.Verdict
    if into {
      session.status.addCounter(GuestStatus.Counter.sealed.offset, 1)
      verdict = sendSealed(frame, tunnel: tunnel)
    } else {
      session.status.addCounter(GuestStatus.Counter.opened.offset, 1)
      verdict = forwarder.handle(frame, outOf: tunnel, room: room, now: now)
      // What waits for its neighbour goes without what SEC has left behind the packet, as what is sent at once.
      if case .hold = verdict, let packet = Forwarder.packet(frame) {
        buffer.descriptor.formatLength = buffer.descriptor.offset << 20 | UInt32(packet.count)
      }
    }
    let arrival = into ? nil : forwarder.gate.map { $0.firstPath + tunnel }
    carryOut(verdict, buffer, from: arrival, portal: portal, of: &session)
  }

  /// Counts a packet for a direction of a tunnel.
  private func count(
    _ counter: GuestStatus.TunnelCounter, _ tunnel: Int, into: Bool,
    of session: borrowing GuestSession
  ) {
    session.status.addCounter(counter.offset(tunnel: tunnel, into: into), 1)
  }

  private mutating func sendSealed(
    _ frame: UnsafeMutableRawBufferPointer, tunnel: Int
  ) -> Forwarder.Verdict {
    guard let gate = forwarder.gate, peers.indices.contains(tunnel) else { return .drop(.refused) }
    HeaderBytes.put(frame[14] >> 4 == 4 ? 0x0800 : 0x86dd as UInt16, frame, 12)
    return forwarder.send(frame, to: peers[tunnel], path: gate.cipherPath, now: now)
  }

  /// Puts queues into service, if there is a buffer for their descriptors.
  mutating func open(_ session: inout GuestSession) { queues?.open(&session) }

  /// Takes them out of service again; `false` while SEC is at work.
  mutating func close(_ session: inout GuestSession) -> Bool { queues?.close(&session) ?? true }
}

extension Portal {
  /// Leaves of a frame so many bytes behind the first `start`; `false`, and nothing is changed, where a
  /// descriptor cannot say that: too far into its buffer, or with a piece left over.
  func cut(_ buffer: inout Buffer, behind start: Int, count: Int) -> Bool {
    let descriptor = buffer.descriptor
    let excess = Int(descriptor.length) - start - count
    guard count > 0, excess >= 0 else { return false }
    guard descriptor.isScattered else {
      let offset = Int(descriptor.offset) + start
      guard descriptor.format == 0, offset <= 0x1ff else { return false }
      buffer.descriptor.formatLength = UInt32(offset) << 20 | UInt32(count)
      return true
    }
    guard let pieces = pieces(of: buffer), pieces.count > 0 else { return false }
    let last = pieces.count - 1
    let table = buffer.memory + Int(descriptor.offset)
    func entry(_ index: Int) -> UnsafeMutableRawPointer { table + index * FragmentEntry.size }
    let ends = (first: FragmentEntry(entry(0)), last: FragmentEntry(entry(last)))
    guard Int(ends.first.offset) + start <= FragmentEntry.mostOffset,
      pieces[0].count > start + (last == 0 ? excess : 0), pieces[last].count > excess
    else { return false }
    ends.first.cut(front: start, back: last == 0 ? excess : 0).write(to: entry(0))
    if last > 0 { ends.last.cut(back: excess).write(to: entry(last)) }
    buffer.descriptor = descriptor.resized(length: UInt32(count))
    return true
  }
}
