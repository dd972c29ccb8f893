import QorIQ

/// A router between a guest's ways: IPv4 and IPv6 by the longest prefix, with the answers that its
/// neighbours expect of it.
///
/// What becomes of a frame is decided on its bytes alone (``handle(_:room:path:now:)``). Everything in a
/// frame is a stranger's word: no header is read before it is known to lie in the frame.
struct Forwarder: ~Copyable {
  /// What becomes of a frame.
  enum Verdict: Equatable {
    /// It goes out on a way, with so many bytes.
    case send(path: Int, length: Int, GuestStatus.Counter)
    /// Its buffer goes back to the pool.
    case drop(GuestStatus.Counter)
    /// It goes out when its neighbour on a way has told its MAC address.
    case hold(NetworkAddress, path: Int)
    /// Its packet is of a tunnel, out of which SEC takes what is inside.
    case open(tunnel: Int)
  }

  /// Where a prefix leads.
  struct Hop {
    /// A next router; `nil` for networks that this guest is in.
    var router: NetworkAddress?
    var path: Int
    var kind: Kind
    enum Kind { case onward, own, broadcast }
  }

  let own: [ForwardSettings.Own]
  /// The MAC address on each way; 0 where it has no address.
  let macs: [UInt64]
  /// The longest packet that each way carries.
  private let mtus: [UInt32]
  let hops: [Hop]
  let ipv4: IPv4PrefixTable
  let ipv6: IPv6PrefixTable
  /// The tunnels, each of which is a way more; `nil` for a router that has none.
  let gate: TunnelGate?
  let neighbours = NeighbourTable()
  /// Neighbours to be asked for, first in, first out; who is left out is asked for by a later frame.
  private(set) var questions: [(NetworkAddress, path: Int)] = []
  /// Whether a neighbour told its MAC address, so that frames that wait for it may go.
  var hasNews = false
  /// How many errors may be sent in this second, and when it began (RFC 1812, 4.3.2.8).
  private var errorsLeft = 0
  private var errorsSince: UInt64 = 0
  private static let errorsPerSecond = 1000
  private static let mostQuestions = 64

  /// Makes a router.
  ///
  /// - Parameters:
  ///   - settings: Its addresses and routes.
  ///   - mtus: The longest packet that each of the guest's ways carries; 0 for any.
  ///   - gate: Its tunnels.
  /// - Throws: ``GuestError/badGrant`` for settings that contradict themselves.
  init(
    _ settings: ForwardSettings, mtus: [UInt32], gate: TunnelGate? = nil
  ) throws(GuestError) {
    let mtus = mtus + (gate?.mtus ?? [])
    let pathCount = mtus.count
    var macs = [UInt64](repeating: 0, count: pathCount)
    var hops: [Hop] = []
    var routes: (ipv4: [IPv4PrefixTable.Route], ipv6: [IPv6PrefixTable.Route]) = ([], [])
    func add(_ prefix: NetworkPrefix, _ hop: Hop) throws(GuestError) {
      let address = prefix.address
      guard prefix.length <= 128, hop.path >= 0, hop.path < pathCount,
        !address.isIPv4 || prefix.length >= 96
      else { throw .badGrant }
      let value = UInt32(hops.count)
      hops.append(hop)
      if address.isIPv4 {
        routes.ipv4.append((address.ipv4, prefix.length - 96, value))
      } else {
        routes.ipv6.append((address.high, address.low, prefix.length, value))
      }
    }
    for entry in settings.own {
      try add(entry.prefix, Hop(router: nil, path: entry.path, kind: .onward))
    }
    for route in settings.routes {
      // The first of its networks that the router is in.
      guard let way = settings.own.first(where: { $0.prefix.contains(route.via) }) else {
        throw .badGrant
      }
      try add(route.to, Hop(router: route.via, path: way.path, kind: .onward))
    }
    for (tunnel, networks) in (gate?.networks ?? []).enumerated() {
      let path = pathCount - (gate?.mtus.count ?? 0) + tunnel
      for network in networks { try add(network, Hop(router: nil, path: path, kind: .onward)) }
    }
    // Last, as the later of two equal prefixes counts.
    for entry in settings.own {
      let prefix = entry.prefix
      if prefix.address.isIPv4, prefix.length <= 126 {
        let hosts = UInt32.max >> UInt32(prefix.length - 96)
        let broadcast = prefix.address.ipv4 | hosts
        try add(
          NetworkPrefix(ipv4: broadcast, length: 32),
          Hop(router: nil, path: entry.path, kind: .broadcast))
      }
      try add(
        NetworkPrefix(address: prefix.address, length: 128),
        Hop(router: nil, path: entry.path, kind: .own))
      if macs[entry.path] == 0 { macs[entry.path] = Self.mac(prefix.address) }
    }
    // Locals first: a value that cannot be copied must not be half made when something throws.
    guard let ipv4 = try? IPv4PrefixTable(routes.ipv4),
      let ipv6 = try? IPv6PrefixTable(routes.ipv6)
    else { throw .badGrant }
    own = settings.own
    self.macs = macs
    self.mtus = mtus.map { $0 == 0 ? .max : $0 }
    self.hops = hops
    self.ipv4 = ipv4
    self.ipv6 = ipv6
    self.gate = gate
    questions.reserveCapacity(Self.mostQuestions)
  }

