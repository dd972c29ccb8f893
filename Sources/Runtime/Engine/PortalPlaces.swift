import DPAAPortal

// SAFETY: whoever makes one keeps the four windows mapped for the engine's life.
/// Where the four windows of a software portal lie in the engine's memory.
struct PortalPlaces {
  let qman: UnsafeMutableRawPointer
  let qmanRegisters: UnsafeMutableRawPointer
  let bman: UnsafeMutableRawPointer
  let bmanRegisters: UnsafeMutableRawPointer
}

extension PortalPlaces {
  /// A portal of an owner, in the owner's region.
  init(region: UnsafeMutableRawPointer, index: Int, portalCount: Int) {
    let window = PortalWindow(portalCount: portalCount)
    self.init(
      qman: region + window.qmanCacheEnabled(index),
      qmanRegisters: region + window.qmanCacheInhibited(index),
      bman: region + window.bmanCacheEnabled(index),
      bmanRegisters: region + window.bmanCacheInhibited(index))
  }
}
