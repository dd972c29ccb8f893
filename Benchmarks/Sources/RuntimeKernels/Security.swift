import CSecurity
import DPAAPortal
import Partitioning
import QorIQ
import Security

/// SEC between the queues of one guest or two: packets enter an ESP tunnel of AES-128-GCM, and each answer's
/// buffer is the next request's.
package struct SecurityKernel: ~Copyable {
  /// What the second guest does.
  package enum Neighbour: String, CaseIterable {
    /// Nothing at all.
    case idle = "nobody else"
    /// What the first one does.
    case peer = "a guest that asks for as much"
    /// It keeps as many long packets in SEC's queue as its rings and pool allow.
    case flood = "a guest that floods SEC"
    /// It writes another word into its descriptor before each packet: a word that SEC cannot do.
    case broken = "a guest with broken descriptors"
    /// It writes another key into its descriptor before each packet.
    case rekeying = "a guest with ever new keys"
    /// Its descriptor lies in the first guest's memory.
    case foreignAddress = "a guest with foreign addresses"
    /// Its answers are to go into the first guest's queue.
    case foreignQueue = "a guest with foreign response queues"
  }

  private let engine: Engine
  private var first: GuestSession
  private var second: GuestSession
  private let length: Int
  private let neighbour: Neighbour
  private var random: UInt64 = 0x2545_f491_4f6c_dd1d
  /// Where the neighbour's descriptor lies.
  private let descriptor: UnsafeMutableRawPointer

  /// Makes two guests, of which one or both have SEC encipher `length` bytes of each packet, `inFlight` each; none
  /// for ``paced(nanoseconds:operationsPerMillisecond:)``.
  package init(length: Int, inFlight: Int = 32, _ neighbour: Neighbour = .idle) throws {
    let engine = try Engine(Stage.securePair(ring: 64, buffers: 512))
    var first = try engine.attach(owner: 0, isInline: true)
    var second = try engine.attach(owner: 1, isInline: true)
    Stage.open(&first, context: nil, response: nil)
    // Behind the packet stand padding's length and the next header (RFC 4303, 2).
    let length = length - 2
    let descriptor = Stage.open(
      &second, context: neighbour == .foreignAddress ? Stage.poolBase(0) : nil,
      response: neighbour == .foreignQueue ? Stage.response(0) : nil)
    for _ in 0..<inFlight {
      Stage.send(&first, to: Stage.request(0), length: length)
      if neighbour == .peer { Stage.send(&second, to: Stage.request(1), length: length) }
    }
    self.engine = engine
    self.first = first
    self.second = second
    self.length = length
    self.neighbour = neighbour
    self.descriptor = descriptor
  }

  /// Packets go round; how many did.
  package mutating func run(_ packets: Int) -> Int {
    var done = 0
    while done < packets {
      engine.round()
      done &+= Stage.ask(&first, Stage.request(0), Stage.response(0), length)
      if neighbour == .peer {
        done &+= Stage.ask(&second, Stage.request(1), Stage.response(1), length)
      }
    }
    return done
  }

  /// The first guest sends so many packets in a millisecond, as far as it has buffers, beside its neighbour;
  /// how many were answered in a time.
  package mutating func paced(nanoseconds: UInt64, perMillisecond rate: UInt64) -> Int {
    let start = monotonicNanoseconds()
    var (sent, answered): (UInt64, UInt64) = (0, 0)
    while true {
      let now = monotonicNanoseconds() &- start
      guard now < nanoseconds else { return Int(answered) }
      let due = now &* rate / 1_000_000
      while sent < due, sent &- answered < 32 {
        Stage.send(&first, to: Stage.request(0), length: length)
        sent &+= 1
      }
      engine.round()
      while let buffer = first.portals[0].dequeue() {
        precondition(buffer.descriptor.command == 0, "SEC has done the work")
        answered &+= 1
        first.portals[0].giveBack(buffer)
      }
      disturb()
    }
  }

  /// Lets the neighbour have its turn: at most a ring's packets.
  private mutating func disturb() {
    guard neighbour != .idle else { return }
    while let buffer = second.portals[0].dequeue() { second.portals[0].giveBack(buffer) }
    for _ in 0..<16 {
      guard var buffer = second.portals[0].acquire(from: second.grant.pools[0].bpid) else { return }
      switch neighbour {
      case .broken:
        random = random.scrambled
        let word = Int(random.below(24))
        descriptor.release32(4 * word, UInt32(truncatingIfNeeded: random &>> 16))
      case .rekeying:
        random = random.scrambled
        descriptor.release32(4 * 20, UInt32(truncatingIfNeeded: random &>> 16))
      default: break
      }
      buffer.setLength(neighbour == .peer ? length : 1500)
      guard case .full(let again) = second.portals[0].enqueue(buffer, to: Stage.request(1)) else {
        continue
      }
      second.portals[0].giveBack(again)
      return
    }
  }

  /// The name of the library that does the arithmetic; `nil` when there is none.
  package static var library: String? { SecurityChoice().unit(for: .gcm)?.name }
}

