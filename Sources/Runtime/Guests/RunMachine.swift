import DPAAPortal
import Partitioning
import QorIQ

// SAFETY: one thread works on it at a time: the one that makes it, then that of `RunMachines`, then the one
// that has waited for that.
/// A guest of a run that is a machine and not a process: its driver finds portals, managers and MACs in the
/// machine's memory, as `dpaac attach` serves them, and each of its MACs is the end of one of the guest's
/// ways.
///
/// What arrives in the guest's queues goes to the MAC of its way; what a MAC sends goes into the transmit
/// queue of its way, in a buffer of the guest's pools. Rules, links and ports treat it like any other guest.
final class RunMachine: @unchecked Sendable {
  let owner: Int
  private let plan: AttachPlan
  private var client: AttachedClient?
  private var session: GuestSession
  private var machine: AttachEngine?
  /// The MAC of each way; -1 where there is none.
  private let macOfWay: [Int]
  /// The pools, the smallest buffers first, and how long a frame may be that they hold.
  private let rooms: [(bpid: BPID, room: Int)]
  /// Where a frame in several buffers is put together.
  private let scratch: FlatTable<UInt8>
  /// Frames that the machine sent while there was no buffer for them.
  private var lost: UInt64 = 0
  private var isOver = false

  private static let burst = 32

  /// Prepares a guest; ``begin(_:say:)`` serves it.
  init(_ plan: AttachPlan, session: consuming GuestSession) throws(EngineError) {
    let grant = session.grant
    scratch = try FlatTable<UInt8>(count: Fragment.longestFrame)
    self.plan = plan
    owner = plan.owner
    var macOfWay = [Int](repeating: -1, count: grant.paths.count)
    for (mac, virtual) in plan.macs.enumerated() where macOfWay.indices.contains(virtual.path) {
      macOfWay[virtual.path] = mac
    }
    self.macOfWay = macOfWay
    rooms = grant.pools.map { (bpid: $0.bpid, room: Int($0.size) - Buffer.headroom) }
      .sorted { $0.room < $1.room }
    self.session = session
  }

  /// Maps the machine's files and begins to serve it.
  ///
  /// - Throws: ``EngineError`` when that is not possible.
  func begin(
    _ served: AttachServer.Client, say: @escaping (String) -> Void
  ) throws(EngineError) {
    session.report(.quiet)
    client = try AttachedClient(
      served, label: " \(plan.guest)", onChange: { [unowned self] in connect($0) }, say: say)
  }

  private func connect(_ engine: AttachEngine?) {
    machine = engine
    engine?.setOutlet { [unowned self] frame, mac, _ in
      send(UnsafeRawBufferPointer(frame), from: mac)
      return false
    }
  }

  /// Whether all MACs on network interfaces are up.
  var isReceiving: Bool {
    guard let machine else { return false }
    return session.grant.paths.indices.allSatisfy {
      session.grant.paths[$0].isLink || macOfWay[$0] < 0 || machine.isReceiving(macOfWay[$0])
    }
  }

  /// Moves what is to be moved; `false` when there was nothing.
  ///
  /// - Throws: ``EngineError`` when a machine that starts anew cannot be served any more.
  func step(now: UInt64, isIdle: Bool) throws(EngineError) -> Bool {
    var isBusy = try client?.step(now: now, isIdle: isIdle) ?? false
    for portal in 0..<session.portals.count {
      for _ in 0..<Self.burst {
        guard let buffer = session.portals[portal].dequeue() else { break }
        isBusy = true
        deliver(buffer, on: portal, now: now)
      }
      while let rejection = session.portals[portal].takeRejection() {
        isBusy = true
        session.portals[portal].giveBack(rejection.takeBuffer())
      }
    }
    return isBusy
  }

  /// Ends it, and says what there was; once.
  func end(say: (String) -> Void) {
    guard !isOver else { return }
    isOver = true
    client?.end()
    session.capture?.flush()
    if lost > 0 { say("lost \(lost) frames of \(plan.guest), whose pools had no buffer for them") }
  }

  /// Brings a frame to the MAC of its way. One that is not up takes none, as on a cable without an end.
  private func deliver(_ buffer: consuming Buffer, on portal: Int, now: UInt64) {
    if let way = session.noteArrival(buffer), macOfWay[way] >= 0 {
      if !buffer.descriptor.isScattered {
        machine?.receive(UnsafeRawBufferPointer(buffer.frame), on: macOfWay[way], now: now)
      } else if let pieces = session.portals[portal].pieces(of: buffer) {
        let count = pieces.copyBytes(
          to: UnsafeMutableRawBufferPointer(start: scratch.base, count: scratch.count))
        machine?.receive(
          UnsafeRawBufferPointer(start: scratch.base, count: count), on: macOfWay[way], now: now)
      }
    }
    session.status.addCounter(GuestStatus.Counter.consumed.offset, 1)
    session.portals[portal].giveBack(buffer)
  }

  /// Puts a frame of the machine's into its way's transmit queue.
  private func send(_ frame: UnsafeRawBufferPointer, from mac: Int) {
    let way = plan.macs[mac].path
    guard session.grant.paths.indices.contains(way), var buffer = room(for: frame.count) else {
      lost += 1
      return
    }
    buffer.setLength(frame.count)
    buffer.frame.copyMemory(from: frame)
    session.status.addCounter(GuestStatus.Counter.originated.offset, 1)
    session.noteDeparture(path: way)
    session.portals[0].enqueue(waitingForRoom: buffer, to: session.grant.paths[way].transmit)
  }

  /// A buffer for a frame: of the smallest that hold it, or larger when there is none of those.
  private func room(for length: Int) -> Buffer? {
    for pool in rooms where length <= pool.room {
      if let buffer = session.portals[0].acquire(from: pool.bpid) { return buffer }
    }
    return nil
  }
}
