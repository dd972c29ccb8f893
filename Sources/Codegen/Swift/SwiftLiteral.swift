import Partitioning
import QorIQ

// Values of the model as Swift expressions, an overload for each type.

func swiftLiteral(_ text: String) -> String {
  var literal = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": literal += "\\\""
    case "\\": literal += "\\\\"
    case "\n": literal += "\\n"
    case "\r": literal += "\\r"
    case "\t": literal += "\\t"
    case "\0"..<" ", "\u{7f}": literal += "\\u{\(String(scalar.value, radix: 16))}"
    default: literal.unicodeScalars.append(scalar)
    }
  }
  return literal + "\""
}

/// A number in hexadecimal, in groups of four digits.
func swiftHexLiteral(_ number: some FixedWidthInteger & UnsignedInteger) -> String {
  var digits = Substring(String(number, radix: 16))
  var groups: [Substring] = []
  while !digits.isEmpty {
    groups.insert(digits.suffix(4), at: 0)
    digits = digits.dropLast(4)
  }
  return "0x" + groups.joined(separator: "_")
}

func swiftLiteral(_ range: QueueRange) -> String {
  "QueueRange(first: \(range.first), count: \(range.count))"
}

func swiftLiteral(_ thresholds: PoolThresholds) -> String {
  let marks = [
    ("softwareEnter", thresholds.softwareEnter), ("softwareExit", thresholds.softwareExit),
    ("hardwareEnter", thresholds.hardwareEnter), ("hardwareExit", thresholds.hardwareExit),
  ].compactMap { name, mark in mark.map { "\(name): \($0)" } }
  return "PoolThresholds(\(marks.joined(separator: ", ")))"
}

func swiftLiteral(_ group: CongestionGroup) -> String {
  let settings = group.settings
  let curves = FrameColour.allCases.compactMap { colour in
    settings.earlyDrop[colour].map {
      ".\(colour.rawValue): .init(start: \($0.start), end: \($0.end), percent: \($0.percent))"
    }
  }
  let parts = [
    settings.id.map { "id: \($0)" }, "counting: .\(settings.counting.rawValue)",
    settings.tailDrop.map { "tailDrop: \($0)" },
    curves.isEmpty ? nil : "earlyDrop: [\(curves.joined(separator: ", "))]",
    "notify: [\(settings.notify.map(swiftLiteral).joined(separator: ", "))]",
  ].compactMap { $0 }
  return """
    CongestionGroup(
          id: \(group.id), settings: .init(\(parts.joined(separator: ", "))),
          notified: \(group.notified))
    """
}

func swiftLiteral(_ quality: PathQuality) -> String {
  let group = quality.congestionGroup.map { ", congestionGroup: \($0)" } ?? ""
  return "PathQuality(receive: \(quality.receive), transmit: \(quality.transmit)\(group))"
}

func swiftLiteral(_ role: RoleQueues) -> String {
  let queues = role.queues.map(swiftLiteral).joined(separator: ", ")
  return "RoleQueues(role: .\(role.role), queues: [\(queues)], workQueue: \(role.workQueue))"
}

func swiftLiteral(_ use: AcceleratorUse) -> String {
  func list(_ numbers: [some CustomStringConvertible]) -> String {
    "[\(numbers.map(\.description).joined(separator: ", "))]"
  }
  return """
    AcceleratorUse(
          kind: .\(use.kind.rawValue), mode: .\(use.mode.rawValue), channel: \(use.channel),
          requests: \(list(use.requests)), responses: \(list(use.responses)),
          liodns: \(list(use.liodns)), weight: \(use.weight),
          patternSets: [\(use.patternSets.map(swiftLiteral).joined(separator: ", "))])
    """
}

func swiftLiteral(_ chain: DeviceChain) -> String {
  let set = chain.patternSet.map(String.init) ?? "nil"
  let exit = chain.exit.map { exit in
    let header = exit.header
    return """
      .init(
              interface: \(swiftLiteral(exit.interface)), transmit: \(exit.transmit),
              header: EthernetHeader(
                destination: \(swiftHexLiteral(header.destination)),
                source: \(swiftHexLiteral(header.source)), type: \(swiftHexLiteral(header.type))),
              fman: \(exit.fman), port: \(swiftLiteral(exit.port)))
      """
  }
  return """
    DeviceChain(
          name: \(swiftLiteral(chain.name)), kind: .\(chain.kind.rawValue), channel: \(chain.channel),
          request: \(chain.request), response: \(chain.response), patternSet: \(set),
          exit: \(exit ?? "nil"))
    """
}

