public import QorIQ

/// What a guest is told when it attaches: its portals, its pools, its ways, its program.
///
/// The grant travels as one message over the control socket, together with a descriptor for each
/// region. It is plain data of a fixed, versioned, big-endian form, so that a guest program needs
/// no parser of plans.
public struct GuestGrant: Sendable, Hashable {
  /// The owner's name in the plan.
  public var name: String
  /// How many portals the window region holds.
  public var portalCount: Int
  /// Entries of each portal's enqueue ring.
  public var enqueueRing: Int
  /// Entries of each portal's dequeue ring.
  public var dequeueRing: Int
  /// The pools whose memory is mapped.
  public var pools: [Pool]
  /// The ways in and out.
  public var paths: [Path]
  /// The pairs of queues into accelerators and back: the first ``pairLimit`` of them.
  public var accelerators: [AcceleratorPair] = []
  /// The chains through accelerators, whose queues for requests ports fill.
  public var chains: [Chain] = []
  /// What the plan wants to run here.
  public var program: Program
  /// The format of the capture of what arrives, whose descriptor was sent along; `nil` for none.
  public var capture: CaptureWriter.Format?
  /// Whether guests that poll and the engine are more than the host has processors for them: who has nothing to do
  /// then gives its own away at once.
  public var sharesProcessor = false

  /// A pool as a guest sees it.
  public struct Pool: Sendable, Hashable {
    /// The pool.
    public var bpid: BPID
    /// The first buffer's address, as descriptors name it.
    public var base: UInt64
    /// How many buffers.
    public var count: UInt32
    /// Bytes of a buffer.
    public var size: UInt32
    /// Bytes from buffer to buffer.
    public var stride: UInt32
    /// Creates a pool.
    public init(bpid: BPID, base: UInt64, count: UInt32, size: UInt32, stride: UInt32) {
      self.bpid = bpid
      self.base = base
      self.count = count
      self.size = size
      self.stride = stride
    }
    /// The bytes of the whole pool.
    public var byteCount: Int { Int(count) * Int(stride) }
  }

  /// A way in and out.
  public struct Path: Sendable, Hashable {
    /// The interface's or the peer's name.
    public var name: String
    /// Whether it leads to another owner.
    public var isLink: Bool
    /// The queues that receive; their context B is the path's index.
    public var receive: QueueRange
    /// The queue that transmits.
    public var transmit: FQID
    /// The longest packet, without Ethernet's header, that it carries; 0 where nothing is said of that.
    public var mtu: UInt32
    /// Creates a path.
    public init(
      name: String, isLink: Bool, receive: QueueRange, transmit: FQID, mtu: UInt32 = 0
    ) {
      self.name = name
      self.isLink = isLink
      self.receive = receive
      self.transmit = transmit
      self.mtu = mtu
    }
  }

  /// A queue for requests to an accelerator, and the one for its answers.
  public struct AcceleratorPair: Sendable, Hashable {
    /// The accelerators.
    public enum Kind: UInt8, Sendable, Hashable {
      /// SEC.
      case security = 0
      /// PME.
      case patterns = 1
    }
    /// Which.
    public var kind: Kind
    /// The accelerator's channel: a queue for requests leads there.
    public var channel: ChannelID
    /// The queue for requests, which the guest puts into service itself.
    public var request: FQID
    /// The queue for answers; its context B is ``FrameOrigin/answerContext`` and the pair's place among those
    /// of its kind.
    public var response: FQID
    /// Creates a pair.
    public init(kind: Kind, channel: ChannelID, request: FQID, response: FQID) {
      self.kind = kind
      self.channel = channel
      self.request = request
      self.response = response
    }
  }

  /// A pair of queues that a port fills: the guest puts the one for requests into service, as with any pair,
  /// and may leave the rest to the devices.
  public struct Chain: Sendable, Hashable {
    /// The name in the plan.
    public var name: String
    /// The queues. Answers come to the guest's portals as those of any pair, unless ``path`` says otherwise.
    public var pair: AcceleratorPair
    /// The place in ``GuestGrant/paths`` of the way by which answers leave; `nil` for the portals.
    public var path: Int?
    /// Creates a chain.
    public init(name: String, pair: AcceleratorPair, path: Int? = nil) {
      self.name = name
      self.pair = pair
      self.path = path
    }
  }

