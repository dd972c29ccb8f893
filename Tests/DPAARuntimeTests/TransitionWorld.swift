import Partitioning
import QorIQ

@testable import DPAARuntime

extension Talk {
  static let guest3: UInt32 = 0xc0a8_0305

  /// The table without links: who has no way to another is not touched when that one comes or goes.
  ///
  /// - Parameters:
  ///   - gone: Guests that it has not.
  ///   - hasThird: Whether there is a third guest.
  /// - Returns: The configuration.
  static func apart(without gone: Set<String> = [], third hasThird: Bool = false)
    -> RuntimeConfiguration
  {
    var configuration = configuration()
    configuration.links = []
    if hasThird {
      let owner = configuration.owners.count
      let queues = QueueRange(first: 520, count: 8)
      configuration.owners.append(
        Owner(
          name: "guest3", isHost: false, cpus: [9],
          memory: AddressRange(base: 0xc000_0000, size: 512 << 20), portals: [7], rings: .hardware,
          liodnOffset: 0x144, queues: [QueueRange(first: 501, count: 100)],
          pools: [
            PoolAssignment(
              bpid: 9, bufferCount: 32, bufferSize: 2048, bufferStride: 2112, base: 0xc010_0000)
          ], os: .bare, program: .reflect,
          paths: [
            OwnerPath(name: wire, isLink: false, receive: queues, channels: [7], transmit: 501)
          ]))
      configuration.interfaces[0].rules.insert(
        FlowRule(
          conditions: [.ipv4Destination(IPv4Prefix(address: guest3, length: 24))], owner: owner,
          receive: queues, spread: .addressPair, storageProfile: owner), at: 0)
    }
    for index in configuration.owners.indices {
      configuration.owners[index].paths.removeAll(where: \.isLink)
    }
    return configuration.without(gone)
  }
}

extension RuntimeConfiguration {
  /// The configuration without some owners, all others at new places.
  fileprivate func without(_ gone: Set<String>) -> RuntimeConfiguration {
    var configuration = self
    let staying = owners.indices.filter { !gone.contains(owners[$0].name) }
    configuration.owners = staying.map { owners[$0] }
    configuration.interfaces[0].rules = interfaces[0].rules.compactMap { rule in
      guard let place = staying.firstIndex(of: rule.owner) else { return nil }
      var rule = rule
      rule.owner = place
      return rule
    }
    return configuration
  }
}

extension Simulation {
  /// Goes over to another configuration.
  @discardableResult
  func apply(_ next: RuntimeConfiguration, restarting: [String: String] = [:]) throws
    -> [ConfigurationChange.Fate]
  {
    let change = try ConfigurationChange(
      from: engine.configuration, to: next, restarting: restarting)
    engine.apply(try EngineSuccessor(to: engine, change), patience: 2_000_000)
    return change.fates
  }
}
