import DPAAPortal
import Partitioning
import QorIQ

extension RuntimeConfiguration {
  /// How many owners can run: each has a bit in words of 64.
  static let ownerLimit = 64

  /// Refuses what would have the engine reach outside its tables, or one owner into another's.
  ///
  /// A checked partition passes; a configuration that a program wrote itself may not.
  ///
  /// - Throws: ``EngineError/badConfiguration(_:)`` with the first contradiction.
  func check() throws(EngineError) {
    guard owners.count <= Self.ownerLimit else {
      throw .badConfiguration(
        "\(owners.count) owners, of which at most \(Self.ownerLimit) can run")
    }
    var ranges: [(range: QueueRange, owner: String)] = []
    var channels: Set<ChannelID> = []
    /// A channel has one portal or port that serves it.
    func claim(_ channel: ChannelID) throws(EngineError) {
      guard channels.insert(channel).inserted else {
        throw .badConfiguration("channel \(channel) is served twice")
      }
    }
    for owner in owners {
      for ring in [owner.rings.enqueue, owner.rings.dequeue]
      where !(8...64).contains(ring) || ring & (ring - 1) != 0 {
        throw .badConfiguration("\(owner.name) has a ring of \(ring) entries")
      }
      for range in owner.queues {
        guard range.first.rawValue > 0 else {
          throw .badConfiguration("\(owner.name) owns queue 0, which no frame queue may be")
        }
        if let other = ranges.first(where: { $0.range.intersection(range) != nil }) {
          throw .badConfiguration("\(owner.name) and \(other.owner) both own queues of \(range)")
        }
        ranges.append((range, owner.name))
      }
      for pool in owner.pools
      where pool.bufferCount == 0 || pool.bufferCount > 1 << 24 || pool.bufferSize > 1 << 20
        || pool.bufferStride < pool.bufferSize || pool.bufferStride > 1 << 21
        || pool.memory.size > 1 << 40 || pool.base > 1 << 40 - pool.memory.size
      {
        throw .badConfiguration("pool \(pool.bpid) cannot lie where it is to lie")
      }
      for portal in owner.portals { try claim(ChannelID(UInt16(portal.rawValue))) }
      for path in owner.paths {
        try check(path.receive, isOf: owner)
        try check(QueueRange(first: path.transmit, count: 1), isOf: owner)
        guard !path.isLink || links.contains(where: { $0.transmit == path.transmit }) else {
          throw .badConfiguration("\(owner.name) has a path to no link: \(path.name)")
        }
        for channel in path.channels
        where !owner.portals.contains(where: { UInt16($0.rawValue) == channel.rawValue }) {
          throw .badConfiguration("\(owner.name) has no portal of channel \(channel)")
        }
      }
    }
    try checkQueueing(claim)
    try checkPolicers()
    for interface in interfaces {
      try claim(interface.transmitChannel)
      for rule in interface.rules {
        try check(rule.receive, isOf: owner(rule.owner))
        for copy in rule.copies { try check(copy.receive, isOf: owner(copy.owner)) }
        try checkChain(of: rule)
      }
      guard interface.delivery == .storageProfiles || interface.rules.allSatisfy(\.copies.isEmpty)
      else {
        throw .badConfiguration(
          "\(interface.name) copies frames, for which it has no storage profiles")
      }
      if case .sharedPool(let pool) = interface.delivery {
        throw .badConfiguration(
          "\(interface.name) receives into the shared pool \(pool), which guests here do not map")
      }
      guard let hop = interface.hop else { continue }
      try claim(hop.port.channel)
      try check(QueueRange(first: hop.queue, count: 1), isOf: owner(hop.receivingOwner))
    }
    for link in links {
      try claim(link.port.channel)
      try check(QueueRange(first: link.transmit, count: 1), isOf: owner(link.from))
      try check(QueueRange(first: link.receive, count: 1), isOf: owner(link.to))
    }
  }

  /// Pool channels and congestion groups: each has one owner, and a number that hardware has.
  private func checkQueueing(
    _ claim: (ChannelID) throws(EngineError) -> Void
  ) throws(EngineError) {
    var groups: Set<UInt8> = []
    for (index, grant) in queueing.sorted(by: { $0.key < $1.key }) {
      let name = try owner(index).name
      for channel in grant.poolChannels {
        guard channel.poolNumber != nil else {
          throw .badConfiguration("\(name) has channel \(channel), which is no pool channel")
        }
        try claim(channel)
      }
      for channel in grant.portChannels { try claim(channel) }
      for group in grant.congestionGroups where !groups.insert(group).inserted {
        throw .badConfiguration("congestion group \(group) has two owners")
      }
      let named =
        grant.groupSettings.map(\.id.rawValue)
        + grant.pathQualities.compactMap(\.congestionGroup?.rawValue)
      if let group = named.first(where: { !grant.congestionGroups.contains($0) }) {
        throw .badConfiguration("congestion group \(group) is not \(name)'s")
      }
      for role in grant.roles {
        for range in role.queues { try check(range, isOf: owner(index)) }
        guard !role.queues.isEmpty, try !owner(index).portals.isEmpty else {
          throw .badConfiguration("\(name)'s \(role.role.rawValue) queues are none")
        }
      }
      try check(grant.accelerators, of: owner(index))
      try check(grant.chains, grant, of: owner(index), claim)
    }
  }