private func swiftLiteral(_ set: ScanPatternSet) -> String {
  // Expressions are of ASCII, and have a backslash before each byte.
  let patterns = set.patterns.map {
    "\n            ScanPattern(tag: \($0.tag), subsets: \($0.subsets), expression: #\"\($0.expression)\"#),"
  }
  return """
    ScanPatternSet(
              number: \(set.number), name: \(swiftLiteral(set.name)),
              patterns: [\(patterns.joined())
              ])
    """
}

func swiftLiteral(_ rings: RingSizes) -> String {
  "RingSizes(enqueue: \(rings.enqueue), dequeue: \(rings.dequeue))"
}

func swiftLiteral(_ os: GuestOS) -> String {
  switch os {
  case .linuxSDK: ".linuxSDK"
  case .linuxMainline: ".linuxMainline"
  case .bare: ".bare"
  }
}

func swiftLiteral(_ kind: GuestKind) -> String {
  switch kind {
  case .process: ".process"
  case .machine(let accelerator, .poll): ".machine(.\(accelerator.rawValue))"
  case .machine(let accelerator, let mode):
    ".machine(.\(accelerator.rawValue), .\(mode.rawValue))"
  }
}

func swiftLiteral(_ program: GuestProgram) -> String {
  switch program {
  case .reflect: ".reflect"
  case .sink: ".sink"
  case .source(let source):
    ".source(.init(path: \(swiftLiteral(source.path)), frames: \(source.frames), "
      + "size: \(source.size)\(source.rate > 0 ? ", rate: \(source.rate)" : "")))"
  case .forward(let router): ".forward(\(swiftLiteral(router)))"
  case .scan(let filter): swiftLiteral(filter)
  case .ipsec(let gateway):
    ".ipsec(.init(router: \(swiftLiteral(gateway.router)), cipher: \(swiftLiteral(gateway.cipher)), "
      + "bypasses: \(gateway.bypasses), "
      + "tunnels: [\(gateway.tunnels.map(swiftLiteral).joined(separator: ", "))]))"
  }
}

private func swiftLiteral(_ filter: GuestProgram.ScanProgram) -> String {
  let groups = filter.groups.map {
    ".init(name: \(swiftLiteral($0.name)), action: .\($0.action.rawValue))"
  }
  return ".scan(.init(ways: [\(filter.ways.map { swiftLiteral($0) }.joined(separator: ", "))], "
    + "groups: [\(groups.joined(separator: ", "))], startsAtPayload: \(filter.startsAtPayload), "
    + "keepsStreams: \(filter.keepsStreams), idleSeconds: \(filter.idleSeconds), "
    + "failsOpen: \(filter.failsOpen)"
    + (filter.divert.map { ", divert: \(swiftLiteral($0))" } ?? "") + "))"
}

private func swiftLiteral(_ router: GuestProgram.ForwardProgram) -> String {
  ".init(ways: [\(router.ways.map(swiftLiteral).joined(separator: ", "))], "
    + "routes: [\(router.routes.map(swiftLiteral).joined(separator: ", "))])"
}

private func swiftLiteral(_ tunnel: GuestProgram.Tunnel) -> String {
  ".init(local: \(tunnel.local.map(swiftLiteral) ?? "nil"), peer: \(swiftLiteral(tunnel.peer)), "
    + "networks: [\(tunnel.networks.map(swiftLiteral).joined(separator: ", "))], "
    + "transform: .\(tunnel.transform), out: \(swiftLiteral(tunnel.out)), "
    + "into: \(swiftLiteral(tunnel.into)), isExtended: \(tunnel.isExtended), "
    + "window: \(tunnel.window))"
}

private func swiftLiteral(_ direction: TunnelDirection) -> String {
  let key =
    switch direction.key {
    case .file(let path, let count): ".file(\(swiftLiteral(path)), count: \(count))"
    case .bytes(let bytes): ".bytes([\(bytes.map { "\($0)" }.joined(separator: ", "))])"
    }
  return ".init(spi: \(swiftHexLiteral(direction.spi)), key: \(key)"
    + (direction.chain.map { ", chain: \(swiftLiteral($0))" } ?? "") + ")"
}

private func swiftLiteral(_ way: GuestProgram.ForwardProgram.Way) -> String {
  ".init(path: \(swiftLiteral(way.path)), addresses: "
    + "[\(way.addresses.map(swiftLiteral).joined(separator: ", "))])"
}

private func swiftLiteral(_ route: NetworkRoute) -> String {
  ".init(to: \(swiftLiteral(route.to)), via: \(swiftLiteral(route.via)))"
}

private func swiftLiteral(_ prefix: NetworkPrefix) -> String {
  prefix.address.isIPv4
    ? ".init(ipv4: \(swiftHexLiteral(prefix.address.ipv4)), length: \(prefix.length - 96))"
    : ".init(address: \(swiftLiteral(prefix.address)), length: \(prefix.length))"
}

