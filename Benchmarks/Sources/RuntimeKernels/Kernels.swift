import DPAAPortal
import QorIQ

/// The runtime's hot functions, each alone and all together, as the C twin has them.
///
/// A kernel handles about as many frames as it is asked for and says how many.
package struct Kernels: ~Copyable {
  private let engine: Engine
  private var left: GuestSession
  private var right: GuestSession
  private var tables: EngineTables
  private var guest: GuestSession
  private let memory: [OwnerMemory]

  /// Makes two owners with rings and pools of these sizes, between which `inFlight` frames of
  /// `length` bytes go round each way.
  package init(ring: Int, buffers: UInt32, inFlight: Int, length: Int) throws {
    // Locals first: a value that cannot be copied must not be half made when something throws.
    let configuration = Stage.pair(ring: ring, buffers: buffers)
    let engine = try Engine(configuration)
    var left = try engine.attach(owner: 0, isInline: true)
    var right = try engine.attach(owner: 1, isInline: true)
    Stage.fill(&left, &right, frames: inFlight, length: length)
    // The same again, for the steps one by one.
    let memory = try configuration.owners.map { try OwnerMemory($0, interrupts: false) }
    let counters = try SharedRegion(name: "counters", size: Counters.size(owners: 2, ports: 0))
    let tables = try EngineTables(
      configuration, memory: memory, counterRegion: counters, options: EngineOptions())
    let guest = GuestSession(
      grant: try configuration.grant(ofOwner: 0),
      window: memory[0].window.memory, status: memory[0].status.memory,
      poolMemory: memory[0].pools.map(\.memory))
    self.engine = engine
    self.left = left
    self.right = right
    self.tables = tables
    self.guest = guest
    self.memory = memory
  }

  /// The whole path: both guests send back what they get, and the engine runs its rounds.
  package mutating func path(_ frames: Int) -> Int {
    var done = 0
    while done < frames {
      engine.round()
      done &+= Stage.echo(&left, to: Stage.transmit(0))
      done &+= Stage.echo(&right, to: Stage.transmit(1))
    }
    return done
  }

  /// Puts frames on the guest's enqueue ring for ``rings(_:)``.
  package mutating func fillRing(frames: Int) {
    let pool = tables.pools.base
    for _ in 0..<frames {
      guard let buffer = pool.pointee.acquire(for: BufferPool.engine) else { return }
      _ = tables.portals.base.pointee.deliver(
        FrameDescriptor(
          bpid: pool.pointee.bpid, address: pool.pointee.address(of: buffer), offset: 64,
          length: 64),
        EnginePortal.Entry(
          fqid: 10, contextB: 0, sequence: 0, status: DequeueStatus.frameValid, token: 0))
      _ = pool.pointee.transfer(buffer, from: BufferPool.engine, to: BufferPool.holder(0))
    }
  }

  /// Guest writes enqueue entries, engine takes and checks them; engine writes dequeue entries,
  /// guest reads them. No queue is between.
  package mutating func rings(_ frames: Int) -> Int { tables.exchange(&guest, frames) }

  /// Buffers are acquired, and released by address.
  package mutating func pools(_ buffers: Int) -> Int { tables.circulate(buffers) }

  /// Frames are copied from one pool to another.
  package mutating func copies(_ frames: Int, length: Int) -> Int { tables.copy(frames, length) }
}

extension EngineTables {
  fileprivate mutating func exchange(_ guest: inout GuestSession, _ frames: Int) -> Int {
    let portal = portals.base
    portal.pointee.pollConfiguration()
    var done = 0
    while done < frames {
      while let buffer = guest.portals[0].dequeue() {
        Stage.forward(buffer, of: &guest, to: Stage.transmit(0))
      }
      takeConsumption(0)
      var taken = 0
      while taken < Self.burst, portal.pointee.dequeueRoom() > 0,
        let command = portal.pointee.takeEnqueue()
      {
        precondition(fault(of: command, portal) == nil, "the guest holds what it sends")
        handOver(command.frame, to: 0)
        portal.pointee.deliver(
          command.frame,
          EnginePortal.Entry(
            fqid: command.fqid, contextB: 0, sequence: 0, status: DequeueStatus.frameValid,
            token: 0))
        taken &+= 1
      }
      precondition(taken > 0, "frames go round")
      portal.pointee.publishEnqueueConsumption()
      portal.pointee.publishDelivery()
      done &+= taken
    }
    return done
  }

