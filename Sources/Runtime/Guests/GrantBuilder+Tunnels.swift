import CSecurity
import DPAAPortal
import Glibc
import Partitioning
import QorIQ

extension RuntimeConfiguration {
  /// The same with its files of keys where they are: a generated program names them as its plan does.
  func findingKeys(_ resolve: (String) -> String) -> RuntimeConfiguration {
    var configuration = self
    for index in owners.indices {
      configuration.owners[index].program = owners[index].program.movingKeyFiles(resolve)
    }
    return configuration
  }

  /// The same with the keys of its tunnels themselves, which are read now: whatever becomes of their files, it has
  /// those keys.
  ///
  /// - Returns: The configuration with its keys.
  /// - Throws: ``EngineError/badConfiguration(_:)`` for a key that cannot be read or has a wrong length.
  func holdingKeys() throws(EngineError) -> RuntimeConfiguration {
    var configuration = self
    for (index, owner) in owners.enumerated() {
      guard case .ipsec(var gateway) = owner.program else { continue }
      for place in gateway.tunnels.indices {
        let tunnel = gateway.tunnels[place]
        gateway.tunnels[place].out.key = .bytes(
          try Self.key(tunnel.transform, tunnel.out, of: owner))
        gateway.tunnels[place].into.key = .bytes(
          try Self.key(tunnel.transform, tunnel.into, of: owner))
      }
      configuration.owners[index].program = .ipsec(gateway)
    }
    return configuration
  }

  /// A gateway's tunnels, with their keys: those that stand in files are read now, unless that was done before
  /// (``holdingKeys()``).
  func tunnels(
    _ gateway: GuestProgram.TunnelProgram, ofOwner index: Int
  ) throws(EngineError) -> TunnelSettings {
    let owner = owners[index]
    guard let path = owner.paths.firstIndex(where: { $0.name == gateway.cipher }) else {
      throw .badConfiguration(
        "\(owner.name) enciphers on \(gateway.cipher), to which it has no way")
    }
    let own = gateway.router.ways.filter { $0.path == gateway.cipher }.flatMap(\.addresses)
    var settings = TunnelSettings(cipherPath: path, bypasses: gateway.bypasses, tunnels: [])
    for tunnel in gateway.tunnels {
      let usual = own.first { $0.address.isIPv4 == tunnel.peer.isIPv4 }?.address
      guard let local = tunnel.local ?? usual, own.contains(where: { $0.address == local }) else {
        throw .badConfiguration(
          "\(owner.name)'s tunnel to \(tunnel.peer) begins at no address on \(gateway.cipher)")
      }
      settings.tunnels.append(
        TunnelSettings.Tunnel(
          local: local, peer: tunnel.peer, networks: tunnel.networks,
          into: try Self.transform(tunnel.transform, tunnel.out, of: owner),
          out: try Self.transform(tunnel.transform, tunnel.into, of: owner), spi: tunnel.out.spi,
          peerSPI: tunnel.into.spi, isExtended: tunnel.isExtended, window: tunnel.window,
          intoChain: try chain(tunnel.out, ofOwner: index),
          outChain: try chain(tunnel.into, ofOwner: index)))
    }
    return settings
  }

  /// The place of a direction's chain in the grant.
  private func chain(
    _ direction: TunnelDirection, ofOwner index: Int
  ) throws(EngineError) -> Int? {
    guard let name = direction.chain else { return nil }
    let chains = queueing[index]?.chains ?? []
    guard let place = chains.firstIndex(where: { $0.name == name && $0.kind == .sec }) else {
      throw .badConfiguration("\(owners[index].name) has no chain \(name) by sec")
    }
    return place
  }

  private static func transform(
    _ transform: TunnelTransform, _ direction: TunnelDirection, of owner: Owner
  ) throws(EngineError) -> SharedDescriptor.Transform {
    let key = try Self.key(transform, direction, of: owner)
    let cipher = Array(key.dropLast(transform.extraLength))
    let rest = Array(key.suffix(transform.extraLength))
    return switch transform {
    case .gcm: .gcm(key: cipher, salt: rest.reduce(0) { $0 << 8 | UInt32($1) })
    case .cbcWithHMAC: .cbcWithHMAC(key: cipher, authentication: rest)
    }
  }

  /// A direction's key, from its file if it stands in one.
  private static func key(
    _ transform: TunnelTransform, _ direction: TunnelDirection, of owner: Owner
  ) throws(EngineError) -> [UInt8] {
    let key: [UInt8]
    switch direction.key {
    case .bytes(let bytes): key = bytes
    case .file(let path, _):
      guard let bytes = self.key(inFile: path) else {
        throw .badConfiguration("\(owner.name)'s key cannot be read from \(path)")
      }
      key = bytes
    }
    guard transform.keyLengths.contains(key.count) else {
      throw .badConfiguration(
        "\(owner.name) has a key of \(key.count) bytes for \(transform.rawValue)")
    }
    return key
  }

  /// The longest file of a key, which has some hundred digits.
  private static let longestFile = 4096

  /// The key whose digits stand in a file. What they are read into is overwritten before anybody else gets it.
  private static func key(inFile path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return withUnsafeTemporaryAllocation(byteCount: longestFile, alignment: 1) {
      text -> [UInt8]? in
      defer { if let start = text.baseAddress { dpaac_security_erase(start, text.count) } }
      var count = 0
      while count < text.count {
        // SAFETY: `count` is within the buffer, which has as many bytes behind it as are asked for.
        let got = read(descriptor, text.baseAddress.map { $0 + count }, text.count - count)
        if got < 0, errno == EINTR { continue }
        guard got >= 0 else { return nil }
        if got == 0 { return TunnelKey.bytes(ofDigits: text[..<count]) }
        count += got
      }
      return nil
    }
  }
}

extension Partition {
  /// The partition with the keys of a configuration that was made of it.
  ///
  /// - Parameter configuration: The configuration, which holds its keys.
  /// - Returns: The partition, which holds them, too.
  func withKeys(of configuration: RuntimeConfiguration) -> Partition {
    running(
      owners.map { owner in
        configuration.owners.first { $0.name == owner.name }?.program ?? owner.program
      })
  }

  /// The partition with the keys of its tunnels themselves, which are read now.
  ///
  /// - Parameter resolve: Where a file of a key is, by the path that the plan has for it.
  /// - Returns: The partition with its keys.
  /// - Throws: ``EngineError/badConfiguration(_:)`` for a key that cannot be read or has a wrong length.
  func holdingKeys(_ resolve: (String) -> String) throws(EngineError) -> Partition {
    withKeys(of: try RuntimeConfiguration(self).findingKeys(resolve).holdingKeys())
  }
}
