import DPAAPortal
import Partitioning
import QorIQ
import TestSupport

@testable import DPAAPortal
@testable import DPAARuntime

/// An owner in a random program.
protocol SearchGuest: AnyObject {
  /// Whether its processor has stopped.
  var isStopped: Bool { get }
  /// Does something.
  func act()
  /// Takes what is there and gives back what it holds; `false` when there was nothing to do.
  func settle() -> Bool
  /// Acquires whatever its pool has.
  func acquireAll() -> [UInt64]
}

extension SearchGuest {
  var isStopped: Bool { false }
  func settle() -> Bool { false }
  func acquireAll() -> [UInt64] { [] }
}

/// Takes nothing and gives nothing.
final class SleepingSearchGuest: SearchGuest {
  func act() {}
}

/// Writes whatever it likes over its whole portal.
final class HostileSearchGuest: SearchGuest {
  private let vandal: Vandal
  init(_ world: SearchWorld, _ owner: Int) {
    vandal = Vandal(
      world.simulation.engine, owner: owner, seed: UInt64(world.below(1 << 30)))
  }
  func act() { vandal.act() }
}

/// A guest that keeps the rules, through the guest library.
final class LibrarySearchGuest: SearchGuest {
  private unowned let world: SearchWorld
  private let owner: Int
  private var guest: Guest { world.simulation.guests[owner] }

  init(_ world: SearchWorld, _ owner: Int) {
    self.world = world
    self.owner = owner
  }

  func act() {
    switch world.below(6) {
    case 0, 1: for _ in 0...world.below(3) { send() }
    case 2: send(to: (UInt32([0, 17, 150, 399, 70_000][world.below(5)]), FrameLabel.nobody))
    case 3: takeRejections()
    default: takeFrames(atMost: 1 + world.below(4), answering: true)
    }
  }

  private func randomRoute() -> (queue: UInt32, addressee: Int) {
    let routes = SearchWorld.routes[owner]
    return routes[world.below(routes.count)]
  }

  private func send(to route: (queue: UInt32, addressee: Int)? = nil) {
    let route = route ?? randomRoute()
    // The foreign queues above are some owner's; its own are no mistake.
    let own = world.simulation.engine.configuration.owners[owner].queues[0]
    if route.addressee == FrameLabel.nobody, own.rawValues.contains(route.queue) { return }
    let label = world.newLabel(from: owner, to: route.addressee)
    let frame = label.frame(words: 8 + world.below(world.oneIn(4) ? 600 : 100))
    let isSent =
      frame.count > 1900 || world.oneIn(4)
      ? sendInPieces(frame, to: FQID(route.queue)) : guest.send(frame, to: FQID(route.queue))
    if isSent { world.noteSent(label) }
  }

  /// Sends a frame in several buffers; `false` when there are too few, or no room.
  private func sendInPieces(_ frame: [UInt8], to queue: FQID) -> Bool {
    let pool = BPID(UInt8(owner + 1))
    // Pieces of different lengths, each of whole labels; a buffer has room for 248.
    var lengths: [Int] = []
    var left = frame.count
    while left > 0, lengths.count < 7 {
      lengths.append(min(left, 8 * (1 + world.below(248))))
      left -= lengths[lengths.count - 1]
    }
    guard left == 0 else { return false }
    var burst = Burst()
    let taken = guest.session.portals[0].acquire(lengths.count, from: pool, into: &burst)
    guard taken == lengths.count, let table = guest.session.portals[0].acquire(from: pool) else {
      while let buffer = burst.removeFirst() { guest.release(buffer) }
      return false
    }
    var start = 0
    for (index, length) in lengths.enumerated() {
      burst[index].setLength(length)
      burst[index].frame.copyBytes(from: frame[start..<start + length])
      start += length
    }
    switch guest.session.portals[0].enqueue(burst.join(in: table), to: queue) {
    case .accepted: return true
    case .full(let buffer):
      guest.release(buffer)
      return false
    }
  }

  private func takeFrames(atMost most: Int, answering: Bool) {
    for portal in 0..<guest.session.portals.count {
      var left = most
      while left > 0, var buffer = guest.session.portals[portal].dequeue() {
        left -= 1
        let bytes = guest.bytes(of: buffer, on: portal)
        bytes.withUnsafeBytes { world.noteReceived($0, by: owner) }
        guard answering, !buffer.descriptor.isScattered, world.oneIn(3) else {
          guest.release(buffer, on: portal)
          continue
        }
        let route = randomRoute()
        let label = world.newLabel(from: owner, to: route.addressee)
        let frame = label.frame(words: 8 + world.below(30))
        buffer.setLength(frame.count)
        buffer.frame.copyBytes(from: frame)
        switch guest.session.portals[0].enqueue(buffer, to: FQID(route.queue)) {
        case .accepted: world.noteSent(label)
        case .full(let again): guest.release(again, on: portal)
        }
      }
    }
  }

  @discardableResult
  private func takeRejections() -> Bool {
    var found = false
    while let rejection = guest.session.portals[0].takeRejection() {
      found = true
      let buffer = rejection.takeBuffer()
      let bytes = guest.bytes(of: buffer, on: 0)
      bytes.withUnsafeBytes { world.noteRejected($0, by: owner) }
      guest.release(buffer)
    }
    return found
  }

  func settle() -> Bool {
    let isWaiting = (0..<guest.session.portals.count).contains {
      guest.session.portals[$0].hasWork
    }
    takeFrames(atMost: 100, answering: false)
    return takeRejections() || isWaiting
  }

  func acquireAll() -> [UInt64] {
    var addresses: [UInt64] = []
    while let buffer = guest.session.portals[0].acquire(from: BPID(UInt8(owner + 1))) {
      addresses.append(buffer.take().address)
    }
    return addresses
  }
}
