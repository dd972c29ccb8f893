import Diagnostics
import QorIQ

/// Channels, congestion groups, interrupts, accelerators, windows and images.
extension Draft {
  mutating func chooseServices() {
    let channels = choose(
      .poolChannels, "pool channel",
      wishes.map { $0.poolChannels?.map { UInt32($0.rawValue) } }, locked.map(\.poolChannels),
      among: context.board.qman.poolChannels.map { UInt32($0.rawValue) },
      at: ClaimPath.poolChannels)
    chooseGroups()
    guard shortages.isEmpty else { return }
    for owner in owners.indices {
      let wish = wishes[owner]
      resources[owner].mode = wish.mode
      resources[owner].bootArguments = wish.bootArguments
      resources[owner].poolChannels = channels[owner].map { ChannelID(UInt16($0)) }
      if case .count(let count) = wish.poolChannels, count > 0 {
        let names = resources[owner].poolChannels.map(\.description).joined(separator: ", ")
        decide(wish.name, "pool channel\(count == 1 ? "" : "s") \(names)")
      }
      resources[owner].interrupts = interrupts(of: owners[owner])
      if wish.mode == .interrupt {
        let lines = resources[owner].interrupts.map { "\($0.queueLine), \($0.bufferLine)" }
          .joined(separator: ", ")
        decide(
          wish.name,
          "the host passes on the interrupt lines \(lines): only they go through it, frames do not")
      }
      giveRoles(owner)
      judgePaths(owner)
    }
  }

  private mutating func chooseGroups() {
    var single: [Choice<UInt32>?] = []
    var held: [[UInt32]] = []
    var owner: [Int] = []
    for (index, wish) in wishes.enumerated() {
      for (item, group) in wish.congestionGroups.enumerated() {
        single.append(group.id.map { .exactly([$0]) } ?? .count(1))
        let groups = locked[index].congestionGroups
        held.append(item < groups.count ? [groups[item]] : [])
        owner.append(index)
      }
    }
    let picked = choose(
      .congestionGroups, "congestion group", single, held,
      among: (0..<context.board.qman.congestionGroupCount).map { UInt32($0) }, owners: owner,
      at: ClaimPath.congestionGroups)
    guard shortages.isEmpty else { return }
    var next = picked.makeIterator()
    for (index, wish) in wishes.enumerated() {
      for group in wish.congestionGroups {
        guard let number = next.next()?.first else { continue }
        if group.id == nil { decide(wish.name, "congestion group \(number)") }
        resources[index].congestionGroups.append(
          CongestionGroup(
            id: CGRID(UInt8(number)), settings: group,
            notified: group.notify.compactMap { self.owner(named: $0) }))
      }
    }
  }

  private func interrupts(of owner: Owner) -> [PortalInterrupt] {
    owner.portals.compactMap { portal in
      guard let queue = context.board.qman.portals.first(where: { $0.index == portal }),
        let buffer = context.board.bman.portals.first(where: { $0.index == portal })
      else { return nil }
      return PortalInterrupt(
        portal: portal, queueLine: queue.interrupt.rawValue, bufferLine: buffer.interrupt.rawValue)
    }
  }

  private mutating func giveRoles(_ owner: Int) {
    let index = order[owner]
    let wish = context.plan.partitions[index]
    var roles = layouts[index].roles
    for role in [QueueRole.chainRequest, .chainResponse] { roles[role] = nil }
    for accelerator in wish.accelerators {
      let (request, response) = accelerator.kind.roles
      let requests = (roles.removeValue(forKey: request) ?? []).flatMap(\.fqids)
      let responses = (roles.removeValue(forKey: response) ?? []).flatMap(\.fqids)
      // `accelerator-missing` has told of one that is not there.
      guard let (channel, bases) = context.board.accelerator(accelerator.kind) else { continue }
      guard requests.count == responses.count else {
        reportShort(
          "\(wish.name) has \(requests.count) request queues for \(accelerator.kind.rawValue), but "
            + "\(responses.count) response queues",
          at: ClaimPath.role(index, response), repair: "give both roles the same number")
        continue
      }
      let use = AcceleratorUse(
        kind: accelerator.kind, mode: accelerator.mode, channel: channel, requests: requests,
        responses: responses,
        liodns: bases.map { LIODN($0.rawValue &+ owners[owner].liodnOffset) },
        weight: accelerator.weight, patternSets: accelerator.patternSets)
      resources[owner].accelerators.append(use)
      decide(
        wish.name,
        "\(accelerator.kind.rawValue): requests on \(text(requests)), answers on "
          + "\(text(responses)), channel \(channel)")
      for set in use.patternSets {
        decide(wish.name, "pme: set \(set.number) is \(set.name), \(set.patterns.count) patterns")
      }
    }
    resources[owner].roles = QueueRole.allCases.compactMap { role in
      roles[role].map {
        RoleQueues(
          role: role, queues: $0, workQueue: wish.workQueues[role] ?? role.usualWorkQueue)
      }
    }
    for role in resources[owner].roles {
      guard case .count = wish.roles[role.role] else { continue }
      let queues = role.queues.map(\.description).joined(separator: ",")
      decide(wish.name, "\(role.role.rawValue) queues \(queues)")
    }
  }

