import DPAAPortal
import QorIQ
import TestSupport
import Testing

@testable import DPAARuntime

@Suite struct BufferPoolTests {
  /// A pool with tables of its own.
  private final class Tables {
    let holders: FlatTable<UInt8>
    let freeList: FlatTable<UInt32>
    let fragments: FlatTable<Fragment>
    let memory: FlatTable<UInt8>
    var pool: BufferPool

    init(count: UInt32 = 8, base: UInt64 = 0x8010_0000, stride: UInt32 = 2112) throws {
      let holders = try FlatTable<UInt8>(count: Int(count))
      let freeList = try FlatTable<UInt32>(count: Int(count))
      let fragments = try FlatTable<Fragment>(count: Int(count))
      let memory = try FlatTable<UInt8>(count: Int(count) * Int(stride))
      pool = BufferPool(
        GuestGrant.Pool(bpid: 7, base: base, count: count, size: 2048, stride: stride), owner: 1,
        memory: UnsafeMutableRawPointer(memory.base), holders: holders.base,
        freeList: freeList.base, fragments: fragments.base)
      self.fragments = fragments
      self.holders = holders
      self.freeList = freeList
      self.memory = memory
    }

    func acquire(for holder: UInt8) -> UInt32? { pool.acquire(for: holder) }
    func release(_ buffer: UInt32, from holder: UInt8) -> Bool {
      pool.release(buffer, from: holder)
    }
    func reclaim(from holder: UInt8) -> UInt32 { pool.reclaim(from: holder) }
  }

  private static let guest = BufferPool.holder(1)
  private static let other = BufferPool.holder(2)

  @Test func `the buffer that was released last is taken first`() throws {
    let tables = try Tables()
    #expect((0..<8).map { _ in tables.acquire(for: Self.guest) } == Array(0..<8))
    #expect(tables.acquire(for: Self.guest) == nil)
    for buffer in [3, 1, 6] as [UInt32] { #expect(tables.release(buffer, from: Self.guest)) }
    #expect((0..<3).map { _ in tables.acquire(for: Self.guest) } == [6, 1, 3])
    #expect(tables.pool.lowestFree == 0)
    #expect(tables.pool.freeCount == 0)
  }

  @Test func `a buffer is released by its holder, and once`() throws {
    let tables = try Tables()
    let buffer = try #require(tables.acquire(for: Self.guest))
    #expect(!tables.release(buffer, from: Self.other))
    #expect(!tables.release(buffer, from: BufferPool.engine))
    #expect(!tables.release(5, from: Self.guest), "5 is free")
    #expect(tables.pool.freeCount == 7)
    #expect(tables.release(buffer, from: Self.guest))
    #expect(!tables.release(buffer, from: Self.guest))
    #expect(tables.pool.freeCount == 8)
  }

  @Test func `a buffer passes on only from its holder`() throws {
    let tables = try Tables()
    let buffer = try #require(tables.acquire(for: Self.guest))
    #expect(!tables.pool.transfer(buffer, from: Self.other, to: BufferPool.engine))
    #expect(tables.pool.transfer(buffer, from: Self.guest, to: BufferPool.engine))
    #expect(!tables.pool.transfer(buffer, from: Self.guest, to: BufferPool.engine))
    #expect(!tables.release(buffer, from: Self.guest))
    #expect(tables.release(buffer, from: BufferPool.engine))
  }

  @Test(
    arguments: [
      (0x8010_0000, 8, 2112), (0, 8, 2112), (0xff_0000_0000, 8, 2048), (1, 3, 4097),
    ] as [(UInt64, UInt32, UInt32)])
  func `only the start of a buffer is its address`(
    base: UInt64, count: UInt32, stride: UInt32
  ) throws {
    let tables = try Tables(count: count, base: base, stride: stride)
    let size = UInt64(count) * UInt64(stride)
    for offset in 0..<size {
      let expected = offset % UInt64(stride) == 0 ? UInt32(offset / UInt64(stride)) : nil
      guard tables.pool.buffer(at: base + offset) == expected else {
        Issue.record("offset \(offset)")
        return
      }
    }
    #expect(tables.pool.buffer(at: base + size) == nil)
    #expect(tables.pool.buffer(at: base &- 1) == nil)
    #expect(tables.pool.buffer(at: base &- UInt64(stride)) == nil)
    #expect(tables.pool.buffer(at: UInt64.max) == nil)
    #expect(tables.pool.buffer(at: base + size + 1 << 32) == nil)
    for buffer in 0..<count {
      #expect(tables.pool.buffer(at: tables.pool.address(of: buffer)) == buffer)
      #expect(tables.pool.pointer(to: buffer) == tables.pool.memory + Int(buffer * stride))
    }
  }

  @Test func `what a holder has is taken back, and nothing else`() throws {
    let tables = try Tables()
    let mine = (0..<3).compactMap { _ in tables.acquire(for: Self.guest) }
    _ = tables.acquire(for: Self.other)
    _ = tables.acquire(for: BufferPool.engine)
    #expect(tables.pool.heldCount(by: Self.guest) == 3)
    #expect(tables.reclaim(from: Self.guest) == 3)
    #expect(tables.reclaim(from: Self.guest) == 0)
    #expect(tables.pool.freeCount == 6)
    #expect(tables.pool.heldCount(by: Self.other) == 1)
    #expect(tables.pool.heldCount(by: BufferPool.engine) == 1)
    #expect(mine.allSatisfy { !tables.release($0, from: Self.guest) })
  }

  @Test func `a pool that was given up recovers when a quarter of it is free`() throws {
    let tables = try Tables()
    for _ in 0..<8 { _ = tables.acquire(for: Self.guest) }
    tables.pool.isGivenUp = true
    #expect(tables.release(0, from: Self.guest))
    #expect(tables.pool.isGivenUp)
    #expect(tables.release(1, from: Self.guest))
    #expect(!tables.pool.isGivenUp)
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func `each buffer has one holder, whatever is asked for`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let count = 1 + random.below(40)
    let tables = try Tables(count: UInt32(count))
    var model = [UInt8](repeating: BufferPool.free, count: count)
    var lowest = count
    let holders = [Self.guest, Self.other, BufferPool.engine]
    for _ in 0..<10_000 {
      let holder = holders[random.below(3)]
      let buffer = UInt32(random.below(count))
      switch random.below(4) {
      case 0:
        if let taken = tables.acquire(for: holder) {
          try #require(model[Int(taken)] == BufferPool.free, "\(random)")
          model[Int(taken)] = holder
        } else {
          try #require(!model.contains(BufferPool.free), "\(random)")
        }
      case 1:
        let isHeld = model[Int(buffer)] == holder
        try #require(tables.release(buffer, from: holder) == isHeld, "\(random)")
        if isHeld { model[Int(buffer)] = BufferPool.free }
      case 2:
        let next = holders[random.below(3)]
        let isHeld = model[Int(buffer)] == holder
        try #require(tables.pool.transfer(buffer, from: holder, to: next) == isHeld, "\(random)")
        if isHeld { model[Int(buffer)] = next }
      default:
        guard random.below(50) == 0 else { continue }
        let held = model.count { $0 == holder }
        try #require(tables.reclaim(from: holder) == UInt32(held), "\(random)")
        model = model.map { $0 == holder ? BufferPool.free : $0 }
      }
      let free = model.count { $0 == BufferPool.free }
      lowest = min(lowest, free)
      try #require(tables.pool.freeCount == UInt32(free), "\(random)")
      try #require(tables.pool.lowestFree == UInt32(lowest), "\(random)")
    }
  }
}
