public import QorIQ

/// What a guest between clear text and ESP tunnels is told, beside what every router is.
public struct TunnelSettings: Sendable, Hashable {
  /// A tunnel to a peer: what goes into it, and what comes out of it.
  public struct Tunnel: Sendable, Hashable {
    /// This gateway's address, which its packets come from and the peer's go to.
    public var local: NetworkAddress
    /// The peer's address.
    public var peer: NetworkAddress
    /// What is behind the peer, all of one family.
    public var networks: [NetworkPrefix]
    /// What its packets are enciphered with.
    public var into: SharedDescriptor.Transform
    /// What the peer's are.
    public var out: SharedDescriptor.Transform
    /// The index of its packets.
    public var spi: UInt32
    /// The index of the peer's packets.
    public var peerSPI: UInt32
    /// Whether sequence numbers have 64 bits.
    public var isExtended: Bool
    /// Numbers of the window against replay: 0, 32 or 64.
    public var window: Int
    /// The place in ``GuestGrant/chains`` of a chain whose packets go into the tunnel, too.
    public var intoChain: Int?
    /// The place of one whose packets come out of it.
    public var outChain: Int?

    /// Creates a tunnel.
    public init(
      local: NetworkAddress, peer: NetworkAddress, networks: [NetworkPrefix],
      into: SharedDescriptor.Transform, out: SharedDescriptor.Transform, spi: UInt32,
      peerSPI: UInt32, isExtended: Bool = false, window: Int = 64, intoChain: Int? = nil,
      outChain: Int? = nil
    ) {
      self.local = local
      self.peer = peer
      self.networks = networks
      self.into = into
      self.out = out
      self.spi = spi
      self.peerSPI = peerSPI
      self.isExtended = isExtended
      self.window = window
      self.intoChain = intoChain
      self.outChain = outChain
    }
  }

  /// The way of the enciphered packets, by its place in ``GuestGrant/paths``.
  public var cipherPath: Int
  /// Whether packets that belong into no tunnel go in clear, between all ways.
  public var bypasses: Bool
  /// The tunnels; each uses two pairs of queues into SEC, in their order.
  public var tunnels: [Tunnel]

  /// Creates settings.
  public init(cipherPath: Int, bypasses: Bool = false, tunnels: [Tunnel]) {
    self.cipherPath = cipherPath
    self.bypasses = bypasses
    self.tunnels = tunnels
  }

  /// The most tunnels of a guest, two pairs of queues each: a grant's message has room for them beside all else.
  public static var limit: Int { GuestStatus.tunnelLimit }
}

extension TunnelSettings.Tunnel {
  /// Bytes of the outer header.
  var outerLength: Int { peer.isIPv4 ? 20 : 40 }

  /// The longest packet whose packet in the tunnel has so many bytes at most; 0 for none (RFC 4303, 2).
  func innerMTU(_ outerMTU: UInt32) -> UInt32 {
    let alignment: Int
    switch into {
    case .gcm: alignment = 4
    case .cbcWithHMAC: alignment = 16
    }
    // The outer header, index and number, the vector, the tag; padding's length and the next protocol.
    let room = Int(outerMTU) - outerLength - 8 - into.vectorLength - 16
    return UInt32(max(0, room / alignment * alignment - 2))
  }

  /// The header in front of each packet: TTL 64, ESP, not to be split, as all have the same identification
  /// (RFC 6864, 4.1).
  var outerHeader: [UInt8] {
    var header: [UInt8] = []
    func put(_ number: some FixedWidthInteger) {
      withUnsafeBytes(of: number.bigEndian) { header.append(contentsOf: $0) }
    }
    if peer.isIPv4 {
      put(0x4500_0000 as UInt32)
      put(0x0000_4000 as UInt32)
      put(0x4032_0000 as UInt32)
      put(local.ipv4)
      put(peer.ipv4)
    } else {
      put(0x6000_0000 as UInt32)
      put(0x0000_3240 as UInt32)
      for address in [local, peer] {
        put(address.high)
        put(address.low)
      }
    }
    return header
  }

  /// What SEC is told of the way into the tunnel.
  func sealing(outputPool: BPID) -> SharedDescriptor {
    SharedDescriptor(
      encapsulating: into, spi: spi, outerHeader: outerHeader,
      nextHeader: networks.first?.address.isIPv4 == false ? 41 : 4, isExtended: isExtended,
      outputPool: outputPool)
  }

  /// Whether what comes out of it has its trailer still behind it: what follows the packet is to be seen. Where PME
  /// looks at it first, there is nothing behind it, so that patterns find its end.
  var keepsTrailer: Bool { outChain == nil }

  /// What SEC is told of the way out of it.
  func opening(outputPool: BPID) -> SharedDescriptor {
    SharedDescriptor(
      decapsulating: out, outerHeaderLength: outerLength, window: window, isExtended: isExtended,
      keepsTrailer: keepsTrailer, outputPool: outputPool)
  }
}
