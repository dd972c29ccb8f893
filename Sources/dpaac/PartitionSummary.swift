import Diagnostics
import Partitioning
import QorIQ

/// A partition as tables and as JSON.
struct PartitionSummary {
  private let partition: Partition

  init(_ partition: Partition) { self.partition = partition }

  var text: String {
    var owners = TextTable([
      ("partition", .left), ("cpus", .left), ("memory", .right), ("portals", .left),
      ("queues", .left), ("pools", .left), ("liodn offset", .right),
    ])
    for owner in partition.owners {
      owners.add([
        owner.name, list(owner.cpus.map { UInt32($0.rawValue) }), size(owner.memory.size),
        list(owner.portals.map { UInt32($0.rawValue) }),
        owner.queues.map(\.description).joined(separator: ","),
        owner.pools.map { "\($0.bpid) (\($0.bufferCount) x \($0.bufferSize))" }
          .joined(separator: ", "),
        "\(owner.liodnOffset)",
      ])
    }
    var paths = TextTable([
      ("path", .left), ("receive", .left), ("channels", .left), ("work queue", .right),
      ("transmit", .right), ("work queue", .right),
    ])
    for (owner, resources) in zip(partition.owners, partition.resources) {
      for (path, quality) in zip(owner.paths, resources.pathQualities) {
        paths.add([
          "\(owner.name) <-> \(path.name)", path.receive.description,
          path.channels.map(\.description).joined(separator: ","), "\(quality.receive)",
          "\(path.transmit)", "\(quality.transmit)",
        ])
      }
    }
    var windows = TextTable([
      ("dma window", .left), ("size", .right), ("slots", .right), ("maps", .left),
    ])
    for (owner, resources) in zip(partition.owners, partition.resources) {
      let window = resources.dmaWindow
      windows.add([
        owner.name, size(window.size), "\(window.slotCount)",
        window.mappings.map {
          "\($0.purpose) \(hex($0.guestAddress)) = \(hex($0.memory.base))+\(size($0.memory.size))"
        }.joined(separator: ", "),
      ])
    }
    var text = "\(partition.name) on \(partition.board.name)\n\n\(owners.text)\n\(paths.text)"
    text += "\n\(flows)\(windows.text)\n\(memory)"
    if !partition.decisions.isEmpty { text += "\nThe planner chose:\n" }
    for decision in partition.decisions { text += "  \(decision.subject): \(decision.message)\n" }
    return text
  }

  /// Where frames go: the rules of each interface in order.
  private var flows: String {
    guard !partition.interfaces.isEmpty else { return "" }
    var table = TextTable([
      ("interface", .left), ("frames", .left), ("to", .left), ("queues", .left), ("how", .left),
    ])
    for interface in partition.interfaces {
      for rule in interface.rules {
        var how = rule.spread.map { ["spread by \($0.planText)"] } ?? []
        how += rule.chain.map { ["through \($0)"] } ?? []
        how += rule.storageProfile.map { ["profile \($0)"] } ?? []
        if let hop = interface.hop, !rule.isDropped,
          rule.owner != hop.receivingOwner
        {
          how.append("copied by fm\(hop.fman + 1)-oh\(hop.port.port)")
        }
        table.add([
          interface.name,
          rule.conditions.isEmpty
            ? "everything else" : rule.conditions.map(\.planText).joined(separator: ", "),
          rule.isDropped ? "nobody: dropped" : partition.owners[rule.owner].name,
          rule.isDropped ? "" : rule.receive.description, how.joined(separator: ", "),
        ])
        for copy in rule.copies {
          table.add([
            interface.name, "a copy of these", partition.owners[copy.owner].name,
            copy.receive.description,
            copy.storageProfile.map { "profile \($0)" } ?? "",
          ])
        }
      }
    }
    return table.text + "\n"
  }

  /// The board's memory from its beginning to its end.
  private var memory: String {
    var table = TextTable([("memory", .left), ("size", .right), ("holder", .left)])
    func row(_ range: QorIQ.AddressRange, _ holder: String) {
      table.add(["\(hex(range.base))-\(hex(range.last))", size(range.size), holder])
    }
    for region in MemoryMap(partition).regions {
      switch region.holder {
      case .owner(let index): row(region.range, partition.owners[index].name)
      case .shared(let name): row(region.range, "\(name), shared")
      case .reserved(let holder): row(region.range, "\(holder), reserved")
      case .reached(let index):
        row(region.range, "nobody, but \(partition.owners[index].name)'s DMA reaches it")
      case .free: row(region.range, "free")
      }
      for pool in region.buffers { row(pool.range, "  buffers of pool \(pool.bpid)") }
    }
    return table.text
  }

