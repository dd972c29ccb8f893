import TestSupport
import Testing

@testable import DPAAPortal

/// The numbers of probes, against a count by hand.
@Suite struct ProbeWatchTests {
  /// What is counted of probes with these numbers, in this order: in order, lost, late, twice.
  private static func counts(
    _ numbers: [UInt64], change: (inout [UInt8]) -> Void = { _ in }
  ) -> [UInt64] {
    let watch = ProbeWatch()
    let page = UnsafeMutableRawPointer.allocate(byteCount: GuestStatus.size, alignment: 4096)
    defer { page.deallocate() }
    page.initializeMemory(as: UInt8.self, repeating: 0, count: GuestStatus.size)
    for number in numbers {
      var frame = [UInt8](repeating: 0, count: 60)
      frame.withUnsafeMutableBytes {
        FrameEdits.fillProbe($0, from: 0x0a00_0001, to: 0x0a00_0002, sequence: number)
      }
      change(&frame)
      frame.withUnsafeMutableBytes { watch.note($0, path: 0, on: page) }
    }
    return [.probesInOrder, .probesLost, .probesLate, .probesTwice]
      .map { (counter: GuestStatus.Counter) in page.counter(counter.offset) }
  }

  @Test(
    arguments: [
      ([0, 1, 2], [3, 0, 0, 0]), ([5], [1, 5, 0, 0]), ([0, 2, 1, 3], [3, 0, 1, 0]),
      ([0, 0, 1, 1, 1], [2, 0, 0, 3]), ([3, 1, 1], [1, 2, 1, 1]), ([0, 5, 3], [2, 3, 1, 0]),
      // At and behind the window's edge.
      ([0, 1025, 1, 2], [2, 1023, 2, 0]), ([1024, 0], [1, 1024, 1, 0]),
      ([0, 5000, 4000, 3000], [2, 4998, 2, 0]), ([2000, 3023, 2000], [2, 3022, 0, 1]),
      ([2000, 3024, 2000], [2, 3023, 1, 0]),
    ] as [([UInt64], [UInt64])])
  func `numbers in any order are counted`(numbers: [UInt64], expected: [UInt64]) {
    #expect(Self.counts(numbers) == expected)
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func `in a random order that stays within the window the counts are those of a set`(seed: UInt64)
  {
    var random = SeededGenerator(seed: seed)
    var numbers: [UInt64] = []
    for number in 0..<3000 as Range<UInt64> where random.below(10) != 0 {
      for _ in 0...(random.below(20) == 0 ? 1 : 0) { numbers.append(number) }
    }
    for index in numbers.indices {
      numbers.swapAt(index, min(numbers.count - 1, index + random.below(20)))
    }
    var seen: Set<UInt64> = []
    var (inOrder, late, twice) = (0, 0, 0)
    var next: UInt64 = 0
    for number in numbers {
      if !seen.insert(number).inserted {
        twice += 1
      } else if number < next {
        late += 1
      } else {
        inOrder += 1
        next = number + 1
      }
    }
    let lost = Int(next) - seen.count
    #expect(Self.counts(numbers) == [inOrder, lost, late, twice].map { UInt64($0) }, "\(random)")
  }

  @Test func `only probes are counted, reflected ones among them`() {
    #expect(Self.counts([0, 1]) { $0[50] ^= 1 } == [0, 0, 0, 0])
    #expect(Self.counts([0, 1]) { $0[23] = 6 } == [0, 0, 0, 0])
    #expect(Self.counts([0, 1]) { $0.removeLast() } == [0, 0, 0, 0])
    #expect(
      Self.counts([0, 1]) { frame in
        frame.withUnsafeMutableBytes { FrameEdits.swapAddresses($0) }
      } == [2, 0, 0, 0])
  }
}
