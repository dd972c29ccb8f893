/// What ``RunOptions/measure`` does with a run.
extension RunSession {
  /// Lets time pass, and looks after the guests.
  ///
  /// - Returns: `false` when a guest has ended, or a signal asked to end the run.
  public mutating func pass(milliseconds: UInt64) -> Bool {
    let deadline = monotonicNanoseconds() + milliseconds * 1_000_000
    while true {
      let now = monotonicNanoseconds()
      waitForEvent(milliseconds: now < deadline ? Int32((deadline - now + 999_999) / 1_000_000) : 0)
      noticeEndings()
      guard interruptedAt == 0, guests.allSatisfy({ $0.ending == nil }) else { return false }
      if monotonicNanoseconds() >= deadline { return true }
    }
  }

  /// Whether a signal has asked to end the run.
  public var isInterrupted: Bool { interruptedAt != 0 }

  /// The page in which an owner's guest tells what it did.
  public func statusPage(ofOwner index: Int) -> UnsafeMutableRawPointer {
    engine.memory[index].status.memory
  }

  /// Frames that an interface has put on its wire.
  public func transmitted(onInterface index: Int) -> UInt64 {
    engine.counters.value(.transmitted, index)
  }

  /// Lets interfaces play their captures, or stops them.
  public func setInput(_ isOpen: Bool) { engine.control.setInput(isOpen) }

  /// The guests' processes, and those of their machines.
  public var processes: [Int32] { guests.map(\.identifier) }
}
