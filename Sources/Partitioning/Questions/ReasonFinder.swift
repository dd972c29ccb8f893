import Diagnostics
import QorIQ

/// Looks an object up in a partition and in the plan that it was made of.
struct ReasonFinder {
  let partition: Partition
  let plan: Plan
  let origins: OriginMap
  private(set) var owners: [String] = []
  private(set) var facts: [Note] = []
  private(set) var decisions: [Decision] = []

  init(partition: Partition, plan: Plan, origins: OriginMap) {
    self.partition = partition
    self.plan = plan
    self.origins = origins
  }

  /// Gathers what is known, and says what the object is called.
  mutating func find(_ object: PlanObject) -> String {
    switch object {
    case .queue(let number): return queue(number)
    case .portal(let number): return portal(number)
    case .pool(let number): return pool(number)
    case .cpu(let number): return cpu(number)
    case .channel(let number): return channel(number)
    case .congestionGroup(let number): return congestionGroup(number)
    case .liodnOffset(let number): return liodnOffset(number)
    case .profile(let number): return profile(number)
    case .interrupt(let number): return interrupt(number)
    case .address(let address): return memory(address)
    }
  }

  // MARK: helpers

  mutating func say(_ message: String, at path: String? = nil) {
    facts.append(Note(message, at: path.flatMap { origins[$0] }))
  }

  mutating func own(_ owner: Int) {
    let name = partition.owners[owner].name
    if !owners.contains(name) { owners.append(name) }
  }

  /// The plan's index of an owner.
  func wish(_ owner: Int) -> Int? {
    plan.partitions.firstIndex { $0.name == partition.owners[owner].name }
  }

  /// What the planner noted about an owner that speaks of some text.
  private mutating func recall(_ subject: String, _ text: String) {
    for decision in partition.decisions
    where decision.subject == subject && Self.speaks(decision.message, of: text) {
      decisions.append(decision)
    }
  }

  /// Whether a message has some text, and where that ends in a number not only the beginning of a longer one: what is
  /// said of group 12 is not about group 1.
  private static func speaks(_ message: String, of text: String) -> Bool {
    let endsInNumber = text.last?.isNumber == true
    return message.ranges(of: text).contains { range in
      !endsInNumber || message[range.upperBound...].first?.isNumber != true
    }
  }

  /// Whether the plan chose by itself, or left the choice to the planner, in words.
  private mutating func sayClaim(
    _ owner: Int, _ what: String, isExact: Bool, at path: (Int) -> String, noted: String
  ) {
    let name = partition.owners[owner].name
    guard let wish = wish(owner) else { return }
    if isExact {
      say("\(name) claims \(what) here", at: path(wish))
    } else {
      say("\(name) asks for a number of them here, and the planner chose \(what)", at: path(wish))
      recall(name, noted)
    }
  }

  private mutating func sayReserved(_ kind: ResourceKind, _ number: UInt32) {
    for (index, wish) in partition.reservations.enumerated() {
      guard let item = wish.numbers[kind]?.firstIndex(of: number) else { continue }
      owners.append(wish.holder)
      say(
        "\(wish.holder) has it already, says the plan",
        at: ClaimPath.reservation(index, kind, item: item))
    }
  }

  private mutating func sayNobody(_ exists: Bool, _ all: String) {
    guard owners.isEmpty else { return }
    say(
      exists
        ? "it is there and free" : "\(partition.board.name) has no such thing: it has \(all)")
  }

  // MARK: objects

  private mutating func queue(_ number: UInt32) -> String {
    for (index, owner) in partition.owners.enumerated() {
      guard
        let range = owner.queues.first(where: { $0.rawValues.contains(number) }),
        let wish = wish(index)
      else { continue }
      own(index)
      let item = plan.partitions[wish].queues?.ranges.firstIndex { $0.rawValues.contains(number) }
      sayClaim(
        index, "\(range)", isExact: item != nil,
        at: { wish in
          item.map { ClaimPath.queues(wish, range: $0) } ?? ClaimPath.queues(wish)
        }, noted: "frame queues")
      sayUses(of: number, by: index)
    }
    for (index, wish) in partition.reservations.enumerated() {
      guard let item = wish.queues.firstIndex(where: { $0.rawValues.contains(number) }) else {
        continue
      }
      owners.append(wish.holder)
      say(
        "\(wish.holder) has \(wish.queues[item]) already, says the plan",
        at: ClaimPath.reservation(index, .queues, item: item))
    }
    let usable = partition.board.qman.usableQueues
    sayNobody(usable.rawValues.contains(number), "\(usable)")
    return "queue \(number)"
  }