  /// The built-in programs.
  public enum Program: Sendable, Hashable {
    /// Swap addresses and send back.
    case reflect
    /// Take what arrives.
    case sink
    /// Send frames of `size` bytes on a path, between two IPv4 addresses in host order; reflect
    /// what arrives on others.
    ///
    /// No more than `rate` in a second; 0 for no limit.
    case source(
      path: Int, frames: UInt64, size: UInt32, from: UInt32, to: UInt32, rate: UInt64 = 0)
    /// Send what arrives on, as a router does.
    case forward(ForwardSettings)
    /// Send what arrives on one way on to another, unless PME finds something in it.
    case scan(ScanSettings)
    /// Send what arrives on, as a router between clear text and tunnels does.
    case protect(ForwardSettings, TunnelSettings)
    /// Do what a measurement orders while it runs (``TrafficOrder``).
    case traffic
  }

  /// Creates a grant.
  public init(
    name: String, portalCount: Int, enqueueRing: Int, dequeueRing: Int, pools: [Pool],
    paths: [Path], accelerators: [AcceleratorPair] = [], chains: [Chain] = [], program: Program,
    capture: CaptureWriter.Format?
  ) {
    self.name = name
    self.portalCount = portalCount
    self.enqueueRing = enqueueRing
    self.dequeueRing = dequeueRing
    self.pools = pools
    self.paths = paths
    self.accelerators = accelerators
    self.chains = chains
    self.program = program
    self.capture = capture
  }
}

extension [GuestGrant.Chain] {
  /// Whether a chain stands at a place, and leads through a certain accelerator.
  func has(_ place: Int, by kind: GuestGrant.AcceleratorPair.Kind) -> Bool {
    indices.contains(place) && self[place].pair.kind == kind
  }
}

extension GuestGrant {
  private static let magic: UInt64 = 0x6470_6161_6307  // "dpaac", version 7
  /// The most of anything that a grant lists: bounds what a wrong message can make a guest do.
  static let limit = 64
  /// How many chains a grant lists at most.
  public static let chainLimit = limit
  /// How many pairs a grant lists at most: a message of 64 KiB has room for them beside all else.
  public static let pairLimit = 128
  /// The formats of captures, in the order of their numbers in a message, which begin at 1.
  private static let formats: [CaptureWriter.Format] = [.pcap, .pcapng]

  /// The grant as a message.
  public var message: [UInt8] {
    var bytes: [UInt8] = []
    func put(_ value: UInt64) {
      withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }
    func put(_ prefix: NetworkPrefix) {
      put(prefix.address.high)
      put(prefix.address.low)
      put(UInt64(prefix.length))
    }
    func put(_ text: String) {
      put(UInt64(text.utf8.count))
      bytes.append(contentsOf: text.utf8)
    }
    func put(_ settings: ForwardSettings) {
      put(UInt64(settings.own.count))
      for entry in settings.own {
        put(UInt64(entry.path))
        put(entry.prefix)
      }
      put(UInt64(settings.routes.count))
      for route in settings.routes {
        put(route.to)
        put(route.via.high)
        put(route.via.low)
      }
    }
    put(Self.magic)
    put(name)
    put(UInt64(portalCount))
    put(UInt64(enqueueRing))
    put(UInt64(dequeueRing))
    put(capture.flatMap { Self.formats.firstIndex(of: $0) }.map { UInt64($0) + 1 } ?? 0)
    put(sharesProcessor ? 1 : 0)
    put(UInt64(pools.count))
    for pool in pools {
      put(UInt64(pool.bpid.rawValue))
      put(pool.base)
      put(UInt64(pool.count))
      put(UInt64(pool.size))
      put(UInt64(pool.stride))
    }
    put(UInt64(paths.count))
    for path in paths {
      put(path.name)
      put(path.isLink ? 1 : 0)
      put(UInt64(path.receive.first.rawValue))
      put(UInt64(path.receive.count))
      put(UInt64(path.transmit.rawValue))
      put(UInt64(path.mtu))
    }
    func put(_ pair: AcceleratorPair) {
      put(UInt64(pair.kind.rawValue))
      put(UInt64(pair.channel.rawValue))
      put(UInt64(pair.request.rawValue))
      put(UInt64(pair.response.rawValue))
    }
    put(UInt64(accelerators.count))
    for pair in accelerators { put(pair) }
    put(UInt64(chains.count))
    for chain in chains {
      put(chain.name)
      put(chain.pair)
      put(chain.path.map { UInt64($0) + 1 } ?? 0)
    }
    switch program {
    case .reflect: put(0)
    case .sink: put(1)
    case .source(let path, let frames, let size, let from, let to, let rate):
      put(2)
      put(UInt64(path))
      put(frames)
      put(UInt64(size))
      put(UInt64(from))
      put(UInt64(to))
      put(rate)
    case .forward(let settings):
      put(3)
      put(settings)
    case .protect(let settings, let tunnels):
      put(4)
      put(settings)
      tunnels.write(put)
    case .traffic: put(6)
    case .scan(let settings):
      put(5)
      put(UInt64(settings.ways.count))
      for way in settings.ways { put(UInt64(way)) }
      put(UInt64(settings.groups.count))
      for group in settings.groups {
        put(UInt64(group.set))
        put(UInt64(group.action.rawValue))
      }
      for flag in [settings.startsAtPayload, settings.keepsStreams, settings.failsOpen] {
        put(flag ? 1 : 0)
      }
      put(UInt64(settings.idleSeconds))
      put(settings.divert.map { UInt64($0) + 1 } ?? 0)
      put(UInt64(settings.chains.count))
      for chain in settings.chains {
        put(UInt64(chain.place))
        put(UInt64(chain.way))
      }
    }
    return bytes
  }

