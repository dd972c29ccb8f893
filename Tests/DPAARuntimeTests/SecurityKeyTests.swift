import QorIQ
import DPAAPortal
import Foundation
import Glibc
import Partitioning
import Security
import TestSupport
import Testing

@testable import DPAARuntime

/// What is left of a key in the engine's memory.
@Suite(
  .enabled(
    if: SecurityLibrary.allCases.allSatisfy { $0.problem == nil },
    "needs package libipsec-mb-dev"), .timeLimit(.minutes(10)))
struct SecurityKeyTests {
  /// A search of this process's own memory, which is made ready beforehand: the search itself allocates nothing, so
  /// that what was freed is still as it was left.
  private final class Search {
    private let memory: Int32
    /// Says of each page whether there is one.
    private let pages: Int32
    private let entries: UnsafeMutablePointer<UInt64>
    private let regions: [(first: UInt64, end: UInt64)]
    private let chunk: UnsafeMutablePointer<UInt8>
    private static let size = 1 << 20
    private static let page = UInt64(sysconf(Int32(_SC_PAGESIZE)))

    init() throws {
      // `String(contentsOfFile:)` ends with the first short read, which is a page here (Foundation of Swift 6.3).
      let file = try #require(FileHandle(forReadingAtPath: "/proc/self/maps"))
      let maps = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
      regions = maps.split(separator: "\n").filter { $0.contains(" rw-p ") }.compactMap { line in
        let ends = line.prefix { $0 != " " }.split(separator: "-").compactMap {
          UInt64($0, radix: 16)
        }
        return ends.count == 2 ? (ends[0], ends[1]) : nil
      }
      // Shared memory is not searched: what was read there is not found in its turn.
      let mapped = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
      chunk = try #require(mapped != MAP_FAILED ? mapped : nil)
        .bindMemory(to: UInt8.self, capacity: Self.size)
      memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC)
      try #require(memory >= 0)
      pages = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)
      entries = .allocate(capacity: Self.size / Int(Self.page) + 1)
    }

    deinit {
      close(memory)
      if pages >= 0 { close(pages) }
      entries.deallocate()
      munmap(chunk, Self.size)
    }

    /// Whether somebody has written there: tables of queues are gigabytes in which mostly nobody has.
    private func isTouched(_ place: UInt64, _ length: Int) -> Bool {
      let count = (Int(place % Self.page) + length + Int(Self.page) - 1) / Int(Self.page)
      let read = pread(pages, entries, 8 * count, off_t(place / Self.page * 8))
      // Present, or swapped out (Linux, `Documentation/admin-guide/mm/pagemap.rst`).
      return read != 8 * count || (0..<count).contains { entries[$0] >> 62 != 0 }
    }

    /// Whether bytes stand anywhere; they come under a mask, so that nobody has them who is not asked about.
    func finds(_ masked: [UInt8], _ mask: UInt8) -> Bool {
      for region in regions {
        var place = region.first
        while place < region.end {
          let wanted = min(Self.size, Int(region.end - place))
          guard isTouched(place, wanted) else {
            place += UInt64(wanted)
            continue
          }
          let count = pread(memory, chunk, wanted, off_t(place))
          guard count > masked.count else {
            // Another test has unmapped it meanwhile, and perhaps only this page.
            place += Self.page
            continue
          }
          if has(masked, mask, in: count) { return true }
          place += UInt64(count) - (UInt64(count) == region.end - place ? 0 : UInt64(masked.count))
        }
      }
      return false
    }

    private func has(_ masked: [UInt8], _ mask: UInt8, in count: Int) -> Bool {
      var start = 0
      while let hit = memchr(chunk + start, Int32(masked[0] ^ mask), count - masked.count - start) {
        start = hit.assumingMemoryBound(to: UInt8.self) - chunk
        var same = 1
        while same < masked.count, chunk[start + same] == masked[same] ^ mask { same += 1 }
        if same == masked.count { return true }
        start += 1
      }
      return false
    }
  }

  /// A key under ``mask`` that nobody else has.
  private static func newKey() -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    var masked = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    // Bytes that are looked for first, and are rare.
    (masked[0], masked[3]) = (0xb3 ^ mask, 0xd9 ^ mask)
    return masked
  }
  private static let mask: UInt8 = 0x5c

  @Test(.serialized, arguments: SecurityLibrary.allCases)
  func `the engine's own copies of keys end with their owner`(library: SecurityLibrary) throws {
    let gateway = try SecurityDeviceTests.Gateway(
      SecurityDeviceTests.tunnels[0], SecurityChoice([library]))
    // Nobody has it in one piece but the engine and its guest's buffer.
    let masked = Self.newKey()
    let mask = Self.mask
    for (place, byte) in masked.enumerated() {
      gateway.asker.write([byte ^ mask], at: gateway.descriptors[0] + 8 + 17 * 4 + UInt64(place))
    }
    #expect(try gateway.ask(SecurityDeviceTests.packet(9), on: 390).status == 0)
    for place in 0..<16 {
      gateway.asker.write([0], at: gateway.descriptors[0] + 8 + 17 * 4 + UInt64(place))
    }
    // As a library has it, and as words of this machine's.
    let forms = [masked, (0..<16).map { masked[($0 & ~3) | (3 - $0 & 3)] }]
    let before = try Search()
    for form in forms { #expect(before.finds(form, mask), "the search finds what is there") }
    gateway.asker.simulation.engine.control.markGone(owner: 2)
    gateway.asker.client.step(3)
    let after = try Search()
    for form in forms { #expect(!before.finds(form, mask) && !after.finds(form, mask)) }
  }

  @Test(arguments: SecurityLibrary.allCases)
  func `what a key was read into is overwritten before it is given back`(
    library: SecurityLibrary
  ) throws {
    let choice = SecurityChoice([library])
    let masked = Self.newKey()
    // The descriptor has the key's address only.
    typealias Word = SharedDescriptor.Word
    let body =
      [Word.jumpIfShared | 4, Word.key | Word.class1 | 16, 0, 0x1000]
      + SharedDescriptor.commands(isGCM: true, enciphers: true, tagLength: 16)
    var words = ([Word.header | UInt32(body.count + 1)] + body).map(\.bigEndian)
    func faultOfOne() throws -> UInt32 {
      let count = words.count
      let session = try words.withUnsafeMutableBytes { words in
        SecuritySession(
          try #require(words.baseAddress), count: count, outputPool: 3, choice
        ) { _, length in (0..<length).map { masked[$0] ^ Self.mask } }
      }
      return withExtendedLifetime(session) { session.record.pointee.fault }
    }
    // What the first one needs besides is there for the second.
    #expect(try faultOfOne() == 0)
    let search = try Search()
    let fault = try faultOfOne()
    let isFound = search.finds(masked, Self.mask)
    #expect(fault == 0)
    #expect(!isFound)
  }

  @Test func `what the file of a key was read into is overwritten`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    // Digits that nobody has in one piece but who reads the file.
    var generator = SystemRandomNumberGenerator()
    let masked = (0..<40).map { _ in
      "0123456789abcdef".utf8.randomElement(using: &generator).map { $0 ^ Self.mask } ?? 0
    }
    let path = "\(directory.path)/key"
    let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    // Far behind, as who gets that memory next writes into its first bytes.
    let space = [UInt8](repeating: 0x20, count: 4000)
    #expect(write(file, space, space.count) == space.count)
    for digit in masked {
      var byte = digit ^ Self.mask
      let written = write(file, &byte, 1)
      #expect(written == 1)
    }
    close(file)
    var tunnel = GatewayRig.tunnel()
    tunnel.out.key = .file(path, count: 20)
    let configuration = GatewayRig.configuration(.init([tunnel]))
    let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: masked.count)
    defer { copy.deallocate() }
    for (place, digit) in masked.enumerated() { copy[place] = digit ^ Self.mask }
    // What the first one needs besides is there for the second.
    let first = try configuration.holdingKeys()
    let search = try Search()
    #expect(search.finds(masked, Self.mask), "the search finds what is there")
    explicit_bzero(copy, masked.count)
    let second = try configuration.holdingKeys()
    let isFound = search.finds(masked, Self.mask)
    #expect(!isFound)
    #expect(first == second && first != configuration)
  }
}
