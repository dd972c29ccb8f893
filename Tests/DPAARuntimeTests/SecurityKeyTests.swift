import Foundation
import Glibc
import Security
import TestSupport
import Testing

@testable import DPAARuntime

/// What is left of a key in the engine's memory.
@Suite(
  .enabled(
    if: SecurityLibrary.allCases.allSatisfy { $0.problem == nil },
    "needs package libipsec-mb-dev"), .timeLimit(.minutes(2)))
struct SecurityKeyTests {
  /// Whether a byte string stands in this process's own memory; it comes under a mask, so that nobody has it who
  /// is not asked about.
  private static func isInMemory(_ masked: [UInt8], _ mask: UInt8) throws -> Bool {
    let maps = try String(contentsOfFile: "/proc/self/maps", encoding: .utf8)
    let memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC)
    defer { close(memory) }
    let size = 1 << 20
    let chunk = UnsafeMutablePointer<UInt8>.allocate(capacity: size)
    chunk.initialize(repeating: 0, count: size)
    defer {
      // What was read is not to be found by the next search.
      chunk.update(repeating: 0, count: size)
      chunk.deallocate()
    }
    for line in maps.split(separator: "\n") where line.contains(" rw-p ") {
      let ends = line.prefix { $0 != " " }.split(separator: "-").compactMap {
        UInt64($0, radix: 16)
      }
      // Tables of queues are mostly untouched, and have no keys.
      guard ends.count == 2, ends[1] - ends[0] < 256 << 20 else { continue }
      var place = ends[0]
      while place < ends[1] {
        let count = pread(memory, chunk, min(size, Int(ends[1] - place)), off_t(place))
        guard count > masked.count else { break }
        // Not what was read for this very search.
        let own = UInt64(UInt(bitPattern: chunk))
        if place >= own + UInt64(size) || place + UInt64(count) <= own {
          let first = masked[0] ^ mask
          var start = 0
          while let hit = memchr(chunk + start, Int32(first), count - start - masked.count) {
            start = hit.assumingMemoryBound(to: UInt8.self) - chunk
            if masked.indices.allSatisfy({ chunk[start + $0] == masked[$0] ^ mask }) { return true }
            start += 1
          }
        }
        place += UInt64(count) - (UInt64(count) == ends[1] - place ? 0 : UInt64(masked.count))
      }
    }
    return false
  }

  @Test func `the engine's own copies of keys end with their owner`() throws {
    let gateway = try SecurityDeviceTests.Gateway(SecurityDeviceTests.tunnels[0])
    // A key that nobody has in one piece but the engine and its guest's buffer.
    var generator = SystemRandomNumberGenerator()
    var masked = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    let mask: UInt8 = 0x5c
    // Bytes that are looked for first, and are rare.
    (masked[0], masked[3]) = (0xb3 ^ mask, 0xd9 ^ mask)
    for (place, byte) in masked.enumerated() {
      gateway.asker.write([byte ^ mask], at: gateway.descriptors[0] + 8 + 17 * 4 + UInt64(place))
    }
    #expect(try gateway.ask(SecurityDeviceTests.packet(9), on: 390).status == 0)
    for place in 0..<16 {
      gateway.asker.write([0], at: gateway.descriptors[0] + 8 + 17 * 4 + UInt64(place))
    }
    // As a library has it, and as words of this machine's.
    let forms = [masked, (0..<16).map { masked[($0 & ~3) | (3 - $0 & 3)] }]
    for form in forms { #expect(try Self.isInMemory(form, mask), "the search finds what is there") }
    gateway.asker.simulation.engine.control.markGone(owner: 2)
    gateway.asker.client.step(3)
    for form in forms { #expect(try !Self.isInMemory(form, mask)) }
  }
}
