import QorIQ

/// Tunnels as a grant's message has them: numbers of 64 bits.
extension TunnelSettings {
  /// The longest key: 32 bytes to encipher with and 64 for a hash.
  private static let longestKey: UInt64 = 64

  func write(_ emit: (UInt64) -> Void) {
    func put(_ number: UInt64) { emit(number) }
    func put(_ address: NetworkAddress) {
      put(address.high)
      put(address.low)
    }
    func put(_ key: [UInt8]) {
      put(UInt64(key.count))
      for start in stride(from: 0, to: key.count, by: 8) {
        put((start..<start + 8).reduce(0) { $0 << 8 | ($1 < key.count ? UInt64(key[$1]) : 0) })
      }
    }
    put(UInt64(cipherPath))
    put(bypasses ? 1 : 0)
    put(UInt64(tunnels.count))
    for tunnel in tunnels {
      put(tunnel.local)
      put(tunnel.peer)
      put(UInt64(tunnel.networks.count))
      for network in tunnel.networks {
        put(network.address)
        put(UInt64(network.length))
      }
      for transform in [tunnel.into, tunnel.out] {
        switch transform {
        case .gcm(let key, let salt):
          put(0)
          put(key)
          put(UInt64(salt))
        case .cbcWithHMAC(let key, let authentication):
          put(1)
          put(key)
          put(authentication)
        }
      }
      put(UInt64(tunnel.spi))
      put(UInt64(tunnel.peerSPI))
      put(tunnel.isExtended ? 1 : 0)
      put(UInt64(tunnel.window))
      for chain in [tunnel.intoChain, tunnel.outChain] { put(chain.map { UInt64($0) + 1 } ?? 0) }
    }
  }

  /// Reads what was written.
  ///
  /// - Parameters:
  ///   - pathCount: The guest's ways.
  ///   - chainCount: Its chains.
  ///   - number: The next number, if it is there and not above a limit.
  init?(pathCount: Int, chainCount: Int, number: (UInt64) -> UInt64?) {
    let any = UInt64.max
    func address() -> NetworkAddress? {
      guard let high = number(any), let low = number(any) else { return nil }
      return NetworkAddress(high: high, low: low)
    }
    func bytes() -> [UInt8]? {
      guard let count = number(Self.longestKey) else { return nil }
      var key: [UInt8] = []
      while key.count < Int(count) {
        guard let word = number(any) else { return nil }
        for shift in stride(from: 56 as UInt64, through: 0, by: -8) {
          key.append(UInt8(word >> shift & 0xff))
        }
      }
      return Array(key.prefix(Int(count)))
    }
    func transform() -> SharedDescriptor.Transform? {
      switch number(1) {
      case 0:
        guard let key = bytes(), [16, 24, 32].contains(key.count),
          let salt = number(UInt64(UInt32.max))
        else { return nil }
        return .gcm(key: key, salt: UInt32(salt))
      case 1:
        guard let key = bytes(), [16, 24, 32].contains(key.count), let authentication = bytes(),
          !authentication.isEmpty
        else { return nil }
        return .cbcWithHMAC(key: key, authentication: authentication)
      default: return nil
      }
    }
    func tunnel() -> Tunnel? {
      guard let local = address(), let peer = address(),
        let count = number(UInt64(NetworkRoute.limit))
      else { return nil }
      var networks: [NetworkPrefix] = []
      for _ in 0..<count {
        guard let address = address(), let length = number(128) else { return nil }
        networks.append(NetworkPrefix(address: address, length: UInt8(length)))
      }
      let word = UInt64(UInt32.max)
      guard let into = transform(), let out = transform(), let spi = number(word),
        let peerSPI = number(word), let isExtended = number(1), let window = number(64),
        let intoChain = number(UInt64(chainCount)), let outChain = number(UInt64(chainCount))
      else { return nil }
      return Tunnel(
        local: local, peer: peer, networks: networks, into: into, out: out, spi: UInt32(spi),
        peerSPI: UInt32(peerSPI), isExtended: isExtended == 1, window: Int(window),
        intoChain: intoChain == 0 ? nil : Int(intoChain) - 1,
        outChain: outChain == 0 ? nil : Int(outChain) - 1)
    }
    guard let cipherPath = number(any), cipherPath < pathCount, let bypasses = number(1),
      let count = number(UInt64(Self.limit))
    else { return nil }
    var tunnels: [Tunnel] = []
    for _ in 0..<count {
      guard let tunnel = tunnel() else { return nil }
      tunnels.append(tunnel)
    }
    self.init(cipherPath: Int(cipherPath), bypasses: bypasses == 1, tunnels: tunnels)
  }
}
