import Testing

@testable import DPAARuntime

/// The picture that is redrawn while a run goes on.
@Suite struct LiveDisplayTests {
  @Test(
    arguments: [
      (300, 100, 0.5, 400), (5, 0, 2, 2), (100, 300, 0.5, 0), (.max, 0, 0.5, .max),
      (.max, 0, 1, .max), (7, 7, 0.5, 0),
    ] as [(UInt64, UInt64, Double, UInt64)])
  func `a rate is a number, whatever a guest wrote`(
    count: UInt64, before: UInt64, seconds: Double, rate: UInt64
  ) {
    #expect(LiveDisplay.rate(count, since: before, in: seconds) == rate)
  }
}
