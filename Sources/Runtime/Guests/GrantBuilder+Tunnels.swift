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

  /// A gateway's tunnels, with their keys: only now are files of keys read.
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
    let key: [UInt8]
    switch direction.key {
    case .bytes(let bytes): key = bytes
    case .file(let path, _):
      guard let text = contents(of: path), let bytes = TunnelKey.bytes(ofDigits: text) else {
        throw .badConfiguration("\(owner.name)'s key cannot be read from \(path)")
      }
      key = bytes
    }
    guard transform.keyLengths.contains(key.count) else {
      throw .badConfiguration(
        "\(owner.name) has a key of \(key.count) bytes for \(transform.rawValue)")
    }
    let cipher = Array(key.dropLast(transform.extraLength))
    let rest = Array(key.suffix(transform.extraLength))
    return switch transform {
    case .gcm: .gcm(key: cipher, salt: rest.reduce(0) { $0 << 8 | UInt32($1) })
    case .cbcWithHMAC: .cbcWithHMAC(key: cipher, authentication: rest)
    }
  }

  /// The longest file of a key, which has some hundred digits.
  private static let longestFile = 4096

  private static func contents(of path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: longestFile)
    var count = 0
    while count < bytes.count {
      let room = bytes.count - count
      let got = bytes.withUnsafeMutableBytes { buffer in
        // SAFETY: `count` is within the buffer, which has `room` bytes behind it.
        read(descriptor, buffer.baseAddress.map { $0 + count }, room)
      }
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { return nil }
      if got == 0 { return Array(bytes.prefix(count)) }
      count += got
    }
    return nil
  }
}
