/// Looks at the numbers of probes that arrive: which came in order, which are missing, late or there twice.
///
/// For each sender and way, up to 64 of them, a window of the last 1,024 numbers is kept. A number that is
/// skipped counts as lost until it comes; one that is older than the window cannot be told from one that comes
/// twice, and counts as late without taking anything off the losses.
struct ProbeWatch: ~Copyable {
  private struct Flow: BitwiseCopyable {
    var key: UInt64 = 0
    var path: Int32 = -1
    /// The number that is due.
    var next: UInt64 = 0
  }

  private static let flows = 64
  private static let window: UInt64 = 1024
  private let table: UnsafeMutablePointer<Flow>
  private let seen: UnsafeMutablePointer<UInt64>

  init() {
    table = .allocate(capacity: Self.flows)
    table.initialize(repeating: Flow(), count: Self.flows)
    let words = Self.flows * Int(Self.window / 64)
    seen = .allocate(capacity: words)
    seen.initialize(repeating: 0, count: words)
  }

  deinit {
    table.deallocate()
    seen.deallocate()
  }

  /// Counts a frame on a guest's page if it is a probe.
  func note(_ frame: UnsafeMutableRawBufferPointer, path: Int, on status: UnsafeMutableRawPointer) {
    guard let probe = FrameEdits.probe(in: frame) else { return }
    guard let index = flow(probe.addresses, path) else { return }
    let expected = table[index].next
    let bits = seen + index * Int(Self.window / 64)
    let number = probe.sequence
    func bit(_ number: UInt64) -> (word: Int, mask: UInt64) {
      (Int(number % Self.window / 64), 1 << (number % 64))
    }
    guard number < expected else {
      status.addCounter(GuestStatus.Counter.probesInOrder.offset, 1)
      let skipped = number - expected
      if skipped > 0 { status.addCounter(GuestStatus.Counter.probesLost.offset, skipped) }
      if skipped >= Self.window {
        for word in 0..<Int(Self.window / 64) { bits[word] = 0 }
      } else {
        for passed in expected..<number { bits[bit(passed).word] &= ~bit(passed).mask }
      }
      bits[bit(number).word] |= bit(number).mask
      table[index].next = number &+ 1
      return
    }
    guard expected - number <= Self.window else {
      return status.addCounter(GuestStatus.Counter.probesLate.offset, 1)
    }
    let (word, mask) = bit(number)
    guard bits[word] & mask == 0 else {
      return status.addCounter(GuestStatus.Counter.probesTwice.offset, 1)
    }
    bits[word] |= mask
    status.addCounter(GuestStatus.Counter.probesLate.offset, 1)
    // It was counted as lost, as it was skipped.
    status.addCounter(GuestStatus.Counter.probesLost.offset, 0 &- 1)
  }

  private func flow(_ key: UInt64, _ path: Int) -> Int? {
    for index in 0..<Self.flows {
      if table[index].path < 0 {
        table[index] = Flow(key: key, path: Int32(path))
        return index
      }
      if table[index].key == key, table[index].path == Int32(path) { return index }
    }
    return nil
  }
}
