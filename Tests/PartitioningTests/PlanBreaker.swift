import Partitioning
import QorIQ
import TestSupport

/// Makes plans in which nobody meets anybody, and breaks one in one random way.
struct PlanBreaker {
  var generator: SeededGenerator

  static let mib: UInt64 = 1 << 20
  static let holders = ["loader", "monitor"]

  static func board() -> Board {
    var board = Board.test()
    board.qman.poolChannels = (UInt16(0x401)...0x40f).map { ChannelID($0) }
    return board
  }

  private mutating func chance(_ percent: Int) -> Bool { generator.below(100) < percent }
  private mutating func any(_ range: ClosedRange<Int>) -> Int {
    Int.random(in: range, using: &generator)
  }

  // MARK: A sound plan

  /// Two to five partitions; what each one has exactly lies close to what the others have.
  mutating func soundPlan() -> Plan {
    let names = Array(["host", "alfa", "bravo", "carol", "delta"].prefix(any(2...5)))
    var decks = Decks(using: &generator)
    var address: UInt64 = 0
    func room(_ size: UInt64) -> UInt64 {
      address = (address + size - 1) / size * size
      defer { address += size }
      return address
    }
    var partitions: [PartitionWish] = []
    for name in names {
      let isExact = chance(70)
      var wish = PartitionWish(
        name: name,
        cpus: isExact ? .exactly([CPUIndex(UInt16(decks.cpus.removeLast()))]) : .count(1),
        memory: Self.mib << UInt64(any(4...6)),
        portals: chance(70)
          ? .exactly([PortalIndex(UInt16(decks.portals.removeLast()))]) : .count(1),
        queues: .count(UInt32(any(8...40))), pools: [pool(chance(70) ? decks.pools.popLast() : nil)]
      )
      if chance(70), let size = wish.memory {
        let base = room(size)
        wish.memoryAddress = base
        if chance(60) { wish.pools?[0].address = base + Self.mib * UInt64(any(1...8)) }
      }
      if chance(40) {
        wish.congestionGroups = [CongestionGroupWish(id: decks.groups.popLast(), tailDrop: 65536)]
      }
      if chance(40) {
        wish.poolChannels = .exactly([ChannelID(UInt16(0x401 + decks.channels.removeLast()))])
      }
      if chance(50) { wish.liodnOffset = decks.offsets.popLast().map { UInt16($0) } }
      partitions.append(wish)
    }
    deal(&partitions)
    var plan = Plan(name: "random", partitions: partitions)
    plan.interfaces = [
      InterfaceWish(
        name: "fm1-gb0",
        rules: names.dropFirst().enumerated().map {
          RuleWish(conditions: [.vlan(UInt16($0 + 1))], to: $1)
        }, otherwise: "host")
    ]
    plan.links = chance(50) ? [LinkWish(names[0], names[1])] : []
    if chance(50) {
      plan.sharedMemory = [
        SharedMemoryWish(
          name: "mailbox", size: Self.mib, address: room(Self.mib),
          members: Array(names.prefix(2)))
      ]
    }
    for holder in Self.holders where chance(50) {
      var numbers: [ResourceKind: [UInt32]] = [:]
      if chance(30) { numbers[.portals] = [decks.portals.removeLast()] }
      if chance(30) { numbers[.cpus] = [decks.cpus.removeLast()] }
      if chance(30) { numbers[.pools] = [decks.pools.removeLast()] }
      if chance(30) { numbers[.congestionGroups] = [decks.groups.removeLast()] }
      if chance(30) { numbers[.liodnOffsets] = [decks.offsets.removeLast()] }
      if chance(30) { numbers[.poolChannels] = [0x401 + decks.channels.removeLast()] }
      plan.reservations.append(
        ReservationWish(
          holder: holder, numbers: numbers,
          queues: chance(50) ? [QueueRange(first: FQID(nextQueue(in: plan)), count: 8)] : [],
          memory: chance(50)
            ? [AddressRange(base: room(Self.mib), size: Self.mib)] : []))
    }
    return plan
  }

