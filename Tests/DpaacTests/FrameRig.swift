import Foundation
import TestSupport
import Testing

/// Two virtual MACs of one client whose wire connects them, and the queues and buffers that they need.
final class FrameRig {
  static let windowSize = 0x5f_e000
  let server: AttachProcess
  let client: AttachClient
  let fman: FManClient
  private let directory: TemporaryDirectory
  let macs = [FManClient.MAC.gigabit(0), .gigabit(1)]
  let addresses: [[UInt8]] = [[2, 0, 0, 0, 0, 0x10], [2, 0, 0, 0, 0, 0x11]]

  /// The queues of a MAC, by its place; within the partition.
  static func receive(_ mac: Int) -> UInt32 { 0x10 + UInt32(mac) }
  static func error(_ mac: Int) -> UInt32 { 0x20 + UInt32(mac) }
  static func confirm(_ mac: Int) -> UInt32 { 0x30 + UInt32(mac) }
  static func transmit(_ mac: Int) -> UInt32 { 0x40 + UInt32(mac) }
  /// Transmits and has the port free buffers.
  static func freeing(_ mac: Int) -> UInt32 { 0x50 + UInt32(mac) }

  /// Where the client has its buffers: pool 0 of 2 KiB, pool 1 of 512 bytes, frames to send behind them.
  static let buffers = 0x1_0000
  static let smallBuffers = 0x3_0000
  static let frames = 0x4_0000

  static let plan = """
    board: p4080ds
    partitions:
      host: { cpus: [0], memory: 512 MiB, portals: 1, queues: 1-100,
        pools: [ {id: 1, buffers: 256, size: 2 KiB} ] }
      guest1:
        cpus: 2
        memory: 384 MiB
        portals: 3
        queues: 512-2047
        pools: [ {id: 2, buffers: 256, size: 2 KiB}, {id: 3, buffers: 256, size: 2 KiB} ]
        os: linux-mainline
        congestion-groups: 6
        pool-channels: 1
    interfaces:
      fm1-gb0: {otherwise: guest1}
      fm1-gb1: {otherwise: guest1}

    """

  init(pools: [(UInt8, UInt32)] = [(0, 2048)], buffers count: Int = 32) throws {
    directory = try TemporaryDirectory()
    server = try AttachProcess(
      directory.write("plan.yaml", Data(Self.plan.utf8)), windowSize: Self.windowSize,
      arguments: ["--loopback", "fm1-gb0=fm1-gb1"])
    client = try server.client()
    fman = try FManClient(client, memory: server.memory)
    client.bringUp(0)
    release(count, of: 2048, at: Self.buffers, to: 0)
    release(count, of: 512, at: Self.smallBuffers, to: 1)
    for mac in 0..<2 {
      for queue in [Self.receive(mac), Self.error(mac), Self.confirm(mac)] {
        try #require(client.initialize(queue, on: 0) == 0xf0)
      }
      let channel = 0x40 + macs[mac].channelPlace
      try #require(
        fman.initialize(Self.transmit(mac), channel: channel, on: 0) == 0xf0)
      try #require(
        fman.initialize(
          Self.freeing(mac), channel: channel, contextA: 0x1e00_0000_8000_0000, on: 0) == 0xf0)
      fman.bringUp(
        macs[mac], address: addresses[mac], queue: Self.receive(mac),
        errorQueue: Self.error(mac), pools: pools)
    }
  }

  deinit { directory.remove() }

  func release(_ count: Int, of size: Int, at start: Int, to pool: UInt8) {
    let all = (0..<count).map { UInt64(start + size * $0) }
    for first in stride(from: 0, to: count, by: 8) {
      client.release(Array(all[first..<min(count, first + 8)]), to: pool, on: 0)
    }
  }

  func free(in pool: Int) -> UInt32 { client.register(0x40_2600 + 4 * pool) }

  /// A frame from one MAC to the other.
  func frame(_ count: Int, from mac: Int, seed: Int = 0) -> [UInt8] {
    addresses[1 - mac] + addresses[mac] + [0x88, 0xb5]
      + (14..<max(15, count)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ seed &* 31) }
  }

  /// Sends a frame as `dpaa_eth` does, 64 bytes behind its buffer's start.
  func send(
    _ frame: [UInt8], from mac: Int, command: UInt32? = nil, context: [UInt8] = [],
    at address: Int = FrameRig.frames
  ) {
    fman.write(context, at: address + 16)
    fman.write(frame, at: address + 64)
    client.enqueue(
      FManClient.descriptor(
        address, offset: 64, length: frame.count,
        command: command ?? 0x8000_0000 | Self.confirm(mac)),
      to: Self.transmit(mac), on: 0)
  }

  /// The descriptors in a queue.
  func take(_ queue: UInt32) -> [Taken] {
    client.volatileDequeue(queue, on: 0).filter { $0[1] & 0x10 != 0 }.map {
      let high = AttachClient.number($0[24..<28])
      return Taken(
        address: Int(AttachClient.number($0[19..<24])), pool: $0[17],
        isTable: high >> 31 != 0, offset: Int(high >> 20 & 0x1ff), length: Int(high & 0xf_ffff),
        status: UInt32(AttachClient.number($0[28..<32])))
    }
  }

  /// A frame's descriptor that came back.
  struct Taken: Equatable {
    var address: Int
    var pool: UInt8
    var isTable: Bool
    var offset: Int
    var length: Int
    var status: UInt32
  }

  /// The bytes of a frame that arrived; its buffers go back to their pools.
  func consume(_ taken: Taken) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffers = [taken.address]
    if taken.isTable {
      for place in 0..<16 {
        let entry = fman.read(taken.address + taken.offset + 16 * place, 16)
        let word = AttachClient.number(entry[8..<12])
        let address = Int(AttachClient.number(entry[0..<8]))
        buffers.append(address)
        bytes += fman.read(
          address + Int(AttachClient.number(entry[14..<16])), Int(word & 0x3fff_ffff))
        if word >> 30 & 1 != 0 { break }
      }
    } else {
      bytes = fman.read(taken.address + taken.offset, taken.length)
    }
    for buffer in buffers { client.release([UInt64(buffer)], to: taken.pool, on: 0) }
    return bytes
  }
}