  /// A local MAC address with an address's last 32 bits inside.
  static func mac(_ address: NetworkAddress) -> UInt64 {
    (address.isIPv4 ? 0x0200 : 0x0201) << 32 | UInt64(UInt32(truncatingIfNeeded: address.low))
  }

  /// Whether it pays to look ahead over the frames at hand.
  var looksAhead: Bool { ipv4.isLarge || ipv6.isLarge }

  /// Has memory bring what the lookup of a frame's destination will read, whether or not there will be one.
  func lookAhead(_ frame: UnsafeMutableRawBufferPointer) {
    guard frame.count >= 34 else { return }
    switch HeaderBytes.half(frame, 12) {
    case 0x0800: ipv4.prefetch(HeaderBytes.word(frame, 30))
    case 0x86dd where frame.count >= 54:
      let destination = HeaderBytes.address(frame, 38)
      ipv6.prefetch(destination.high, destination.low)
    default: break
    }
  }

  /// Decides about a frame and changes it as it is to leave.
  ///
  /// - Parameters:
  ///   - frame: The frame's bytes, or the first of them where the others lie in other buffers.
  ///   - whole: How many bytes the frame has, if they are not all there.
  ///   - room: How many bytes there are from the frame's start to its buffer's end.
  ///   - path: The way that it came on.
  ///   - now: Nanoseconds that only grow.
  /// - Returns: What becomes of it.
  mutating func handle(
    _ frame: UnsafeMutableRawBufferPointer, whole: Int? = nil, room: Int, path: Int, now: UInt64
  ) -> Verdict {
    let whole = whole ?? frame.count
    guard frame.count >= 14, path < macs.count, macs[path] != 0 else { return .drop(.ignored) }
    let destination = HeaderBytes.mac(frame, 0)
    // Nobody sends as a group.
    guard HeaderBytes.mac(frame, 6) & 1 << 40 == 0 else { return .drop(.malformed) }
    let isGroup = destination & 1 << 40 != 0
    guard isGroup || destination == macs[path] else { return .drop(.ignored) }
    switch HeaderBytes.half(frame, 12) {
    case 0x0800: return isGroup ? .drop(.ignored) : forwardIPv4(frame, whole, room, path, now)
    case 0x86dd: return forwardIPv6(frame, whole, room, path, now, isGroup: isGroup)
    case 0x0806: return answerARP(frame, path, now)
    default: return .drop(.ignored)
    }
  }

  // MARK: IPv4

