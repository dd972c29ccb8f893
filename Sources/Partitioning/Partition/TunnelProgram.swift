public import QorIQ

extension GuestProgram {
  /// What a gateway between clear text and ESP tunnels knows.
  public struct TunnelProgram: Sendable, Hashable {
    /// How it routes, between all its ways.
    public var router: ForwardProgram
    /// The way of the enciphered packets.
    public var cipher: String
    /// Whether packets that belong into no tunnel go in clear.
    public var bypasses: Bool
    /// Its tunnels.
    public var tunnels: [Tunnel]

    /// Creates a gateway.
    public init(
      router: ForwardProgram, cipher: String, bypasses: Bool = false, tunnels: [Tunnel]
    ) {
      self.router = router
      self.cipher = cipher
      self.bypasses = bypasses
      self.tunnels = tunnels
    }

    /// The most tunnels of a gateway: as many as a guest can be told of.
    public static var limit: Int { 32 }
  }

  /// A tunnel to a peer.
  public struct Tunnel: Sendable, Hashable {
    /// The gateway's own end; `nil` for its first address of the peer's family on the way of the enciphered
    /// packets.
    public var local: NetworkAddress?
    /// The peer's end.
    public var peer: NetworkAddress
    /// What is behind the peer.
    public var networks: [NetworkPrefix]
    /// What both directions are enciphered with.
    public var transform: TunnelTransform
    /// What goes to the peer.
    public var out: TunnelDirection
    /// What comes from it.
    public var into: TunnelDirection
    /// Whether sequence numbers have 64 bits.
    public var isExtended: Bool
    /// Numbers of the window against replay: 0, 32 or 64.
    public var window: Int

    /// Creates a tunnel.
    public init(
      local: NetworkAddress? = nil, peer: NetworkAddress, networks: [NetworkPrefix],
      transform: TunnelTransform, out: TunnelDirection, into: TunnelDirection,
      isExtended: Bool = false, window: Int = 64
    ) {
      self.local = local
      self.peer = peer
      self.networks = networks
      self.transform = transform
      self.out = out
      self.into = into
      self.isExtended = isExtended
      self.window = window
    }
  }
}

extension GuestProgram {
  /// The program with its files of keys elsewhere.
  ///
  /// - Parameter place: Where a file is, by the path that the program has for it.
  /// - Returns: The same program, with those paths.
  public func movingKeyFiles(_ place: (String) -> String) -> GuestProgram {
    guard case .ipsec(var gateway) = self else { return self }
    func moved(_ key: TunnelKey) -> TunnelKey {
      guard case .file(let path, let count) = key else { return key }
      return .file(place(path), count: count)
    }
    for index in gateway.tunnels.indices {
      gateway.tunnels[index].out.key = moved(gateway.tunnels[index].out.key)
      gateway.tunnels[index].into.key = moved(gateway.tunnels[index].into.key)
    }
    return .ipsec(gateway)
  }
}

/// What a tunnel is enciphered with.
public enum TunnelTransform: String, Sendable, Hashable, CaseIterable {
  /// AES-GCM with a tag of 16 bytes (RFC 4106).
  case gcm = "aes-gcm"
  /// AES-CBC with HMAC-SHA-256-128 (RFC 3602, RFC 4868).
  case cbcWithHMAC = "aes-cbc-hmac-sha256"

  /// Bytes behind those to encipher with: a salt of 4 (RFC 4106, 8.1), or a key of 32 for the hash (RFC 4868,
  /// 2.1.1), in the order of RFC 7296, 2.17.
  public var extraLength: Int {
    switch self {
    case .gcm: 4
    case .cbcWithHMAC: 32
    }
  }
  /// How long the whole key may be.
  public var keyLengths: [Int] { [16, 24, 32].map { $0 + extraLength } }
}

/// One direction of a tunnel.
public struct TunnelDirection: Sendable, Hashable {
  /// Its security parameters index.
  public var spi: UInt32
  /// Its key.
  public var key: TunnelKey
  /// The chain of its partition whose frames SEC works on as on its own; `nil` for none.
  public var chain: String?
  /// Creates a direction.
  public init(spi: UInt32, key: TunnelKey, chain: String? = nil) {
    self.spi = spi
    self.key = key
    self.chain = chain
  }
}

/// Where a key stands, and how long it is.
public enum TunnelKey: Sendable, Hashable {
  /// In a file, in hexadecimal digits: nobody has it who has only the plan, or what is made of it. A relative
  /// path is seen from the plan's directory, as those of captures are.
  case file(String, count: Int)
  /// In the plan.
  case bytes([UInt8])

  /// Its bytes.
  public var count: Int {
    switch self {
    case .file(_, let count): count
    case .bytes(let bytes): bytes.count
    }
  }

  /// Bytes of hexadecimal digits, with white space between them or `0x` in front; `nil` when something else
  /// stands there, or half a byte.
  public static func bytes(ofDigits text: some Sequence<UInt8>) -> [UInt8]? {
    // In one pass and into one piece of memory, so that whoever overwrites what he gave and got has left nothing.
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.underestimatedCount / 2)
    var high: UInt8?
    var hasPrefix = false
    for digit in text where digit != 0x20 && !(0x09...0x0d).contains(digit) {
      let value: UInt8
      switch digit {
      case 0x30...0x39: value = digit - 0x30
      case 0x41...0x46, 0x61...0x66: value = digit & 0xf + 9
      case 0x78 where high == 0 && bytes.isEmpty && !hasPrefix:
        hasPrefix = true
        high = nil
        continue
      default: return nil
      }
      if let upper = high {
        bytes.append(upper << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return high == nil ? bytes : nil
  }
}
