import DPAAPortal

/// The 25-byte image of a congestion group in its commands
/// (Linux 6.1, `include/soc/fsl/qman.h`, `struct __qm_mc_cgr`).
extension CongestionGroup {
  /// The write-enable bits of `INITCGR` and `MODIFYCGR`, bytes 2 and 3 of the command.
  private enum Field {
    /// WRED parameters of green, yellow and red.
    static let curves: [3 of UInt16] = [0x0400, 0x0200, 0x0100]
    /// Whether WRED looks at green, yellow and red.
    static let enables: [3 of UInt16] = [0x0080, 0x0040, 0x0020]
    static let notifies: UInt16 = 0x0010
    static let targets: UInt16 = 0x0008
    static let dropsTail: UInt16 = 0x0004
    static let threshold: UInt16 = 0x0002
    static let countsFrames: UInt16 = 0x0001
  }

  /// Writes the fields that a command names; one that initialises sets the others to 0 first. What
  /// the group holds stays.
  mutating func write(_ command: CommandImage, isNew: Bool) {
    let mask = command.half(2)
    if isNew { reset() }
    for colour in 0..<3 {
      if mask & Field.curves[colour] != 0 { curves[colour] = command.word(4 + 4 * colour) }
      if mask & Field.enables[colour] != 0 {
        isCurveEnabled[colour] = command.byte(16 + colour) & 1
      }
    }
    if mask & Field.notifies != 0 { notifies = command.byte(19) & 1 }
    if mask & Field.targets != 0 { writeTargets(command.word(20)) }
    if mask & Field.dropsTail != 0 { dropsTail = command.byte(24) & 1 }
    if mask & Field.threshold != 0 { threshold = command.half(26) & 0x1fff }
    if mask & Field.countsFrames != 0 { countsFrames = command.byte(28) & 1 }
  }

  /// Up to QMan 2 a bit for each portal; from QMan 3 on an index and whether it is to be set
  /// (Linux 6.1, `drivers/soc/fsl/qbman/qman.c`, `qm_cgr_cscn_targ_set`). Direct-connect portals are
  /// no targets here: no accelerator or port asks for notices.
  private mutating func writeTargets(_ field: UInt32) {
    guard hasIndexedTargets else {
      targets[0] = field & 0xffc0_0000
      return
    }
    let control = UInt16(truncatingIfNeeded: field >> 16)
    let number = Int(control & 0x3fff)
    guard control & 0x4000 == 0, number < 128 else { return }
    let bit = 0x8000_0000 as UInt32 >> UInt32(number & 31)
    if control & 0x8000 != 0 {
      targets[number >> 5] |= bit
    } else {
      targets[number >> 5] &= ~bit
    }
  }

  /// Whether a portal is told.
  func isTarget(_ number: UInt16) -> Bool {
    number < 128 && targets[Int(number) >> 5] & 0x8000_0000 >> UInt32(number & 31) != 0
  }

  /// The settings as `QUERYCGR` shows them, without what the group holds.
  private var settingsImage: CommandImage {
    var line = CommandImage()
    for colour in 0..<3 {
      line.set(4 + 4 * colour, word: curves[colour])
      line.set(16 + colour, byte: isCurveEnabled[colour])
    }
    line.set(19, byte: notifies)
    if !hasIndexedTargets { line.set(20, word: targets[0]) }
    line.set(24, byte: dropsTail)
    line.set(25, byte: isCongested ? 1 : 0)
    line.set(26, half: threshold)
    line.set(28, byte: countsFrames)
    return line
  }

  /// The answer to `QUERYCGR`.
  var image: CommandImage {
    var line = settingsImage
    line.set(35, byte: UInt8(truncatingIfNeeded: fill >> 32))
    line.set(36, word: UInt32(truncatingIfNeeded: fill))
    line.set(43, byte: UInt8(truncatingIfNeeded: average >> 32))
    line.set(44, word: UInt32(truncatingIfNeeded: average))
    for word in 0..<4 { line.set(48 + 4 * word, word: targets[word]) }
    return line
  }

  /// The answer to `CGRTESTWRITE`: what would follow from a fill, which stays what it is.
  ///
  /// Behind the settings and the fill: the probability of early discard for green, yellow and red
  /// in two bytes each (Freescale SDK, `include/linux/fsl_qman.h`, `struct qm_mcr_cgrtestwrite`).
  /// The "last group tick" in front of them is 0, since its meaning is not known to us.
  func test(at fill: Int64) -> CommandImage {
    var line = settingsImage
    line.set(35, byte: UInt8(truncatingIfNeeded: fill >> 32))
    line.set(36, word: UInt32(truncatingIfNeeded: fill))
    line.set(43, byte: UInt8(truncatingIfNeeded: fill >> 32))
    line.set(44, word: UInt32(truncatingIfNeeded: fill))
    for colour in 0..<3 {
      line.set(
        50 + 2 * colour,
        half: UInt16(clamping: discardProbability(colour: colour, at: fill)))
    }
    return line
  }
}
