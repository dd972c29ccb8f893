import QorIQ

/// What a router knows of its tunnels: each is a way more behind the others, and who may go in and out.
struct TunnelGate {
  /// The place of the first tunnel among the ways.
  let firstPath: Int
  /// The way of the enciphered packets.
  let cipherPath: Int
  /// Whether what belongs into no tunnel goes in clear.
  let bypasses: Bool
  /// What is behind each tunnel.
  let networks: [[NetworkPrefix]]
  /// The longest packet that each carries.
  let mtus: [UInt32]
  /// Of which tunnels what comes out has its trailer still behind it.
  let keepsTrailer: [Bool]
  private let ends: [NetworkAddress]
  private let tunnels: [UInt32: Int]

  /// Makes the gate.
  ///
  /// - Parameters:
  ///   - settings: The tunnels.
  ///   - mtus: The longest packet that each of the guest's ways carries; 0 for any.
  ///   - room: The longest packet that SEC has a buffer for.
  /// - Throws: ``GuestError/badGrant`` for tunnels that are none.
  init(_ settings: TunnelSettings, mtus: [UInt32], room: Int) throws(GuestError) {
    let tunnels = settings.tunnels
    guard mtus.indices.contains(settings.cipherPath),
      (1...TunnelSettings.limit).contains(tunnels.count),
      tunnels.allSatisfy({ tunnel in
        tunnel.local.isIPv4 == tunnel.peer.isIPv4
          && Set(tunnel.networks.map(\.address.isIPv4)).count == 1
      }), Set(tunnels.map(\.peerSPI)).count == tunnels.count
    else { throw .badGrant }
    firstPath = mtus.count
    cipherPath = settings.cipherPath
    bypasses = settings.bypasses
    networks = tunnels.map(\.networks)
    let said = mtus[cipherPath] == 0 ? UInt32(UInt16.max) : mtus[cipherPath]
    let most = min(said, UInt32(max(0, min(room, Int(UInt16.max)))))
    self.mtus = tunnels.map { $0.innerMTU(most) }
    guard self.mtus.allSatisfy({ $0 > 0 }) else {
      throw .missingResource("pool or way that is large enough for packets of a tunnel")
    }
    keepsTrailer = tunnels.map(\.keepsTrailer)
    ends = tunnels.map(\.local)
    self.tunnels = Dictionary(
      tunnels.enumerated().map { ($1.peerSPI, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Whether a way is none of the enciphered packets.
  func isClear(_ path: Int) -> Bool { path != cipherPath && path < firstPath }

  /// Whether a tunnel ends at an address of a way.
  func hasEnd(_ address: NetworkAddress, on path: Int) -> Bool {
    path == cipherPath && ends.contains(address)
  }

  /// The tunnel of a peer's index, if it ends at an address.
  func tunnel(_ spi: UInt32, to address: NetworkAddress) -> Int? {
    tunnels[spi].flatMap { ends[$0] == address ? $0 : nil }
  }
}

extension Forwarder {
  /// What becomes of an ESP packet to an end of a tunnel.
  func arrival(
    _ frame: UnsafeMutableRawBufferPointer, header: Int, isWhole: Bool, _ gate: TunnelGate
  ) -> Verdict {
    guard isWhole, header + 8 <= frame.count else { return .drop(.malformed) }
    let destination =
      header == 54
      ? HeaderBytes.address(frame, 38) : NetworkAddress(ipv4: HeaderBytes.word(frame, 30))
    guard let tunnel = gate.tunnel(HeaderBytes.word(frame, header), to: destination) else {
      return .drop(.noTunnel)
    }
    return .open(tunnel: tunnel)
  }

  /// Whether a packet may go where it is to go (RFC 4301, 5): between clear ways and tunnels what belongs there;
  /// over the way of the enciphered packets in clear only what belongs into no tunnel, and if that is wanted.
  /// Of a packet that leads nowhere its sender may hear.
  func mayPass(
    from path: Int, _ source: NetworkAddress, _ index: UInt32?, _ gate: TunnelGate
  ) -> Bool {
    let hop = index.map { hops[Int($0)] }
    if path >= gate.firstPath {
      // Out of a tunnel comes what is behind it.
      guard place(of: source)?.path == path else { return false }
    } else if path == gate.cipherPath {
      if let hop, hop.kind != .onward, hop.path == path { return true }
      guard gate.bypasses, (place(of: source)?.path ?? 0) < gate.firstPath else { return false }
      return (hop?.path ?? 0) < gate.firstPath
    }
    guard let hop, hop.kind == .onward, hop.path == gate.cipherPath else { return true }
    return gate.bypasses
  }

  /// Where an address is.
  private func place(of address: NetworkAddress) -> Hop? {
    (address.isIPv4 ? ipv4.lookup(address.ipv4) : ipv6.lookup(address.high, address.low))
      .map { hops[Int($0)] }
  }

  /// The neighbour on the way of the enciphered packets to which those of a peer go; `nil` when it is reached
  /// otherwise.
  func neighbour(towards peer: NetworkAddress) -> NetworkAddress? {
    guard let gate, let hop = place(of: peer), hop.kind == .onward, hop.path == gate.cipherPath
    else {
      return nil
    }
    return hop.router ?? peer
  }

  /// Decides about what SEC took out of a tunnel; in front of the packet there is room for an Ethernet header.
  mutating func handle(
    _ frame: UnsafeMutableRawBufferPointer, outOf tunnel: Int, room: Int, now: UInt64
  ) -> Verdict {
    guard let gate, frame.count > 14 else { return .drop(.malformed) }
    let path = gate.firstPath + tunnel
    // Behind the packet is padding, and who follows: nobody does a packet that only hides how few there are (RFC 4303,
    // 2.6). Its bytes may be any.
    if gate.keepsTrailer[tunnel], frame[frame.count - 1] == 59 { return .drop(.ignored) }
    guard let frame = Self.packet(frame) else { return .drop(.malformed) }
    HeaderBytes.putMAC(0, frame, 0)
    HeaderBytes.putMAC(0, frame, 6)
    switch frame[14] >> 4 {
    case 4:
      HeaderBytes.put(0x0800 as UInt16, frame, 12)
      return forwardIPv4(frame, frame.count, room, path, now)
    case 6:
      HeaderBytes.put(0x86dd as UInt16, frame, 12)
      return forwardIPv6(frame, frame.count, room, path, now, isGroup: false)
    default: return .drop(.malformed)
    }
  }

  /// A frame without what hides its packet's length (RFC 4303, 2.7); `nil` where not all of the packet is there.
  static func packet(
    _ frame: UnsafeMutableRawBufferPointer
  ) -> UnsafeMutableRawBufferPointer? {
    guard frame.count >= 34 else { return nil }
    let length =
      frame[14] >> 4 == 4
      ? Int(HeaderBytes.half(frame, 16)) : 40 + Int(HeaderBytes.half(frame, 18))
    guard 14 + length <= frame.count else { return nil }
    return UnsafeMutableRawBufferPointer(rebasing: frame[..<(14 + length)])
  }
}
