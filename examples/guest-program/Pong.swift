import DPAAPortal

/// A guest that answers ARP requests and pings, whatever address is asked for, and gives everything
/// else back to its pool.
@main
enum Pong {
  static func main() {
    GuestMain.run { (session: inout GuestSession) throws(GuestError) in
      var pong = Responder()
      session.report(.quiet)
      // A busy guest is interrupted once for eight frames, an idle one after 50 microseconds.
      for portal in 0..<session.portals.count {
        session.portals[portal].gatherInterrupts(frames: 8, microseconds: 50)
      }
      while session.takeRequest() != .end {
        var isBusy = false
        for portal in 0..<session.portals.count where pong.serve(portal, of: &session) {
          isBusy = true
        }
        if !isBusy { session.waitForWork() }
      }
      session.report(.ended)
    }
  }
}

/// What is done with the frames of one portal.
struct Responder: ~Copyable {
  private var arrived = Burst()
  private var unanswered = Burst()

  /// Takes up to a burst of frames; `false` when there is nothing.
  mutating func serve(_ portal: Int, of session: inout GuestSession) -> Bool {
    while let rejection = session.portals[portal].takeRejection() {
      session.portals[portal].giveBack(rejection.takeBuffer())
    }
    guard session.portals[portal].dequeue(into: &arrived) > 0 else { return false }
    while let buffer = arrived.removeFirst() {
      // Context B of the queue is the number of the way that the frame came on.
      guard let path = session.noteArrival(buffer), answer(buffer.frame) else {
        unanswered.append(buffer)
        continue
      }
      session.noteDeparture(path: path)
      session.portals[portal].enqueue(
        waitingForRoom: buffer, to: session.grant.paths[path].transmit)
    }
    while !unanswered.isEmpty {
      if session.portals[portal].release(&unanswered) == 0 {
        session.portals[portal].letEngineRun()
      }
    }
    return true
  }

  /// Turns a question into its answer in place; `false` when it is none.
  private func answer(_ frame: UnsafeMutableRawBufferPointer) -> Bool {
    guard frame.count >= 42 else { return false }
    switch (frame[12], frame[13]) {
    case (0x08, 0x06):
      // An ARP request for IPv4 over Ethernet (RFC 826).
      guard frame[14..<22].elementsEqual([0, 1, 8, 0, 6, 4, 0, 1]) else { return false }
      frame[21] = 2
      // The one who is asked for now says so, and the one who asked is told.
      for place in 0..<10 { frame.swapAt(22 + place, 32 + place) }
      sign(frame, at: 22, as: frame[28..<32])
    case (0x08, 0x00):
      // An ICMP echo request in a whole IPv4 packet without options (RFC 792).
      guard frame[14] == 0x45, frame[23] == 1, frame[20] & 0x3f == 0, frame[21] == 0,
        frame[34] == 8
      else { return false }
      for place in 0..<4 { frame.swapAt(26 + place, 30 + place) }
      frame[34] = 0
      // The type went down by 8, so the complement of the sum goes up by it (RFC 1624).
      let sum = UInt32(frame[36]) << 8 + UInt32(frame[37]) + 0x0800
      let folded = UInt16(truncatingIfNeeded: sum & 0xffff + sum >> 16)
      frame[36] = UInt8(folded >> 8)
      frame[37] = UInt8(folded & 0xff)
      sign(frame, at: 6, as: frame[26..<30])
      return true
    default: return false
    }
    sign(frame, at: 6, as: frame[28..<32])
    return true
  }

  /// Sends the frame back to its sender, and writes the MAC that belongs to an address: locally
  /// administered, and the address behind.
  private func sign(
    _ frame: UnsafeMutableRawBufferPointer, at place: Int,
    as address: Slice<UnsafeMutableRawBufferPointer>
  ) {
    if place == 6 { for byte in 0..<6 { frame[byte] = frame[6 + byte] } }
    frame[place] = 2
    frame[place + 1] = 0
    for (offset, byte) in address.enumerated() { frame[place + 2 + offset] = byte }
  }
}
