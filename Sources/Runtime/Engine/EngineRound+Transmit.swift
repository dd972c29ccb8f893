import DPAAPortal
import Glibc
import QorIQ

/// The stage of a round that brings frames from queues to the wire.
extension EngineTables {
  /// Puts what waits in a port's transmit queues on the wire; the buffers go back to their pools.
  mutating func transmit(_ index: Int, now: UInt64) -> Bool {
    let channel = interfaces.base[index].transmitChannel
    var handled = 0
    var sent = 0
    var sentBytes = 0
    // For captures; how long a line takes nothing is no matter of clocks that are set.
    var date: UInt64 = 0
    var refused = 0
    // A line that is busy gets no more in this round.
    var isBusy = false
    let mac = counters.mac(.transmit, index)
    // A queue that is to retire may give nothing at its turn.
    var turns = 0
    while !isBusy, handled < Self.burst, turns < Self.burst, let fqid = qman.select(channel) {
      turns &+= 1
      if date == 0 { date = wallClockNanoseconds() }
      let queue = qman.queues.base + Int(fqid)
      var turn = 0
      while turn < Self.turn, queue.pointee.count > 0 {
        let frame = queue.pointee.first
        // What an accelerator answered into a port's queue has no bytes that could be sent.
        guard !frame.isCompound,
          (FrameLength.shortest...FrameLength.longest).contains(Int(frame.length))
        else {
          _ = qman.pop(fqid)
          turn &+= 1
          handled &+= 1
          counters.add(.transmitErrors, index)
          refuse(frame)
          continue
        }
        let bytes = self.bytes(of: frame)
        let outcome = ports[index].transmit(bytes, now: now, date: date)
        if outcome == .later { isBusy = true }
        if isBusy { break }
        if outcome == .sent { mac.count(bytes) }
        _ = qman.pop(fqid)
        turn &+= 1
        handled &+= 1
        guard outcome == .sent else {
          // It has not left: nobody is told that it had.
          refused &+= 1
          free(frame)
          continue
        }
        sentBytes &+= bytes.count
        sent &+= 1
        complete(frame, sentFrom: fqid)
      }
      endPortTurn(fqid)
    }
    ports[index].push()
    if refused > 0 { counters.add(.refused, index, UInt64(refused)) }
    guard handled > 0 else { return false }
    counters.add(.transmitted, index, UInt64(sent))
    counters.add(.transmittedBytes, index, UInt64(sentBytes))
    mac.add(.octets, MACCounters.octets(sentBytes, frames: sent))
    return true
  }

  /// Confirms a frame that was sent to an owner that wants that; others' buffers go back to their pools.
  @inline(__always)
  private mutating func complete(_ frame: FrameDescriptor, sentFrom fqid: UInt32) {
    let owner = pools.base[Int(poolIndex.base[Int(frame.bpid.rawValue)])].owner
    let queues = owners.base[owner].confirmations
    if queues.count == 0 { return free(frame) }
    counters.add(.confirmed, owner)
    giveBack(frame, to: owner, queue: queues.first &+ fqid % queues.count, status: 0)
  }

  /// Gives a frame that no port brings on back to its owner with hardware's reason: it has a format that
  /// ports cannot read, as what an accelerator answered into a port's queue, or a length that no MAC sends.
  @inline(never)
  mutating func refuse(_ frame: FrameDescriptor) {
    let owner = pools.base[Int(poolIndex.base[Int(frame.bpid.rawValue)])].owner
    let status = frame.isCompound ? FrameStatus.unsupportedFormat : FrameStatus.length
    giveUp(frame, owner, status: status, .lengthError)
  }

  /// Puts a frame that goes no further into an owner's error queue, or drops it where there is none.
  @inline(never)
  mutating func giveUp(
    _ frame: FrameDescriptor, _ owner: Int, status: UInt32, _ reason: DropReason
  ) {
    let queue = owners.base[owner].errorQueue
    guard queue != 0, !isGone(owner) else {
      free(frame)
      counters.drop(reason, owner)
      return
    }
    giveBack(frame, to: owner, queue: queue, status: status)
  }

  /// Puts a frame into a queue of the owner that had sent it.
  @inline(never)
  private mutating func giveBack(
    _ frame: FrameDescriptor, to owner: Int, queue: UInt32, status: UInt32
  ) {
    var answer = frame
    answer.command = status
    guard !isGone(owner) else {
      free(frame)
      counters.drop(.ownerGone, owner)
      return
    }
    if case .accepted = qman.enqueue(answer, to: queue) { return }
    free(frame)
    counters.drop(.queueRefused, owner)
  }

  /// Ends the turn of a queue that a port served. Ports know neither credit nor force.
  @inline(__always)
  mutating func endPortTurn(_ fqid: UInt32) {
    let queue = qman.queues.base + Int(fqid)
    if queue.pointee.flags.isEmpty { return qman.reschedule(fqid) }
    queue.pointee.flags.remove(.forceEligible)
    endTurn(fqid)
  }
}
