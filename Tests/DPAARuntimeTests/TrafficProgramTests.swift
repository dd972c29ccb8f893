import DPAAPortal
import Partitioning
import QorIQ
import Testing

@testable import DPAARuntime

/// The program of guests that are measured, on engines of their own that run inline.
@Suite struct TrafficProgramTests {
  @Test func `orders are taken up in turn, and what cannot be is the nearest that can`() throws {
    let page = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 64)
    page.initializeMemory(as: UInt8.self, repeating: 0, count: 4096)
    defer { page.deallocate() }
    let first = TrafficOrder(.send, size: 1514, path: 3).give(in: page)
    let second = TrafficOrder(.echo, size: 0, path: 0, sleeps: true).give(in: page)
    #expect(second == first + 1)
    #expect(page.counter(TrafficOrder.Word.turn) == second)
    #expect(page.counter(TrafficOrder.Word.taken) == 0)
  }

  @Test func `a measured frame is one that rules find, at least as long as Ethernet's shortest`() {
    let frame = TrafficOrder.frame(100, to: 0xc612_0101)
    #expect(frame.count == 100)
    #expect(Array(frame[30..<34]) == [0xc6, 0x12, 0x01, 0x01])
    #expect(TrafficOrder.frame(1, to: 0).count == 60)
    #expect(TrafficOrder.mixture.filter { $0 == 60 }.count == 7)
    #expect(TrafficOrder.mixture.filter { $0 == 590 }.count == 4)
  }
}
