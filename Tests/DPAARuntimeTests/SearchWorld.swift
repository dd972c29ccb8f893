import DPAAPortal
import Glibc
import Partitioning
import QorIQ
import TestSupport

@testable import DPAARuntime

/// A random program: three owners of random manners on one engine, in virtual time, from a seed.
///
/// What guests and capture files saw is counted here, frame by frame; the engine's own counters are
/// asked only for what nobody else can know: what it dropped, and what it gave to a guest that is
/// dead or does not tell.
final class SearchWorld {
  /// How an owner behaves.
  enum Manner: String {
    /// By the rules, through the guest library.
    case library
    /// By the rules, in bytes.
    case bytes
    /// Writes whatever it likes over its whole portal.
    case hostile
    /// Takes nothing and gives nothing.
    case asleep

    var isHonest: Bool { self == .library || self == .bytes }
  }

  let simulation: Simulation
  let manners: [Manner]
  let isP4080: Bool
  /// Whether owners may end before the program does.
  let mayDie: Bool
  private let wireFrames: Int
  /// The owners that have ended.
  private(set) var dead: Set<Int> = []
  private var guests: [any SearchGuest] = []

  private(set) var random: SeededGenerator
  private(set) var faults: [String] = []
  private var nextNumber = 1
  /// The labels that each owner enqueued, in order.
  private var sent: [[FrameLabel]]
  /// Frames that came to an end where somebody saw it.
  private var ended: Set<FrameLabel> = []
  private var received = [0, 0, 0]
  private var rejected = [0, 0, 0]

  /// What fills an owner's pools before anything happens.
  static func secret(_ owner: Int) -> [UInt8] {
    [UInt8](repeating: 0xe1 + UInt8(owner), count: 8)
  }

  /// The program of a seed, which chooses the owners' manners too unless they are given.
  init(seed: UInt64, manners given: [Manner]? = nil, mayDie: Bool = true) throws {
    var random = SeededGenerator(seed: seed)
    let isP4080 = random.below(3) == 0
    let kinds: [Manner] = [.library, .library, .bytes, .bytes, .bytes, .hostile, .asleep]
    var manners = given ?? (0..<3).map { _ in kinds[random.below(kinds.count)] }
    // On a P4080 others' frames pass through the host's pool: the hardware trusts it, so do we.
    if isP4080, !manners[0].isHonest { manners[0] = .bytes }
    if !manners.contains(where: \.isHonest) { manners[random.below(3)] = .bytes }
    let rings =
      random.below(2) == 0 ? RingSizes.hardware : RingSizes(enqueue: 64, dequeue: 64)
    var configuration = Talk.configuration(
      isP4080: isP4080, rings: rings, buffers: (0..<3).map { _ in UInt32(8 + random.below(24)) })
    configuration.queueing = [
      1: .init(poolChannels: [0x21], congestionGroups: [1]),
      2: .init(poolChannels: [0x22], congestionGroups: [2]),
    ]
    let targets = [Talk.host, Talk.guest1, Talk.guest2]
    let wire = (0..<random.below(40)).map { number in
      let owner = random.below(3)
      return FrameLabel(from: FrameLabel.wire, to: owner, number: number)
        // Now and then one that is larger than every buffer.
        .packet(
          to: targets[owner], words: 2 + random.below(random.below(6) == 0 ? 1000 : 20))
    }
    simulation = try Simulation(
      configuration, frames: wire, rate: random.below(2) == 0 ? 0 : 2000)
    self.isP4080 = isP4080
    self.manners = manners
    self.mayDie = mayDie
    wireFrames = wire.count
    sent = [[], [], []]
    self.random = random
    for owner in 0..<3 {
      for region in simulation.engine.memory[owner].pools {
        memset(region.memory, Int32(0xe1 + owner), region.size)
      }
    }
    for owner in 0..<3 {
      switch manners[owner] {
      case .library: guests.append(LibrarySearchGuest(self, owner))
      case .bytes: guests.append(ByteSearchGuest(self, owner))
      case .hostile: guests.append(HostileSearchGuest(self, owner))
      case .asleep: guests.append(SleepingSearchGuest())
      }
    }
  }

  // MARK: What guests tell

  /// A number from 0 to `count` − 1.
  func below(_ count: Int) -> Int { random.below(count) }
  /// Whether a chance of one in `count` comes true.
  func oneIn(_ count: Int) -> Bool { random.below(count) == 0 }

