import DPAAPortal
import Partitioning
import QorIQ

extension RuntimeConfiguration {
  /// What an owner is told when it attaches.
  func grant(
    ofOwner index: Int, capture: CaptureWriter.Format? = nil
  ) throws(EngineError) -> GuestGrant {
    let owner = owners[index]
    let program: GuestGrant.Program
    switch owner.program {
    case .reflect: program = .reflect
    case .sink: program = .sink
    case .source(let source):
      guard let path = owner.paths.firstIndex(where: { $0.name == source.path }) else {
        throw .badConfiguration("\(owner.name) sends to \(source.path), to which it has no way")
      }
      let peer = owner.paths[path].isLink ? owners.firstIndex { $0.name == source.path } : nil
      program = .source(
        path: path, frames: source.frames, size: source.size, from: address(ofOwner: index),
        to: peer.map { address(ofOwner: $0) } ?? Self.wireAddress, rate: source.rate)
    case .forward(let router):
      program = .forward(try Self.settings(router, of: owner))
    case .scan(let filter):
      program = .scan(try settings(filter, ofOwner: index))
    case .ipsec(let gateway):
      program = .protect(
        try Self.settings(gateway.router, of: owner), try tunnels(gateway, ofOwner: index))
    }
    var grant = GuestGrant(
      name: owner.name, portalCount: owner.portals.count, enqueueRing: owner.rings.enqueue,
      dequeueRing: owner.rings.dequeue, pools: owner.pools.map { GuestGrant.Pool($0) },
      paths: owner.paths.map {
        GuestGrant.Path(
          name: $0.name, isLink: $0.isLink, receive: $0.receive, transmit: $0.transmit,
          mtu: mtu(of: $0))
      }, accelerators: pairs(ofOwner: index), chains: chains(ofOwner: index),
      program: isMeasured ? .traffic : program, capture: capture)
    if let processors { grant.sharesProcessor = pollers >= processors }
    return grant
  }

  /// How many virtual machines never give their processor away: with the engine, those that want one.
  private var pollers: Int {
    owners.count { owner in
      if case .machine(_, .poll) = owner.kind { true } else { false }
    }
  }

  /// The pairs of queues into accelerators and back, as many as a grant lists.
  private func pairs(ofOwner index: Int) -> [GuestGrant.AcceleratorPair] {
    let pairs = (queueing[index]?.accelerators ?? []).flatMap { use in
      zip(use.requests, use.responses).map { request, response in
        GuestGrant.AcceleratorPair(
          kind: use.kind == .sec ? .security : .patterns, channel: use.channel, request: request,
          response: response)
      }
    }
    return Array(pairs.prefix(GuestGrant.pairLimit))
  }

  private func chains(ofOwner index: Int) -> [GuestGrant.Chain] {
    let chains = (queueing[index]?.chains ?? []).map { chain in
      GuestGrant.Chain(
        name: chain.name,
        pair: GuestGrant.AcceleratorPair(
          kind: chain.kind == .sec ? .security : .patterns, channel: chain.channel,
          request: chain.request, response: chain.response),
        path: chain.exit.flatMap { exit in
          owners[index].paths.firstIndex { $0.name == exit.interface && !$0.isLink }
        })
    }
    return Array(chains.prefix(GuestGrant.chainLimit))
  }

  /// The longest packet that a path carries; 0 for a link, which takes any.
  private func mtu(of path: OwnerPath) -> UInt32 {
    guard !path.isLink, let index = interfaces.firstIndex(where: { $0.name == path.name }),
      ports.indices.contains(index)
    else { return 0 }
    return ports[index].mtu
  }

  /// A router's settings, with its ways by their places.
  private static func settings(
    _ router: GuestProgram.ForwardProgram, of owner: Owner
  ) throws(EngineError) -> ForwardSettings {
    var settings = ForwardSettings(own: [], routes: [])
    for way in router.ways {
      guard let path = owner.paths.firstIndex(where: { $0.name == way.path }) else {
        throw .badConfiguration(
          "\(owner.name) has addresses on \(way.path), to which it has no way")
      }
      settings.own += way.addresses.map { ForwardSettings.Own(path: path, prefix: $0) }
    }
    settings.routes = router.routes
    let own = settings.own
    if let lost = settings.routes.first(where: { route in
      !own.contains { $0.prefix.contains(route.via) }
    }) {
      throw .badConfiguration("\(owner.name) is in no network of the router \(lost.via)")
    }
    guard settings.own.count + settings.routes.count <= NetworkRoute.limit else {
      throw .badConfiguration("\(owner.name) has more addresses and routes than a router takes")
    }
    return settings
  }

  /// A filter's settings, with its ways by their places and its groups by their sets.
  private func settings(
    _ filter: GuestProgram.ScanProgram, ofOwner index: Int
  ) throws(EngineError) -> ScanSettings {
    let owner = owners[index]
    let sets = (queueing[index]?.accelerators ?? []).flatMap(\.patternSets)
    func place(_ way: String) throws(EngineError) -> Int {
      guard let path = owner.paths.firstIndex(where: { $0.name == way }) else {
        throw .badConfiguration("\(owner.name) filters for \(way), to which it has no way")
      }
      return path
    }
    var settings = ScanSettings(
      ways: [], groups: [], startsAtPayload: filter.startsAtPayload,
      keepsStreams: filter.keepsStreams, idleSeconds: filter.idleSeconds,
      failsOpen: filter.failsOpen)
    for way in filter.ways { settings.ways.append(try place(way)) }
    if let way = filter.divert { settings.divert = try place(way) }
    for group in filter.groups {
      guard let set = sets.first(where: { $0.name == group.name }) else {
        throw .badConfiguration("\(owner.name) has no patterns \(group.name)")
      }
      settings.groups.append(.init(set: set.number, action: Self.action(group.action)))
    }
    for (number, chain) in (queueing[index]?.chains ?? []).enumerated() where chain.kind == .pme {
      guard chain.patternSet == settings.groups.first?.set,
        let way = way(into: chain, ofOwner: index), settings.ways.contains(try place(way))
      else {
        throw .badConfiguration("\(owner.name)'s filter has no use for its chain \(chain.name)")
      }
      settings.chains.append(.init(place: number, way: try place(way)))
    }
    return settings
  }

  /// The only interface whose rules lead into an owner's chain.
  private func way(into chain: DeviceChain, ofOwner index: Int) -> String? {
    let leading = interfaces.filter {
      $0.rules.contains { $0.owner == index && $0.chain == chain.name }
    }
    return leading.count == 1 ? leading[0].name : nil
  }

  private static func action(_ action: GuestProgram.ScanProgram.Action) -> ScanSettings.Action {
    switch action {
    case .drop: .drop
    case .count: .count
    case .divert: .divert
    }
  }

  /// 198.18.0.2, of the block for benchmarks (RFC 2544): where probes to a wire go.
  static let wireAddress: UInt32 = 0xc612_0002

  /// The IPv4 address by which rules find an owner: the first that leads to it, or the first host
  /// of the first network; 198.18.1.*n* when no rule names an IPv4 destination.
  func address(ofOwner index: Int) -> UInt32 {
    for interface in interfaces {
      for rule in interface.rules where rule.receivers.contains(index) {
        for case .ipv4Destination(let network) in rule.conditions {
          return network.length == 32 ? network.address : network.address | 1
        }
      }
    }
    return 0xc612_0100 | UInt32(index & 0xff)
  }
}
