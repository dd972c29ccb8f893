/// Where things lie in a software portal: offsets in bytes of the PowerPC layout, which P4080,
/// P5020, P2041 and T4240 share (Linux 6.1, `drivers/soc/fsl/qbman/qman.c` and `bman.c`).
///
/// A portal has a cache-enabled window of 16 KiB with rings and command lines of 64 bytes, and a
/// cache-inhibited window of 4 KiB with 32-bit registers.
public enum PortalLayout {
  /// Bytes of one ring entry, command or response.
  public static let lineSize = 64
  /// Bytes of a cache-enabled window.
  public static let cacheEnabledSize = 0x4000
  /// Bytes of a cache-inhibited window.
  public static let cacheInhibitedSize = 0x1000

  /// Offsets in QMan's cache-enabled window.
  public enum QMan {
    /// The enqueue command ring, filled by software.
    public static let eqcr = 0x0000
    /// The dequeue response ring, filled by QMan.
    public static let dqrr = 0x1000
    /// The message ring, filled by QMan.
    public static let mr = 0x2000
    /// Shadow of the enqueue ring's producer index; software writes it in mode PCE.
    public static let eqcrProducerLine = 0x3000
    /// Shadow of the enqueue ring's consumer index.
    public static let eqcrConsumerLine = 0x3100
    /// Shadow of the dequeue ring's producer index.
    public static let dqrrProducerLine = 0x3200
    /// Shadow of the dequeue ring's consumer index; software writes it in mode CCE.
    public static let dqrrConsumerLine = 0x3300
    /// Shadow of the message ring's producer index.
    public static let mrProducerLine = 0x3400
    /// Shadow of the message ring's consumer index; software writes it in mode CCE.
    public static let mrConsumerLine = 0x3500
    /// The management command.
    public static let command = 0x3800
    /// The response to a command whose valid bit was 0; the other response follows it.
    public static let response0 = 0x3900
    /// The response to a command whose valid bit was 1.
    public static let response1 = 0x3940
  }

  /// Offsets of QMan's registers in the cache-inhibited window.
  public enum QManRegister {
    /// Index and polarity of the next enqueue entry to be produced.
    public static let eqcrProducer = 0x0000
    /// Index of the next enqueue entry that QMan will consume.
    public static let eqcrConsumer = 0x0004
    /// Interrupt threshold of the enqueue ring: fewer entries than this raise `EQRI`.
    public static let eqcrThreshold = 0x0008
    /// Index and polarity of the next dequeue entry to be produced.
    public static let dqrrProducer = 0x0040
    /// Index of the next dequeue entry to be consumed; software writes it in mode CCI.
    public static let dqrrConsumer = 0x0044
    /// Interrupt threshold of the dequeue ring: more entries than this raise `DQRI` at once.
    public static let dqrrThreshold = 0x0048
    /// Discrete consumption of dequeue entries, write-only.
    public static let dqrrConsumption = 0x0050
    /// The static dequeue command: which channels to serve.
    public static let sdqcr = 0x0054
    /// The volatile dequeue command: some frames of one queue, once.
    public static let vdqcr = 0x0058
    /// The pull dequeue command, in pull mode.
    public static let pdqcr = 0x005c
    /// Index and polarity of the next message to be produced.
    public static let mrProducer = 0x0080
    /// Index of the next message to be consumed; software writes it in mode CCI.
    public static let mrConsumer = 0x0084
    /// Interrupt threshold of the message ring: more entries than this raise `MRI` at once.
    public static let mrThreshold = 0x0088
    /// The configuration register.
    public static let configuration = 0x0100
    /// Interrupt status: a bit stays set until 1 is written to it.
    public static let interruptStatus = 0x0e00
    /// Interrupt enable.
    public static let interruptEnable = 0x0e04
    /// Interrupt disable: a bit set here is never set in the status.
    public static let interruptDisable = 0x0e08
    /// Interrupt inhibit: bit 0 set keeps the line low.
    public static let interruptInhibit = 0x0e0c
    /// How long an entry may wait before it raises its interrupt below the threshold, 12 bits.
    public static let interruptPeriod = 0x0e14
  }

  /// Offsets in BMan's cache-enabled window.
  public enum BMan {
    /// The management command.
    public static let command = 0x0000
    /// The response to a command whose valid bit was 0.
    public static let response0 = 0x0100
    /// The response to a command whose valid bit was 1.
    public static let response1 = 0x0140
    /// The release command ring, filled by software.
    public static let rcr = 0x1000
    /// Shadow of the release ring's producer index; software writes it in mode PCE.
    public static let rcrProducerLine = 0x3000
    /// Shadow of the release ring's consumer index.
    public static let rcrConsumerLine = 0x3100
  }

