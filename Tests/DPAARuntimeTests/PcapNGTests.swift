import DPAAPortal
import Foundation
import Glibc
import TestSupport
import Testing

@testable import DPAARuntime

/// Captures in the newer format, and the times of frames in both.
@Suite(.timeLimit(.minutes(10))) struct PcapNGTests {
  private typealias File = Frame.PcapNG

  /// What a reader says of a file's frames.
  private struct Seen: Equatable {
    var bytes: [UInt8]
    var wire: Int
    var nanoseconds: UInt64
  }

  private static func read(_ bytes: [UInt8]) throws -> [Seen] {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    return try read(path: directory.write("a.pcapng", Data(bytes)))
  }

  private static func read(path: String) throws -> [Seen] {
    var reader = try CaptureReader(path: path)
    var seen: [Seen] = []
    while let frame = reader.peek() {
      seen.append(
        Seen(
          bytes: Array(frame.bytes), wire: frame.wireLength, nanoseconds: frame.nanoseconds))
      reader.advance()
    }
    #expect(seen.count == reader.frameCount)
    return seen
  }

  @Test(arguments: [false, true])
  func `frames of every kind of block are read in either byte order`(isBigEndian: Bool) throws {
    let file = File(isBigEndian: isBigEndian).section().interface(snapLength: 4)
      .interface(resolution: 9, seconds: 5)
      .packet([1, 2, 3], at: 1_700_000_000_000_001)
      .block(5, [1, 2, 3, 4])
      .packet([4, 5], wire: 60, at: 7, interface: 1)
      .simplePacket([6, 7, 8, 9], wire: 100)
    // Another section, in the other byte order, with interfaces of its own.
    let other = File(isBigEndian: !isBigEndian).section().interface(resolution: 0x80 | 10)
      .packet([], at: 1024 + 512)
    let second: UInt64 = 1_000_000_000
    #expect(
      try Self.read(file.bytes + other.bytes) == [
        Seen(bytes: [1, 2, 3], wire: 3, nanoseconds: 1_700_000_000_000_001_000),
        Seen(bytes: [4, 5], wire: 60, nanoseconds: 5 * second + 7),
        Seen(bytes: [6, 7, 8, 9], wire: 100, nanoseconds: 5 * second + 7),
        Seen(bytes: [], wire: 0, nanoseconds: second + second / 2),
      ])
  }

  @Test(
    arguments: [
      (0, 3, 3_000_000_000), (3, 1234, 1_234_000_000), (6, 5, 5000), (9, 5, 5), (12, 5999, 5),
      (30, .max, 0), (127, .max, 0), (0x80, 3, 3_000_000_000), (0x9e, 1 << 29, 500_000_000),
      (0xbf, 1 << 62, 500_000_000), (0xc0, .max, 0), (0xff, .max, 0),
    ] as [(UInt8, UInt64, UInt64)])
  func `a time is in its interface's units`(resolution: UInt8, time: UInt64, nanoseconds: UInt64)
    throws
  {
    let file = File().section().interface(resolution: resolution).packet([1], at: time)
    #expect(try Self.read(file.bytes).map(\.nanoseconds) == [nanoseconds])
  }

  /// A file with a fault: where it is, and how it is called.
  struct Fault: Sendable, CustomTestStringConvertible {
    let what: String
    let bytes: [UInt8]
    let offset: Int
    let problem: String
    var testDescription: String { what }
  }

  private static let start = File().section().interface()
  private static func changed(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
    var bytes = start.packet([1, 2, 3, 4, 5]).bytes
    change(&bytes)
    return bytes
  }

  static let faults = [
    Fault(
      what: "a block that is cut", bytes: changed { $0.removeLast(4) }, offset: 60,
      problem: "a block of 40 bytes, of which 36 are left"),
    Fault(
      what: "rubbish behind", bytes: changed { $0 += [1, 2, 3] }, offset: 100,
      problem: "the file ends inside a block of at least 12 bytes"),
    Fault(
      what: "two lengths", bytes: changed { $0[96] = 44 }, offset: 96,
      problem: "a block's second length is not its first, 40"),
    Fault(
      what: "an odd length", bytes: changed { $0[64] = 39 }, offset: 60,
      problem: "a block of 39 bytes, of which 40 are left"),
    Fault(
      what: "a block without a length", bytes: changed { $0[64] = 0 }, offset: 60,
      problem: "a block of 0 bytes, of which 40 are left"),
    Fault(
      what: "another version", bytes: changed { $0[12] = 2 }, offset: 12,
      problem: "version 2 of pcapng is not known"),
    Fault(
      what: "a frame that is longer than its block", bytes: changed { $0[80] = 9 }, offset: 60,
      problem: "frame 1: 9 bytes announced, but 8 are left"),
    Fault(
      what: "an absurd frame", bytes: changed { $0[83] = 9 }, offset: 60,
      problem: "frame 1: a length of 150994949 bytes means a corrupt file"),
    Fault(
      what: "an interface that nobody described",
      bytes: start.packet([1], interface: 1).bytes, offset: 60,
      problem: "interface 1 of 1 that were described"),
    Fault(
      what: "a frame of another link type",
      bytes: File().section().interface(linkType: 113).packet([1]).bytes, offset: 36,
      problem: "link type 113, but only Ethernet (1) can be played"),
    Fault(
      what: "a packet block that is too short", bytes: start.block(6, [1, 2, 3, 4]).bytes,
      offset: 60, problem: "a block of type 6 has 32 bytes at least, not 16"),
  ]

  @Test(arguments: faults)
  func `a corrupt file is refused with the place of its fault`(fault: Fault) throws {
    let error = #expect(throws: EngineError.self) { try Self.read(fault.bytes) }
    guard case .badCapture(_, let offset, let problem) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(offset == fault.offset)
    #expect(problem == fault.problem)
  }

  @Test func `an interface of another link type without frames hurts nobody`() throws {
    let file = File().section().interface(linkType: 113).interface().packet([1], interface: 1)
    #expect(try Self.read(file.bytes).map(\.bytes) == [[1]])
  }

  @Test func `every mutation of a file is a capture or refused`() throws {
    var random = SeededGenerator(seed: 3)
    let good = Self.start.packet([1, 2, 3]).simplePacket([4]).interface(resolution: 3).bytes
    for _ in 0..<3000 {
      var bytes = good
      for _ in 0...random.below(3) { bytes[random.below(bytes.count)] = random.byte() }
      if random.below(3) == 0 { bytes = Array(bytes.prefix(random.below(bytes.count))) }
      do {
        let records = try bytes.withUnsafeBytes { bytes throws(EngineError) in
          try CaptureFormat.records(in: bytes, path: "mutated")
        }
        for record in records { #expect(record.start + Int(record.captured) <= bytes.count) }
      } catch let error as EngineError {
        guard case .badCapture(_, let offset, _) = error else {
          Issue.record("\(error): \(random)")
          continue
        }
        #expect(offset <= bytes.count)
      }
    }
  }

  private static let tshark = Tool("tshark", package: "tshark")

  @Test(
    .enabled(if: tshark.isPresent, "needs package tshark"),
    arguments: CaptureWriter.Format.allCases, CaptureWriter.Format.allCases)
  func `tshark reads what is written, and writes what is read`(
    ours: CaptureWriter.Format, theirs: CaptureWriter.Format
  ) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let path = "\(directory.path)/ours"
    func write() {
      var writer = CaptureWriter(
        descriptor: open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600), format: ours,
        name: "fm1-10g0")
      // More than the writer's buffer holds.
      for number in 0..<1000 as Range<UInt64> {
        let frame = Talk.frame(to: Talk.guest1, number: number, size: 60 + Int(number))
        frame.withUnsafeBytes {
          writer.write($0, nanoseconds: 1_700_000_000_123_456_789 + number * 1_000_000_007)
        }
      }
    }
    write()
    let outcome = try Self.tshark.run([
      "-r", path, "-F", theirs == .pcap ? "nsecpcap" : "pcapng", "-w", "\(directory.path)/theirs",
    ])
    #expect(outcome.status == 0, "\(outcome.errorText)")
    let seen = try Self.read(path: path)
    #expect(seen.count == 1000)
    #expect(seen[7].nanoseconds == 1_700_000_007_123_456_838)
    #expect(seen[999].bytes == Talk.frame(to: Talk.guest1, number: 999, size: 1059))
    #expect(try Self.read(path: "\(directory.path)/theirs") == seen)
    guard ours == .pcapng else { return }
    let names = try Self.tshark.run(["-r", path, "-T", "fields", "-e", "frame.interface_name"])
    #expect(Set(names.text.split(separator: "\n")) == ["fm1-10g0"])
  }

  // MARK: Replay

  @Test func `a capture is played with the gaps that it was recorded with`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    // 3 ms, none, 5 ms, and one that is recorded as earlier than the one before.
    let times: [UInt64] = [1_000_000, 4_000_000, 4_000_000, 9_000_000, 8_000_000]
    let file = times.reduce(File().section().interface(resolution: 9)) {
      $0.packet(Talk.frame(to: Talk.guest1, number: $1), at: $1)
    }
    let path = try directory.write("a.pcapng", Data(file.bytes))
    var port = try NetworkPort(
      name: "a", line: PortLine(), replay: path, repeats: 2, pace: .recorded, output: nil)
    var arrivals: [UInt64] = []
    for now in stride(from: 500 as UInt64, to: 30_000_000, by: 250_000) {
      while port.peek(now: now) != nil {
        port.advance()
        arrivals.append(now)
      }
    }
    let first = [0, 3_000_000, 3_000_000, 8_000_000, 8_000_000].map { $0 + 500 as UInt64 }
    // The second time follows at once.
    #expect(arrivals == first + first.map { $0 + 8_000_000 })
    let isDone = port.isDone
    #expect(isDone)
  }
}