  mutating func forwardIPv4(
    _ frame: UnsafeMutableRawBufferPointer, _ whole: Int, _ room: Int, _ path: Int, _ now: UInt64
  ) -> Verdict {
    guard frame.count >= 34 else { return .drop(.malformed) }
    let header = Int(frame[14] & 0xf) * 4
    let total = Int(HeaderBytes.half(frame, 16))
    guard frame[14] >> 4 == 4, header >= 20, total >= header, 14 + total <= whole,
      14 + header <= frame.count,
      HeaderBytes.sum(frame, 14..<14 + header) == 0xffff
    else { return .drop(.malformed) }
    let source = HeaderBytes.word(frame, 26)
    let destination = HeaderBytes.word(frame, 30)
    // Nobody is a group, this network or this host (RFC 1812, 5.3.7).
    guard Self.isHost(source) else { return .drop(.malformed) }
    guard Self.isHost(destination) else { return .drop(.ignored) }
    let index = ipv4.lookup(destination)
    if let gate {
      if frame[23] == 50, gate.hasEnd(NetworkAddress(ipv4: destination), on: path) {
        let isWhole = HeaderBytes.half(frame, 20) & 0x3fff == 0
        return arrival(frame, header: 14 + header, isWhole: isWhole && header == 20, gate)
      }
      guard mayPass(from: path, NetworkAddress(ipv4: source), index, gate) else {
        return gate.isClear(path)
          ? error(frame, room, path, now, type: 3, code: 13, .unprotected) : .drop(.unprotected)
      }
    }
    guard let index else {
      return error(frame, room, path, now, type: 3, code: 0, .noRoute)
    }
    let hop = hops[Int(index)]
    switch hop.kind {
    case .own: return answerEcho(frame, header, path)
    case .broadcast: return .drop(.ignored)
    case .onward: break
    }
    guard frame[22] > 1 else { return error(frame, room, path, now, type: 11, code: 0, .expired) }
    guard total <= mtus[hop.path] else {
      return error(frame, room, path, now, type: 3, code: 4, mtu: mtus[hop.path], .tooBig)
    }
    frame[22] -= 1
    // The checksum of a header whose upper byte of a word is one less (RFC 1624).
    HeaderBytes.adjust(frame, 24, from: 0x0100, to: 0)
    let verdict = send(
      frame, to: hop.router ?? NetworkAddress(ipv4: destination), path: hop.path, now: now)
    if case .drop = verdict { return unreachable(frame, room, path, now) }
    return verdict
  }

  private static func isHost(_ address: UInt32) -> Bool {
    address < 0xe000_0000 && address >> 24 != 0 && address >> 24 != 127
  }

  // MARK: IPv6

  mutating func forwardIPv6(
    _ frame: UnsafeMutableRawBufferPointer, _ whole: Int, _ room: Int, _ path: Int, _ now: UInt64,
    isGroup: Bool
  ) -> Verdict {
    guard frame.count >= 54 else { return .drop(.malformed) }
    let end = 54 + Int(HeaderBytes.half(frame, 18))
    guard frame[14] >> 4 == 6, end <= whole, frame[22] != 0xff else {
      return .drop(.malformed)
    }
    // As far as it is there.
    let here = min(end, frame.count)
    if frame[20] == 58, here >= 58, frame[54] == 135 || frame[54] == 136 {
      return discover(frame, room, path, now, end: here)
    }
    let source = HeaderBytes.address(frame, 22)
    let destination = HeaderBytes.address(frame, 38)
    // Groups, and what is valid on one link only, go no further (RFC 4291, 2.5).
    guard !isGroup, Self.isGlobal(source), Self.isGlobal(destination) else {
      return .drop(.ignored)
    }
    let index = ipv6.lookup(destination.high, destination.low)
    if let gate {
      if frame[20] == 50, gate.hasEnd(destination, on: path) {
        return arrival(frame, header: 54, isWhole: true, gate)
      }
      guard mayPass(from: path, source, index, gate) else {
        return gate.isClear(path)
          ? error6(frame, room, path, now, type: 1, code: 1, .unprotected) : .drop(.unprotected)
      }
    }
    guard let index else {
      return error6(frame, room, path, now, type: 1, code: 0, .noRoute)
    }
    let hop = hops[Int(index)]
    if hop.kind == .own { return answerEcho6(frame, path, end: here) }
    guard frame[21] > 1 else {
      return error6(frame, room, path, now, type: 3, code: 0, .expired)
    }
    guard end - 14 <= mtus[hop.path] else {
      return error6(frame, room, path, now, type: 2, code: 0, mtu: mtus[hop.path], .tooBig)
    }
    frame[21] -= 1
    let verdict = send(frame, to: hop.router ?? destination, path: hop.path, now: now)
    if case .drop = verdict { return unreachable(frame, room, path, now) }
    return verdict
  }

