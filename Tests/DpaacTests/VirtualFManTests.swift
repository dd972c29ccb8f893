import Foundation
import TestSupport
import Testing

/// The virtual frame manager of `dpaac attach`, as a driver sees it that knows the hardware's registers.
@Suite(.serialized, .timeLimit(.minutes(10))) struct VirtualFManTests {
  @Test func `registers answer as a driver waits for it`() throws {
    let rig = try FrameRig()
    let fman = rig.fman
    #expect(fman.get(0xc_30c4) == 0x0602)
    fman.set(0xc_30c4, 0xdead_beef)
    #expect(fman.get(0xc_30c4) == 0x0602)
    fman.set(0xc_30cc, 0x8000_0000)
    #expect(fman.get(0xc_30cc) == 0)
    // A MAC's reset clears its registers.
    let mac = rig.macs[0]
    #expect(fman.get(mac.registers + 0x14) == 1522)
    fman.set(mac.registers + 0x08, 0x1003)
    #expect(fman.get(mac.registers + 0x08) == 0)
    #expect(fman.get(mac.registers + 0x14) == 0)
    // The parser is stopped, and started.
    fman.set(mac.receivePage + 0xbf8, 1)
    #expect(fman.get(mac.receivePage + 0xbf8) & 0x100 == 0)
    fman.set(mac.receivePage + 0xbf8, 0)
    #expect(fman.get(mac.receivePage + 0xbf8) & 0x100 != 0)
    #expect(rig.server.end() == 0)
  }

  @Test func `KeyGen keeps schemes and the ports' choice of them`() throws {
    let rig = try FrameRig()
    let fman = rig.fman
    let window = 0xc_1100
    for scheme in [0, 7, 31] as [UInt32] {
      for place in 0..<23 as Range<UInt32> {
        fman.set(window + 4 * Int(place), scheme << 16 | place)
      }
      fman.set(0xc_11fc, 0x8000_0000 | scheme << 16)
      #expect(fman.get(0xc_11fc) == scheme << 16)
    }
    fman.set(0xc_11fc, 0xc000_0000 | 7 << 16)
    #expect((0..<23).map { fman.get(window + 4 * $0) } == (0..<23).map { 7 << 16 | $0 })
    fman.set(window, 0x8000_0000)
    fman.set(window + 4, 0x55)
    fman.set(0xc_11fc, 0x8200_8008)
    fman.set(window, 0)
    fman.set(0xc_11fc, 0xc200_8008)
    #expect(fman.get(window) == 0x8000_0000)
    #expect(fman.get(window + 4) == 0)
    // There is no scheme 32, no port 64, and no entry of a fourth kind.
    for action in [0x8020_0000, 0x8200_8040, 0x8300_0000] as [UInt32] {
      fman.set(0xc_11fc, action)
      #expect(fman.get(0xc_11fc) == action & 0x7fff_ffff | 0x2000_0000)
    }
  }

  @Test func `frames of every length cross the wire, byte for byte, and are confirmed`() throws {
    let rig = try FrameRig()
    for (number, length) in ([15, 59, 60, 61, 64, 577, 1513, 1514]).enumerated() {
      for mac in 0..<2 {
        let frame = rig.frame(length, from: mac, seed: number)
        rig.send(frame, from: mac)
        let arrived = rig.take(FrameRig.receive(1 - mac))
        try #require(arrived.count == 1)
        #expect(arrived[0].status == 0 && arrived[0].offset == 64 && arrived[0].pool == 0)
        // What is in front: the time behind the parse result, not 0 any more.
        #expect(rig.fman.read(arrived[0].address + 48, 8) != [UInt8](repeating: 0, count: 8))
        #expect(
          rig.consume(arrived[0])
            == frame + [UInt8](repeating: 0, count: max(0, 60 - frame.count)))
        let confirmed = rig.take(FrameRig.confirm(mac))
        #expect(
          confirmed == [
            FrameRig.Taken(
              address: FrameRig.frames, pool: 0xff, isTable: false, offset: 64, length: length,
              status: 0)
          ])
      }
    }
    #expect(rig.free(in: 0) == 32)
    // Statistics: frames and octets with check sequences, eight each way.
    let octets = [15, 59, 60, 61, 64, 577, 1513, 1514].reduce(0) { $0 + max(60, $1) + 4 }
    for mac in rig.macs {
      #expect(rig.fman.get(mac.registers + 0x120) == 8)
      #expect(rig.fman.get(mac.registers + 0x220) == 8)
      #expect(rig.fman.get(mac.registers + 0x108) == UInt32(octets))
      #expect(rig.fman.get(mac.receivePage + 0x204) == 8)
      #expect(rig.fman.get(mac.transmitPage + 0x204) == 8)
    }
    #expect(rig.server.end() == 0)
    #expect(
      rig.server.lines.last?.contains("frames sent 16, confirmed 16, received 16, lost 0") == true,
      "\(rig.server.lines)")
  }

  @Test func `fragments are gathered, and buffers of a pool are freed`() throws {
    let rig = try FrameRig()
    let frame = rig.frame(1000, from: 0, seed: 3)
    // A table and three buffers of pool 1, of which one byte each is enough.
    let taken = rig.client.acquire(4, from: 1, on: 0).map { Int($0) }
    try #require(taken.count == 4)
    let parts = [0..<1, 1..<400, 400..<1000]
    let places = [taken[1], FrameRig.frames, FrameRig.frames + 0x1000]
    for (place, part) in zip(places, parts) { rig.fman.write(Array(frame[part]), at: place) }
    rig.fman.write(
      FManClient.fragment(places[0], 1, isFinal: false, pool: 1)
        + FManClient.fragment(places[1], 399, isFinal: false, pool: 2)
        + FManClient.fragment(places[2], 600, isFinal: true, pool: 2), at: taken[0] + 64)
    rig.client.enqueue(
      FManClient.descriptor(
        taken[0], offset: 64, length: 1000, command: 0, isTable: true, pool: 1),
      to: FrameRig.freeing(0), on: 0)
    let arrived = rig.take(FrameRig.receive(1))
    try #require(arrived.count == 1)
    #expect(rig.consume(arrived[0]) == frame)
    // The table and the first fragment; pool 2 is nobody's, and its two are counted.
    #expect(rig.free(in: 1) == 30)
    #expect(rig.take(FrameRig.confirm(0)).isEmpty)
    #expect(rig.server.end() == 0)
    #expect(rig.server.lines.last?.contains("stray buffers 2,") == true, "\(rig.server.lines)")
  }

  @Test func `checksums are filled in where the driver's parse result says`() throws {
    let rig = try FrameRig()
    // The receiver's parser would find fault with the frame.
    rig.fman.set(rig.macs[1].receivePage + 0x20, 0x0050_0002)
    // IPv4 and UDP with a wrong checksum each.
    var frame = rig.addresses[1] + rig.addresses[0] + [0x08, 0x00]
    frame += [0x45, 0, 0, 32, 0, 1, 0, 0, 64, 17, 0xff, 0xff, 10, 0, 0, 1, 10, 0, 0, 2]
    frame += [0x30, 0x39, 0, 7, 0, 12, 0xaa, 0xbb, 0x12, 0x34, 0x56, 0x78]
    var context = [UInt8](repeating: 0, count: 32)
    context[4] = 0x80
    context[6] = 0x40
    context[27] = 14
    context[30] = 34
    for isAsked in [false, true] {
      rig.send(
        frame, from: 0, command: (isAsked ? 0xd000_0000 : 0x8000_0000) | FrameRig.confirm(0),
        context: context)
      let arrived = rig.take(FrameRig.receive(1))
      try #require(arrived.count == 1)
      let bytes = rig.consume(arrived[0])
      var expected = frame
      if isAsked {
        // 4500+0020+0001+4011+0a00+0001+0a00+0002 = 9935; 0a00+0001+0a00+0002+0011+000c
        // +3039+0007+000c+1234+5678 = ad18.
        expected.replaceSubrange(24..<26, with: [0x66, 0xca])
        expected.replaceSubrange(40..<42, with: [0x52, 0xe7])
      }
      #expect(Array(bytes[..<46]) == expected)
    }
    // A parse result that leads out of the frame changes nothing.
    context[27] = 200
    rig.send(
      frame, from: 0, command: 0xd000_0000 | FrameRig.confirm(0), context: context)
    #expect(rig.take(FrameRig.receive(1)).map { Array(rig.consume($0)[..<46]) } == [frame])
  }

  @Test func `the parser's result lies in front of a frame, and wrong checksums are errors`() throws
  {
    let rig = try FrameRig()
    var frame = rig.addresses[1] + rig.addresses[0] + [0x08, 0x00]
    frame += [0x45, 0, 0, 32, 0, 1, 0, 0, 64, 17, 0x66, 0xca, 10, 0, 0, 1, 10, 0, 0, 2]
    frame += [0x30, 0x39, 0, 7, 0, 12, 0x52, 0xe7, 0x12, 0x34, 0x56, 0x78]
    frame += [UInt8](repeating: 0, count: 14)
    rig.send(frame, from: 0)
    let good = try #require(rig.take(FrameRig.receive(1)).first)
    // The layer-4 checksum was verified.
    #expect(good.status == 0x04)
    let result = rig.fman.read(good.address + 16, 32)
    #expect(result[4] & 0x80 != 0 && result[6] & 0xf0 == 0x40)
    #expect(result[19] == 0 && result[27] == 14 && result[30] == 34)
    #expect(rig.consume(good) == frame)
    frame[40] ^= 1
    rig.send(frame, from: 0)
    #expect(rig.take(FrameRig.error(1)).map(\.status) == [0x24])
    // Without the parser nothing is found.
    rig.fman.set(rig.macs[1].receivePage + 0x20, 0x0050_0002)
    rig.send(frame, from: 0)
    let unparsed = try #require(rig.take(FrameRig.receive(1)).first)
    #expect(unparsed.status == 0 && rig.fman.read(unparsed.address + 16 + 30, 1) == [0xff])
  }

  @Test func `KeyGen spreads frames over queues, and shows the hash`() throws {
    let rig = try FrameRig()
    let fman = rig.fman
    for queue in 0x80..<0x90 as Range<UInt32> {
      try #require(rig.client.initialize(queue, on: 0) == 0xf0)
    }
    // Linux's scheme: addresses, security index, ports; 16 queues from 0x80.
    let scheme: [Int: UInt32] = [
      0: 0x8050_0002, 1: 0x0018_0206, 2: 2 << 18 | 3 << 8, 5: 0x80, 6: 15, 17: 0x0a0a_0a0a,
      18: 0x0b0b_0b0b, 22: 0x8000_0000,
    ]
    for place in 0..<23 { fman.set(0xc_1100 + 4 * place, scheme[place] ?? 0) }
    fman.set(0xc_11fc, 0x8002_8000)
    fman.set(0xc_1100, 0x2000_0000)
    fman.set(0xc_11fc, 0x8200_8009)
    fman.set(rig.macs[1].receivePage + 0x28, 0x0048_0000)
    for last in 1...20 as ClosedRange<UInt8> {
      let key: [UInt8] = [10, 0, 0, 1, 10, 0, 0, last, 0, 0, 0, 0, 0x30, 0x39, 0, 7]
      var frame = rig.addresses[1] + rig.addresses[0] + [0x08, 0x00]
      // The sum of a header whose last byte is 0 is 0x66cc; UDP needs none.
      let sum = 0x66cc - UInt16(last)
      frame += [0x45, 0, 0, 32, 0, 1, 0, 0, 64, 17] + AttachClient.big(UInt64(sum), 2)
      frame += key[..<8] + key[12...] + [0, 12, 0, 0]
      frame += [UInt8](repeating: 0, count: 18)
      rig.send(frame, from: 0)
      let hash = Self.hash(key)
      let arrived = rig.take(0x80 + UInt32(hash & 15))
      try #require(arrived.count == 1)
      #expect(fman.read(arrived[0].address + 56, 8) == AttachClient.big(hash, 8))
      #expect(Array(rig.consume(arrived[0]).prefix(frame.count)) == frame)
    }
  }

  /// CRC-64 bit by bit: the reflected polynomial of ECMA-182, from all ones, not complemented.
  private static func hash(_ bytes: [UInt8]) -> UInt64 {
    bytes.reduce(UInt64.max) { register, byte in
      (0..<8).reduce(register ^ UInt64(byte)) { value, _ in
        value >> 1 ^ (value & 1 == 0 ? 0 : 0xc96c_5795_d787_0f42)
      }
    }
  }

  @Test func `a MAC lets in what is for it`() throws {
    let rig = try FrameRig()
    let mac = rig.macs[1]
    func arrives(_ destination: [UInt8]) -> Bool {
      rig.send(destination + rig.frame(100, from: 0)[6...], from: 0)
      let arrived = rig.take(FrameRig.receive(1))
      for frame in arrived { _ = rig.consume(frame) }
      _ = rig.take(FrameRig.confirm(0))
      return !arrived.isEmpty
    }
    let group: [UInt8] = [1, 0, 0x5e, 0, 0, 1]
    #expect(arrives(rig.addresses[1]))
    #expect(arrives([UInt8](repeating: 0xff, count: 6)))
    #expect(!arrives([2, 0, 0, 0, 0, 0x12]))
    #expect(!arrives(group))
    // Parities of the bytes 01, 00, 5e, 00, 00, 01, the first in bit 0.
    rig.fman.set(mac.registers + 0x2c, 0x100 | 0b10_0101)
    #expect(arrives(group))
    #expect(!arrives([1, 0, 0x5e, 0, 0, 3]))
    rig.fman.set(mac.registers + 0x2c, 0b10_0101)
    #expect(!arrives(group))
    rig.fman.set(mac.registers + 0x84, 0x0000)
    rig.fman.set(mac.registers + 0x80, 0x0000_0002)
    rig.fman.set(mac.registers + 0x84, 0x1200)
    #expect(arrives([2, 0, 0, 0, 0, 0x12]))
    rig.fman.set(mac.registers + 0x08, 0x0002_0853)
    #expect(arrives([2, 0, 0, 0, 0, 0x77]))
    rig.fman.set(mac.registers + 0x08, 0x0002_0851)
    #expect(!arrives(rig.addresses[1]))
  }

  @Test func `a frame larger than any buffer arrives in fragments`() throws {
    let rig = try FrameRig(pools: [(1, 512)])
    for length in [448, 449, 1514] {
      let frame = rig.frame(length, from: 1, seed: length)
      rig.send(frame, from: 1)
      let arrived = rig.take(FrameRig.receive(0))
      try #require(arrived.count == 1)
      #expect(arrived[0].isTable == (length > 448))
      #expect(arrived[0].length == length && arrived[0].pool == 1)
      #expect(rig.consume(arrived[0]) == frame)
      #expect(rig.free(in: 1) == 32)
    }
  }

  @Test func `what cannot be sent comes back on the error queue with the reason`() throws {
    let rig = try FrameRig()
    let good = FrameRig.frames
    let end = AttachProcess.offset + FrameRig.windowSize
    let cases: [(descriptor: [UInt8], status: UInt32)] = [
      (FManClient.descriptor(end - 64, offset: 64, length: 60, command: 0), 0x0100_0000),
      (FManClient.descriptor(0xff_ffff_ffc0, offset: 64, length: 60, command: 0), 0x0100_0000),
      (FManClient.descriptor(good, offset: 0, length: 9601, command: 0), 0x0200_0000),
      (FManClient.descriptor(good, offset: 0, length: 0, command: 0), 0x0200_0000),
      (
        FManClient.descriptor(end - 16, offset: 0, length: 60, command: 0, isTable: true),
        0x0100_0000
      ),
    ]
    rig.fman.write(FManClient.fragment(end, 60, isFinal: true), at: end - 16)
    for (number, item) in cases.enumerated() {
      rig.client.enqueue(item.descriptor, to: FrameRig.transmit(0), on: 0)
      #expect(rig.take(FrameRig.error(0)).map(\.status) == [item.status], "case \(number)")
    }
    var compound = FManClient.descriptor(good, offset: 0, length: 60, command: 0)
    compound[8] |= 0x20
    rig.client.enqueue(compound, to: FrameRig.transmit(0), on: 0)
    #expect(rig.take(FrameRig.error(0)).map(\.status) == [0x0400_0000])
    // A table that ends early, and one that never does.
    rig.fman.write(FManClient.fragment(good, 30, isFinal: true), at: good + 0x800)
    rig.fman.write(
      (0..<300).flatMap { _ in FManClient.fragment(good, 0, isFinal: false) }, at: good + 0x1000)
    for table in [good + 0x800, good + 0x1000] {
      rig.client.enqueue(
        FManClient.descriptor(table, offset: 0, length: 60, command: 0, isTable: true),
        to: FrameRig.transmit(0), on: 0)
      #expect(rig.take(FrameRig.error(0)).map(\.status) == [0x0200_0000])
    }
    #expect(rig.take(FrameRig.receive(1)).isEmpty)
    // Too long for the receiver: to its error queue.
    rig.fman.set(rig.macs[1].registers + 0x14, 500)
    rig.send(rig.frame(497, from: 0), from: 0)
    #expect(rig.take(FrameRig.error(1)).map(\.status) == [0x0004_0000])
  }

  @Test func `a receiver without buffers loses frames and counts them`() throws {
    let rig = try FrameRig(buffers: 2)
    for number in 0..<5 { rig.send(rig.frame(100, from: 0, seed: number), from: 0) }
    let arrived = rig.take(FrameRig.receive(1))
    #expect(arrived.count == 2)
    #expect(rig.fman.get(rig.macs[1].receivePage + 0x21c) == 3)
    #expect(rig.take(FrameRig.confirm(0)).count == 5)
    // A queue that is not the client's: the buffer goes back.
    _ = rig.consume(arrived[0])
    rig.fman.set(rig.macs[1].receivePage + 0x60, 0x6000)
    rig.send(rig.frame(100, from: 0), from: 0)
    #expect(rig.free(in: 0) == 1)
    #expect(rig.fman.get(rig.macs[1].receivePage + 0x214) == 1)
    // Buffers that lie outside the memory are not written to.
    rig.fman.set(rig.macs[1].receivePage + 0x60, FrameRig.receive(1))
    _ = rig.client.acquire(1, from: 0, on: 0)
    rig.client.release([0xffff_ffff_0000, 1 << 39], to: 0, on: 0)
    for _ in 0..<3 { rig.send(rig.frame(100, from: 0), from: 0) }
    #expect(rig.take(FrameRig.receive(1)).isEmpty)
    #expect(rig.server.end() == 0)
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `no bytes in registers or descriptors harm the engine`(seed: UInt64) throws {
    let rig = try FrameRig()
    var random = SeededGenerator(seed: seed)
    rig.client.posts = false
    for _ in 0..<3000 {
      let page =
        [0xe_0000, 0xe_2000, 0x8_8000, 0x8_9000, 0xa_8000, 0xa_9000, 0xc_1000, 0xc_3000]
        .randomElement(using: &random) ?? 0
      let narrow = ([0, 0xff, 0x1ff, UInt32.max] as [UInt32]).randomElement(using: &random) ?? 0
      rig.fman.set(
        page + 4 * Int.random(in: 0..<0x300, using: &random),
        UInt32.random(in: 0...UInt32.max, using: &random) & narrow)
    }
    rig.client.posts = true
    for mac in rig.macs {
      rig.fman.set(mac.transmitPage, 0x8000_0000)
      rig.fman.set(mac.transmitPage + 0x400, 0x8000_0000)
      rig.fman.set(mac.receivePage, 0x8000_0000)
      rig.fman.set(mac.registers + 0x08, 0x53)
    }
    for _ in 0..<500 {
      var descriptor = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
      // Mostly near the memory that there is, so that something happens.
      if Bool.random(using: &random) {
        descriptor.replaceSubrange(3..<6, with: [0, 0, UInt8.random(in: 0...0x70, using: &random)])
        descriptor[8] &= 0x9f
        descriptor.replaceSubrange(9..<11, with: [0, UInt8.random(in: 0...8, using: &random)])
      }
      rig.client.enqueue(
        descriptor, to: FrameRig.transmit(Int.random(in: 0..<2, using: &random)), on: 0)
    }
    #expect(rig.server.end() == 0, "seed \(seed)")
  }

  @Test func `a wiped window finds the frame manager in its reset state`() throws {
    let rig = try FrameRig()
    rig.send(rig.frame(100, from: 0), from: 0)
    rig.client.posts = false
    memset(rig.client.window + 0x50_0000, 0, 0xf_e000)
    memset(rig.client.window, 0, 0x40_3000)
    try rig.server.awaitLines("ready", 2)
    #expect(rig.fman.get(0xc_30c4) == 0x0602)
    #expect(rig.fman.get(rig.macs[0].registers + 0x14) == 0)
    #expect(rig.server.end() == 0)
  }

  @Test(arguments: [
    ("fm1-gb0=fm9", "the guest has no network interface for fm9; it has fm1-gb0, fm1-gb1"),
    ("fm1-gb0=", "is invalid"),
  ])
  func `a wire to nowhere is refused`(pair: String, message: String) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let plan = try directory.write("plan.yaml", Data(FrameRig.plan.utf8))
    let memory = try directory.write("memory", Data())
    let outcome = try Dpaac.tool.run([
      "attach", plan, "--guest", "guest1", "--memory", memory, "--at", "0", "--doorbell",
      "\(directory.path)/bell", "--loopback", pair,
    ])
    #expect(outcome.status != 0)
    #expect(outcome.errorText.contains(message), "\(outcome.errorText)")
  }
}
