import Testing

@testable import DPAARuntime

/// Where the engine's tables lie in memory.
@Suite struct FlatTableTests {
  @Test(arguments: [1, 64, 4096, 1 << 15, 1 << 18])
  func `a table is zeroed and holds its last record`(count: Int) throws {
    let table = try FlatTable<UInt64>(count: count)
    #expect(table.base[0] == 0)
    #expect(table.base[count - 1] == 0)
    table.base[count - 1] = .max
    #expect(table.base[count - 1] == .max)
  }

  @Test func `large tables begin with a huge page`() throws {
    let table = try FlatTable<UInt64>(count: 1 << 18)
    #expect(Int(bitPattern: table.base) % (1 << 21) == 0)
  }

  @Test func `small tables begin in different sets of the cache`() throws {
    let first = try FlatTable<UInt64>(count: 1)
    let second = try FlatTable<UInt64>(count: 1)
    let third = try FlatTable<UInt64>(count: 1)
    let places = [first.base, second.base, third.base].map { Int(bitPattern: $0) % 4096 }
    #expect(Set(places).count > 1, "all begin at \(places[0])")
    #expect(places.allSatisfy { $0 % 128 == 0 })
  }
}
