// SAFETY: the page stays mapped as long as the engine.
/// A guest's interrupt, for a measured program on the engine's thread, and the page in which the guest says that it
/// came.
public struct GuestBell {
  let page: UnsafeMutableRawPointer
  let ring: () -> Void

  /// The bell of a guest.
  ///
  /// - Parameters:
  ///   - status: The guest's status page.
  ///   - ring: Raises its first portal's interrupt.
  public init(status: UnsafeMutableRawPointer, ring: @escaping () -> Void) {
    page = status + TrafficOrder.statusOffset
    self.ring = ring
  }

  /// Raises the interrupt once more.
  ///
  /// - Returns: What ``isHeard(_:)`` is asked for.
  func ringAgain() -> UInt64 {
    let number = page.counter(TrafficOrder.Word.rung) &+ 1
    page.setCounter(TrafficOrder.Word.rung, number)
    ring()
    return number
  }

  /// Whether the guest has heard it.
  func isHeard(_ number: UInt64) -> Bool { page.counter(TrafficOrder.Word.heard) == number }
}
