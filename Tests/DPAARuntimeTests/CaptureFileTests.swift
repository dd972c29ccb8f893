import DPAAPortal
import Foundation
import Glibc
import TestSupport
import Testing

@testable import DPAARuntime

@Suite struct CaptureFileTests {
  private static let frames: [(bytes: [UInt8], wire: Int)] = [
    (Frame.ethernet(.arp(for: 1)), 60), ([1, 2, 3], 1514), ([], 0),
    ([UInt8](repeating: 7, count: 9000), 9000),
  ]

  /// Writes a file into a folder of its own, reads it, and removes both.
  private static func read(
    _ bytes: [UInt8], _ body: (borrowing CaptureReader) throws -> Void = { _ in }
  ) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let reader = try CaptureReader(path: directory.write("a.pcap", Data(bytes)))
    try body(reader)
  }

  @Test(arguments: [false, true], [false, true])
  func `either byte order and either clock is read`(isBigEndian: Bool, hasNanoseconds: Bool) throws
  {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let bytes = Frame.capture(
      Self.frames, isBigEndian: isBigEndian, hasNanoseconds: hasNanoseconds)
    var reader = try CaptureReader(path: directory.write("a.pcap", Data(bytes)))
    #expect(reader.frameCount == 4)
    for _ in 0..<2 {
      for frame in Self.frames {
        let next = reader.peek()
        #expect(next.map { Array($0.bytes) } == frame.bytes)
        #expect(next?.wireLength == frame.wire)
        reader.advance()
      }
      let behind = reader.peek()
      #expect(behind == nil)
      reader.advance()
      reader.rewind()
    }
  }

  @Test func `after an error nothing more is written, so that no capture goes on in its midst`()
    throws
  {
    var pair: [Int32] = [-1, -1]
    let type =
      Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    #expect(socketpair(AF_UNIX, type, 0, &pair) == 0)
    var room: Int32 = 1 << 14
    setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &room, 4)
    defer { close(pair[0]) }
    let frame = [UInt8](repeating: 7, count: 1000)
    func drain() -> Int {
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      var count = 0
      while true {
        let got = Glibc.read(pair[0], &buffer, buffer.count)
        guard got > 0 else { return count }
        count += got
      }
    }
    do {
      var writer = CaptureWriter(descriptor: pair[1])
      // The socket has room for less than the writer gathers.
      for _ in 0..<300 { frame.withUnsafeBytes { writer.write($0, nanoseconds: 0) } }
      writer.flush()
      #expect(writer.errorNumber == EAGAIN)
      #expect(drain() > 0)
      for _ in 0..<300 { frame.withUnsafeBytes { writer.write($0, nanoseconds: 0) } }
      writer.flush()
      #expect(writer.errorNumber == EAGAIN)
    }
    #expect(drain() == 0)
  }

  @Test func `a file without frames is a capture`() throws {
    try Self.read(Frame.capture([])) { #expect($0.frameCount == 0) }
  }

  /// A file with a fault: where it is, and how it is called.
  struct Fault: Sendable, CustomTestStringConvertible {
    let what: String
    let bytes: [UInt8]
    let offset: Int
    let problem: String
    var testDescription: String { what }
  }

  private static func file(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
    var bytes = Frame.capture([([UInt8](repeating: 1, count: 60), 60), ([2, 2], 2)])
    change(&bytes)
    return bytes
  }

  static let faults = [
    Fault(
      what: "empty", bytes: [], offset: 0, problem: "the file ends inside its header of 24 bytes"),
    Fault(
      what: "short header", bytes: file { $0.removeSubrange(23...) }, offset: 23,
      problem: "the file ends inside its header of 24 bytes"),
    Fault(
      what: "wrong magic", bytes: file { $0[0] = 0 }, offset: 0,
      problem: "neither a pcap nor a pcapng file: unknown magic number"),
    Fault(
      what: "pcapng's first word",
      bytes: file { $0.replaceSubrange(0..<4, with: [10, 13, 13, 10]) },
      offset: 8, problem: "a section without its byte-order magic"),
    Fault(
      what: "Linux cooked", bytes: file { $0[20] = 113 }, offset: 20,
      problem: "link type 113, but only Ethernet (1) can be played"),
    Fault(
      what: "truncated record header", bytes: file { $0.removeLast(12) }, offset: 100,
      problem: "frame 2: the file ends inside the record's header"),
    Fault(
      what: "truncated record", bytes: file { $0.removeLast() }, offset: 100,
      problem: "frame 2: 2 bytes announced, but 1 are left"),
    Fault(
      what: "no record at all", bytes: file { $0.removeSubrange(40...) }, offset: 24,
      problem: "frame 1: 60 bytes announced, but 0 are left"),
    Fault(
      what: "absurd length", bytes: file { $0[35] = 0x80 }, offset: 24,
      problem: "frame 1: a length of 2147483708 bytes means a corrupt file"),
    Fault(
      what: "rubbish behind", bytes: file { $0 += [9] }, offset: 118,
      problem: "frame 3: the file ends inside the record's header"),
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

  @Test func `every beginning of a file is a capture or refused`() throws {
    let whole = Self.file { _ in }
    for count in 0..<whole.count {
      let isWhole = [24, 100].contains(count)
      do {
        try Self.read(Array(whole.prefix(count))) { _ in #expect(isWhole, "\(count) bytes") }
      } catch is EngineError {
        #expect(!isWhole, "\(count) bytes")
      }
    }
  }

  @Test func `a missing file and a directory are refused by name`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let missing = "\(directory.path)/none.pcap"
    #expect(throws: EngineError.file(missing, ENOENT)) { _ = try CaptureReader(path: missing) }
    #expect("\(EngineError.file(missing, ENOENT))" == "\(missing): No such file or directory")
    #expect(
      throws: EngineError.badCapture(
        path: directory.path, offset: 0, problem: "not a regular file")
    ) { _ = try CaptureReader(path: directory.path) }
  }

  @Test func `what the writer writes, the reader reads`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let path = "\(directory.path)/out.pcap"
    let frames = (0..<1000).map { [UInt8](repeating: UInt8($0 & 0xff), count: 14 + $0) }
    func write() {
      var writer = CaptureWriter(
        descriptor: open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600))
      for (index, frame) in frames.enumerated() {
        frame.withUnsafeBytes {
          writer.write($0, nanoseconds: 1_700_000_000_123_456_789 + UInt64(index))
        }
      }
      #expect(writer.frameCount == 1000)
      #expect(writer.errorNumber == 0)
    }
    write()
    #expect(try Simulation.frames(ofFile: path) == frames)
    let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    // 1,700,000,000 s and 123,456,789 ns, little-endian.
    #expect(Array(bytes[24..<32]) == [0x00, 0xf1, 0x53, 0x65, 0x15, 0xcd, 0x5b, 0x07])
  }

  @Test func `a writer remembers that its disk is full`() throws {
    var writer = CaptureWriter(descriptor: open("/dev/full", O_WRONLY | O_CLOEXEC))
    [1 as UInt8, 2, 3].withUnsafeBytes { writer.write($0, nanoseconds: 0) }
    #expect(writer.errorNumber == 0)
    writer.flush()
    #expect(writer.errorNumber == ENOSPC)
  }
}