  /// Offsets of BMan's registers in the cache-inhibited window.
  public enum BManRegister {
    /// Index and polarity of the next release entry to be produced.
    public static let rcrProducer = 0x0000
    /// Index of the next release entry that BMan will consume.
    public static let rcrConsumer = 0x0004
    /// Interrupt threshold of the release ring: fewer entries than this raise `RCRI`.
    public static let rcrThreshold = 0x0008
    /// The configuration register.
    public static let configuration = 0x0100
    /// Pools 0 to 31, the first in the highest bit, whose depletion raises `BSCN`.
    public static let depletionLow = 0x0200
    /// Pools 32 to 63.
    public static let depletionHigh = 0x0204
    /// Interrupt status: a bit stays set until 1 is written to it.
    public static let interruptStatus = 0x0e00
    /// Interrupt enable.
    public static let interruptEnable = 0x0e04
    /// Interrupt disable: a bit set here is never set in the status.
    public static let interruptDisable = 0x0e08
    /// Interrupt inhibit: bit 0 set keeps the line low.
    public static let interruptInhibit = 0x0e0c
  }

  /// Entries of the message ring, in every kind of portal.
  public static let messageRingSize = 8
  /// Entries of the release ring, in every kind of portal.
  public static let releaseRingSize = 8

  /// The valid bit of every verb.
  public static let validBit: UInt8 = 0x80
}

/// Where each portal of an owner lies in its region: QMan's cache-enabled windows, BMan's, then
/// the cache-inhibited ones in the same order.
///
/// The windows of one kind follow each other at the hardware's stride, as on the board.
@frozen public struct PortalWindow: Sendable, Hashable {
  /// How many portals the region holds.
  public let portalCount: Int
  /// Creates the layout of a region with this many portals.
  @inlinable public init(portalCount: Int) { self.portalCount = portalCount }

  /// The offset of QMan's cache-enabled window of a portal.
  @inlinable public func qmanCacheEnabled(_ portal: Int) -> Int {
    portal * PortalLayout.cacheEnabledSize
  }
  /// The offset of BMan's cache-enabled window of a portal.
  @inlinable public func bmanCacheEnabled(_ portal: Int) -> Int {
    (portalCount + portal) * PortalLayout.cacheEnabledSize
  }
  /// The offset of QMan's cache-inhibited window of a portal.
  @inlinable public func qmanCacheInhibited(_ portal: Int) -> Int {
    2 * portalCount * PortalLayout.cacheEnabledSize + portal * PortalLayout.cacheInhibitedSize
  }
  /// The offset of BMan's cache-inhibited window of a portal.
  @inlinable public func bmanCacheInhibited(_ portal: Int) -> Int {
    qmanCacheInhibited(portalCount + portal)
  }
  /// The size of the whole region in bytes.
  @inlinable public var size: Int { qmanCacheInhibited(2 * portalCount) }
}

/// A ring of 64-byte entries with valid bits: size, and how an index shows in a register.
///
/// The producer's polarity toggles each time the ring wraps; it starts at 1, so that zeroed memory
/// holds no valid entry. Indexes run freely in 32 bits; a register holds the index in the lowest
/// bits and the producer's polarity in the bit above, as in hardware with fields widened for rings
/// that a plan enlarged.
@frozen public struct RingShape: Sendable, Hashable {
  /// The number of entries: a power of two.
  public let size: UInt32
  /// Creates a ring of a power of two entries.
  @inlinable public init(size: Int) { self.size = UInt32(size) }

  /// The offset of an entry in the ring.
  @inlinable @inline(__always)
  public func offset(_ index: UInt32) -> Int {
    Int(index & (size &- 1)) &* PortalLayout.lineSize
  }
  /// The valid bit that the entry at an index must bear: 0x80 in the first lap.
  @inlinable @inline(__always)
  public func polarity(_ index: UInt32) -> UInt8 {
    index & size == 0 ? PortalLayout.validBit : 0
  }
  /// A producer index as its register shows it.
  @inlinable @inline(__always)
  public func producerRegister(_ index: UInt32) -> UInt32 {
    (index & (size &- 1)) | (index & size == 0 ? size : 0)
  }
  /// A consumer index as its register shows it.
  @inlinable @inline(__always)
  public func consumerRegister(_ index: UInt32) -> UInt32 { index & (size &- 1) }

  /// How far a peer's consumer register is behind `producer`: entries still in the ring.
  ///
  /// Whatever the register holds, the result is less than the ring's size.
  @inlinable @inline(__always)
  public func occupancy(producer: UInt32, consumerRegister: UInt32) -> UInt32 {
    (producer &- consumerRegister) & (size &- 1)
  }
}