  private func text(_ queues: [FQID]) -> String { runs(queues.map { Int($0.rawValue) }) }

  private mutating func judgePaths(_ owner: Int) {
    let index = order[owner]
    let wish = context.plan.partitions[index]
    let receive = wish.workQueues[.receive] ?? QueueRole.receive.usualWorkQueue
    let transmit = wish.workQueues[.transmit] ?? QueueRole.transmit.usualWorkQueue
    resources[owner].pathQualities = context.traffic.paths[index].map { path in
      switch path.target {
      case .link(let link, _):
        let own = context.plan.links[link].workQueue
        return PathQuality(receive: own ?? receive, transmit: own ?? transmit)
      case .interface(let item):
        let interface = context.plan.interfaces[item]
        let rules = path.rules.map { interface.rules[$0] }
        let group = rules.compactMap(\.congestionGroup).first
        return PathQuality(
          receive: rules.compactMap(\.workQueue).first ?? interface.workQueue ?? receive,
          transmit: transmit,
          congestionGroup: group.flatMap {
            resources[owner].congestionGroups.indices.contains($0)
              ? resources[owner].congestionGroups[$0].id : nil
          })
      }
    }
  }

  // MARK: windows and images

  mutating func openWindows() {
    for owner in owners.indices {
      let wish = wishes[owner]
      var pieces = [(memory: owners[owner].memory, purpose: "memory")]
      pieces[0].memory.size = MemoryPlacer.room(for: owners[owner].memory.size)
      if wish.memoryAddress != nil { pieces[0].memory.size = owners[owner].memory.size }
      pieces += sharedMemory.filter { $0.members.contains(owner) }.map { ($0.memory, $0.name) }
      pieces += wish.dmaWindows.map {
        (AddressRange(base: $0.address, size: $0.size), "window")
      }
      guard let window = DMAWindow(covering: pieces) else {
        reportShort(
          "the DMA of \(wish.name) reaches \(pieces.count == 1 ? "memory" : "\(pieces.count) pieces") "
            + "that no window of \(DMAWindow.slotLimit) slots maps: each slot maps a power of two, "
            + "aligned to its size",
          at: ClaimPath.memory(order[owner]),
          repair: "take powers of two of at least 4 KiB, on multiples of themselves")
        continue
      }
      resources[owner].dmaWindow = window
    }
  }

  mutating func placeImages() {
    for owner in owners.indices {
      let wish = wishes[owner]
      guard !wish.images.isEmpty else { continue }
      var placer = MemoryPlacer(memoryOf: owners[owner])
      let sorted = wish.images.sorted { ($0.address == nil ? 1 : 0) < ($1.address == nil ? 1 : 0) }
      for image in sorted {
        let size = image.room
        let exact = image.address.map { AddressRange(base: $0, size: size) }
        if let exact, !placer.isFree(exact) { reportImage(owner, image, exact) }
        if let exact { placer.take(exact) }
        guard let place = exact ?? placer.place(size) else {
          reportImage(owner, image, nil)
          continue
        }
        resources[owner].images.append(
          LoadedImage(kind: image.kind, file: image.file, memory: place))
        if image.address == nil {
          decide(
            wish.name, "\(image.kind.rawValue) at 0x\(String(place.base, radix: 16)) of its memory")
        }
      }
      resources[owner].images.sort { $0.memory.base < $1.memory.base }
    }
  }

  private mutating func reportImage(_ owner: Int, _ image: ImageWish, _ range: AddressRange?) {
    let size = byteCount(image.room)
    let place = range.map { " at 0x\(String($0.base, radix: 16))" } ?? ""
    reportShort(
      "\(owners[owner].name)'s \(image.kind.rawValue) of \(size)\(place) meets a pool, another image "
        + "or the end of its \(byteCount(owners[owner].memory.size))",
      at: ClaimPath.image(order[owner], image.kind),
      repair: "choose another address, a smaller size, or leave the place to the planner")
  }
}

extension QueueRange {
  /// The queues one by one.
  var fqids: [FQID] { rawValues.map { FQID($0) } }
}

extension Board {
  /// The channel and the LIODN bases of an accelerator, if there is one.
  func accelerator(_ kind: AcceleratorKind) -> (channel: ChannelID, bases: [LIODN])? {
    switch kind {
    case .sec: accelerators.sec.map { ($0.channel, $0.liodnBases) }
    case .pme: accelerators.pme.map { ($0.channel, $0.liodnBases) }
    }
  }
}
