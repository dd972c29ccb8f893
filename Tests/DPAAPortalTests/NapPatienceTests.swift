import Testing

@testable import DPAAPortal

/// How long a virtual machine that polls waits and naps.
@Suite struct NapPatienceTests {
  /// The naps of a guest whose portals move by so many steps before each.
  private static func naps(_ patience: inout NapPatience, _ steps: [UInt32]) -> [UInt32?] {
    var (progress, now): (UInt32, UInt64) = (0, 100_000_000)
    return steps.map { count in
      progress &+= count
      now += 1_000_000
      _ = patience.step(progress: progress, now: now)
      now += 1_000_000
      return patience.step(progress: progress, now: now)
    }
  }

  @Test func `naps grow while much comes during each, and shrink when little does`() {
    var patience = NapPatience(isShared: true)
    let naps = Self.naps(
      &patience, [64, 64, 1000, 64, 64, 64, 63, 16, 15, 1, 1, 1, 1, 1])
    #expect(naps == [100, 200, 400, 800, 1000, 1000, 1000, 1000, 500, 250, 125, 62, 50, 50])
  }

  @Test func `who has its processor alone naps no longer, whatever comes`() {
    var patience = NapPatience(isShared: false)
    #expect(Self.naps(&patience, [1 << 20, 1 << 20, 1]) == [50, 50, 50])
  }

  @Test(
    arguments: [(false, 500_000, 50, 500), (true, 10_000, 50, 2000)]
      as [(Bool, UInt64, UInt32, UInt32)])
  func `it polls on, naps, and naps for longer once nothing has moved for long`(
    isShared: Bool, first: UInt64, nap: UInt32, longNap: UInt32
  ) {
    var patience = NapPatience(isShared: isShared)
    let start: UInt64 = 100_000_000
    #expect(patience.step(progress: 7, now: start) == nil)
    #expect(patience.step(progress: 7, now: start + first - 1) == nil)
    #expect(patience.step(progress: 7, now: start + first) == nap)
    #expect(patience.step(progress: 7, now: start + 24_999_999) == nap)
    #expect(patience.step(progress: 7, now: start + 25_000_000) == longNap)
    // Whatever moves has it poll on again.
    #expect(patience.step(progress: 8, now: start + 25_000_001) == nil)
  }
}
