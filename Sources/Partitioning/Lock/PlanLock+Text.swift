import QorIQ

extension PlanLock {
  /// The lock as YAML: one line for each choice, so that a difference shows what moved.
  public var text: String {
    var text = """
      # What the planner chose. Kept beside the plan, it keeps ids and places where they are when the
      # plan grows; `dpaac plan PLAN --lock FILE` brings it up to date.
      lock: \(Self.version)
      board: \(quoted(board))

      """
    section("partitions", partitions, into: &text) { write($0, into: &$1) }
    section("interfaces", interfaces, into: &text) { entry, text in
      text += "  \(quoted(entry.name)):\n"
      if let port = entry.offlinePort { text += "    offline-port: \(quoted(port))\n" }
      guard !entry.pairs.isEmpty else { return }
      text += "    profiles:\n"
      for pair in entry.pairs { text += "      \(quoted(pair.name)): \(pair.number)\n" }
    }
    section("links", links, into: &text) {
      $1 += "  \(quoted($0.name)): \(quoted($0.offlinePort))\n"
    }
    section("shared-memory", sharedMemory.sorted { $0.key < $1.key }, into: &text) {
      $1 += "  \(quoted($0.key)): \(hex($0.value))\n"
    }
    section("policers", policers, into: &text) { $1 += "  \(quoted($0.name)): \($0.profile)\n" }
    return text
  }

  private func section<Item>(
    _ name: String, _ items: [Item], into text: inout String, _ write: (Item, inout String) -> Void
  ) {
    guard !items.isEmpty else { return }
    text += "\(name):\n"
    for item in items { write(item, &text) }
  }

  private func write(_ entry: Entry, into text: inout String) {
    text += "  \(quoted(entry.name)):\n"
    func line(_ key: String, _ value: String) { text += "    \(key): \(value)\n" }
    func list(_ key: String, _ numbers: [UInt32]) {
      if !numbers.isEmpty { line(key, "[\(numbers.map(String.init).joined(separator: ", "))]") }
    }
    list("cpus", entry.cpus)
    if let memory = entry.memory {
      line("memory", "{address: \(hex(memory.base)), size: \(hex(memory.size))}")
    }
    list("portals", entry.portals)
    line("queues", ranges(entry.queues))
    list("pools", entry.pools)
    list("pool-channels", entry.poolChannels)
    list("congestion-groups", entry.congestionGroups)
    if let offset = entry.liodnOffset { line("liodn-offset", "\(offset)") }
    if !entry.paths.isEmpty { text += "    paths:\n" }
    for path in entry.paths {
      let channels = path.channels.map(hex).joined(separator: ", ")
      text += "      \(quoted(path.name)): {receive: \(ranges([path.receive])), "
      text += "transmit: \(path.transmit), channels: [\(channels)]}\n"
    }
    if !entry.hops.isEmpty { text += "    hops:\n" }
    for (name, queue) in entry.hops.sorted(by: { $0.key < $1.key }) {
      text += "      \(quoted(name)): \(queue)\n"
    }
    if !entry.roles.isEmpty { text += "    roles:\n" }
    for role in QueueRole.allCases {
      if let queues = entry.roles[role] { text += "      \(role.rawValue): \(ranges(queues))\n" }
    }
  }

  private func hex(_ value: some BinaryInteger) -> String { "0x" + String(value, radix: 16) }

  private func ranges(_ ranges: [QueueRange]) -> String {
    "[\(ranges.map { "\($0.first)-\($0.last)" }.joined(separator: ", "))]"
  }

  private func quoted(_ text: String) -> String { YAMLText.quoted(text) }
}