  private func pool(_ id: UInt32?) -> PoolWish {
    // 64 buffers of 31 cache lines, the distance that they have too, are 31 pages.
    PoolWish(bpid: id, bufferCount: 256, bufferSize: 1984)
  }

  /// Exact ranges of queues for some, one or two for each, side by side or nearly.
  private mutating func deal(_ partitions: inout [PartitionWish]) {
    var turns = partitions.indices.flatMap { index in chance(70) ? [index] : [] }
    turns += turns.filter { _ in chance(40) }
    turns.shuffle(using: &generator)
    var ranges: [Int: [QueueRange]] = [:]
    var next = any(1...20)
    for turn in turns {
      let count = any(12...40)
      ranges[turn, default: []].append(QueueRange(first: FQID(UInt32(next)), count: UInt32(count)))
      next += count + (chance(50) ? 0 : any(1...10))
    }
    for (index, owned) in ranges.sorted(by: { $0.key < $1.key }) {
      partitions[index].queues = .exactly(owned)
      if chance(40), let range = owned.last {
        partitions[index].roles[.receive] = .exactly([
          QueueRange(first: FQID(range.first.rawValue + UInt32(any(0...4))), count: 4)
        ])
      }
    }
  }

  private func nextQueue(in plan: Plan) -> UInt32 {
    let own = plan.partitions.flatMap { $0.queues?.ranges ?? [] }
    let ranges = own + plan.reservations.flatMap(\.queues)
    return (ranges.map(\.last.rawValue).max() ?? 0) + 1
  }

  /// Numbers that are handed out once.
  private struct Decks {
    var cpus, portals, pools, groups, channels, offsets: [UInt32]

    init(using generator: inout SeededGenerator) {
      func deck(_ numbers: Range<UInt32>) -> [UInt32] { numbers.shuffled(using: &generator) }
      cpus = deck(0..<8)
      portals = deck(0..<8)
      pools = deck(0..<24)
      groups = deck(0..<12)
      channels = deck(0..<15)
      offsets = deck(1..<20)
    }
  }

  // MARK: One thing wrong

  enum Break: CaseIterable {
    case shiftQueues, growQueues, swapQueues, copyQueues, shiftRole, doubleCPU, doublePortal
    case doublePool, doubleChannel, doubleGroup, doubleOffset, shiftMemory, growMemory
    case shiftBuffers, stackBuffers, growPool, shrinkPool, addWindow, dropRule, dropLink,
      dropPartition
    case shiftShared, reserveNumber, reserveQueues, reserveMemory
  }

