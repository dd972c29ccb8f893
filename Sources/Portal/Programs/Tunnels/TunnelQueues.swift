import QorIQ

// SAFETY: the first `count` places hold queues; no others do. Never deinitialized as a whole: a queue that could
// not be closed holds a buffer, which ends with the guest.
/// A gateway's queues into SEC: two for each tunnel, the first for what goes in and the second for what comes
/// out.
struct TunnelQueues: ~Copyable {
  private let settings: TunnelSettings
  private let pairs: [GuestGrant.AcceleratorPair]
  /// The pool for what SEC makes, and for descriptors.
  private let pool: GuestGrant.Pool
  private let queues: UnsafeMutablePointer<SecurityQueue>
  private var count = 0
  /// The pair of the chain that shares each queue's descriptor, and of how many queues it is in service.
  private let chains: [GuestGrant.AcceleratorPair?]
  private var joined = 0
  private var isClosing = false

  init(_ settings: TunnelSettings, _ grant: GuestGrant) throws(GuestError) {
    let pairs = grant.accelerators.filter { $0.kind == .security }
    guard let pool = Self.pool(of: grant) else {
      throw .missingResource("pool, which SEC takes its buffers from")
    }
    guard pairs.count >= 2 * settings.tunnels.count else {
      throw .missingResource("two pairs of queues into SEC for each tunnel")
    }
    let places = settings.tunnels.flatMap { [$0.intoChain, $0.outChain] }
    guard places.allSatisfy({ $0.map { grant.chains.has($0, by: .security) } ?? true }) else {
      throw .badGrant
    }
    self.settings = settings
    self.pairs = pairs
    self.pool = pool
    chains = places.map { $0.map { grant.chains[$0].pair } }
    queues = .allocate(capacity: 2 * settings.tunnels.count)
  }

  deinit { queues.deallocate() }

  /// The largest buffers, so that a long packet has room in one.
  static func pool(of grant: GuestGrant) -> GuestGrant.Pool? {
    grant.pools.max { $0.size < $1.size }
  }

  /// Puts queues into service that are not yet.
  mutating func open(_ session: inout GuestSession) {
    while count < 2 * settings.tunnels.count, !isClosing {
      let tunnel = settings.tunnels[count / 2]
      let descriptor =
        count % 2 == 0
        ? tunnel.sealing(outputPool: pool.bpid) : tunnel.opening(outputPool: pool.bpid)
      guard let queue = session.portals[0].open(pairs[count], descriptor, from: pool.bpid) else {
        return
      }
      (queues + count).initialize(to: queue)
      count += 1
    }
    while joined < count, !isClosing {
      if let pair = chains[joined], !session.portals[0].join(pair, to: queues[joined]) { return }
      joined += 1
    }
  }

  /// Whether some are not in service yet.
  var isWaiting: Bool { !isClosing && joined < 2 * settings.tunnels.count }

  /// The queue for packets into a tunnel, or out of it; `nil` while it is not in service.
  func request(_ tunnel: Int, into: Bool) -> FQID? {
    let place = 2 * tunnel + (into ? 0 : 1)
    return place < count && !isClosing ? queues[place].request : nil
  }

  /// The direction whose answers come from a queue, by its place; `pair` is what the answer says of its pair.
  func direction(ofAnswer queue: FQID, pair: Int) -> Int? {
    if pair < count { return queues[pair].response == queue ? pair : nil }
    return chains.prefix(joined).firstIndex { $0?.response == queue }
  }

  /// Takes queues out of service, as the guest ends; `false` while SEC is at work on packets in them.
  mutating func close(_ session: inout GuestSession) -> Bool {
    isClosing = true
    while joined > 0 {
      if let pair = chains[joined - 1],
        !session.portals[0].takeOutOfServiceWhenEmpty(pair.request)
      {
        return false
      }
      joined -= 1
    }
    while count > 0 {
      let queue = (queues + count - 1).move()
      count -= 1
      if let queue = session.portals[0].close(queue) {
        (queues + count).initialize(to: queue)
        count += 1
        return false
      }
    }
    return true
  }
}

extension GuestStatus.TunnelCounter {
  /// What counts an answer of SEC's that has not worked: the lowest byte of a status says what was found, the
  /// highest bits by whom (Linux 6.1, `drivers/crypto/caam/error.c`).
  init(failure status: UInt32) {
    switch (status >> 28, status & 0xff) {
    case (2, let code) where code & 0xf == 0xa: self = .notAuthentic
    case (4, 0x83), (4, 0x84): self = .replayed
    default: self = .refused
    }
  }

  /// What counts the same of all tunnels, of packets that were not taken.
  var sum: GuestStatus.Counter {
    switch self {
    case .notAuthentic: .notAuthentic
    case .replayed: .replayed
    case .packets, .refused: .refused
    }
  }
}