  /// Accelerators: each is used once, over pairs of the owner's own queues.
  private func check(_ uses: [AcceleratorUse], of owner: Owner) throws(EngineError) {
    guard Set(uses.map(\.kind)).count == uses.count else {
      throw .badConfiguration("\(owner.name) uses an accelerator twice")
    }
    for use in uses {
      guard use.requests.count == use.responses.count, !owner.portals.isEmpty else {
        throw .badConfiguration(
          "\(owner.name) has \(use.requests.count) queues for requests to \(use.kind.rawValue) and "
            + "\(use.responses.count) for responses")
      }
      for queue in use.requests + use.responses {
        try check(QueueRange(first: queue, count: 1), isOf: owner)
      }
    }
  }

  /// Chains: over the owner's own queues, accelerators and ways; the ports between are theirs alone.
  private func check(
    _ chains: [DeviceChain], _ grant: QueueingGrant, of owner: Owner,
    _ claim: (ChannelID) throws(EngineError) -> Void
  ) throws(EngineError) {
    guard Set(chains.map(\.name)).count == chains.count else {
      throw .badConfiguration("\(owner.name) has two chains of one name")
    }
    for chain in chains {
      guard grant.accelerators.contains(where: { $0.kind == chain.kind }), !owner.portals.isEmpty
      else {
        throw .badConfiguration(
          "\(owner.name)'s chain \(chain.name) goes through \(chain.kind.rawValue), which it does "
            + "not use")
      }
      for queue in [chain.request, chain.response] {
        try check(QueueRange(first: queue, count: 1), isOf: owner)
      }
      guard let exit = chain.exit else { continue }
      try claim(exit.port.channel)
      guard
        owner.paths.contains(where: { $0.name == exit.interface && $0.transmit == exit.transmit })
      else {
        throw .badConfiguration(
          "\(owner.name)'s chain \(chain.name) ends at \(exit.interface), to which it has no way")
      }
    }
  }

  /// A rule that leads into a chain puts frames into that chain's queue, and does nothing else with them.
  private func checkChain(of rule: FlowRule) throws(EngineError) {
    guard let name = rule.chain else { return }
    guard let chain = chain(of: rule), rule.receive == QueueRange(first: chain.request, count: 1),
      rule.spread == nil, rule.copies.isEmpty, !rule.isDropped
    else { throw .badConfiguration("a rule leads wrongly into the chain \(name)") }
  }

  /// Each policed rule is there, and has one policer.
  private func checkPolicers() throws(EngineError) {
    var policed: Set<PolicerProfile.User> = []
    for policer in policers {
      for user in policer.users {
        guard
          interfaces.contains(where: {
            $0.name == user.interface && $0.rules.indices.contains(user.rule)
          })
        else {
          throw .badConfiguration(
            "policer \(policer.settings.name) is on rule \(user.rule) of \(user.interface), "
              + "which there is not")
        }
        guard policed.insert(user).inserted else {
          throw .badConfiguration("rule \(user.rule) of \(user.interface) has two policers")
        }
      }
    }
  }

  private func owner(_ index: Int) throws(EngineError) -> Owner {
    guard owners.indices.contains(index) else {
      throw .badConfiguration("there is no owner \(index)")
    }
    return owners[index]
  }

  private func check(_ range: QueueRange, isOf owner: Owner) throws(EngineError) {
    guard owner.queues.contains(where: { $0.contains(range) }) else {
      throw .badConfiguration("queues \(range) are not \(owner.name)'s")
    }
  }
}

extension ChannelID {
  /// The number of a pool channel, 1 to 15: 0x21 and up on QMan 1, 0x401 and up on QMan 3
  /// (Linux 6.1, `drivers/soc/fsl/qbman/qman_priv.h` and `qman_ccsr.c`).
  var poolNumber: Int? {
    let number = Int(rawValue) & 15
    guard number > 0, rawValue & ~15 == 0x20 || rawValue & ~15 == 0x400 else { return nil }
    return number
  }
}
