@testable import Partitioning
import QorIQ
import Testing

@Suite struct QueueLayoutTests {
  private func path(spreads: Bool) -> TrafficMap.Path {
    TrafficMap.Path(name: "p", target: .interface(0), spreads: spreads)
  }

  @Test(arguments: [
    (101, 100, 128, 64), (201, 200, 256, 128), (401, 600, 512, 128), (1, 100, 32, 32),
    (128, 128, 128, 64), (128, 130, 128, 128), (64, 3, 64, 2), (65, 3, 66, 2),
  ]) func `a spread gets the largest aligned block that leaves room for the rest`(
    first: UInt32, count: UInt32, base: UInt32, size: UInt32
  ) throws {
    let layout = try #require(
      QueueLayout(
        paths: [path(spreads: true)], hops: 0,
        in: [QueueRange(first: FQID(first), count: count)]))
    #expect(layout.receive == [QueueRange(first: FQID(base), count: size)])
    #expect(layout.transmit.count == 1)
    #expect(!layout.receive[0].contains(layout.transmit[0]))
  }

  @Test func `two spreads get blocks of one size`() throws {
    let layout = try #require(
      QueueLayout(
        paths: [path(spreads: true), path(spreads: false), path(spreads: true)], hops: 1,
        in: [QueueRange(first: 101, count: 100), QueueRange(first: 300, count: 40)]))
    #expect(layout.receive.map(\.description) == ["128-159", "104", "160-191"])
    #expect(layout.transmit == [101, 102, 103])
    #expect(layout.hops == [105])
  }

  @Test func `spreads of sizes of their own find room where their order leaves none`() throws {
    var small = path(spreads: true)
    small.spreadQueues = 16
    var large = path(spreads: true)
    large.spreadQueues = 64
    let tight = try #require(
      QueueLayout(
        paths: [small, large], hops: 0, in: [QueueRange(first: 64, count: 84)]))
    #expect(tight.receive.map(\.description) == ["128-143", "64-127"])
    #expect(tight.transmit == [144, 145])
    // Where their order has room, it is kept: locks and tables stay as they are.
    let wide = try #require(
      QueueLayout(
        paths: [small, large], hops: 0, in: [QueueRange(first: 64, count: 200)]))
    #expect(wide.receive.map(\.description) == ["64-79", "128-191"])
  }

  @Test func `too few queues give no layout`() {
    let paths = [path(spreads: true), path(spreads: false)]
    #expect(QueueLayout.minimum(paths: paths, hops: 1) == 5)
    #expect(QueueLayout(paths: paths, hops: 1, in: [QueueRange(first: 9, count: 4)]) == nil)
    #expect(QueueLayout(paths: paths, hops: 1, in: [QueueRange(first: 9, count: 5)]) != nil)
  }

  @Test func `memory is placed lowest first on a multiple of its own power of two`() {
    var placer = MemoryPlacer(size: 1 << 30)
    #expect(placer.place(96 << 20)?.base == 0)
    #expect(placer.place(256 << 20)?.base == 256 << 20)
    #expect(placer.place(32 << 20)?.base == 96 << 20)
    #expect(placer.place(512 << 20)?.base == 512 << 20)
    #expect(placer.place(256 << 20) == nil)
    #expect(placer.place(UInt64.max) == nil)
    #expect(placer.place(0) == nil)
  }

  @Test func `gaps are found between, before and behind claims, wherever these lie`() {
    let usable = QueueRange(first: 1, count: 99)
    var gaps = QueueGaps(
      usable: usable,
      claims: [
        QueueRange(first: 90, count: 50), QueueRange(first: 500, count: 5),
        QueueRange(first: 20, count: 10), QueueRange(first: 25, count: 10),
        QueueRange(first: 0, count: 3),
      ])
    #expect(gaps.total == 17 + 55)
    #expect(gaps.longest == 55)
    #expect(gaps.take(17, from: 35) == QueueRange(first: 35, count: 17))
    #expect(gaps.take(17, from: 80) == QueueRange(first: 3, count: 17))
    #expect(gaps.take(50) == nil)
    #expect(gaps.take(38) == QueueRange(first: 52, count: 38))
    #expect(gaps.total == 0)
  }

  @Test func `strides avoid bare powers of two`() {
    #expect(PoolLayout.stride(ofBufferSize: 2048) == 2112)
    #expect(PoolLayout.stride(ofBufferSize: 1024) == 1088)
    #expect(PoolLayout.stride(ofBufferSize: 512) == 512)
    #expect(PoolLayout.stride(ofBufferSize: 1728) == 1728)
    #expect(PoolLayout.stride(ofBufferSize: 2047) == 2112)
    #expect(PoolLayout.stride(ofBufferSize: 125) == 128)
  }
}
