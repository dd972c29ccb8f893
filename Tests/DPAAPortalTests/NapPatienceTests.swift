import Testing

@testable import DPAAPortal

/// How long a virtual machine that polls naps.
@Suite struct NapPatienceTests {
  @Test func `naps grow while much comes during each, and shrink when little does`() {
    var patience = NapPatience.beside
    #expect(patience.first < NapPatience.alone.first)
    var naps: [UInt32] = [patience.nap]
    for steps in [64, 64, 1000, 64, 64, 64, 63, 16, 15, 0, 1, 1, 1, 1] as [UInt32] {
      patience.adapt(toSteps: steps)
      naps.append(patience.nap)
    }
    #expect(naps == [50, 100, 200, 400, 800, 1000, 1000, 1000, 1000, 500, 250, 125, 62, 50, 50])
  }

  @Test func `who has its processor alone naps no longer, whatever comes`() {
    var patience = NapPatience.alone
    for _ in 0..<10 { patience.adapt(toSteps: 1 << 20) }
    #expect(patience.nap == 50)
  }
}
