import QorIQ
import TestSupport
import Testing

@testable import DPAAPortal

/// What of a frame a filter has looked through.
@Suite struct ScannedPacketTests {
  private static let text: [UInt8] = Array("GET /".utf8)

  /// What is looked through, and what kind of frame it is: `segment`, `alone` or `odd`.
  private static func read(
    _ frame: [UInt8], head: Int? = nil
  ) -> (bytes: [UInt8], kind: String, isRight: Bool) {
    var frame = frame
    return frame.withUnsafeMutableBytes { bytes in
      let first = UnsafeMutableRawBufferPointer(rebasing: bytes[..<(head ?? bytes.count)])
      let packet = ScannedPacket(first, whole: bytes.count, path: 3)
      let kind =
        switch packet.kind {
        case .alone: "alone"
        case .odd: "odd"
        case .segment: "segment"
        }
      let isSegment = kind == "segment" && head == nil
      return (
        Array(bytes[packet.skip..<packet.skip + packet.count]), kind,
        isSegment && packet.hasRightChecksum(bytes)
      )
    }
  }

  @Test func `payloads are found behind every header, without what fills up a frame`() {
    let (tcp, udp) = (Frame.Segment.tcp(to: 80, Self.text), Frame.Segment.udp(to: 53, Self.text))
    let wide: (UInt64, UInt64) = (0xfd00 << 48, 1)
    let frames: [(Frame.Payload, String)] = [
      (.ipv4(to: 1, tcp), "segment"), (.ipv4(to: 1, udp), "alone"),
      (.vlan(5, .ipv4(to: 1, tcp)), "segment"),
      (.vlan(5, type: 0x88a8, .vlan(6, .ipv4(to: 1, tcp))), "segment"),
      (.ipv4(to: 1, tcp, options: [1, 1, 1, 0]), "segment"),
      (.ipv6(to: wide, tcp), "segment"), (.ipv6(to: wide, udp), "alone"),
      (.ipv6(to: wide, tcp, extensions: [(0, [0, 1, 4, 0, 0, 0, 0])]), "segment"),
      (
        .ipv6(
          to: wide, tcp, extensions: [(60, [0, 1, 4, 0, 0, 0, 0]), (44, [0, 0, 0, 0, 0, 0, 9])]),
        "segment"
      ),
      (.ipv4(to: 1, .raw(132, Self.text)), "alone"), (.raw(0x88b5, Self.text), "alone"),
    ]
    for (payload, kind) in frames {
      let found = Self.read(Frame.ethernet(payload))
      if payload.type == 0x88b5 {
        // Nobody says how long it is.
        #expect(found.bytes.starts(with: Self.text) && found.bytes.count == 46)
      } else {
        #expect(found.bytes == Self.text, "\(payload)")
      }
      #expect(found.kind == kind, "\(payload)")
      #expect(found.isRight == (kind == "segment"), "\(payload)")
    }
  }

  @Test func `a segment's checksum is all of it`() {
    let frame = Frame.ethernet(.ipv4(to: 1, .tcp(to: 80, Self.text)))
    for place in 26..<14 + 20 + 20 + Self.text.count {
      var other = frame
      other[place] ^= 1
      let found = Self.read(other)
      #expect(!found.isRight, "\(place)")
    }
  }

  @Test func `a segment behind a wrong IPv4 header is not one`() {
    let frame = Frame.ethernet(.ipv4(to: 1, .tcp(to: 80, Self.text)))
    #expect(Self.read(frame).isRight)
    // Bytes that TCP's checksum knows nothing of: the type of service, the time to live, the checksum.
    for place in [15, 22, 24, 25] {
      var other = frame
      other[place] ^= 1
      #expect(Self.read(other).kind == "segment")
      #expect(!Self.read(other).isRight, "\(place)")
    }
  }

  /// The connection of a frame.
  private static func key(_ frame: [UInt8]) -> ScanFlowKey? {
    var frame = frame
    return frame.withUnsafeMutableBytes {
      guard case .segment(let key, _, _) = ScannedPacket($0, whole: $0.count, path: 0).kind else {
        return nil
      }
      return key
    }
  }