  fileprivate func circulate(_ buffers: Int) -> Int {
    let pool = pools.base
    var addresses = InlineArray<8, UInt64>(repeating: 0)
    var done = 0
    while done < buffers {
      for index in 0..<8 {
        guard let buffer = pool.pointee.acquire(for: BufferPool.holder(0)) else {
          preconditionFailure("the pool has buffers")
        }
        addresses[index] = pool.pointee.address(of: buffer)
      }
      for index in 0..<8 {
        guard let buffer = pool.pointee.buffer(at: addresses[index]),
          pool.pointee.release(buffer, from: BufferPool.holder(0))
        else { preconditionFailure("the buffer was acquired") }
      }
      done &+= 8
    }
    return done
  }

  fileprivate func copy(_ frames: Int, _ length: Int) -> Int {
    let (from, to) = (pools.base, pools.base + 1)
    var buffer: UInt32 = 0
    for _ in 0..<frames {
      (to.pointee.pointer(to: buffer) + Buffer.headroom).copyFrame(
        from: from.pointee.pointer(to: buffer) + Buffer.headroom, count: length)
      buffer = buffer &+ 1 == 32 ? 0 : buffer &+ 1
    }
    return frames
  }
}

/// A queue manager alone, with so many queues on one channel.
package struct QueueKernel: ~Copyable {
  private var qman: QueueManager
  private let queues: UInt32

  package init(queues: UInt32, frames: Int) throws {
    qman = try QueueManager(queueCount: Int(queues), frameCapacity: frames, channelCount: 2)
    qman.initialize(
      QueueRange(first: 1, count: queues - 1), channel: { _ in 1 }, workQueue: 3, contextB: 0)
    self.queues = queues
  }

  /// Frames enter queues chosen at random and leave them as scheduled, in bursts of 32.
  package mutating func run(_ frames: Int, _ random: inout UInt64) -> Int {
    qman.cycle(frames, queues, &random)
  }
}

extension QueueManager {
  fileprivate mutating func cycle(_ frames: Int, _ queues: UInt32, _ random: inout UInt64) -> Int {
    var state = random
    var done = 0
    while done < frames {
      for index in 0..<32 as Range<UInt64> {
        state = state.scrambled
        let fqid = 1 &+ state.below(queues &- 1)
        let frame = FrameDescriptor(
          word0: 1 &<< 48 | index, formatLength: 64 &<< 20 | 64, command: 0)
        guard case .accepted = enqueue(frame, to: fqid) else {
          preconditionFailure("a queue in service takes a frame")
        }
      }
      while let fqid = select(1) {
        var turn = 0
        while turn < EngineTables.turn, self.queues.base[Int(fqid)].count > 0 {
          precondition(pop(fqid, isPlain: true).length == 64, "a frame comes out as it went in")
          turn &+= 1
          done &+= 1
        }
        reschedule(fqid)
      }
    }
    random = state
    return done
  }
}

/// One guest that sends to its own queues at random: rings, checks, queues and scheduling.
package struct ScaleKernel: ~Copyable {
  private let engine: Engine
  private var guest: GuestSession
  private let queues: UInt32

  package init(queues: UInt32) throws {
    let engine = try Engine(Stage.alone(queues: queues, buffers: 512))
    var guest = try engine.attach(owner: 0, isInline: true)
    for _ in 0..<32 { Stage.send(&guest, to: 1, length: 64) }
    self.engine = engine
    self.guest = guest
    self.queues = queues
  }

  package mutating func run(_ frames: Int, _ random: inout UInt64) -> Int {
    var state = random
    var done = 0
    while done < frames {
      engine.round()
      for _ in 0..<32 {
        guard let buffer = guest.portals[0].dequeue() else { break }
        state = state.scrambled
        let queue = 1 &+ state.below(queues)
        Stage.forward(buffer, of: &guest, to: FQID(queue))
        done &+= 1
      }
    }
    random = state
    return done
  }
}

extension UInt64 {
  /// The next number of a xorshift generator.
  @inline(__always)
  var scrambled: UInt64 {
    var state = self
    state ^= state &<< 13
    state ^= state &>> 7
    state ^= state &<< 17
    return state
  }

  /// A number below a limit, from the higher half.
  @inline(__always)
  func below(_ limit: UInt32) -> UInt32 {
    UInt32(truncatingIfNeeded: ((self &>> 32) &* UInt64(limit)) &>> 32)
  }
}
