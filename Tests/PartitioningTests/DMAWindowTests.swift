@testable import Partitioning
import QorIQ
import TestSupport
import Testing

/// Windows as PAMU has them.
@Suite struct DMAWindowTests {
  private func cut(_ pieces: [(UInt64, UInt64)]) -> DMAWindow? {
    DMAWindow(
      covering: pieces.map { (memory: AddressRange(base: $0.0, size: $0.1), purpose: "memory") })
  }

  @Test func `a power of two on a multiple of itself is one window`() throws {
    let window = try #require(cut([(0x8000_0000, 512 << 20)]))
    #expect(window.size == 512 << 20 && window.slotCount == 1)
    #expect(window.mappings.map(\.guestAddress) == [0])
  }

  @Test func `what is none is cut into few slots, what is shared comes behind`() throws {
    let window = try #require(cut([(0x6000_0000, 1536 << 20), (0xc000_0000, 1 << 20)]))
    #expect(window.slotCount == 4)
    #expect(window.size == 2 << 30)
    #expect(window.mappings.map(\.memory.size) == [512 << 20, 512 << 20, 512 << 20, 1 << 20])
    #expect(window.mappings.last?.guestAddress == 1536 << 20)
  }

  @Test(arguments: [(0x1000, 0x2000), (0, 4095), (0x800, 4096), (0, 1 << 20 | 1 << 14 | 1 << 12)])
  func `what no slots map is no window`(base: UInt64, size: UInt64) {
    // A window of two slots of 4 KiB holds 8 KiB on any page; the others cannot be said.
    let found = cut([(base, size)])
    #expect((found != nil) == (base == 0x1000))
  }

  @Test func `memory that the planner places always has a window that reaches nobody else`() throws
  {
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<500 {
      var placer = MemoryPlacer(size: 8 << 30)
      var places: [AddressRange] = []
      for _ in 0..<6 {
        let pages = UInt64.random(in: 1...200_000, using: &generator)
        guard let place = placer.place(pages * 4096) else { continue }
        places.append(place)
      }
      for (index, place) in places.enumerated() {
        let room = MemoryPlacer.room(for: place.size)
        let window = try #require(cut([(place.base, room)]), "\(place)")
        let covered = window.mappings.reduce(UInt64(0)) { $0 + $1.memory.size }
        #expect(covered == room && room >= place.size)
        #expect(window.slotCount <= DMAWindow.slotLimit)
        for mapping in window.mappings {
          #expect(mapping.memory.size & (mapping.memory.size - 1) == 0)
          #expect(mapping.memory.base % mapping.memory.size == 0)
          #expect(mapping.guestAddress % (window.size / UInt64(window.slotCount)) == 0)
          for (other, foreign) in places.enumerated() where other != index {
            #expect(!mapping.memory.overlaps(foreign))
          }
        }
      }
    }
  }
}
