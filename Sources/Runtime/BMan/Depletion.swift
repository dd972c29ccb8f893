/// Which pools are depleted, by the marks of software and by those of hardware.
///
/// A pool is depleted from when it holds fewer buffers than the one mark (DET) until it holds more
/// than the other (DXT) (Linux 6.1, `drivers/soc/fsl/qbman/bman_ccsr.c`; Freescale SDK,
/// `drivers/staging/fsl_qbman/bman_config.c`). What lies between two looks of the engine, one in each
/// round, is nobody's business: a pool that is refilled at once was not depleted.
struct Depletion: ~Copyable {
  /// The marks of a pool in buffers; all 0 for one that is never depleted.
  struct Marks: BitwiseCopyable, Equatable {
    var softwareEnter: UInt32 = 0
    var softwareExit: UInt32 = 0
    var hardwareEnter: UInt32 = 0
    var hardwareExit: UInt32 = 0
  }

  private let marks: FlatTable<Marks>
  /// The pools that have marks.
  private(set) var watched: PoolSet = []
  /// Those that are depleted by software's marks: portals are told when this changes.
  private(set) var software: PoolSet = []
  /// Those that are depleted by hardware's: ports take nothing from them.
  private(set) var hardware: PoolSet = []
  /// Those whose marks were changed and which nobody has looked at since.
  var unseen: PoolSet = []
  /// Those whose state by software's marks has changed and of which nobody was told yet.
  var news: PoolSet = []

  /// Whether there is anything to look at.
  @inline(__always)
  var isWatched: Bool { !watched.union(unseen).isEmpty }

  init() throws(EngineError) { marks = try FlatTable<Marks>(count: 64) }

  /// Goes on from the state of the same pools in other tables.
  mutating func takeOver(from other: borrowing Depletion, of pools: PoolSet) {
    software.formUnion(other.software.intersection(pools))
    hardware.formUnion(other.hardware.intersection(pools))
    news.formUnion(other.news.intersection(pools))
  }

  /// Sets the marks of a pool.
  mutating func set(_ pool: UInt8, _ new: Marks) {
    guard pool < 64, marks.base[Int(pool)] != new else { return }
    marks.base[Int(pool)] = new
    unseen.insert(PoolSet(pool))
    if new == Marks() { watched.remove(PoolSet(pool)) } else { watched.insert(PoolSet(pool)) }
  }

  /// Brings the state of a pool in line with what it holds.
  mutating func follow(_ pool: UInt8, content: UInt32) {
    let marks = marks.base[Int(pool)]
    let wasDepleted = software.has(pool)
    let isDepleted = Self.isDepleted(
      wasDepleted, content, enter: marks.softwareEnter, exit: marks.softwareExit)
    if isDepleted != wasDepleted {
      software.formSymmetricDifference(PoolSet(pool))
      news.insert(PoolSet(pool))
    }
    let wasHardware = hardware.has(pool)
    if Self.isDepleted(
      wasHardware, content, enter: marks.hardwareEnter, exit: marks.hardwareExit) != wasHardware
    {
      hardware.formSymmetricDifference(PoolSet(pool))
    }
  }

  /// Marks in the wrong order do not make a pool's state change with every look: what is below the
  /// one is depleted, whatever the other. Without the one nothing is.
  private static func isDepleted(
    _ was: Bool, _ content: UInt32, enter: UInt32, exit: UInt32
  ) -> Bool {
    content < enter || was && enter > 0 && content <= exit
  }
}

extension Depletion.Marks {
  /// The value of a threshold register: an 8-bit mantissa, and an exponent below 16 above it
  /// (Freescale SDK, `drivers/staging/fsl_qbman/bman_high.c`).
  static func buffers(_ register: UInt32) -> UInt32 {
    (register & 0xff) << (register >> 8 & 0xf)
  }
}
