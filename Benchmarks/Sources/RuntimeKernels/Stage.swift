import DPAAPortal
import Partitioning
import QorIQ

/// What the kernels run on: the same as the C twin makes.
enum Stage {
  /// The queue from which an owner receives what the other one sends.
  static func receive(_ owner: Int) -> FQID { FQID(10 + 500 * UInt32(owner)) }
  /// The queue into which an owner sends to the other one.
  static func transmit(_ owner: Int) -> FQID { FQID(20 + 500 * UInt32(owner)) }

  /// Two owners with a portal and a pool each, and a link either way.
  static func pair(ring: Int, buffers: UInt32) -> RuntimeConfiguration {
    var owners: [Owner] = []
    var links: [Link] = []
    for index in 0..<2 {
      let first = FQID(1 + 500 * UInt32(index))
      let path = OwnerPath(
        name: "other", isLink: true, receive: QueueRange(first: receive(index), count: 1),
        channels: [ChannelID(UInt16(index))], transmit: transmit(index))
      owners.append(
        owner(
          index, ring: ring, buffers: buffers, queues: QueueRange(first: first, count: 500),
          path: path))
      let port = OfflinePort(
        port: PortID(UInt8(2 + index)), channel: ChannelID(0x809 + UInt16(index)))
      links.append(
        Link(
          from: index, to: 1 - index, transmit: transmit(index), receive: receive(1 - index),
          fman: 0, port: port))
    }
    return RuntimeConfiguration(name: "pair", owners: owners, interfaces: [], links: links)
  }

  /// One owner with many queues, all on its own portal.
  static func alone(queues: UInt32, buffers: UInt32) -> RuntimeConfiguration {
    let all = QueueRange(first: 1, count: queues + 1)
    let transmit = FQID(queues + 1)
    let owner = owner(
      0, ring: 64, buffers: buffers, queues: all,
      path: OwnerPath(
        name: "itself", isLink: true, receive: QueueRange(first: 1, count: queues), channels: [0],
        transmit: transmit))
    let link = Link(
      from: 0, to: 0, transmit: transmit, receive: 1, fman: 0,
      port: OfflinePort(port: 2, channel: 0x809))
    return RuntimeConfiguration(name: "alone", owners: [owner], interfaces: [], links: [link])
  }

  static func owner(
    _ index: Int, ring: Int, buffers: UInt32, queues: QueueRange, path: OwnerPath
  ) -> Owner {
    let base = UInt64(index) * 0x1000_0000
    return Owner(
      name: "owner\(index)", isHost: index == 0, cpus: [CPUIndex(UInt16(index))],
      memory: AddressRange(base: base, size: 0x1000_0000), portals: [PortalIndex(UInt16(index))],
      rings: RingSizes(enqueue: ring, dequeue: ring), liodnOffset: UInt16(index + 1),
      queues: [queues],
      pools: [
        PoolAssignment(
          bpid: BPID(UInt8(index + 1)), bufferCount: buffers, bufferSize: 2048, bufferStride: 2112,
          base: base + 0x10_0000)
      ], os: .bare, program: .reflect, paths: [path])
  }

  /// Has each of two guests send frames, which then go round for ever.
  static func fill(
    _ left: inout GuestSession, _ right: inout GuestSession, frames: Int, length: Int
  ) {
    for _ in 0..<frames {
      send(&left, to: transmit(0), length: length)
      send(&right, to: transmit(1), length: length)
    }
  }

  /// Sends a new frame.
  static func send(_ session: inout GuestSession, to queue: FQID, length: Int) {
    guard var buffer = session.portals[0].acquire(from: session.grant.pools[0].bpid) else {
      preconditionFailure("the pool has more buffers than frames go round")
    }
    buffer.setLength(length)
    buffer.frame.initializeMemory(as: UInt8.self, repeating: 0x5a)
    forward(buffer, of: &session, to: queue)
  }

  /// Enqueues a buffer, however long the ring is full.
  @inline(__always)
  static func forward(_ buffer: consuming Buffer, of session: inout GuestSession, to queue: FQID) {
    var buffer = buffer
    while true {
      switch session.portals[0].enqueue(buffer, to: queue) {
      case .accepted: return
      case .full(let again):
        buffer = again
        session.portals[0].letEngineRun()
      }
    }
  }

  /// Sends back up to a burst of what an owner got; how many frames.
  @inline(__always)
  static func echo(_ session: inout GuestSession, to queue: FQID) -> Int {
    var done = 0
    while done < 32, let buffer = session.portals[0].dequeue() {
      forward(buffer, of: &session, to: queue)
      done &+= 1
    }
    return done
  }
}