  /// Changes one thing of a plan; whether two owners meet then is for others to say.
  mutating func apply(_ change: Break, to plan: inout Plan) {
    let index = generator.below(plan.partitions.count)
    let other = plan.partitions[generator.below(plan.partitions.count)]
    var wish = plan.partitions[index]
    switch change {
    case .shiftQueues: edit(&wish.queues) { $0.shifted($0.ranges[$1], by: $2) }
    case .growQueues: edit(&wish.queues) { $0.grown($0.ranges[$1], by: $2) }
    case .swapQueues, .copyQueues:
      guard let range = other.queues?.ranges.randomElement(using: &generator) else { break }
      wish.queues = .exactly((wish.queues?.ranges ?? []) + [range])
      if change == .swapQueues, let from = plan.partitions.firstIndex(of: other), from != index {
        plan.partitions[from].queues = .exactly(other.queues?.ranges.filter { $0 != range } ?? [])
      }
    case .shiftRole:
      guard let range = wish.roles[.receive]?.ranges.first else { break }
      wish.roles[.receive] = .exactly([
        QueueRange(first: FQID(moved(range.first.rawValue, 40)), count: 4)
      ])
    case .doubleCPU:
      wish.cpus = .exactly((wish.cpus?.elements ?? []) + [CPUIndex(UInt16(any(0...7)))])
    case .doublePortal:
      wish.portals = .exactly((wish.portals?.elements ?? []) + [PortalIndex(UInt16(any(0...7)))])
    case .doublePool:
      var more = pool(UInt32(any(0...23)))
      if let address = wish.pools?[0].address { more.address = moved(address >> 12, 250) << 12 }
      wish.pools?.append(more)
    case .stackBuffers: wish.pools?[0].address = other.pools?[0].address
    case .doubleChannel:
      wish.poolChannels = .exactly(
        (wish.poolChannels?.elements ?? []) + [ChannelID(UInt16(any(0x401...0x40f)))])
    case .doubleGroup:
      wish.congestionGroups.append(CongestionGroupWish(id: UInt32(any(0...11)), tailDrop: 65536))
    case .doubleOffset: wish.liodnOffset = UInt16(any(1...19))
    case .shiftMemory:
      wish.memoryAddress = wish.memoryAddress.map { moved($0 / Self.mib, 64) * Self.mib }
    case .growMemory: wish.memory = wish.memory.map { $0 + UInt64(any(1...64)) * Self.mib }
    case .shiftBuffers:
      guard let address = wish.pools?[0].address else { break }
      wish.pools?[0].address = moved(address >> 12, 3000) << 12
    case .growPool: wish.pools?[0].bufferCount += UInt32(any(1...200)) * 64
    case .shrinkPool: wish.pools?[0].bufferCount = UInt32(any(1...3)) * 64
    case .addWindow:
      let size = Self.mib << UInt64(any(0...3))
      wish.dmaWindows.append(
        DMAWindowWish(address: UInt64(any(0...300)) * Self.mib / size * size, size: size))
    case .dropRule: plan.interfaces[0].rules.removeLast()
    case .dropLink: plan.links = []
    case .dropPartition where index > 0: plan.partitions[index].queues = nil
    case .dropPartition: break
    case .shiftShared:
      guard let address = plan.sharedMemory.first?.address else { break }
      plan.sharedMemory[0].address = moved(address / Self.mib, 40) * Self.mib
    case .reserveNumber:
      let kinds: [(ResourceKind, ClosedRange<Int>)] = [
        (.cpus, 0...7), (.portals, 0...7), (.pools, 0...23), (.congestionGroups, 0...11),
        (.poolChannels, 0x401...0x40f), (.liodnOffsets, 1...19),
      ]
      let (kind, range) = kinds[generator.below(kinds.count)]
      plan.reservations.append(
        ReservationWish(holder: "bystander", numbers: [kind: [UInt32(any(range))]]))
    case .reserveQueues:
      let range = QueueRange(first: FQID(UInt32(any(1...200))), count: UInt32(any(1...20)))
      plan.reservations.append(ReservationWish(holder: "bystander", queues: [range]))
    case .reserveMemory:
      let range = AddressRange(
        base: UInt64(any(0...300)) * Self.mib, size: UInt64(any(1...8)) * Self.mib)
      plan.reservations.append(ReservationWish(holder: "bystander", memory: [range]))
    }
    if change != .dropPartition { plan.partitions[index] = wish }
  }

  /// A number a little above or below, but not below 1.
  private mutating func moved<Number: FixedWidthInteger>(_ number: Number, _ most: Int) -> Number {
    Number(max(1, Int(number) + any(-most...most)))
  }

  private mutating func edit(
    _ queues: inout QueueWish?, _ change: (QueueWish, Int, Int) -> QueueRange
  ) {
    guard let wish = queues, !wish.ranges.isEmpty else { return }
    var ranges = wish.ranges
    let item = generator.below(ranges.count)
    ranges[item] = change(wish, item, any(-40...40))
    queues = .exactly(ranges)
  }
}

extension QueueWish {
  fileprivate func shifted(_ range: QueueRange, by distance: Int) -> QueueRange {
    QueueRange(
      first: FQID(UInt32(max(1, Int(range.first.rawValue) + distance))), count: range.count)
  }

  fileprivate func grown(_ range: QueueRange, by distance: Int) -> QueueRange {
    QueueRange(first: range.first, count: range.count + UInt32(abs(distance)))
  }
}
