import QorIQ

/// What a system-on-chip has that its device trees do not say.
struct SoCFacts {
  /// The QMan revision where the portals' `compatible` does not bear it.
  var qmanRevision: Revision
  /// The BMan revision where the portals' `compatible` does not bear it.
  var bmanRevision: Revision
  /// The FMan revision's major number (Linux 6.1, `fman.c`).
  var fmanRevision: UInt8
  /// How far an offline port's channel lies above the FMan's first, less the port's hardware id:
  /// FMan v2 numbers them behind its MACs, v3 leaves one out (SDK, `qoriq-fman*.dtsi`).
  var offlineChannelOffset: UInt16
  /// Virtual storage profiles of each FMan (NXP fmlib, `include/fmd/integrations`).
  var storageProfileCount: Int

  /// Pool channels of QMan 1 to 3 but 2.0 (Linux 6.1, `qman_ccsr.c`).
  static let poolChannelCount: UInt16 = 15
  /// Congestion groups of QMan 1 to 3 but 2.0 (Linux 6.1, `qman_ccsr.c`).
  static let congestionGroupCount = 256
  /// Pools of every BMan but 2.0 (Linux 6.1, `include/soc/fsl/bman.h`).
  static let poolCount = 64
  /// KeyGen schemes (NXP fmlib, `include/fmd/integrations`).
  static let schemeCount = 32

  /// The systems-on-chip whose facts stand here.
  static let known: [SoC] = [.p4080, .p5020, .p2040, .p2041, .t4240]

  /// The facts of a system-on-chip. QMan's and BMan's minor numbers are derived or assumed; see the
  /// notes in `boards/`.
  init(_ soc: SoC) {
    switch soc {
    case .p4080:
      self.init(qman: Revision(1, 2), bman: Revision(1, 0), fman: 2, offline: 4, profiles: 0)
    case .p5020, .p2040, .p2041:
      self.init(qman: Revision(1, 2), bman: Revision(1, 0), fman: 3, offline: 5, profiles: 0)
    default:
      self.init(qman: Revision(3, 0), bman: Revision(2, 1), fman: 6, offline: 7, profiles: 64)
    }
  }

  private init(qman: Revision, bman: Revision, fman: UInt8, offline: UInt16, profiles: Int) {
    qmanRevision = qman
    bmanRevision = bman
    fmanRevision = fman
    offlineChannelOffset = offline
    storageProfileCount = profiles
  }

  /// Where pool channels start (Linux 6.1, `include/soc/fsl/qman.h`).
  static func poolChannels(of revision: Revision) -> [ChannelID] {
    let first: UInt16 = revision >= Revision(3, 0) ? 0x401 : 0x21
    return (first..<first + poolChannelCount).map { ChannelID($0) }
  }

  /// A MAC's transmit channel above the FMan's first: v2 counts its 10G MAC, then the 1G ones; v3
  /// its two 10G MACs, then the 1G ones (Linux 6.1, `fman_get_qman_channel_id`).
  func transmitChannelOffset(of transmitPort: UInt8) -> UInt16 {
    let isV3 = fmanRevision >= 6
    return transmitPort >= 0x30
      ? UInt16(transmitPort - 0x30) : UInt16(transmitPort &- 0x28) + (isV3 ? 2 : 1)
  }
}
