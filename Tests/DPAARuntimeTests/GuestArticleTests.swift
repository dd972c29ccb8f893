import Patterns
import QorIQ
import TestSupport
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// The code in the articles of `DPAAPortal.docc`: compiled here, and run against an engine.
@Suite(.timeLimit(.minutes(10))) struct GuestArticleTests {
  @Test func `what the articles show sends a frame and loses no buffer`() throws {
    let simulation = try Simulation()
    let guest = simulation.guests[2]
    let bytes = Talk.frame(to: Talk.guest2, number: 1, size: 60)
    send(bytes, from: 3, to: 208, on: &guest.session.portals[0])
    for _ in 0..<3 { simulation.engine.round() }
    guard let buffer = guest.session.portals[0].dequeue() else {
      Issue.record("the frame did not arrive")
      return
    }
    #expect(Array(buffer.frame) == bytes)
    answer(buffer, to: 201, on: &guest.session.portals[0])
    for _ in 0..<3 { simulation.engine.round() }
    #expect(try simulation.transmitted().count == 1)
    #expect(simulation.freeBuffers[2] == 64)
  }

  @Test func `every piece of Swift in the articles stands in this file`() throws {
    try ArticleSnippets.check("Sources/Portal/DPAAPortal.docc", against: #filePath)
  }

  private func send(
    _ bytes: [UInt8], from pool: BPID, to queue: FQID, on portal: inout Portal
  ) {
    // snippet
    if var buffer = portal.acquire(from: pool) {
      buffer.setLength(60)
      buffer.frame.copyBytes(from: bytes)
      _ = portal.enqueue(buffer, to: queue)
    }
    // end
  }

  private func answer(_ buffer: consuming Buffer, to queue: FQID, on portal: inout Portal) {
    // snippet
    switch portal.enqueue(buffer, to: queue) {
    case .accepted: break
    case .full(let buffer): portal.giveBack(buffer)
    }
    // end
  }

  @Test(.enabled(if: (try? PatternLibrary()) != nil, "needs package libhyperscan-dev"))
  func `what the articles show has PME find what lies across two frames`() throws {
    let set = try PatternMatcherTests.set(1, [("abc", 1)])
    let simulation = try Simulation(PatternAsker.configuration([set]))
    let guest = simulation.guests[2]
    var found: [UInt64] = []
    askPME(guest.session.grant.accelerators[0], from: 3, on: &guest.session.portals[0], &found)
    #expect(found == [4])
    simulation.run()
    #expect(simulation.freeBuffers == [64, 64, 64])
  }

  private func askPME(
    _ pair: GuestGrant.AcceleratorPair, from pool: BPID, on portal: inout Portal,
    _ found: inout [UInt64]
  ) {
    // snippet
    guard let queue = portal.openFlow(pair, from: pool) else { return }
    // end
    if var frame = portal.acquire(from: pool) {
      frame.setLength(2)
      frame.frame.copyBytes(from: Array("za".utf8))
      // snippet
      switch portal.scan(frame, on: queue, .scan(set: 1)) {
      case .accepted: break
      case .full(let frame): portal.giveBack(frame)
      }
      // end
    }
    if var frame = portal.acquire(from: pool), let paper = portal.acquire(from: pool) {
      frame.setLength(2)
      frame.frame.copyBytes(from: Array("bc".utf8))
      let request = PatternRequest.make(frame, .scan(set: 1), reportingIn: paper)
      portal.enqueue(waitingForRoom: request, to: queue.request)
    }
    for _ in 0..<3 { portal.letEngineRun() }
    while let buffer = portal.dequeue() {
      // snippet
      switch portal.reply(of: buffer) {
      case .answer(let answer):
        for index in 0..<answer.count { found.append(answer[index].end) }
        portal.giveBack(portal.giveBackReports(of: answer))
      case .frame(let frame): portal.giveBack(frame)
      case .broken(let buffer): portal.giveBack(buffer)
      }
      // end
    }
    if portal.close(queue) != nil { Issue.record("the queue is not closed") }
  }

  /// The landing page's program, which is compiled only: it ends the process that runs it.
  private func landingPage() {
    // snippet
    GuestMain.run { (session: inout GuestSession) throws(GuestError) in
      session.report(.quiet)
      while session.takeRequest() != .end {
        while let buffer = session.portals[0].dequeue() {
          session.portals[0].giveBack(buffer)
        }
        session.waitForWork()
      }
    }
    // end
  }
}