private func swiftLiteral(_ address: NetworkAddress) -> String {
  address.isIPv4
    ? ".init(ipv4: \(swiftHexLiteral(address.ipv4)))"
    : ".init(high: \(swiftHexLiteral(address.high)), low: \(swiftHexLiteral(address.low)))"
}

func swiftLiteral(_ spread: FlowRule.Spread) -> String {
  switch spread {
  case .fiveTuple: ".fiveTuple"
  case .addressPair: ".addressPair"
  case .key(let key):
    """
    .key(
          HashKey(
            [\(key.fields.map { ".\($0)" }.joined(separator: ", "))],
            bytes: [\(key.bytes.map(swiftLiteral).joined(separator: ", "))]))
    """
  }
}

func swiftLiteral(_ copy: FlowRule.Copy) -> String {
  "FlowRule.Copy(owner: \(copy.owner), receive: \(swiftLiteral(copy.receive)), "
    + "storageProfile: \(copy.storageProfile.map(String.init) ?? "nil"))"
}

func swiftLiteral(_ bytes: FrameBytes) -> String {
  "FrameBytes(.\(bytes.start), at: \(bytes.offset), count: \(bytes.count), "
    + "mask: \(swiftHexLiteral(bytes.mask)))"
}

func swiftLiteral(_ port: OfflinePort) -> String {
  "OfflinePort(port: \(port.port), channel: \(port.channel))"
}

func swiftLiteral(_ delivery: SharedInterface.Delivery) -> String {
  switch delivery {
  case .storageProfiles: ".storageProfiles"
  case .sharedPool(let pool): ".sharedPool(\(pool))"
  case .offlineHop(let hop):
    """
    .offlineHop(
        .init(
          receivingOwner: \(hop.receivingOwner), queue: \(hop.queue), fman: \(hop.fman),
          port: \(swiftLiteral(hop.port))))
    """
  }
}

func swiftLiteral(_ condition: MatchCondition) -> String {
  switch condition {
  case .ethernetDestination(let address): ".ethernetDestination(\(swiftHexLiteral(address)))"
  case .ethernetSource(let address): ".ethernetSource(\(swiftHexLiteral(address)))"
  case .etherType(let type): ".etherType(\(swiftHexLiteral(type)))"
  case .vlan(let id): ".vlan(\(id))"
  case .ipv4Source(let prefix): ".ipv4Source(\(swiftLiteral(prefix)))"
  case .ipv4Destination(let prefix): ".ipv4Destination(\(swiftLiteral(prefix)))"
  case .ipv6Source(let prefix): ".ipv6Source(\(swiftLiteral(prefix)))"
  case .ipv6Destination(let prefix): ".ipv6Destination(\(swiftLiteral(prefix)))"
  case .ipProtocol(let number): ".ipProtocol(\(number))"
  case .l4Source(let port): ".l4Source(\(port))"
  case .l4Destination(let port): ".l4Destination(\(port))"
  case .masked(let masked):
    ".masked(MaskedField(.\(masked.field), value: \(swiftHexLiteral(masked.value)), "
      + "mask: \(swiftHexLiteral(masked.mask))))"
  case .bytes(let bytes, let value): ".bytes(\(swiftLiteral(bytes)), \(swiftHexLiteral(value)))"
  }
}

func swiftLiteral(_ prefix: IPv4Prefix) -> String {
  "IPv4Prefix(address: \(swiftHexLiteral(prefix.address)), length: \(prefix.length))"
}

func swiftLiteral(_ prefix: IPv6Prefix) -> String {
  "IPv6Prefix(high: \(swiftHexLiteral(prefix.high)), low: \(swiftHexLiteral(prefix.low)), "
    + "length: \(prefix.length))"
}

func swiftLiteral(_ policer: PolicerProfile) -> String {
  let settings = policer.settings
  let drops = FrameColour.allCases.filter(settings.drops.contains).map { ".\($0.rawValue)" }
  let users = policer.users.map {
    "\n        .init(interface: \(swiftLiteral($0.interface)), rule: \($0.rule)),"
  }
  return """
    PolicerProfile(
          fman: \(policer.fman), profile: \(policer.profile),
          settings: PolicerWish(
            name: \(swiftLiteral(settings.name)), algorithm: \(swiftLiteral(settings.algorithm)),
            counting: .\(settings.counting.rawValue), committedRate: \(settings.committedRate),
            committedBurst: \(settings.committedBurst), excessRate: \(settings.excessRate),
            excessBurst: \(settings.excessBurst), isColourAware: \(settings.isColourAware),
            drops: [\(drops.joined(separator: ", "))]),
          users: [\(users.joined())
          ])
    """
}

private func swiftLiteral(_ algorithm: PolicerWish.Algorithm) -> String {
  switch algorithm {
  case .rfc2698: ".rfc2698"
  case .rfc4115: ".rfc4115"
  }
}