  /// Where an owner's transmit queues lead.
  static let routes: [[(queue: UInt32, addressee: Int)]] = [
    [(2, FrameLabel.wire), (5, 1)], [(101, FrameLabel.wire), (103, 0), (105, 2)],
    [(201, FrameLabel.wire), (203, 1)],
  ]
  /// Whether frames of an owner may reach another.
  static func leads(_ from: Int, to owner: Int) -> Bool {
    routes[from].contains { $0.addressee == owner }
  }

  func newLabel(from owner: Int, to addressee: Int) -> FrameLabel {
    nextNumber += 1
    // Numbers of the wire's frames begin at 0.
    return FrameLabel(from: owner, to: addressee, number: 1000 + nextNumber)
  }

  func fault(_ text: String) { if faults.count < 10 { faults.append(text) } }

  func noteSent(_ label: FrameLabel) { sent[label.sender].append(label) }

  func noteReceived(_ frame: UnsafeRawBufferPointer, by owner: Int) {
    received[owner] += 1
    noteEnd(FrameLabel.read(frame), at: owner)
  }

  func noteRejected(_ frame: UnsafeRawBufferPointer, by owner: Int) {
    rejected[owner] += 1
    guard let label = FrameLabel.read(frame), label.sender == owner else {
      return fault("owner \(owner) has a rejection of what it did not send")
    }
    if label.addressee != FrameLabel.nobody, label.addressee != owner {
      fault("\(label) was rightly sent and came back")
    }
    if !ended.insert(label).inserted { fault("\(label) came back, but had ended before") }
  }

  /// A frame with a label, or without a readable one, has come to a place.
  private func noteEnd(_ label: FrameLabel?, at place: Int) {
    let mayBeForged = (0..<3).contains { manners[$0] == .hostile }
    guard let label else {
      if !mayBeForged { fault("a frame at \(place) is not what anybody sent") }
      return
    }
    guard label.addressee == place else {
      // Who has a frame may send its bytes on.
      let isRepeated =
        label.addressee < 3 && manners[label.addressee] == .hostile
        && (place == FrameLabel.wire || Self.leads(label.addressee, to: place))
      if !isRepeated { fault("\(label) came to \(place)") }
      return
    }
    if !ended.insert(label).inserted { fault("\(label) came twice") }
  }

  // MARK: The program

  /// Runs it and says what is wrong.
  func run(steps: Int) throws -> [String] {
    let engine = simulation.engine
    engine.control.setInput(true)
    let deaths = (0..<3).map { _ in mayDie && oneIn(4) ? below(steps) : Int.max }
    for step in 0..<steps {
      for owner in 0..<3 where !dead.contains(owner) {
        if deaths[owner] == step || guests[owner].isStopped {
          end(owner)
        } else if !oneIn(3) {
          guests[owner].act()
        }
      }
      for _ in 0..<below(3) { engine.round() }
      if oneIn(4) { simulation.clock.advance(milliseconds: UInt64(below(60))) }
    }
    for owner in 0..<3 where !dead.contains(owner) && guests[owner].isStopped { end(owner) }
    settle()
    if !engine.control.areInputsDone { fault("the port has not played its capture") }
    checkMemory()
    try balance()
    checkPools()
    for owner in 0..<3 where !dead.contains(owner) { end(owner) }
    settle()
    let configured = engine.configuration.owners.map { $0.pools[0].bufferCount }
    if simulation.freeBuffers != configured {
      fault("of \(configured) buffers \(simulation.freeBuffers) are free when all have ended")
    }
    let queued = engine.usedQueues().reduce(0) { $0 + Int($1.count) }
    if queued != 0 { fault("\(queued) frames are queued when all have ended") }
    return faults
  }

  private func end(_ owner: Int) {
    dead.insert(owner)
    simulation.engine.control.markGone(owner: owner)
  }

  /// Runs until nothing moves, not even a port that waits for a buffer; honest guests take what is
  /// theirs and give everything back.
  private func settle() {
    var idle = 0
    for _ in 0..<3000 {
      var isBusy = simulation.engine.round()
      for owner in 0..<3 where !dead.contains(owner) && guests[owner].settle() { isBusy = true }
      simulation.clock.advance(milliseconds: 8)
      idle = isBusy ? 0 : idle + 1
      if idle > 12 { return }
    }
    fault("it does not come to rest")
  }

  // MARK: What must hold

