import Partitioning
import QorIQ

/// A plan's words for a congestion group in the fields that commands write (Linux 6.1,
/// `include/soc/fsl/qman.h`, `struct __qm_mc_cgr`).
extension CongestionGroup {
  /// Does what a plan says, and tells portals of it.
  mutating func set(_ wish: CongestionGroupWish, told portals: [PortalIndex]) {
    countsFrames = wish.counting == .frames ? 1 : 0
    if let threshold = wish.tailDrop {
      dropsTail = 1
      self.threshold = Self.threshold(threshold)
    }
    for (place, colour) in FrameColour.allCases.enumerated() {
      guard let curve = wish.earlyDrop[colour] else { continue }
      isCurveEnabled[place] = 1
      curves[place] = Self.curve(curve)
    }
    for portal in portals where portal.rawValue < 128 {
      notifies = 1
      targets[Int(portal.rawValue) / 32] |= 0x8000_0000 >> UInt32(portal.rawValue % 32)
    }
  }

  /// A threshold field for a value, rounded down to the eight bits that it has: TA[12:5] Tn[4:0].
  static func threshold(_ value: UInt64) -> UInt16 {
    let shift = max(0, 56 - value.leadingZeroBitCount)
    guard shift < 32 else { return 0xff << 5 | 31 }
    return UInt16(value >> UInt64(shift)) << 5 | UInt16(shift)
  }

  /// A curve's word: MA[31:24] Mn[23:19] SA[18:12] Sn[11:6] Pn[5:0]. The end is rounded down to eight
  /// bits, the share at it to 64ths, and the slope to seven bits.
  static func curve(_ wish: CongestionGroupWish.EarlyDrop) -> UInt32 {
    let end = threshold(wish.end)
    let most = max(1, min(64, (Int64(wish.percent) * 64 + 50) / 100))
    let distance = Int64(clamping: max(1, wish.end - min(wish.end, wish.start)))
    // 4·most less the distance times SA/2^Sn is nothing where the curve starts.
    var scale: Int64 = 0
    while scale < 50, (4 * most << (scale + 1)) / distance <= 127 { scale += 1 }
    let slope = min(127, (4 * most << scale) / distance)
    return UInt32(end >> 5) << 24 | UInt32(end & 31) << 19 | UInt32(slope) << 12
      | UInt32(scale) << 6 | UInt32(most - 1)
  }
}
