import Diagnostics
import Documents
import Partitioning
import QorIQ

/// Reads a lock that `PlanLock.text` wrote.
struct PlanLockReader {
  private var reader = FactReader()

  /// The lock of a file; mistakes are added to the bag.
  ///
  /// - Returns: The lock with whatever could be read; `nil` when it is none.
  static func read(_ file: SourceFile, into bag: inout DiagnosticBag) -> PlanLock? {
    guard let document = YAMLReader().read(file, into: &bag) else { return nil }
    var lock = PlanLockReader()
    let result = lock.lock(document)
    bag.add(contentsOf: lock.reader.bag)
    return result
  }

  private mutating func lock(_ document: YAMLNode) -> PlanLock? {
    guard
      let facts = reader.facts(
        document, of: "the lock",
        keys: [
          "lock", "board", "partitions", "interfaces", "links", "shared-memory", "policers",
        ]),
      let version = reader.required("lock", in: facts),
      reader.number(version, "the lock's version", in: PlanLock.version...PlanLock.version) != nil,
      let board = reader.required("board", in: facts).flatMap({ reader.text($0, "board") })
    else { return nil }
    var lock = PlanLock(board: board)
    for item in entries(facts["partitions"], "partitions") {
      if let partition = partition(item) { lock.partitions.append(partition) }
    }
    for item in entries(facts["interfaces"], "interfaces") {
      guard
        let facts = reader.facts(
          item.value, of: item.key, keys: ["offline-port", "profiles"])
      else { continue }
      let profiles = numbers(facts["profiles"], "\(item.key)'s profiles", upTo: 255)
      lock.interfaces.append(
        PlanLock.InterfaceEntry(
          name: item.key, profiles: profiles.map { (owner: $0.name, profile: $0.number) },
          offlinePort: facts["offline-port"].flatMap { reader.text($0, "an offline port") }))
    }
    let names = Set(lock.partitions.map(\.name))
    for item in entries(facts["links"], "links") {
      if let port = reader.text(item.value, "the offline port of \(item.key)") {
        lock.links.append(
          PlanLock.LinkEntry(name: Self.linkName(item.key, among: names), offlinePort: port))
      }
    }
    for item in entries(facts["shared-memory"], "shared memory") {
      lock.sharedMemory[item.key] = reader.number(
        item.value, "the address of \(item.key)", in: 0...UInt64.max)
    }
    for policer in numbers(facts["policers"], "policers", upTo: 255) {
      lock.policers.append(PlanLock.PolicerEntry(name: policer.name, profile: policer.number))
    }
    return lock
  }

  /// The name of a link's direction as it is written today. Locks had a hyphen between sender and
  /// receiver, which tells who they are only where the names of no other pair are joined to the same.
  private static func linkName(_ name: String, among partitions: Set<String>) -> String {
    let pairs = name.indices.filter { name[$0] == "-" }.map { hyphen in
      (from: String(name[..<hyphen]), to: String(name[name.index(after: hyphen)...]))
    }.filter { partitions.contains($0.from) && partitions.contains($0.to) }
    guard pairs.count == 1 else { return name }
    return PlanLock.linkName(from: pairs[0].from, to: pairs[0].to)
  }

  private mutating func partition(_ item: YAMLEntry) -> PlanLock.Entry? {
    guard
      let facts = reader.facts(
        item.value, of: item.key,
        keys: [
          "cpus", "memory", "portals", "queues", "pools", "pool-channels", "congestion-groups",
          "liodn-offset", "paths", "hops", "roles",
        ])
    else { return nil }
    var entry = PlanLock.Entry(name: item.key)
    for (key, field) in [
      ("cpus", \PlanLock.Entry.cpus), ("portals", \.portals), ("pools", \.pools),
      ("pool-channels", \.poolChannels), ("congestion-groups", \.congestionGroups),
    ] {
      guard let node = facts[key], let items = reader.items(node, of: "\(item.key)'s \(key)")
      else { continue }
      entry[keyPath: field] = items.compactMap {
        reader.number($0, "one of \(item.key)'s \(key)", in: 0...0xffff)
      }.map { UInt32($0) }
    }
    if let node = facts["memory"],
      let memory = reader.facts(node, of: "\(item.key)'s memory", keys: ["address", "size"]),
      let address = memory["address"].flatMap({
        reader.number($0, "its address", in: 0...UInt64.max)
      }), let size = memory["size"].flatMap({ reader.size($0, "its size") })
    {
      entry.memory = AddressRange(base: address, size: size)
    }
    entry.queues = facts["queues"].map { queues($0, "\(item.key)'s queues") } ?? []
    entry.liodnOffset = facts["liodn-offset"].flatMap {
      reader.number($0, "\(item.key)'s LIODN offset", in: 0...4095)
    }.map { UInt32($0) }
    for path in entries(facts["paths"], "\(item.key)'s paths") {
      if let path = self.path(path) { entry.paths.append(path) }
    }
    for hop in numbers(facts["hops"], "\(item.key)'s hops", upTo: 0xff_ffff) {
      entry.hops[hop.name] = hop.number
    }
    for role in entries(facts["roles"], "\(item.key)'s roles") {
      guard let name = QueueRole(rawValue: role.key) else { continue }
      entry.roles[name] = queues(role.value, "\(role.key) queues")
    }
    return entry
  }

  private mutating func path(_ item: YAMLEntry) -> PlanLock.PathEntry? {
    guard
      let facts = reader.facts(
        item.value, of: "the path \(item.key)", keys: ["receive", "transmit", "channels"]),
      let receive = facts["receive"].map({ queues($0, "its receive queues") })?.first,
      let transmit = facts["transmit"].flatMap({
        reader.number($0, "its transmit queue", in: 0...0xff_ffff)
      })
    else { return nil }
    let channels = facts["channels"].flatMap { reader.items($0, of: "its channels") } ?? []
    return PlanLock.PathEntry(
      name: item.key, receive: receive, transmit: UInt32(transmit),
      channels: channels.compactMap { reader.number($0, "a channel", in: 0...0x1fff) }
        .map { UInt32($0) })
  }

  private mutating func entries(_ node: YAMLNode?, _ what: String) -> [YAMLEntry] {
    node.flatMap { reader.entries($0, of: what) } ?? []
  }

  private mutating func numbers(
    _ node: YAMLNode?, _ what: String, upTo limit: UInt64
  ) -> [(name: String, number: UInt32)] {
    entries(node, what).compactMap { item in
      reader.number(item.value, "\(item.key) of \(what)", in: 0...limit)
        .map { (name: item.key, number: UInt32($0)) }
    }
  }

  private mutating func queues(_ node: YAMLNode, _ what: String) -> [QueueRange] {
    (reader.rangeItems(node, what, in: 0...0xff_ffff) ?? []).map {
      QueueRange(
        first: FQID(UInt32($0.range.lowerBound)), count: UInt32($0.range.count))
    }
  }
}
