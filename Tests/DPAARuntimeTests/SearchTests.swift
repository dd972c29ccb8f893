import Foundation
import TestSupport
import Testing

/// Conservation and isolation, by search: random programs of three owners on one engine, in virtual
/// time. `DPAAC_SEED` runs the program of one seed again.
@Suite(.timeLimit(.minutes(30))) struct SearchTests {
  private func search(_ seeds: Range<UInt64>) throws {
    var broken = 0
    for seed in seeds where broken < 3 {
      let faults = try SearchWorld(seed: seed).run(steps: seed < 1_000 ? 40 : 200)
      #expect(faults.isEmpty, "DPAAC_SEED=\(seed): \(faults)")
      if !faults.isEmpty { broken += 1 }
    }
  }

  @Test func `in 500 random programs nothing is lost and nobody reads another's bytes`() throws {
    let seed = ProcessInfo.processInfo.environment["DPAAC_SEED"].flatMap { UInt64($0) }
    try search(seed.map { $0..<$0 + 1 } ?? 1..<501)
  }

  @Test(.enabled(if: isHeavy, "heavy: 10,000 programs"))
  func `release: in 10,000 random programs nothing is lost and nobody reads another's bytes`()
    throws
  {
    try search(1_000..<11_000)
  }

  @Test(
    .enabled(if: isHeavy, "heavy: a million stretches of rubbish"),
    arguments: [
      [.library, .bytes, .hostile], [.bytes, .hostile, .library], [.library, .hostile, .hostile],
      [.hostile, .bytes, .asleep],
    ] as [[SearchWorld.Manner]])
  func `release: rubbish over whole portals, a quarter of a million times, harms nobody else`(
    manners: [SearchWorld.Manner]
  ) throws {
    let world = try SearchWorld(seed: 3, manners: manners, mayDie: false)
    let faults = try world.run(steps: 250_000)
    #expect(faults.isEmpty)
  }
}
