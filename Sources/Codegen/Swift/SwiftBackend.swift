public import Partitioning
import QorIQ
import TemplateLibrary

/// Prints a Swift package that runs the partition: `swift/`, to be run by `swift run` in it.
///
/// The package has the configuration as named constants and as the value that the runtime takes,
/// the host's main program, and below `Guest/` a package of its own for the guests' program, which
/// links the portal library and nothing else.
public struct SwiftBackend: Backend {
  /// Creates the backend.
  public init() {}

  /// `swift`
  public var name: String { "swift" }

  /// The manifests and sources of both packages.
  public func artifacts(
    for partition: Partition, options: GenerationOptions
  ) throws(GenerationError) -> [Artifact] {
    var artifacts: [Artifact] = []
    for source in SwiftSources(partition: partition, options: options).all() {
      artifacts.append(
        Artifact(
          "swift/\(source.path)", text: try source.render(), isStub: source.template == .guest))
    }
    return artifacts
  }
}

/// All files of the package, a function per kind.
struct SwiftSources {
  let partition: Partition
  let options: GenerationOptions
  /// The Swift name of each owner.
  let identifiers: [String]
  /// The Swift name of each interface, and those of its rules.
  let interfaceIdentifiers: [(interface: String, rules: [String])]
  /// The function of each guest: `runGuest1` for `guest1`; empty for the host.
  let functions: [String]
  private let banner: String

  init(partition: Partition, options: GenerationOptions) {
    self.partition = partition
    self.options = options
    banner = options.banner(for: partition)
    // One scope for all that the configuration declares: the plugin has it in one file.
    var names = SwiftNames()
    let owners = partition.owners.map { names.identifier(for: $0.name) }
    let interfaces = partition.interfaces.map { names.identifier(for: $0.name) }
    let rules = zip(partition.interfaces, interfaces).map { interface, identifier in
      interface.rules.indices.map { names.identifier(for: "\(identifier)Rule\($0 + 1)") }
    }
    identifiers = owners
    interfaceIdentifiers = zip(interfaces, rules).map { (interface: $0, rules: $1) }
    // The guests' program is a module of its own; `web` and `Web` have each their function in it.
    var scope = SwiftNames()
    functions = zip(partition.owners, owners).map { owner, identifier in
      guard !owner.isHost else { return "" }
      return scope.identifier(
        for: "run\(identifier.prefix(1).uppercased())\(identifier.dropFirst())")
    }
  }

  func all() -> [TemplatedFile] {
    [package(), host(), guestPackage(), guestMain()] + configurationFiles
      + partition.owners.indices.filter { !partition.owners[$0].isHost }.map(guest)
  }

  /// The files of the target `Configuration`.
  var configurationFiles: [TemplatedFile] {
    [configuration()] + partition.owners.indices.map(owner)
  }

  private func package() -> TemplatedFile {
    TemplatedFile(
      path: "Package.swift", template: .package,
      context: [
        "banner": banner, "name": swiftLiteral(partition.name),
        "packagePath": swiftLiteral(
          relativePath(from: "\(options.outputDirectory)/swift", to: options.packagePath)),
      ])
  }

  private func guestPackage() -> TemplatedFile {
    TemplatedFile(
      path: "Guest/Package.swift", template: .guestPackage,
      context: [
        "banner": banner,
        "packagePath": swiftLiteral(
          relativePath(from: "\(options.outputDirectory)/swift/Guest", to: options.packagePath)),
      ])
  }

  private func host() -> TemplatedFile {
    TemplatedFile(
      path: "Sources/host/main.swift", template: .host,
      context: [
        "banner": banner,
        "planDirectory": swiftLiteral(
          relativePath(from: "\(options.outputDirectory)/swift", to: options.planDirectory)),
      ])
  }

  private func guestMain() -> TemplatedFile {
    let guests = partition.owners.indices.filter { !partition.owners[$0].isHost }
    return TemplatedFile(
      path: "Guest/Sources/guest/main.swift", template: .guestMain,
      context: [
        "banner": banner,
        "guests": guests.map { index in
          ["name": swiftLiteral(partition.owners[index].name), "function": functions[index]]
        },
      ])
  }

  private func guest(_ index: Int) -> TemplatedFile {
    let owner = partition.owners[index]
    let portals = owner.portals.map(\.description).joined(separator: ", ")
    return TemplatedFile(
      path: "Guest/Sources/guest/\(identifiers[index]).swift", template: .guest,
      context: [
        "banner": options.stubBanner(for: partition), "title": owner.name,
        "portals": "\(owner.portals.count == 1 ? "portal" : "portals") \(portals)",
        "program": owner.program.word, "function": functions[index],
      ])
  }

  /// The Swift names of an owner's paths, in order.
  func pathIdentifiers(of owner: Owner) -> [String] {
    var names = SwiftNames(taken: ["owned", "receive", "transmit"])
    return owner.paths.map { names.identifier(for: $0.name) }
  }

  /// A program with its files of keys as they are seen from the plan, so that every checkout has the same text.
  private func seenFromPlan(_ program: GuestProgram) -> GuestProgram {
    program.movingKeyFiles { path in
      path.hasPrefix("/") ? relativePath(from: options.planDirectory, to: path) : path
    }
  }

  private func list(_ numbers: [some CustomStringConvertible]) -> String {
    numbers.map(\.description).joined(separator: ", ")
  }