  @Test func `connections of different VLANs are different, whatever their tags add up to`() {
    let tcp = Frame.Payload.ipv4(to: 1, .tcp(to: 80, Self.text))
    func tagged(_ tags: UInt16...) -> ScanFlowKey? {
      Self.key(Frame.ethernet(tags.reversed().reduce(tcp) { .vlan($1, $0) }))
    }
    let keys: [ScanFlowKey] = [
      tagged(), tagged(0), tagged(131), tagged(1, 100), tagged(100, 131), tagged(101, 100),
      tagged(0, 131), tagged(131, 0), tagged(0, 0), tagged(1, 2, 3, 4), tagged(2, 2, 3, 4),
    ].compactMap { $0 }
    #expect(keys.count == 11)
    for (place, key) in keys.enumerated() { #expect(keys.firstIndex(of: key) == place) }
  }

  @Test func `a segment on its way by a routing header is for who takes it in the end`() throws {
    let end: (UInt64, UInt64) = (0xfd00 << 48, 1)
    let address = Frame.big(end.0) + Frame.big(end.1)
    let other = [UInt8](repeating: 0xfe, count: 16)
    let plain = try #require(Self.key(Frame.ethernet(.ipv6(to: end, .tcp(to: 80, Self.text)))))
    func routed(_ type: UInt8, left: UInt8, _ addresses: [UInt8]) -> [UInt8] {
      let front: [UInt8] = [UInt8(addresses.count / 8), type, left, 0, 0, 0, 0]
      let header: (number: UInt8, rest: [UInt8]) = (43, front + addresses)
      var frame = Frame.ethernet(
        .ipv6(to: end, .tcp(to: 80, Self.text), extensions: [header]))
      // The sum is of the last one's; who it goes to next stands in the header.
      if left > 0 { frame.replaceSubrange(38..<54, with: other) }
      return frame
    }
    for frame in [
      routed(2, left: 1, address), routed(0, left: 1, other + address),
      routed(4, left: 1, address + other), routed(4, left: 0, other + other),
    ] {
      #expect(Self.read(frame).isRight)
      #expect(Self.key(frame) == plain)
    }
    #expect(Self.read(routed(0, left: 1, address + other)).isRight == false)
    // What is no address, or not all there, and a type of which nobody knows where its last one stands.
    #expect(Self.read(routed(2, left: 1, [])).kind == "odd")
    #expect(Self.read(routed(3, left: 1, address)).kind == "odd")
    #expect(Self.read(routed(2, left: 1, address), head: 70).kind == "odd")
  }

  @Test func `fragments and headers that are none are told from others`() {
    let tcp = Frame.Segment.tcp(to: 80, Self.text)
    let wide: (UInt64, UInt64) = (0xfd00 << 48, 1)
    let sound = Frame.ethernet(.ipv4(to: 1, tcp))
    func changed(_ place: Int, _ value: UInt8) -> [UInt8] {
      var frame = sound
      frame[place] = value
      return frame
    }
    let odd = [
      Frame.ethernet(.ipv4(to: 1, tcp, isFragment: true)),
      Frame.ethernet(.ipv4(to: 1, tcp, fragment: 3)),
      Frame.ethernet(.ipv6(to: wide, tcp, extensions: [(44, [0, 0, 1, 0, 0, 0, 9])])),
      Frame.ethernet(.ipv6(to: wide, tcp, extensions: [(44, [0, 1, 0, 0, 0, 0, 9])])),
      Frame.ethernet(.ipv6(to: wide, tcp, extensions: [(0, [9, 1, 4, 0, 0, 0, 0])])),
      // IPv4's version, header and length; TCP's header; a packet without a segment.
      changed(14, 0x55), changed(14, 0x44), changed(14, 0x4f), changed(17, 19), changed(17, 200),
      changed(46, 0x40), changed(46, 0xf0), Frame.ethernet(.ipv4(to: 1, .raw(6, [1, 2, 3]))),
      Frame.ethernet(.ipv4(to: 1, .raw(17, [1, 2, 3]))), Array(sound.prefix(13)), [],
      Array(sound.prefix(30)),
    ]
    for frame in odd { #expect(Self.read(frame).kind == "odd", "\(frame)") }
    // In several buffers, of which the first ends within the headers.
    for head in 0..<54 {
      let kind = Self.read(sound, head: head).kind
      #expect(kind == "odd", "\(head)")
    }
    #expect(Self.read(sound, head: 54).kind == "segment")
  }

  @Test func `any bytes are some kind of frame, and nothing behind them is read`() {
    var random = SeededGenerator(seed: 3)
    let wide: (UInt64, UInt64) = (0xfd00 << 48, 1)
    let sound = [
      Frame.ethernet(.vlan(5, .ipv4(to: 1, .tcp(to: 80, Self.text)))),
      Frame.ethernet(
        .ipv6(to: wide, .tcp(to: 80, Self.text), extensions: [(0, [0, 1, 4, 0, 0, 0, 0])])),
    ]
    for _ in 0..<20_000 {
      var frame = sound[random.below(2)]
      for _ in 0..<1 + random.below(4) { frame[random.below(frame.count)] = random.byte() }
      frame.removeLast(random.below(frame.count + 1))
      // An access behind the bytes, or a range that is none, would stop the test.
      _ = Self.read(frame, head: random.below(3) == 0 ? random.below(frame.count + 1) : nil)
    }
  }

  @Test(arguments: [(0x1fff - 54, true), (0x2000 - 54, false)])
  func `a first piece that would begin farther behind than can be said is not narrowed`(
    offset: Int, fits: Bool
  ) {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 1 << 15, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: 1 << 15)
    defer { memory.deallocate() }
    // UDP over IPv4, whose payload begins behind 42 bytes; and a VLAN tag and an option for 12 more.
    let frame = memory + (1 << 14)
    let head: [UInt8] =
      [
        2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0, 5, 8, 0, 0x47, 0, 0x03, 0xe8, 0, 0, 0, 0,
        64, 17,
      ]
    for (place, byte) in head.enumerated() {
      frame.storeBytes(of: byte, toByteOffset: place, as: UInt8.self)
    }
    frame.storeBytes(of: UInt16(1000 - 28).bigEndian, toByteOffset: 18 + 28 + 4, as: UInt16.self)
    let packet = ScannedPacket(
      UnsafeMutableRawBufferPointer(start: frame, count: 1018), whole: 1018, path: 0)
    #expect(packet.skip == 54)
    FragmentEntry(bpid: 1, address: 0, offset: UInt32(offset), length: 1018, isFinal: true)
      .write(to: memory + 64)
    var descriptor = FrameDescriptor(bpid: 1, address: 0, offset: 64, length: 1018)
    descriptor.formatLength |= 4 << 29
    let buffer = Buffer(
      descriptor: descriptor, queue: 1, context: 0, capacity: 1 << 14, memory: memory)
    #expect(ScanNote.fits(buffer, packet, head: 1018) == fits)
    _ = buffer.take()
  }

  /// Bytes that are passed over of a frame behind an offset, and whether there is room to say so.
  @Test(
    arguments: [
      (24, 0, true), (24, 487, true), (24, 488, false), (55, 456, true), (55, 457, false),
      (56, 455, true), (56, 456, true), (64, 999, true),
    ] as [(UInt32, Int, Bool)])
  func `what is passed over is not looked through, and a frame is what it was behind that`(
    offset: UInt32, count: Int, fits: Bool
  ) {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 2048, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: 2048)
    defer { memory.deallocate() }
    let descriptor = FrameDescriptor(bpid: 1, address: 0x1000, offset: offset, length: 1000)
    var buffer = Buffer(
      descriptor: descriptor, queue: 1, context: 0, capacity: 2048, memory: memory)
    var note = ScanNote(
      ScannedPacket(wholeFrame: 1000), path: 2, formatLength: descriptor.formatLength)
    let isPassed = note.pass(over: count, of: buffer)
    #expect(isPassed == fits)
    #expect(note.skip == (fits ? count : 0) && note.skip + note.count == 1000)
    note.narrow(&buffer)
    let narrowed = buffer.descriptor
    let kept = ScanNote(of: buffer)
    #expect(kept == note)
    // A request names the bytes themselves; a descriptor has them behind its offset.
    let input = FragmentEntry(UnsafeRawPointer(memory) + FragmentEntry.size)
    let isRequest = fits && Int(offset) + count > 511
    #expect(narrowed.isCompound == isRequest)
    let start = isRequest ? input.address : narrowed.address + UInt64(narrowed.offset)
    #expect(start == 0x1000 + UInt64(offset) + UInt64(note.skip))
    #expect((isRequest ? input.length : narrowed.length) == UInt32(note.count))
    note.widen(&buffer)
    let widened = buffer.take()
    #expect(widened == descriptor)
  }
}