  /// Reads a grant from a message; `nil` when it is not one of this version.
  public init?(message: [UInt8]) {
    var rest = message[...]
    func number(atMost limit: UInt64 = .max) -> UInt64? {
      guard rest.count >= 8 else { return nil }
      let value = rest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
      rest = rest.dropFirst(8)
      return value <= limit ? value : nil
    }
    func text() -> String? {
      guard let count = number(atMost: UInt64(rest.count)), count <= rest.count else { return nil }
      defer { rest = rest.dropFirst(Int(count)) }
      return String(decoding: rest.prefix(Int(count)), as: UTF8.self)
    }
    func queue() -> FQID? { number(atMost: 0xff_ffff).map { FQID(UInt32($0)) } }
    func ring() -> Int? {
      number(atMost: 64).flatMap { $0 >= 8 && $0 & ($0 - 1) == 0 ? Int($0) : nil }
    }
    func prefix() -> NetworkPrefix? {
      guard let high = number(), let low = number(), let length = number(atMost: 128) else {
        return nil
      }
      return NetworkPrefix(address: NetworkAddress(high: high, low: low), length: UInt8(length))
    }
    func forwardSettings() -> ForwardSettings? {
      var settings = ForwardSettings(own: [], routes: [])
      let most = UInt64(NetworkRoute.limit)
      guard let ownCount = number(atMost: most) else { return nil }
      for _ in 0..<ownCount {
        guard let path = number(atMost: UInt64(Self.limit)), let prefix = prefix() else {
          return nil
        }
        settings.own.append(ForwardSettings.Own(path: Int(path), prefix: prefix))
      }
      guard let routeCount = number(atMost: most - ownCount) else { return nil }
      for _ in 0..<routeCount {
        guard let to = prefix(), let high = number(), let low = number() else { return nil }
        settings.routes.append(
          NetworkRoute(to: to, via: NetworkAddress(high: high, low: low)))
      }
      return settings
    }
    func scanSettings() -> ScanSettings? {
      let limit = UInt64(Self.limit)
      guard let wayCount = number(atMost: limit) else { return nil }
      var ways: [Int] = []
      for _ in 0..<wayCount {
        guard let way = number(atMost: limit) else { return nil }
        ways.append(Int(way))
      }
      guard let groupCount = number(atMost: limit) else { return nil }
      var groups: [ScanSettings.Group] = []
      for _ in 0..<groupCount {
        guard let set = number(atMost: 255),
          let action = number(atMost: 255).flatMap({ ScanSettings.Action(rawValue: UInt8($0)) })
        else { return nil }
        groups.append(.init(set: UInt8(set), action: action))
      }
      guard let startsAtPayload = number(atMost: 1), let keepsStreams = number(atMost: 1),
        let failsOpen = number(atMost: 1), let idle = number(atMost: UInt64(UInt32.max)),
        let divert = number(atMost: limit + 1), let chainCount = number(atMost: limit)
      else { return nil }
      var chains: [ScanSettings.Chain] = []
      for _ in 0..<chainCount {
        guard let place = number(atMost: limit), let way = number(atMost: limit) else { return nil }
        chains.append(.init(place: Int(place), way: Int(way)))
      }
      return ScanSettings(
        ways: ways, groups: groups, startsAtPayload: startsAtPayload == 1,
        keepsStreams: keepsStreams == 1, idleSeconds: UInt32(idle), failsOpen: failsOpen == 1,
        divert: divert == 0 ? nil : Int(divert) - 1, chains: chains)
    }
    let limit = UInt64(Self.limit)
    guard number() == Self.magic, let name = text(), let portalCount = number(atMost: limit),
      portalCount >= 1, let enqueueRing = ring(), let dequeueRing = ring(),
      let capture = number(atMost: UInt64(Self.formats.count)),
      let sharesProcessor = number(atMost: 1), let poolCount = number(atMost: limit)
    else { return nil }
    var pools: [Pool] = []
    for _ in 0..<poolCount {
      guard let bpid = number(atMost: 255), let base = number(atMost: 0xff_ffff_ffff),
        let count = number(atMost: 1 << 24), let size = number(atMost: 1 << 20),
        let stride = number(atMost: 1 << 21), count > 0, size > 0, stride >= size
      else { return nil }
      pools.append(
        Pool(
          bpid: BPID(UInt8(bpid)), base: base, count: UInt32(count), size: UInt32(size),
          stride: UInt32(stride)))
    }
    guard let pathCount = number(atMost: limit) else { return nil }
    var paths: [Path] = []
    for _ in 0..<pathCount {
      guard let name = text(), let isLink = number(atMost: 1), let first = queue(),
        let count = number(atMost: 0xff_ffff), count > 0,
        UInt64(first.rawValue) + count <= 1 << 24, let transmit = queue(),
        let mtu = number(atMost: UInt64(UInt32.max))
      else { return nil }
      paths.append(
        Path(
          name: name, isLink: isLink == 1,
          receive: QueueRange(first: first, count: UInt32(count)), transmit: transmit,
          mtu: UInt32(mtu)))
    }
    guard let pairCount = number(atMost: UInt64(Self.pairLimit)) else { return nil }
    func pair() -> AcceleratorPair? {
      guard let kind = number(atMost: 255).flatMap({ AcceleratorPair.Kind(rawValue: UInt8($0)) }),
        let channel = number(atMost: 0xffff), let request = queue(), let response = queue()
      else { return nil }
      return AcceleratorPair(
        kind: kind, channel: ChannelID(UInt16(channel)), request: request, response: response)
    }
    var accelerators: [AcceleratorPair] = []
    for _ in 0..<pairCount {
      guard let pair = pair() else { return nil }
      accelerators.append(pair)
    }
    guard let chainCount = number(atMost: limit) else { return nil }
    var chains: [Chain] = []
    for _ in 0..<chainCount {
      guard let name = text(), let pair = pair(), let path = number(atMost: pathCount) else {
        return nil
      }
      chains.append(Chain(name: name, pair: pair, path: path == 0 ? nil : Int(path) - 1))
    }
    let program: Program
    switch number() {
    case 0: program = .reflect
    case 1: program = .sink
    case 2:
      guard let path = number(atMost: limit), path < paths.count, let frames = number(),
        let size = number(atMost: 1 << 16), let from = number(atMost: UInt64(UInt32.max)),
        let to = number(atMost: UInt64(UInt32.max)), let rate = number()
      else { return nil }
      program = .source(
        path: Int(path), frames: frames, size: UInt32(size), from: UInt32(from), to: UInt32(to),
        rate: rate)
    case 3:
      guard let settings = forwardSettings() else { return nil }
      program = .forward(settings)
    case 5:
      guard let settings = scanSettings(), settings.isSound(pathCount: paths.count, chains: chains)
      else { return nil }
      program = .scan(settings)
    case 4:
      guard let settings = forwardSettings(),
        let tunnels = TunnelSettings(
          pathCount: paths.count, chainCount: chains.count, number: { number(atMost: $0) })
      else { return nil }
      program = .protect(settings, tunnels)
    case 6: program = .traffic
    default: return nil
    }
    guard rest.isEmpty else { return nil }
    self.init(
      name: name, portalCount: Int(portalCount), enqueueRing: enqueueRing,
      dequeueRing: dequeueRing, pools: pools, paths: paths, accelerators: accelerators,
      chains: chains, program: program,
      capture: capture == 0 ? nil : Self.formats[Int(capture) - 1])
    self.sharesProcessor = sharesProcessor == 1
  }
}
