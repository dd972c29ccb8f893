import Foundation
import TestSupport
import Testing

/// A driver of the virtual frame manager that shares no code with the engine: it knows Linux 6.1's
/// register maps and talks bytes, over an ``AttachClient``'s window and the memory around it.
final class FManClient {
  let client: AttachClient
  let memory: UnsafeMutableRawPointer
  private let size: Int
  /// Where the block lies in the window.
  private let block: Int

  init(_ client: AttachClient, memory path: String, block index: Int = 0) throws {
    self.client = client
    block = 0x50_0000 + 0x10_0000 * index
    let file = open(path, O_RDWR)
    defer { close(file) }
    size = Int(lseek(file, 0, SEEK_END))
    let mapped = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
    memory = try #require(mapped != MAP_FAILED ? mapped : nil)
  }

  deinit { munmap(memory, size) }

  func set(_ offset: Int, _ value: UInt32) { client.setRegister(block + offset, value) }
  func get(_ offset: Int) -> UInt32 { client.register(block + offset) }

  /// A MAC and its ports, as numbers of a mainline tree.
  struct MAC {
    var index: Int
    var receive: UInt32
    var transmit: UInt32
    var registers: Int { 0xe_0000 + 0x2000 * index }
    var receivePage: Int { 0x8_0000 + 0x1000 * Int(receive) }
    var transmitPage: Int { 0x8_0000 + 0x1000 * Int(transmit) }
    /// The first six MACs of 1G behind two of 10G.
    var channelPlace: Int { 2 + index }

    static func gigabit(_ index: Int) -> MAC {
      MAC(index: index, receive: 0x08 + UInt32(index), transmit: 0x28 + UInt32(index))
    }
  }

  /// Brings a MAC and its ports up: 64 bytes in front of frames, the context's parse result, time and
  /// hash behind 16 of them.
  func bringUp(
    _ mac: MAC, address: [UInt8], queue: UInt32, errorQueue: UInt32, pools: [(UInt8, UInt32)]
  ) {
    set(mac.registers + 0x08, 0x1000)
    client.wait { self.get(mac.registers + 0x08) & 0x1000 == 0 }
    set(mac.registers + 0x0c, UInt32(AttachClient.number(address[0..<4].reversed())))
    set(mac.registers + 0x10, UInt32(AttachClient.number(address[4..<6].reversed())))
    set(mac.registers + 0x14, 1522)
    let (receive, transmit) = (mac.receivePage, mac.transmitPage)
    set(receive + 0x10, 0x0004_0000)
    set(receive + 0x14, 1 << 16 | 2 << 8 | 3)
    set(receive + 0x1c, 64 << 16)
    set(receive + 0x20, 0x0044_0000)
    set(receive + 0x28, 0x0050_0002)
    set(receive + 0x60, queue)
    set(receive + 0x64, errorQueue)
    set(receive + 0x6c, 0x010c_e0e8)
    for (place, pool) in pools.enumerated() {
      set(receive + 0x100 + 4 * place, 0x8000_0000 | UInt32(pool.0) << 16 | pool.1)
    }
    set(transmit + 0x14, 1 << 16 | 2 << 8 | 3)
    set(transmit + 0x20, 0)
    set(transmit + 0x24, errorQueue)
    set(transmit + 0x400, 0x8000_0000)
    set(transmit + 0x00, 0x8000_0000)
    set(receive + 0x00, 0x8000_0000)
    set(mac.registers + 0x08, 0x0002_0843)
  }

  /// Writes bytes into the client's memory.
  func write(_ bytes: [UInt8], at address: Int) {
    (memory + address).copyMemory(from: bytes, byteCount: bytes.count)
  }
  func read(_ address: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { memory.load(fromByteOffset: address + $0, as: UInt8.self) }
  }

  /// A descriptor of a frame or of a table of fragments.
  static func descriptor(
    _ address: Int, offset: Int, length: Int, command: UInt32, isTable: Bool = false,
    pool: UInt8 = 0xff
  ) -> [UInt8] {
    [0, pool, 0] + AttachClient.big(UInt64(address), 5)
      + AttachClient.big(UInt64((isTable ? 1 << 31 : 0) | offset << 20 | length), 4)
      + AttachClient.big(UInt64(command), 4)
  }

  /// An entry of a table of fragments.
  static func fragment(_ address: Int, _ length: Int, isFinal: Bool, pool: UInt8 = 0xff) -> [UInt8]
  {
    AttachClient.big(UInt64(address), 8)
      + AttachClient.big(UInt64((isFinal ? 1 << 30 : 0) | length), 4) + [0, pool, 0, 0]
  }

  /// `INITFQ`, scheduled, toward a channel, with a context A.
  func initialize(_ fqid: UInt32, channel: Int, contextA: UInt64 = 0, on portal: Int) -> UInt8 {
    var bytes: [UInt8] = [0x41, 0, 0, 0x33] + AttachClient.big(UInt64(fqid), 4)
    bytes += [0, 0, 0, 0, 0, 0] + AttachClient.big(UInt64(channel << 3 | 3), 2)
    bytes += [0, 0, 0, 0] + AttachClient.big(0, 4) + AttachClient.big(contextA, 8)
    return client.qmanCommand(bytes + [UInt8](repeating: 0, count: 32), on: portal)[1]
  }
}
