import QorIQ

/// What a partition's own queues are needed for.
struct QueueDemand: Hashable {
  /// The ways by which frames come and go.
  var paths: [TrafficMap.Path]
  /// The interfaces whose detours take a queue of this partition.
  var hops: [String]
  /// Queues in roles beside paths: how many, or which.
  var roles: [QueueRole: QueueWish] = [:]

  /// How many queues are needed at the least, a spread being content with one.
  var minimum: Int {
    paths.reduce(0) { $0 + 1 + Int($1.spreadQueues ?? 1) } + hops.count
      + roles.reduce(0) { $0 + ($1.key.isPath ? 0 : $1.value.count) }
  }
}

extension QueueWish {
  /// How many.
  var count: Int {
    switch self {
    case .count(let count): Int(count)
    case .exactly(let ranges): ranges.reduce(0) { $0 + Int($1.count) }
    }
  }
}

/// How a partition's own queues are given to its paths.
///
/// A spread needs a power-of-two number of queues on an aligned base, because KeyGen forms a queue's
/// number as `base | (hash & (count − 1))` (Linux 6.1, `fman_keygen.c`; NXP fmlib). Such a block is
/// found inside what is owned; everything else takes the lowest queues that remain. What a lock
/// holds stays where it is.
struct QueueLayout: Hashable {
  /// The most queues that one spread takes: Linux 6.1 uses as many for each port (`dpaa_eth.c`).
  static let spreadLimit: UInt32 = 128

  /// The receive queues of each path.
  private(set) var receive: [QueueRange] = []
  /// The transmit queue of each path.
  private(set) var transmit: [FQID] = []
  /// The queues to offline ports.
  private(set) var hops: [FQID] = []
  /// The queues in roles beside paths.
  private(set) var roles: [QueueRole: [QueueRange]] = [:]

  /// How many queues the paths need at the least, a spread being content with one.
  static func minimum(paths: [TrafficMap.Path], hops: Int) -> Int {
    QueueDemand(paths: paths, hops: Array(repeating: "", count: hops)).minimum
  }

  /// Lays out queues, or returns `nil` when there are too few.
  init?(paths: [TrafficMap.Path], hops hopCount: Int, in ranges: [QueueRange]) {
    self.init(
      QueueDemand(paths: paths, hops: (0..<hopCount).map(String.init)), in: ranges,
      lock: PlanLock.Entry(name: ""))
  }

  /// Lays out queues as far as possible where a lock has them, or returns `nil` when there are too
  /// few.
  ///
  /// - Complexity: O(*n* · *r*) in the queues handed out and the ranges, for each of the eight block
  ///   sizes and of two orders.
  init?(_ demand: QueueDemand, in ranges: [QueueRange], lock: PlanLock.Entry) {
    var free = QueueGaps(owned: ranges)
    var chosen = Chosen(demand)
    guard chosen.takeExact(demand, from: &free) else { return nil }
    chosen.takeLocked(demand, lock, from: &free)
    guard chosen.takeSpreads(demand, from: &free), chosen.takeSingles(demand, from: &free) else {
      return nil
    }
    receive = chosen.receive.compactMap(\.self)
    transmit = chosen.transmit.compactMap(\.self)
    hops = chosen.hops.compactMap(\.self)
    roles = chosen.roles
  }
}

/// What has been handed out so far.
private struct Chosen {
  var receive: [QueueRange?]
  var transmit: [FQID?]
  var hops: [FQID?]
  var roles: [QueueRole: [QueueRange]] = [:]
  /// The queues to receive or transmit on, where the plan sets some aside; nothing else takes them.
  private var rows: [QueueRole: QueueGaps] = [:]

  init(_ demand: QueueDemand) {
    receive = demand.paths.map { _ in nil }
    transmit = receive.map { _ in nil }
    hops = demand.hops.map { _ in nil }
  }

  /// Takes the queues of roles that the plan chose itself, and sets aside what paths may use.
  mutating func takeExact(_ demand: QueueDemand, from free: inout QueueGaps) -> Bool {
    for role in QueueRole.allCases {
      guard case .exactly(let ranges) = demand.roles[role] else { continue }
      guard ranges.allSatisfy({ free.take($0) }) else { return false }
      if role.isPath { rows[role] = QueueGaps(owned: ranges) } else { roles[role] = ranges }
    }
    for role in QueueRole.allCases where role.isPath {
      guard case .count(let count) = demand.roles[role], count > 0 else { continue }
      // An aligned row serves a spread; one queue more or less is no reason to have none.
      let isPower = role == .receive && count & (count - 1) == 0
      guard let row = (isPower ? free.takeBlock(count) : nil) ?? free.take(count) else {
        return false
      }
      rows[role] = QueueGaps(owned: [row])
    }
    return true
  }