  private static func isGlobal(_ address: NetworkAddress) -> Bool {
    let first = address.high >> 48
    // No group, nothing of a link, and not the addresses with a meaning of their own below 2^33.
    return first >> 8 != 0xff && first & 0xffc0 != 0xfe80
      && !(address.high == 0 && address.low >> 33 == 0)
      && !address.isIPv4
  }

  // MARK: Neighbours

  /// Gives a frame its MAC addresses, has it wait for them, or drops it where nobody answers.
  mutating func send(
    _ frame: UnsafeMutableRawBufferPointer, to neighbour: NetworkAddress, path: Int, now: UInt64
  ) -> Verdict {
    // A tunnel has no neighbours.
    if let gate, path >= gate.firstPath {
      return .send(path: path, length: frame.count, .forwarded)
    }
    let mac: UInt64
    switch neighbours.state(neighbour, path: path, now: now) {
    case .known(let known): mac = known
    case .stale(let known):
      mac = known
      ask(neighbour, path)
    case .unknown:
      ask(neighbour, path)
      return .hold(neighbour, path: path)
    case .asked: return .hold(neighbour, path: path)
    case .silent: return .drop(.unresolved)
    }
    HeaderBytes.putMAC(mac, frame, 0)
    HeaderBytes.putMAC(macs[path], frame, 6)
    return .send(path: path, length: frame.count, .forwarded)
  }

  private mutating func ask(_ neighbour: NetworkAddress, _ path: Int) {
    if questions.count < Self.mostQuestions { questions.append((neighbour, path)) }
  }

  /// The next neighbour to ask for.
  mutating func takeQuestion() -> (NetworkAddress, path: Int)? {
    questions.isEmpty ? nil : questions.removeFirst()
  }

  /// Its own address on a way from which to speak to another; `nil` when it has none of that family.
  func ownAddress(on path: Int, towards other: NetworkAddress) -> NetworkAddress? {
    var first: NetworkAddress?
    for entry in own
    where isAddress(of: path, entry) && entry.prefix.address.isIPv4 == other.isIPv4 {
      if entry.prefix.contains(other) { return entry.prefix.address }
      if first == nil { first = entry.prefix.address }
    }
    return first
  }

  /// Whether an address is one to speak from on a way; in a tunnel those of the clear ways are.
  private func isAddress(of path: Int, _ entry: ForwardSettings.Own) -> Bool {
    guard let gate, path >= gate.firstPath else { return entry.path == path }
    return entry.path != gate.cipherPath
  }

  /// Whether an address is its own on a way.
  func isOwn(_ address: NetworkAddress, on path: Int) -> Bool {
    own.contains { $0.path == path && $0.prefix.address == address }
  }

  /// Whether an error may be sent now.
  mutating func takeErrorRight(_ now: UInt64) -> Bool {
    if now &- errorsSince >= 1_000_000_000 {
      errorsSince = now
      errorsLeft = Self.errorsPerSecond
    }
    guard errorsLeft > 0 else { return false }
    errorsLeft -= 1
    return true
  }
}
