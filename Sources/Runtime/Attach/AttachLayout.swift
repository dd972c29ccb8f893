import DPAAPortal

/// Where things lie in the window that `dpaac attach` serves, and in its doorbell page: a stable
/// interface, described in `docs/attach.md`.
///
/// Offsets count from the window's first byte, which `--at` names. Strides are those of the P
/// series (Linux 6.1, `arch/powerpc/boot/dts/fsl/qoriq-qman1-portals.dtsi`).
public enum AttachLayout {
  /// Bytes of the managers' part of the window; all of it for a client without frame managers.
  public static let size = 0x40_3000
  /// QMan's portals, behind those of BMan, which begin the window.
  public static let qmanPortals = 0x20_0000
  /// QMan's own registers, 8 KiB.
  public static let qmanRegisters = 0x40_0000
  /// BMan's own registers, 4 KiB.
  public static let bmanRegisters = 0x40_2000
  /// The registers of a virtual frame manager, by its index on the board: one in each MiB.
  public static func frameManager(_ index: Int) -> Int { 0x50_0000 + 0x10_0000 * index }
  /// From a manager's portals to their cache-inhibited windows.
  public static let cacheInhibited = 0x10_0000
  /// How many portals of each manager have a place.
  public static let portalCount = 64

  /// The offset of a portal's cache-enabled window from its manager's portals.
  public static func cacheEnabled(_ place: Int) -> Int { place * PortalLayout.cacheEnabledSize }
  /// The offset of a portal's cache-inhibited window from its manager's portals.
  public static func cacheInhibited(_ place: Int) -> Int {
    cacheInhibited + place * PortalLayout.cacheInhibitedSize
  }

  /// The doorbell page: little-endian words, whatever the client is. What was stored, and where, stands
  /// at 128 to 143; the engine looks at everything and needs neither.
  public enum Doorbell {
    /// Bytes of the page.
    public static let size = 4096
    /// 64 bits: the number of the store that was posted last; the client writes it behind the rest.
    public static let posted = 0
    /// 64 bits: the number of the store that the engine has seen last.
    public static let acknowledged = 64
    /// 32 bits: 1 while the engine serves; before and after that nobody needs to wait.
    public static let ready = 144
    /// 32 bits: how many ranges there are where nothing follows from a store.
    public static let quietCount = 148
    /// The ranges, two 64-bit words each: where it begins in the file, and how long it is.
    public static let quiet = 256
  }
}

extension PortalPlaces {
  /// The portal at a place in a window that `dpaac attach` serves.
  init(window: UnsafeMutableRawPointer, place: Int) {
    let queues = window + AttachLayout.qmanPortals
    self.init(
      qman: queues + AttachLayout.cacheEnabled(place),
      qmanRegisters: queues + AttachLayout.cacheInhibited(place),
      bman: window + AttachLayout.cacheEnabled(place),
      bmanRegisters: window + AttachLayout.cacheInhibited(place))
  }
}