  private func owner(_ index: Int) -> TemplatedFile {
    let owner = partition.owners[index]
    let resources = partition.resources[index]
    let paths = zip(owner.paths, pathIdentifiers(of: owner)).map {
      path, identifier -> [String: String] in
      // A board's file may call an interface anything.
      let name = commentText(path.name)
      return [
        "identifier": identifier, "name": name, "nameLiteral": swiftLiteral(path.name),
        "title": path.isLink ? "the partition \(name)" : "the interface \(name)",
        "isLink": String(path.isLink), "receive": swiftLiteral(path.receive),
        "receiveText": path.receive.description, "transmit": path.transmit.description,
        "channels": path.channels.map(\.description).joined(separator: ", "),
      ]
    }
    let pools = owner.pools.map { pool in
      [
        "identifier": "pool\(pool.bpid)", "bpid": pool.bpid.description,
        "text": "Pool \(pool.bpid): \(pool.bufferCount) buffers of \(pool.bufferSize) bytes",
        "count": String(pool.bufferCount), "size": String(pool.bufferSize),
        "stride": String(pool.bufferStride), "base": swiftHexLiteral(pool.base),
      ]
    }
    return TemplatedFile(
      path: "Sources/Configuration/\(identifiers[index]).swift", template: .owner,
      context: [
        "banner": banner, "identifier": identifiers[index], "title": owner.name,
        "nameLiteral": swiftLiteral(owner.name), "isHost": String(owner.isHost),
        "cpus": owner.cpus.map(\.description).joined(separator: ", "),
        "portals": owner.portals.map(\.description).joined(separator: ", "),
        "memorySize": "\(owner.memory.size >> 20) MiB",
        "memoryBase": swiftHexLiteral(owner.memory.base),
        "memoryBytes": swiftHexLiteral(owner.memory.size),
        "owned": owner.queues.map(swiftLiteral).joined(separator: ", "),
        "ownedText": owner.queues.map(\.description).joined(separator: ", "),
        "primary": paths.prefix(1).map { $0 }, "paths": paths, "pools": pools,
        "rings": swiftLiteral(owner.rings), "liodnOffset": String(owner.liodnOffset),
        "os": swiftLiteral(owner.os), "program": swiftLiteral(seenFromPlan(owner.program)),
        "kind": owner.kind == .process ? [] : [swiftLiteral(owner.kind)],
        "poolChannels": "[\(list(resources.poolChannels))]",
        "congestionGroups": "[\(list(resources.congestionGroups.map(\.id)))]",
        "poolThresholds": resources.poolThresholds(of: owner).map(swiftLiteral),
        "groupSettings": resources.congestionGroups.map(swiftLiteral),
        "pathQualities": resources.pathQualities.map(swiftLiteral),
        "roles": resources.portRoles.map(swiftLiteral),
        "accelerators": resources.accelerators.map(swiftLiteral),
        "chains": resources.chains.map(swiftLiteral),
      ])
  }

  private func configuration() -> TemplatedFile {
    let interfaces = zip(partition.interfaces, interfaceIdentifiers)
    return TemplatedFile(
      path: "Sources/Configuration/Configuration.swift", template: .configuration,
      context: [
        "banner": banner, "name": commentText(partition.name),
        "nameLiteral": swiftLiteral(partition.name),
        "owners": identifiers, "interfaces": interfaceIdentifiers.map(\.interface),
        "links": partition.links.map(link),
        "queueing": identifiers.enumerated().map {
          ["index": String($0.offset), "identifier": $0.element]
        },
        "policers": partition.policers.map(swiftLiteral),
        "ports": partition.ports.map {
          "PortSettings(mtu: \($0.mtu), headroom: \($0.headroom))"
        },
        "interfaceValues": interfaces.map { interface, identifiers in
          [
            "identifier": identifiers.interface, "name": commentText(interface.name),
            "nameLiteral": swiftLiteral(interface.name), "fman": String(interface.fman),
            "transmitChannel": interface.transmitChannel.description,
            "rules": zip(interface.rules, identifiers.rules).map { rule, identifier in
              self.rule(rule, identifier: identifier)
            },
            "delivery": swiftLiteral(interface.delivery),
            "replay": interface.replay.map(swiftLiteral) ?? "nil",
          ] as [String: Any]
        },
      ])
  }

  private func link(_ link: Link) -> [String: Any] {
    let names = [link.from, link.to].map { partition.owners[$0].name }
    return [
      "text": "From \(names[0]) to \(names[1]).", "from": String(link.from), "to": String(link.to),
      "transmit": link.transmit.description, "receive": link.receive.description,
      "fman": String(link.fman), "port": swiftLiteral(link.port),
    ]
  }

  /// A value of its own for each rule: the compiler's time for one literal of them all would grow
  /// faster than their number.
  private func rule(_ rule: FlowRule, identifier: String) -> [String: Any] {
    let names = rule.receivers.map { partition.owners[$0].name }
    let what =
      rule.conditions.isEmpty
      ? "Everything else" : rule.conditions.map(\.planText).joined(separator: ", ")
    return [
      "identifier": identifier,
      "text": rule.isDropped
        ? "\(what) is dropped." : "\(what) goes to \(names.joined(separator: " and to ")).",
      "conditions": rule.conditions.map(swiftLiteral), "owner": String(rule.owner),
      "receive": swiftLiteral(rule.receive),
      "spread": rule.spread.map(swiftLiteral) ?? "nil",
      "storageProfile": rule.storageProfile.map(String.init) ?? "nil",
      "isDropped": String(rule.isDropped),
      "chain": rule.chain.map(swiftLiteral) ?? "nil",
      "copies": "[\(rule.copies.map(swiftLiteral).joined(separator: ", "))]",
    ]
  }
}
