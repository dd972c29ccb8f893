import DPAAPortal
import QorIQ
import TestSupport
import Testing

@Suite struct PortalLayoutTests {
  @Test(arguments: [8, 16, 32, 64])
  func `a ring's index, polarity and registers follow each other`(size: Int) {
    let ring = RingShape(size: size)
    for index in 0..<UInt32(size * 5) {
      let place = index % UInt32(size)
      let isOne = index / UInt32(size) % 2 == 0
      #expect(ring.offset(index) == Int(place) * 64)
      #expect(ring.polarity(index) == (isOne ? 0x80 : 0))
      #expect(ring.consumerRegister(index) == place)
      #expect(ring.producerRegister(index) == place + (isOne ? UInt32(size) : 0))
      for behind in 0..<min(index, UInt32(size) - 1) {
        let consumer = ring.consumerRegister(index - behind)
        #expect(ring.occupancy(producer: index, consumerRegister: consumer) == behind)
      }
    }
  }

  @Test func `whatever a consumer register holds, the occupancy is less than the ring`() {
    let ring = RingShape(size: 8)
    for register in [0, 7, 8, 0x8000_0000, 0xffff_ffff] as [UInt32] {
      for producer in [0, 7, 8, 0xffff_ffff] as [UInt32] {
        #expect(ring.occupancy(producer: producer, consumerRegister: register) < 8)
      }
    }
  }

  @Test(arguments: 1...4)
  func `no window of a region overlaps another`(count: Int) {
    let window = PortalWindow(portalCount: count)
    let starts = (0..<count).flatMap {
      [
        (window.qmanCacheEnabled($0), 0x4000), (window.bmanCacheEnabled($0), 0x4000),
        (window.qmanCacheInhibited($0), 0x1000), (window.bmanCacheInhibited($0), 0x1000),
      ]
    }.sorted { $0.0 < $1.0 }
    var end = 0
    for (start, size) in starts {
      #expect(start == end)
      end += size
    }
    #expect(window.size == end)
  }

  @Test func `a descriptor's fields are where the hardware has them`() throws {
    let frame = FrameDescriptor(
      bpid: 0x3f, address: 0xab_cdef_0123, offset: 0x1aa, length: 0xf_1234, command: 0xdead_beef)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: 16, alignment: 8)
    defer { memory.deallocate() }
    frame.stamped(liodnOffset: 0x3c5).write(to: memory, offset: 0)
    #expect(
      Array(UnsafeRawBufferPointer(start: memory, count: 16)) == [
        0x05, 0x3f, 0xf0, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x1a, 0xaf, 0x12, 0x34, 0xde, 0xad, 0xbe,
        0xef,
      ])
    let read = FrameDescriptor(at: memory, offset: 0)
    #expect(read.bpid == 0x3f)
    #expect(read.address == 0xab_cdef_0123)
    #expect(read.offset == 0x1aa)
    #expect(read.length == 0xf_1234)
    #expect(read.format == 0)
    #expect(read.command == 0xdead_beef)
    #expect(read.liodnOffset == 0x3c5)
    #expect(read.stamped(liodnOffset: 0).liodnOffset == 0)
    #expect(read.resized(length: 60).length == 60)
    #expect(read.resized(length: 60).offset == 0x1aa)
  }

  @Test(arguments: [1, 2] as [UInt64])
  func `a stamp changes the identity and nothing else`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<5000 {
      let frame = FrameDescriptor(
        word0: random.next(), formatLength: UInt32(truncatingIfNeeded: random.next()),
        command: UInt32(truncatingIfNeeded: random.next()))
      let offset = UInt16(random.below(1024))
      let stamped = frame.stamped(liodnOffset: offset)
      #expect(stamped.liodnOffset == offset, "\(random)")
      #expect(stamped.stamped(liodnOffset: frame.liodnOffset) == frame, "\(random)")
      #expect(stamped.address == frame.address && stamped.bpid == frame.bpid, "\(random)")
    }
  }
}