  private mutating func sayUses(of number: UInt32, by index: Int) {
    let owner = partition.owners[index]
    let count = facts.count
    for (item, path) in owner.paths.enumerated() {
      if path.receive.rawValues.contains(number), !path.channels.isEmpty {
        let place = Int(number - path.receive.first.rawValue)
        let channel = path.channels[place % path.channels.count]
        let quality = partition.resources[index].pathQualities
        let workQueue = item < quality.count ? ", work queue \(quality[item].receive)" : ""
        say(
          "it receives from \(path.name), one of \(path.receive), on channel \(channel) of portal "
            + "\(channel.rawValue)\(workQueue)", at: pathOrigin(path, owner: index))
        recall(owner.name, "spread what arrives from \(path.name)")
      }
      if path.transmit.rawValue == number {
        say("it transmits to \(path.name)", at: pathOrigin(path, owner: index))
      }
    }
    for interface in partition.interfaces {
      if let hop = interface.hop, hop.queue.rawValue == number {
        say("it holds frames of \(interface.name) on their way to an offline port")
        recall(interface.name, "queue \(number)")
      }
    }
    for link in partition.links where [link.transmit, link.receive].contains(FQID(number)) {
      let name = "\(partition.owners[link.from].name)-\(partition.owners[link.to].name)"
      recall(name, "queue \(number)")
    }
    for role in partition.resources[index].roles
    where role.queues.contains(where: { $0.rawValues.contains(number) }) {
      say(
        "its role is \(role.role.rawValue), work queue \(role.workQueue)",
        at: wish(index).map { ClaimPath.role($0, role.role) })
    }
    for use in partition.resources[index].accelerators {
      for (queues, what) in [(use.requests, "requests to"), (use.responses, "answers of")]
      where queues.contains(FQID(number)) {
        say(
          "it holds \(what) \(use.kind.rawValue)",
          at: wish(index).map { ClaimPath.accelerator($0, use.kind) })
      }
    }
    for (item, chain) in partition.resources[index].chains.enumerated() {
      let origin = wish(index).map { ClaimPath.chain($0, item) }
      if chain.request.rawValue == number {
        say("it brings frames of the chain \(chain.name) to \(chain.kind.rawValue)", at: origin)
      } else if chain.response.rawValue == number {
        say("it holds answers of \(chain.kind.rawValue) in the chain \(chain.name)", at: origin)
      } else {
        continue
      }
      recall(owner.name, "chain \(chain.name): ")
    }
    if facts.count == count { say("nothing uses it") }
  }

  /// The rule, `otherwise` or link that makes a path.
  private func pathOrigin(_ path: OwnerPath, owner: Int) -> String? {
    let name = partition.owners[owner].name
    if path.isLink {
      return plan.links.firstIndex { Set([$0.first, $0.second]) == [name, path.name] }
        .map { ClaimPath.link($0) }
    }
    guard let interface = plan.interfaces.firstIndex(where: { $0.name == path.name }) else {
      return nil
    }
    if let rule = plan.interfaces[interface].rules.firstIndex(where: { $0.receivers.contains(name) }
    ) {
      return ClaimPath.rule(interface, rule)
    }
    return ClaimPath.otherwise(interface)
  }

  private mutating func portal(_ number: UInt32) -> String {
    for (index, owner) in partition.owners.enumerated() {
      guard owner.portals.contains(where: { UInt32($0.rawValue) == number }),
        let wish = wish(index)
      else { continue }
      own(index)
      let item = plan.partitions[wish].portals?.elements
        .firstIndex { UInt32($0.rawValue) == number }
      sayClaim(
        index, "portal \(number)", isExact: item != nil,
        at: { wish in
          item.map { ClaimPath.portal(wish, $0) } ?? ClaimPath.portals(wish)
        }, noted: "portals")
      for path in owner.paths where path.channels.contains(where: { $0.rawValue == number }) {
        say(
          "it serves what arrives from \(path.name)", at: pathOrigin(path, owner: index))
      }
      for line in partition.resources[index].interrupts where line.portal.rawValue == number {
        say("its interrupt lines are \(line.queueLine) and \(line.bufferLine)")
      }
    }
    sayReserved(.portals, number)
    let all = partition.board.sharedPortals.map { Int($0.rawValue) }
    sayNobody(all.contains(Int(number)), "portals \(runs(all))")
    return "portal \(number)"
  }

