/// A software portal of QMan or BMan: two windows and an interrupt.
public struct SoftwarePortal: Sendable, Hashable {
  /// The index; a QMan portal's dedicated channel has the same number.
  public var index: PortalIndex
  /// The cache-enabled window (rings and command lines), a physical address range of 16 KiB.
  public var cacheEnabled: AddressRange
  /// The cache-inhibited window (registers): 4 KiB on P and T series, 16 KiB on LS series.
  public var cacheInhibited: AddressRange
  /// The line of the interrupt controller.
  public var interrupt: InterruptSource
  /// The portal's identities in front of the PAMU; `nil` for a BMan portal, which makes no DMA of
  /// its own, and where nobody has said them.
  public var dma: PortalDMA?

  /// Creates a portal.
  public init(
    index: PortalIndex, cacheEnabled: AddressRange, cacheInhibited: AddressRange,
    interrupt: InterruptSource, dma: PortalDMA? = nil
  ) {
    self.index = index
    self.cacheEnabled = cacheEnabled
    self.cacheInhibited = cacheInhibited
    self.interrupt = interrupt
    self.dma = dma
  }
}

/// The identities of a QMan portal in front of the PAMU, as U-Boot sets them
/// (`arch/powerpc/cpu/mpc85xx/*_ids.c`, `drivers/misc/fsl_portals.c`).
public struct PortalDMA: Sendable, Hashable {
  /// With which QMan stashes dequeue entries: low half of `QCSP_LIO_CFG` (Linux 6.1,
  /// `drivers/soc/fsl/qbman/qman_ccsr.c`).
  public var dequeueRing: LIODN
  /// With which QMan stashes frames, annotations and contexts: low half of `QCSP_IO_CFG`.
  public var frame: LIODN
  /// What QMan stamps into each frame that the portal enqueues. An accelerator adds it to its own
  /// base: it is all that the accelerator knows of the producer, so one offset is one isolation
  /// domain. High half of `QCSP_LIO_CFG`.
  public var offset: LIODNOffset
  /// The cache that is stashed to: `SDEST` of `QCSP_IO_CFG`.
  public var stashDestination: StashDestination

  /// Creates a portal's identities.
  public init(
    dequeueRing: LIODN, frame: LIODN, offset: LIODNOffset, stashDestination: StashDestination
  ) {
    self.dequeueRing = dequeueRing
    self.frame = frame
    self.offset = offset
    self.stashDestination = stashDestination
  }
}
