import DPAAPortal

// SAFETY: `memory` covers the words that are asked for, and is aligned to them.
/// The descriptor behind a record: whether its words are still those that were looked at, and those of them that
/// SEC changes itself.
extension SecurityRecord {
  /// Whether words in memory still say the same, but for those that SEC changes.
  func isCurrent(_ memory: UnsafeMutableRawPointer, count: Int, outputPool: UInt8) -> Bool {
    guard count == wordCount, Int(outputPool) == self.outputPool, let words else { return false }
    var difference: UInt32 = 0
    for index in 0..<min(firstStateWord, count) {
      difference |= words[index] ^ memory.acquire32(4 * index)
    }
    let behind = firstStateWord + stateWordCount
    for index in behind..<max(behind, count) {
      difference |= words[index] ^ memory.acquire32(4 * index)
    }
    return difference == 0
  }

  /// Reads the words that SEC changes.
  mutating func readState(_ memory: UnsafeMutableRawPointer) {
    guard stateWordCount > 0 else { return }
    let first = 4 * firstStateWord
    let high = isExtended ? memory.acquire32(first) : 0
    state.number = UInt64(high) << 32 | UInt64(memory.acquire32(first + 4))
    guard !isEncapsulation else { return }
    state.seen =
      UInt64(memory.acquire32(first + 8)) << 32 | UInt64(memory.acquire32(first + 12))
  }

  /// Writes them.
  func writeState() {
    guard stateWordCount > 0, let memory else { return }
    let first = 4 * firstStateWord
    if isExtended {
      memory.release32(first, UInt32(truncatingIfNeeded: state.number >> 32))
    }
    memory.release32(first + 4, UInt32(truncatingIfNeeded: state.number))
    guard !isEncapsulation else { return }
    memory.release32(first + 8, UInt32(truncatingIfNeeded: state.seen >> 32))
    memory.release32(first + 12, UInt32(truncatingIfNeeded: state.seen))
  }
}