  private mutating func pool(_ number: UInt32) -> String {
    for (index, resources) in partition.resources.enumerated() {
      guard let item = resources.pools.firstIndex(where: { UInt32($0.bpid.rawValue) == number }),
        let wish = wish(index)
      else { continue }
      own(index)
      let isExact = plan.partitions[wish].pools.map { $0[item].bpid != nil } ?? false
      sayClaim(
        index, "pool \(number)", isExact: isExact,
        at: { isExact ? ClaimPath.poolID($0, item) : ClaimPath.pool($0, item) },
        noted: "pool \(number) ")
      let size = partition.owners[index].pools.first { UInt32($0.bpid.rawValue) == number }?
        .bufferSize
      for path in partition.owners[index].paths {
        say(
          "its buffers of \(byteCount(UInt64(size ?? 0))) hold what arrives from \(path.name)",
          at: pathOrigin(path, owner: index))
      }
      for (position, sharer) in resources.pools[item].sharers.enumerated() {
        say(
          "\(partition.owners[sharer].name) may use it too",
          at: ClaimPath.poolSharer(wish, item, position))
      }
    }
    sayReserved(.pools, number)
    let count = partition.board.bman.poolCount
    sayNobody(number < count, "pools 0-\(count - 1)")
    return "pool \(number)"
  }

  private mutating func cpu(_ number: UInt32) -> String {
    for (index, owner) in partition.owners.enumerated() {
      guard owner.cpus.contains(where: { UInt32($0.rawValue) == number }), let wish = wish(index)
      else { continue }
      own(index)
      let item = plan.partitions[wish].cpus?.elements.firstIndex { UInt32($0.rawValue) == number }
      sayClaim(
        index, "CPU \(number)", isExact: item != nil,
        at: { wish in item.map { ClaimPath.cpu(wish, $0) } ?? ClaimPath.cpus(wish) },
        noted: "CPUs")
    }
    sayReserved(.cpus, number)
    let all = partition.board.cpus.map { Int($0.index.rawValue) }
    sayNobody(all.contains(Int(number)), "CPUs \(runs(all))")
    return "CPU \(number)"
  }

  private mutating func channel(_ number: UInt32) -> String {
    for (index, owner) in partition.owners.enumerated()
    where owner.portals.contains(where: { UInt32($0.rawValue) == number }) {
      own(index)
      say("it is the dedicated channel of portal \(number), which is \(owner.name)'s")
    }
    for (index, resources) in partition.resources.enumerated()
    where resources.poolChannels.contains(where: { UInt32($0.rawValue) == number }) {
      own(index)
      let isExact =
        wish(index).map { plan.partitions[$0].poolChannels?.elements.isEmpty == false } ?? false
      sayClaim(
        index, "this channel", isExact: isExact, at: ClaimPath.poolChannels, noted: "pool channel")
    }
    for interface in partition.interfaces where interface.transmitChannel.rawValue == number {
      say("it is the transmit port's of \(interface.name): what is scheduled on it is sent")
    }
    for link in partition.links where link.port.channel.rawValue == number {
      let names = (partition.owners[link.from].name, partition.owners[link.to].name)
      say("it is the offline port's that takes frames from \(names.0) to \(names.1)")
      recall("\(names.0)-\(names.1)", "offline port")
    }
    for (index, resources) in partition.resources.enumerated() {
      for (item, chain) in resources.chains.enumerated()
      where chain.exit.map({ $0.port.channel.rawValue == number }) ?? false {
        say(
          "it is the offline port's that takes the answers of \(partition.owners[index].name)'s chain "
            + chain.name, at: wish(index).map { ClaimPath.chain($0, item) })
      }
    }
    for use in partition.resources.flatMap(\.accelerators) where use.channel.rawValue == number {
      say("it is \(use.kind.rawValue)'s: what is scheduled on it is worked on")
    }
    sayReserved(.poolChannels, number)
    if owners.isEmpty, facts.isEmpty {
      let isPool = partition.board.qman.poolChannels.contains { UInt32($0.rawValue) == number }
      say(
        isPool
          ? "it is a pool channel, there and free"
          : "no owner, port or accelerator of the plan serves it")
    }
    return "channel 0x\(String(number, radix: 16))"
  }

  private mutating func congestionGroup(_ number: UInt32) -> String {
    for (index, resources) in partition.resources.enumerated() {
      guard
        let item = resources.congestionGroups.firstIndex(where: {
          UInt32($0.id.rawValue) == number
        })
      else { continue }
      own(index)
      sayClaim(
        index, "congestion group \(number)",
        isExact: resources.congestionGroups[item].settings.id != nil,
        at: { ClaimPath.congestionGroup($0, item) }, noted: "congestion group \(number)")
    }
    sayReserved(.congestionGroups, number)
    let count = partition.board.qman.congestionGroupCount
    sayNobody(number < count, "groups 0-\(count - 1)")
    return "congestion group \(number)"
  }

