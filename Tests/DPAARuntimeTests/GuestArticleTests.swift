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
