import TestSupport
import Testing

@testable import DPAAPortal

/// What a filter knows of TCP streams.
@Suite struct ScanFlowsTests {
  private static let second: UInt64 = 1_000_000_000
  private static let (fin, syn, rst): (UInt8, UInt8, UInt8) = (0x11, 0x02, 0x04)

  private static func flow(_ number: UInt32) -> ScanFlowKey {
    ScanFlowKey(source: (0, 1), destination: (0, 2), ports: number, tag: 0)
  }

  private static func table(
    _ capacity: Int = 4, idle: UInt64 = 60, resumes: Bool = false
  ) -> ScanFlows {
    var flows = ScanFlows(capacity: capacity, idle: idle * second, resumes: resumes)
    flows.limit = capacity
    return flows
  }

  @Test func `bytes of a stream are looked through once, in their order`() {
    var flows = Self.table()
    let key = Self.flow(7)
    func take(_ sequence: UInt32, _ count: Int, _ flags: UInt8 = 0x10) -> ScanFlows.Step {
      flows.take(key, sequence: sequence, flags: flags, count: count, now: 1)
    }
    // Across the end of the numbers.
    #expect(take(0xffff_fff0, 0, Self.syn) == .turn(0))
    #expect(take(0xffff_fff1, 10) == .next(0, behind: 0, starts: true))
    #expect(take(0xffff_fffb, 10) == .next(0, behind: 0, starts: false))
    #expect(take(5, 0) == .turn(0))
    // Sent again; half of it new; missing.
    #expect(take(0xffff_fffb, 10) == .again(0))
    #expect(take(0, 10) == .next(0, behind: 5, starts: false))
    #expect(take(11, 10) == .lost)
    #expect(take(10, 10) == .next(0, behind: 0, starts: false))
    // An acknowledgement that is ahead of a lost segment keeps its turn.
    #expect(take(100, 0) == .turn(0))
    // A SYN in between begins nothing.
    #expect(take(19, 0, Self.syn) == .turn(0))
    #expect(take(20, 1) == .next(0, behind: 0, starts: false))
  }

  @Test func `a filter that fails open goes on behind a gap, as at a start`() {
    var flows = Self.table(resumes: true)
    let key = Self.flow(7)
    #expect(
      flows.take(key, sequence: 10, flags: 0x10, count: 5, now: 1)
        == .next(0, behind: 0, starts: true))
    #expect(
      flows.take(key, sequence: 16, flags: 0x10, count: 5, now: 1)
        == .next(0, behind: 0, starts: true))
    #expect(flows.take(key, sequence: 15, flags: 0x10, count: 1, now: 1) == .again(0))
  }

  @Test(arguments: [(fin, 1), (rst, 0)] as [(UInt8, UInt32)])
  func `a flow begins anew only when it was seen to end`(flag: UInt8, numbers: UInt32) {
    var flows = Self.table()
    let key = Self.flow(7)
    func take(_ sequence: UInt32, _ count: Int, _ flags: UInt8 = 0x10) -> ScanFlows.Step {
      flows.take(key, sequence: sequence, flags: flags, count: count, now: 1)
    }
    #expect(take(10, 5) == .next(0, behind: 0, starts: true))
    // An end in the midst of what is missing is none.
    #expect(take(99, 0, flag) == .turn(0))
    #expect(take(500, 0, Self.syn) == .turn(0))
    #expect(take(501, 3) == .lost)
    #expect(take(15, 0, flag) == .turn(0))
    #expect(take(15, 1) == (numbers == 1 ? .again(0) : .next(0, behind: 0, starts: false)))
    #expect(take(500, 0, Self.syn) == .turn(0))
    #expect(take(501, 3) == .next(0, behind: 0, starts: true))
  }

  @Test func `a flow that was judged stays so`() {
    var flows = Self.table()
    let key = Self.flow(7)
    #expect(
      flows.take(key, sequence: 1, flags: 0x10, count: 5, now: 1)
        == .next(0, behind: 0, starts: true))
    let first = flows.enter(0)
    let second = flows.enter(0)
    flows.judge(0, .diverted, from: second)
    #expect(flows.verdict(0, on: first) == .open && flows.verdict(0, on: second) == .diverted)
    // An earlier frame is found out later; a later one changes nothing.
    flows.judge(0, .dropped, from: first)
    flows.judge(0, .diverted, from: second)
    for sequence in [1, 6, 99] as [UInt32] {
      #expect(
        flows.take(key, sequence: sequence, flags: 0x10, count: 5, now: 2) == .judged(.dropped))
    }
    #expect(
      flows.take(key, sequence: 6, flags: 0x10, count: 0, now: 2) == .judged(.dropped))
    #expect(flows.verdict(0, on: first) == .dropped && flows.verdict(0, on: second) == .dropped)
  }

  @Test func `places are given away when their flows have ended or are silent, and not before`() {
    var flows = Self.table(3)
    func take(_ number: UInt32, at time: UInt64, _ flags: UInt8 = 0x10) -> ScanFlows.Step {
      flows.take(Self.flow(number), sequence: 1, flags: flags, count: 1, now: time * Self.second)
    }
    #expect(take(0, at: 1) == .next(0, behind: 0, starts: true))
    #expect(take(1, at: 2) == .next(1, behind: 0, starts: true))
    #expect(take(2, at: 3, Self.fin) == .next(2, behind: 0, starts: true))
    #expect(take(3, at: 4) == .lost)
    // The third has ended two seconds ago.
    #expect(take(3, at: 5) == .next(2, behind: 0, starts: true))
    #expect(take(4, at: 60) == .lost)
    // The first is silent for longest, unless PME has a frame of it.
    _ = flows.enter(0)
    #expect(take(4, at: 61) == .lost)
    #expect(take(4, at: 62) == .next(1, behind: 0, starts: true))
    flows.leave(0)
    #expect(take(5, at: 62) == .next(0, behind: 0, starts: true))
    // Who was put out begins anew when there is a place.
    #expect(take(1, at: 63) == .lost)
    #expect(take(4, at: 63) == .again(1))
  }

  @Test func `a table finds what a dictionary finds`() {
    var random = SeededGenerator(seed: 7)
    var flows = Self.table(50)
    var places: [UInt32: Int] = [:]
    for round in 0..<5000 {
      let number = UInt32(random.below(120))
      let time = UInt64(round)
      let step = flows.take(
        Self.flow(number), sequence: 1, flags: 0x10, count: 1, now: time * Self.second)
      switch step {
      case .next(let place, 0, true):
        #expect(places[number] == nil || places[number] == place)
        places = places.filter { $0.value != place }
        places[number] = place
      case .again(let place): #expect(places[number] == place)
      case .lost: #expect(places[number] == nil && places.count == 50)
      default: Issue.record("\(step)")
      }
    }
    #expect(places.count == 50)
  }

  @Test func `a table without queues has no place for anybody`() {
    var flows = Self.table(0)
    #expect(flows.take(Self.flow(1), sequence: 1, flags: 0, count: 1, now: 1) == .lost)
    var closed = Self.table(4)
    closed.limit = 0
    #expect(closed.take(Self.flow(1), sequence: 1, flags: 0, count: 1, now: 1) == .lost)
  }
}