  /// `0-3,6`
  private func list(_ numbers: [UInt32]) -> String {
    var runs: [ClosedRange<UInt32>] = []
    for number in numbers {
      if let last = runs.last, last.upperBound + 1 == number {
        runs[runs.count - 1] = last.lowerBound...number
      } else {
        runs.append(number...number)
      }
    }
    return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ",")
  }

  private func hex(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }

  private func size(_ bytes: UInt64) -> String {
    for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)]
    where bytes >= 1 << shift && bytes & (1 << shift - 1) == 0 {
      return "\(bytes >> shift) \(unit)"
    }
    return "\(bytes)"
  }

  // MARK: JSON

  var json: JSONValue {
    let names = partition.owners.map(\.name)
    return [
      "plan": .string(partition.name), "board": .string(partition.board.name),
      "partitions": .array(zip(partition.owners, partition.resources).map(json)),
      "interfaces": .array(zip(partition.interfaces, partition.ports).map(json)),
      "links": .array(
        partition.links.map {
          [
            "from": .string(names[$0.from]), "to": .string(names[$0.to]),
            "transmit": JSONValue($0.transmit.rawValue), "receive": JSONValue($0.receive.rawValue),
            "offlinePort": .string("fm\($0.fman + 1)-oh\($0.port.port)"),
          ]
        }),
      "policers": .array(
        partition.policers.map {
          [
            "name": .string($0.settings.name), "fman": JSONValue($0.fman),
            "profile": JSONValue($0.profile),
            "users": .array(
              $0.users.map { ["interface": .string($0.interface), "rule": JSONValue($0.rule)] }),
          ]
        }),
      "sharedMemory": .array(
        partition.sharedMemory.map {
          [
            "name": .string($0.name), "base": JSONValue($0.memory.base),
            "size": JSONValue($0.memory.size),
            "members": .array($0.members.map { .string(names[$0]) }),
            "writers": .array($0.writers.map { .string(names[$0]) }),
          ]
        }),
      "decisions": .array(
        partition.decisions.map {
          ["subject": .string($0.subject), "message": .string($0.message)]
        }),
    ]
  }

  private func range(_ range: QueueRange) -> JSONValue {
    ["first": JSONValue(range.first.rawValue), "last": JSONValue(range.last.rawValue)]
  }

  private func json(_ interface: SharedInterface, _ port: PortSettings) -> JSONValue {
    let delivery: JSONValue =
      switch interface.delivery {
      case .storageProfiles: ["kind": "direct"]
      case .sharedPool(let pool): ["kind": "shared-pool", "pool": JSONValue(pool.rawValue)]
      case .offlineHop(let hop):
        [
          "kind": "offline-hop", "receiver": .string(partition.owners[hop.receivingOwner].name),
          "queue": JSONValue(hop.queue.rawValue),
          "offlinePort": .string("fm\(hop.fman + 1)-oh\(hop.port.port)"),
        ]
      }
    return [
      "name": .string(interface.name), "mtu": JSONValue(port.mtu),
      "headroom": JSONValue(port.headroom), "delivery": delivery,
      "rules": .array(
        interface.rules.map { rule in
          guard !rule.isDropped else { return ["dropped": true] }
          func share(
            _ owner: Int, _ queues: QueueRange, _ profile: Int?
          ) -> [JSONValue.Member] {
            [
              .init("owner", .string(partition.owners[owner].name)),
              .init("receive", range(queues)),
              .init("storageProfile", profile.map { JSONValue($0) } ?? .null),
            ]
          }
          var members = share(rule.owner, rule.receive, rule.storageProfile)
          if let chain = rule.chain { members.append(.init("through", .string(chain))) }
          if !rule.copies.isEmpty {
            members.append(
              .init(
                "copies",
                .array(
                  rule.copies.map { .object(share($0.owner, $0.receive, $0.storageProfile)) })))
          }
          return .object(members)
        }),
    ]
  }

  private func json(_ chain: DeviceChain) -> JSONValue {
    [
      "name": .string(chain.name), "kind": .string(chain.kind.rawValue),
      "channel": JSONValue(chain.channel.rawValue), "request": JSONValue(chain.request.rawValue),
      "response": JSONValue(chain.response.rawValue),
      "patternSet": chain.patternSet.map { JSONValue($0) } ?? .null,
      "exit": chain.exit.map { exit in
        [
          "interface": .string(exit.interface), "transmit": JSONValue(exit.transmit.rawValue),
          "offlinePort": .string("fm\(exit.fman + 1)-oh\(exit.port.port)"),
        ]
      } ?? .null,
    ]
  }

  private func json(_ owner: Owner, _ resources: OwnerResources) -> JSONValue {
    [
      "name": .string(owner.name), "cpus": .array(owner.cpus.map { JSONValue($0.rawValue) }),
      "memory": ["base": JSONValue(owner.memory.base), "size": JSONValue(owner.memory.size)],
      "portals": .array(owner.portals.map { JSONValue($0.rawValue) }),
      "liodnOffset": JSONValue(owner.liodnOffset), "queues": .array(owner.queues.map(range)),
      "pools": .array(
        owner.pools.map { pool in
          let settings = resources.pools.first { $0.bpid == pool.bpid }
          return [
            "bpid": JSONValue(pool.bpid.rawValue), "buffers": JSONValue(pool.bufferCount),
            "size": JSONValue(pool.bufferSize), "base": JSONValue(pool.base),
            "seeded": JSONValue(settings?.seeded ?? pool.bufferCount),
            "sharedWith": .array(
              (settings?.sharers ?? []).map { .string(partition.owners[$0].name) }),
          ]
        }),
      "paths": .array(
        zip(owner.paths, resources.pathQualities).map { path, quality in
          [
            "name": .string(path.name), "link": .bool(path.isLink), "receive": range(path.receive),
            "channels": .array(path.channels.map { JSONValue($0.rawValue) }),
            "transmit": JSONValue(path.transmit.rawValue),
            "receiveWorkQueue": JSONValue(quality.receive.rawValue),
            "transmitWorkQueue": JSONValue(quality.transmit.rawValue),
            "congestionGroup": quality.congestionGroup.map { JSONValue($0.rawValue) } ?? .null,
          ]
        }),
      "mode": .string(resources.mode.rawValue),
      "interrupts": .array(
        resources.interrupts.map {
          [
            "portal": JSONValue($0.portal.rawValue), "qman": JSONValue($0.queueLine),
            "bman": JSONValue($0.bufferLine),
          ]
        }),
      "poolChannels": .array(resources.poolChannels.map { JSONValue($0.rawValue) }),
      "congestionGroups": .array(resources.congestionGroups.map { JSONValue($0.id.rawValue) }),
      "roles": .array(
        resources.roles.map {
          [
            "role": .string($0.role.rawValue), "queues": .array($0.queues.map(range)),
            "workQueue": JSONValue($0.workQueue.rawValue),
          ]
        }),
      "accelerators": .array(
        resources.accelerators.map {
          [
            "kind": .string($0.kind.rawValue), "mode": .string($0.mode.rawValue),
            "channel": JSONValue($0.channel.rawValue),
            "requests": .array($0.requests.map { JSONValue($0.rawValue) }),
            "responses": .array($0.responses.map { JSONValue($0.rawValue) }),
            "liodns": .array($0.liodns.map { JSONValue($0.rawValue) }),
            "patternSets": .array(
              $0.patternSets.map {
                [
                  "set": JSONValue($0.number), "name": .string($0.name),
                  "patterns": JSONValue($0.patterns.count),
                ]
              }),
          ]
        }),
      "chains": .array(resources.chains.map(json)),
      "dmaWindow": [
        "size": JSONValue(resources.dmaWindow.size),
        "slots": JSONValue(resources.dmaWindow.slotCount),
        "mappings": .array(
          resources.dmaWindow.mappings.map {
            [
              "guest": JSONValue($0.guestAddress), "base": JSONValue($0.memory.base),
              "size": JSONValue($0.memory.size), "purpose": .string($0.purpose),
            ]
          }),
      ],
      "images": .array(
        resources.images.map {
          [
            "kind": .string($0.kind.rawValue), "file": $0.file.map { .string($0) } ?? .null,
            "address": JSONValue($0.memory.base), "size": JSONValue($0.memory.size),
          ]
        }),
      "bootArguments": resources.bootArguments.map { .string($0) } ?? .null,
    ]
  }
}