  private func isHonest(_ owner: Int) -> Bool { manners[owner].isHonest && !dead.contains(owner) }

  /// Every frame is somewhere, once.
  private func balance() throws {
    let engine = simulation.engine
    let counters = engine.counters
    var (came, went) = (wireFrames, 0)
    for owner in 0..<3 {
      let taken = Int(counters.value(.taken, owner) - counters.value(.frameless, owner))
      let delivered = Int(counters.value(.delivered, owner))
      let refused = DropReason.allCases.filter(\.isRejection)
        .reduce(0) { $0 + Int(counters.dropped($1, owner)) }
      if isHonest(owner) {
        if taken != sent[owner].count {
          fault("\(taken) of \(sent[owner].count) frames of owner \(owner) were taken")
        }
        if refused != rejected[owner] {
          fault("owner \(owner) saw \(rejected[owner]) of \(refused) rejections")
        }
        if delivered != received[owner] {
          fault("owner \(owner) saw \(received[owner]) of \(delivered) frames")
        }
      }
      came += taken
      went += refused + delivered + dropped(owner)
    }
    for frame in try simulation.transmitted() {
      went += 1
      frame.withUnsafeBytes { noteEnd(FrameLabel.read($0), at: FrameLabel.wire) }
    }
    let queued = engine.usedQueues().reduce(0) { $0 + Int($1.count) }
    if came != went + queued {
      fault("\(came) frames came, \(went) went and \(queued) are queued")
    }
    for owner in 0..<3 where isHonest(owner) { checkEnds(ofFramesFrom: owner) }
  }

  /// Frames that were for an owner and came to nothing.
  private func dropped(_ owner: Int) -> Int {
    DropReason.allCases.filter { !$0.isRejection }
      .reduce(0) { $0 + Int(simulation.dropped($1, owner)) }
  }

  private func checkEnds(ofFramesFrom owner: Int) {
    var missing: [Int: Int] = [:]
    for label in sent[owner] where !ended.contains(label) {
      missing[label.addressee, default: 0] += 1
    }
    for (addressee, count) in missing {
      let isExcused =
        addressee < 3 && addressee != owner
        && (!isHonest(addressee) || count <= dropped(addressee))
      if !isExcused { fault("\(count) frames of \(owner) for \(addressee) are lost") }
    }
  }

  /// No byte of one owner's is where another can read it, but for frames on their way.
  private func checkMemory() {
    for owner in 0..<3 {
      let memory = simulation.engine.memory[owner]
      let window = UnsafeRawBufferPointer(start: memory.window.memory, count: memory.window.size)
      for other in 0..<3 where window.contains(Self.secret(other)) {
        fault("owner \(owner)'s portals show memory of owner \(other)")
      }
      for label in FrameLabel.all(in: window) { fault("owner \(owner)'s portals show \(label)") }
      for pool in memory.pools {
        let bytes = UnsafeRawBufferPointer(start: pool.memory, count: pool.size)
        for other in 0..<3 where other != owner && bytes.contains(Self.secret(other)) {
          // Who is hostile may send its own memory.
          guard manners[other] == .hostile, Self.leads(other, to: owner) else {
            fault("owner \(owner)'s pool holds memory of owner \(other)")
            continue
          }
        }
        for label in FrameLabel.all(in: bytes) where !mayHold(label, owner) {
          fault("owner \(owner)'s pool holds \(label)")
        }
      }
    }
  }

  private func mayHold(_ label: FrameLabel, _ owner: Int) -> Bool {
    if label.addressee == owner || label.sender == owner { return true }
    if isP4080, owner == 0, label.sender == FrameLabel.wire { return true }
    return [label.sender, label.addressee].contains {
      $0 < 3 && manners[$0] == .hostile && Self.leads($0, to: owner)
    }
  }

  /// Honest owners get every buffer of their pools, each once.
  private func checkPools() {
    for owner in 0..<3 where isHonest(owner) {
      let pool = simulation.engine.configuration.owners[owner].pools[0]
      let all = guests[owner].acquireAll()
      let places = Set(all.filter { $0 >= pool.base && ($0 - pool.base) % 2112 == 0 })
      if places.count != Int(pool.bufferCount) || all.count != places.count {
        fault(
          "owner \(owner) gets \(all.count) buffers, \(places.count) different ones of its own, "
            + "of \(pool.bufferCount)")
      }
    }
  }
}
