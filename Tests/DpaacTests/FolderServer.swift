import Foundation
import TestSupport
import Testing

/// A `dpaac attach --folder` that serves both guests of `examples/linux-guests`.
final class FolderServer {
  static let plan = "\(Checkout.path)/examples/linux-guests/p4080ds.yaml"
  /// Where the windows are, and how long: two frame managers.
  static let base = 0x1800_0000
  static let windowSize = 0x6f_e000
  static let memorySize: off_t = 448 << 20

  private let directory: TemporaryDirectory
  private let process: ChildProcess
  var folder: String { directory.path }

  init(replay frames: [[UInt8]] = []) throws {
    directory = try TemporaryDirectory()
    var arguments = ["attach", Self.plan, "--folder", directory.path]
    if !frames.isEmpty {
      // A capture of microseconds, Ethernet; numbers with the lowest byte first.
      func number(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
      }
      var bytes = number(0xa1b2_c3d4, 4) + number(2, 2) + number(4, 2) + number(0, 8)
      bytes += number(65535, 4) + number(1, 4)
      for frame in frames {
        bytes += number(0, 8) + number(frame.count, 4) + number(frame.count, 4) + frame
      }
      let capture = try directory.write("capture.pcap", Data(bytes))
      arguments += ["--replay", "fm1-gb0=\(capture)"]
    }
    process = try ChildProcess(
      Dpaac.tool.name, arguments,
      output: FileHandle(forWritingAtPath: try directory.write("output", Data())),
      errors: FileHandle(forWritingAtPath: try directory.write("errors", Data())))
    try awaitLines("ready ", 2)
  }

  deinit {
    process.stop()
    directory.remove()
  }

  private var lines: [String] {
    ((try? String(contentsOfFile: "\(directory.path)/output", encoding: .utf8)) ?? "")
      .split(separator: "\n").map(String.init)
  }

  func awaitLines(_ beginning: String, _ count: Int) throws {
    let deadline = ContinuousClock.now + .seconds(120)
    while lines.count(where: { $0.hasPrefix(beginning) }) < count {
      try #require(process.isRunning, "it ended early: \(lines)")
      try #require(ContinuousClock.now < deadline, "it said no more than \(lines)")
      usleep(2000)
    }
  }

  /// Ends it; all that it has said.
  func end() throws -> [String] {
    process.terminate()
    process.waitUntilExit()
    #expect(process.hasExited && process.terminationStatus == 0)
    return lines
  }

  /// Brings a guest's memory back, zeroed.
  func makeMemory(_ number: Int) throws {
    try directory.write("guest\(number).ram", Data())
    truncate("\(folder)/guest\(number).ram", Self.memorySize)
  }

  /// A guest that brings all its ways up.
  func guest(_ number: Int) throws -> FolderGuest {
    try FolderGuest(
      AttachClient(
        memory: "\(folder)/guest\(number).ram", at: Self.base,
        doorbell: "\(folder)/guest\(number).bell", windowSize: Self.windowSize),
      memory: "\(folder)/guest\(number).ram", number)
  }

  /// A frame to an address whose bytes are alike.
  static func frame(to byte: UInt8, _ count: Int) -> [UInt8] {
    [UInt8](repeating: byte, count: 6) + [2, 0, 0, 0, 0, 1, 0x88, 0xb5]
      + (14..<count).map { UInt8(truncatingIfNeeded: $0 &* 5) }
  }
}

/// One of the guests: every way lets in all frames.
final class FolderGuest {
  /// Its ways.
  enum Way: Int, CaseIterable {
    case interface = 0
    case host
    case peer
  }

  let client: AttachClient
  private let fmans: [FManClient]
  /// Block and MAC of each way, as the generated trees have them.
  private let places: [(block: Int, mac: Int)]
  private static let frames = 0x8_0000

  init(_ client: AttachClient, memory: String, _ number: Int) throws {
    self.client = client
    places = number == 1 ? [(0, 0), (0, 1), (1, 0)] : [(0, 0), (1, 0), (1, 1)]
    fmans = try (0..<2).map { try FManClient(client, memory: memory, block: $0) }
    client.bringUp(0)
    client.release((0..<8).map { UInt64(0x1_0000 + 2048 * $0) }, to: 0, on: 0)
    for way in Way.allCases {
      let place = places[way.rawValue]
      let mac = FManClient.MAC.gigabit(place.mac)
      try #require(client.initialize(0x10 + UInt32(way.rawValue), on: 0) == 0xf0)
      // The blocks' channels begin at 0x40 and 0x60.
      try #require(
        fmans[0].initialize(
          0x20 + UInt32(way.rawValue), channel: 0x40 + 0x20 * place.block + mac.channelPlace,
          contextA: 0x1e00_0000_8000_0000, on: 0) == 0xf0)
      let fman = fmans[place.block]
      fman.bringUp(
        mac, address: [2, 0, 0, 0, 0, 1], queue: 0x10 + UInt32(way.rawValue), errorQueue: 0,
        pools: [(0, 2048)])
      fman.set(mac.registers + 0x08, 0x0002_0853)
    }
  }

  func send(_ frame: [UInt8], from way: Way) {
    fmans[0].write(frame, at: Self.frames)
    client.enqueue(
      FManClient.descriptor(Self.frames, offset: 0, length: frame.count, command: 0),
      to: 0x20 + UInt32(way.rawValue), on: 0)
  }

  /// The frames that have arrived on a way.
  func take(_ way: Way) -> [[UInt8]] {
    client.volatileDequeue(0x10 + UInt32(way.rawValue), on: 0).filter { $0[1] & 0x10 != 0 }.map {
      let high = AttachClient.number($0[24..<28])
      let address = Int(AttachClient.number($0[19..<24]))
      let bytes = fmans[0].read(address + Int(high >> 20 & 0x1ff), Int(high & 0xf_ffff))
      client.release([UInt64(address)], to: 0, on: 0)
      return bytes
    }
  }
}