  private mutating func liodnOffset(_ number: UInt32) -> String {
    for (index, owner) in partition.owners.enumerated() where owner.liodnOffset == number {
      own(index)
      guard let wish = wish(index) else { continue }
      let isExact = plan.partitions[wish].liodnOffset != nil
      say(
        isExact
          ? "\(owner.name) claims it here"
          : "the planner gave it to \(owner.name): one identity for each owner",
        at: isExact ? ClaimPath.liodnOffset(wish) : ClaimPath.partition(wish))
    }
    for interface in partition.board.fmans.flatMap(\.interfaces)
    where interface.liodnOffset.map({ UInt32($0.rawValue) == number }) ?? false {
      say("\(interface.name)'s receive port adds it to the base of its frame manager")
    }
    sayReserved(.liodnOffsets, number)
    if owners.isEmpty, facts.isEmpty { say("no owner and no port has it") }
    return "LIODN offset \(number)"
  }

  private mutating func profile(_ number: UInt32) -> String {
    for interface in partition.interfaces {
      let shares = interface.rules.enumerated().flatMap { offset, rule in
        rule.shares.map { (offset: offset, share: $0) }
      }
      guard let first = shares.first(where: { $0.share.storageProfile == Int(number) }) else {
        continue
      }
      own(first.share.owner)
      let name = partition.owners[first.share.owner].name
      let index = plan.interfaces.firstIndex { $0.name == interface.name }
      say(
        "on \(interface.name) it receives frames for \(name) into \(name)'s pools",
        at: index.map {
          first.offset < plan.interfaces[$0].rules.count
            ? ClaimPath.rule($0, first.offset) : ClaimPath.otherwise($0)
        })
      recall(interface.name, "storage profile \(number) ")
    }
    let most = partition.board.fmans.map(\.storageProfileCount).max() ?? 0
    sayNobody(
      number < most, most == 0 ? "no storage profiles (FMan v2)" : "profiles 0-\(most - 1)")
    return "storage profile \(number)"
  }

  private mutating func memory(_ address: UInt64) -> String {
    func holds(_ range: AddressRange) -> Bool {
      address >= range.base && address - range.base < range.size
    }
    for (index, owner) in partition.owners.enumerated() where holds(owner.memory) {
      own(index)
      guard let wish = wish(index) else { continue }
      let isExact = plan.partitions[wish].memoryAddress != nil
      sayClaim(
        index, "the place of its memory", isExact: isExact,
        at: isExact ? ClaimPath.memoryAddress : ClaimPath.memory, noted: "memory ")
      for pool in owner.pools where holds(pool.memory) {
        say("a buffer of pool \(pool.bpid) lies there")
      }
    }
    for window in partition.sharedMemory where holds(window.memory) {
      for member in window.members { own(member) }
      let index = plan.sharedMemory.firstIndex { $0.name == window.name }
      say(
        "the shared memory \(window.name) lies there",
        at: index.map { ClaimPath.sharedMemory($0) })
    }
    for (index, wish) in partition.reservations.enumerated() {
      for (item, range) in wish.memory.enumerated() where holds(range) {
        owners.append(wish.holder)
        say(
          "\(wish.holder) has it already, says the plan",
          at: ClaimPath.reservation(index, .memory, item: item))
      }
    }
    if owners.isEmpty, let owner = reach(of: address) {
      let place = wish(owner).map { wish in
        plan.partitions[wish].dmaWindows
          .firstIndex { holds(AddressRange(base: $0.address, size: $0.size)) }
          .map { ClaimPath.dmaWindow(wish, $0) } ?? ClaimPath.memory(wish)
      }
      let name = partition.owners[owner].name
      say("nobody has it, but \(name)'s DMA reaches it: the planner puts nothing there", at: place)
      return "address 0x\(String(address, radix: 16))"
    }
    sayNobody(
      address < partition.board.memorySize, "\(byteCount(partition.board.memorySize)) of memory")
    return "address 0x\(String(address, radix: 16))"
  }

  /// Whose DMA reaches an address that is nobody's, the owner by index.
  private func reach(of address: UInt64) -> Int? {
    for region in MemoryMap(partition).regions {
      guard case .reached(let owner) = region.holder, address >= region.range.base,
        address - region.range.base < region.range.size
      else { continue }
      return owner
    }
    return nil
  }
}