  mutating func takeLocked(
    _ demand: QueueDemand, _ lock: PlanLock.Entry, from free: inout QueueGaps
  ) {
    let locked = Dictionary(
      lock.paths.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    for (index, path) in demand.paths.enumerated() {
      guard let entry = locked[path.name] else { continue }
      if path.accepts(entry.receive), take(entry.receive, .receive, from: &free) {
        receive[index] = entry.receive
      }
      let queue = QueueRange(first: FQID(entry.transmit), count: 1)
      if take(queue, .transmit, from: &free) { transmit[index] = queue.first }
    }
    for (index, hop) in demand.hops.enumerated() {
      guard let queue = lock.hops[hop] else { continue }
      if free.take(QueueRange(first: FQID(queue), count: 1)) { hops[index] = FQID(queue) }
    }
    for role in QueueRole.allCases where !role.isPath {
      guard case .count(let count) = demand.roles[role], let ranges = lock.roles[role],
        ranges.reduce(0, { $0 + Int($1.count) }) == Int(count)
      else { continue }
      var trial = free
      guard ranges.allSatisfy({ trial.take($0) }) else { continue }
      free = trial
      roles[role] = ranges
    }
  }

  /// The largest size of which there are enough blocks beside the single queues that are missing.
  mutating func takeSpreads(_ demand: QueueDemand, from free: inout QueueGaps) -> Bool {
    let open = demand.paths.indices.filter { receive[$0] == nil && demand.paths[$0].spreads }
    var singles = receive.count { $0 == nil } - open.count
    if rows[.receive] == nil {
      singles += hops.count { $0 == nil }
      if rows[.transmit] == nil { singles += transmit.count { $0 == nil } }
      for role in QueueRole.allCases where !role.isPath && roles[role] == nil {
        singles += demand.roles[role]?.count ?? 0
      }
    }
    let gaps = rows[.receive] ?? free
    // In the order of the paths, and only where that fails largest first: blocks of their own size find room
    // that small ones in front of them break up, but whoever has a place keeps it.
    for isLargestFirst in [false, true] {
      var size = QueueLayout.spreadLimit
      while size >= 1 {
        let sizes = open.map { demand.paths[$0].spreadQueues ?? size }
        if sizes.reduce(0, { $0 + Int($1) }) + singles <= gaps.total {
          var trial = gaps
          let order =
            isLargestFirst
            ? sizes.indices.sorted { (sizes[$1], $0) < (sizes[$0], $1) } : Array(sizes.indices)
          var blocks: [Int: QueueRange] = [:]
          for place in order { blocks[place] = trial.takeBlock(sizes[place]) }
          if blocks.count == sizes.count {
            for (place, block) in blocks { receive[open[place]] = block }
            if rows[.receive] == nil { free = trial } else { rows[.receive] = trial }
            return true
          }
        }
        size /= 2
      }
    }
    return false
  }

  mutating func takeSingles(_ demand: QueueDemand, from free: inout QueueGaps) -> Bool {
    for index in transmit.indices where transmit[index] == nil {
      transmit[index] = takeLowest(.transmit, from: &free)
    }
    for index in receive.indices where receive[index] == nil {
      receive[index] = takeLowest(.receive, from: &free).map { QueueRange(first: $0, count: 1) }
    }
    for index in hops.indices where hops[index] == nil { hops[index] = free.take(1)?.first }
    for role in QueueRole.allCases where roles[role] == nil && !role.isPath {
      guard case .count(let count) = demand.roles[role] else { continue }
      // In a row where that can be, for whoever reads the table.
      if let row = free.take(count) {
        roles[role] = [row]
      } else {
        let queues = (0..<count).compactMap { _ in free.take(1) }
        guard queues.count == Int(count) else { return false }
        roles[role] = queues
      }
    }
    return transmit.allSatisfy { $0 != nil } && receive.allSatisfy { $0 != nil }
      && hops.allSatisfy { $0 != nil }
  }

  private mutating func takeLowest(_ role: QueueRole, from free: inout QueueGaps) -> FQID? {
    guard var row = rows[role] else { return free.take(1)?.first }
    let queue = row.take(1)?.first
    rows[role] = row
    return queue
  }

  private mutating func take(
    _ range: QueueRange, _ role: QueueRole, from free: inout QueueGaps
  ) -> Bool {
    guard var row = rows[role] else { return free.take(range) }
    let isTaken = row.take(range)
    rows[role] = row
    return isTaken
  }
}

extension QueueRole {
  /// Whether paths use the queues of this role.
  var isPath: Bool { self == .receive || self == .transmit }
}

extension TrafficMap.Path {
  /// Whether receive queues have the shape that the path needs.
  fileprivate func accepts(_ range: QueueRange) -> Bool {
    guard spreads else { return range.count == 1 }
    let isBlock =
      range.count & (range.count - 1) == 0 && range.first.rawValue & (range.count - 1) == 0
    return isBlock && range.count <= QueueLayout.spreadLimit
      && spreadQueues.map { $0 == range.count } ?? true
  }
}