/// The chosen library called directly, or another one: as many bytes enciphered and authenticated under one key
/// that is kept, in place, over as many buffers.
package struct SecurityLibraryKernel: ~Copyable {
  private let unit: SecurityUnit
  private let key: SecurityKey
  private let memory: UnsafeMutablePointer<UInt8>
  private let jobs: UnsafeMutableBufferPointer<dpaac_security_job>
  private static let stride = 2112

  /// Takes the library that was chosen for AES-GCM, or a certain one; `nil` when there is none.
  package init?(length: Int, inFlight: Int = 32, onlyLibcrypto: Bool = false) {
    let choice = SecurityChoice(onlyLibcrypto ? [.libcrypto] : SecurityLibrary.allCases)
    guard let unit = choice.unit(for: .gcm),
      let key = unit.key(.gcm, enciphers: true, [UInt8](repeating: 0x2b, count: 16))
    else { return nil }
    self.unit = unit
    self.key = key
    memory = .allocate(capacity: inFlight * Self.stride)
    memory.initialize(repeating: 0x5a, count: inFlight * Self.stride)
    jobs = .allocate(capacity: inFlight)
    for place in 0..<inFlight {
      jobs.initializeElement(
        at: place,
        to: dpaac_security_job(key: key, inPlace: memory + place * Self.stride, count: length))
    }
  }

  deinit {
    jobs.deallocate()
    memory.deallocate()
  }

  /// Enciphers so many frames, each under another vector.
  package mutating func run(_ frames: Int) -> Int {
    var done = 0
    while done < frames {
      for place in jobs.indices {
        UnsafeMutableRawPointer(memory + place * Self.stride)
          .storeBytes(of: UInt64(truncatingIfNeeded: done &+ place), as: UInt64.self)
      }
      unit.run(jobs)
      done &+= jobs.count
    }
    precondition(jobs.allSatisfy { $0.failure == 0 }, "the library has done the work")
    return done
  }
}

extension Stage {
  /// The queue into SEC, and that of its answers.
  static func request(_ owner: Int) -> FQID { FQID(200 + 500 * UInt32(owner)) }
  static func response(_ owner: Int) -> FQID { FQID(300 + 500 * UInt32(owner)) }
  static func poolBase(_ owner: Int) -> UInt64 { UInt64(owner) * 0x1000_0000 + 0x10_0000 }

  /// The pair of ``pair(ring:buffers:)``, each with a pair of queues into SEC.
  static func securePair(ring: Int, buffers: UInt32) -> RuntimeConfiguration {
    var configuration = pair(ring: ring, buffers: buffers)
    for owner in 0..<2 {
      configuration.queueing[owner] = .init(accelerators: [
        AcceleratorUse(
          kind: .sec, mode: .poll, channel: 0x840, requests: [request(owner)],
          responses: [response(owner)], liodns: [])
      ])
    }
    return configuration
  }

  /// Has SEC put an owner's packets into a tunnel; where the descriptor lies. Its address and the queue for
  /// answers may be said to be others.
  @discardableResult
  static func open(
    _ session: inout GuestSession, context: UInt64?, response: FQID?
  ) -> UnsafeMutableRawPointer {
    let pool = session.grant.pools[0].bpid
    guard let pair = session.grant.accelerators.first,
      var buffer = session.portals[0].acquire(from: pool)
    else { preconditionFailure("the owner has queues into SEC, and buffers") }
    let descriptor = SharedDescriptor(
      encapsulating: .gcm(key: [UInt8](repeating: 0x2b, count: 16), salt: 1), spi: 9,
      outerHeader: [0x45, 0, 0, 0, 0, 1, 0, 0, 64, 50, 0, 0, 192, 0, 2, 1, 198, 51, 100, 1],
      outputPool: pool)
    buffer.setLength(descriptor.byteCount)
    guard let memory = buffer.frame.baseAddress else { preconditionFailure("it has bytes") }
    descriptor.write(to: memory)
    let address = buffer.descriptor.address + UInt64(buffer.descriptor.offset)
    // It stays where it is for as long as the owner.
    UnsafeMutablePointer<Buffer>.allocate(capacity: 1).initialize(to: buffer)
    let result = session.portals[0].initialize(
      pair.request, channel: pair.channel, contextA: context ?? address,
      contextB: (response ?? pair.response).rawValue)
    precondition(result == CommandResult.ok, "the queue into SEC is taken")
    return memory
  }

  /// Sends back up to a burst of what SEC answered; how many packets.
  @inline(__always)
  static func ask(
    _ session: inout GuestSession, _ request: FQID, _ response: FQID, _ length: Int
  ) -> Int {
    var done = 0
    while done < 32, var buffer = session.portals[0].dequeue() {
      precondition(
        buffer.queue == response && buffer.descriptor.command == 0, "SEC has done the work")
      buffer.setLength(length)
      forward(buffer, of: &session, to: request)
      done &+= 1
    }
    return done
  }
}
