import TestSupport
import Testing

@testable import DPAAPortal

@Suite struct PrefixTableTests {
  /// What a lookup must find, by looking at every route.
  private static func longest(_ routes: [IPv4PrefixTable.Route], _ address: UInt32) -> UInt32? {
    var found: IPv4PrefixTable.Route?
    for route in routes where (route.prefix ^ address) >> (32 - UInt32(route.length)) == 0 {
      if route.length >= found?.length ?? 0 { found = route }
    }
    return found?.value
  }

  private static func longest(
    _ routes: [IPv6PrefixTable.Route], _ high: UInt64, _ low: UInt64
  ) -> UInt32? {
    let address = UInt128(high) << 64 | UInt128(low)
    var found: IPv6PrefixTable.Route?
    for route in routes {
      let prefix = UInt128(route.high) << 64 | UInt128(route.low)
      guard (prefix ^ address) >> (128 - UInt128(route.length)) == 0 else { continue }
      if route.length >= found?.length ?? 0 { found = route }
    }
    return found?.value
  }

  /// Routes of all lengths, most of which lie inside others.
  private static func routes(
    _ count: Int, _ random: inout SeededGenerator
  ) -> [IPv4PrefixTable.Route] {
    var routes: [IPv4PrefixTable.Route] = []
    for value in 0..<count {
      // A part of another one's bits, and then others.
      let base = routes.isEmpty ? 0 : routes[random.below(routes.count)].prefix
      let kept = UInt32(random.below(33))
      let noise = UInt32(truncatingIfNeeded: random.next()) >> kept
      routes.append((base ^ noise, UInt8(random.below(33)), UInt32(value)))
    }
    return routes
  }

  private static func wideRoutes(
    _ count: Int, _ random: inout SeededGenerator
  ) -> [IPv6PrefixTable.Route] {
    var routes: [IPv6PrefixTable.Route] = []
    for value in 0..<count {
      let base: IPv6PrefixTable.Route =
        routes.isEmpty ? (0, 0, 0, 0) : routes[random.below(routes.count)]
      let noise =
        (UInt128(random.next()) << 64 | UInt128(random.next())) >> UInt128(random.below(129))
      routes.append(
        (
          base.high ^ UInt64(truncatingIfNeeded: noise >> 64),
          base.low ^ UInt64(truncatingIfNeeded: noise), UInt8(random.below(129)), UInt32(value)
        ))
    }
    return routes
  }

  @Test(arguments: 1...60 as ClosedRange<UInt64>)
  func `random IPv4 tables agree with a look at every route`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let routes = Self.routes(1 + random.below(200), &random)
    let table = try IPv4PrefixTable(routes)
    for _ in 0..<300 {
      let base = routes[random.below(routes.count)].prefix
      let address = base ^ UInt32(truncatingIfNeeded: random.next()) >> UInt32(random.below(33))
      #expect(table.lookup(address) == Self.longest(routes, address), "\(random) \(address)")
    }
  }

  @Test(arguments: 1...60 as ClosedRange<UInt64>)
  func `random IPv6 tables agree with a look at every route`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let routes = Self.wideRoutes(1 + random.below(200), &random)
    let table = try IPv6PrefixTable(routes)
    for _ in 0..<300 {
      let base = routes[random.below(routes.count)]
      let bits = random.below(129)
      let high = base.high ^ random.next() >> UInt64(min(bits, 64))
      let low = base.low ^ random.next() >> UInt64(max(bits, 64) - 64)
      #expect(table.lookup(high, low) == Self.longest(routes, high, low), "\(random)")
    }
  }

  @Test(arguments: 1...40 as ClosedRange<UInt64>)
  func `routes that crowd in a region agree with a look at every route`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let common = UInt8(random.below(64))
    let region = random.next()
    func inside() -> UInt64 {
      common == 0
        ? random.next() : region & ~(UInt64.max >> UInt64(common)) | random.next() >> UInt64(common)
    }
    var routes: [IPv6PrefixTable.Route] = (0..<100).map { value in
      (inside(), random.next(), UInt8(min(128, Int(common) + 1 + random.below(60))), value)
    }
    // Some that contain the region or part of it, some elsewhere.
    for value in 100..<106 as Range<UInt32> {
      routes.append((region, 0, UInt8(random.below(Int(common) + 2)), value))
    }
    if random.below(2) == 0 { routes.append((random.next(), 5, 40, 106)) }
    routes.shuffle(using: &random)
    let table = try IPv6PrefixTable(routes)
    let smallest = try IPv6PrefixTable(smallestOf: routes)
    for _ in 0..<300 {
      let base = routes[random.below(routes.count)]
      let bits = UInt64(random.below(65))
      let high =
        random.below(4) == 0 ? inside() : base.high ^ (bits == 64 ? 0 : random.next() >> bits)
      #expect(
        table.lookup(high, base.low) == Self.longest(routes, high, base.low), "\(random)")
      let found = routes.filter { Self.longest([$0], high, base.low) != nil }.map(\.value).min()
      #expect(smallest.lookup(high, base.low) == found, "\(random)")
    }
  }

  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func `routes that crowd at one place of the root agree with a look at every route`(
    seed: UInt64
  ) throws {
    var random = SeededGenerator(seed: seed)
    // Two crowds, so that no region has nearly all and a root tells them apart and no more: a dozen to some hundred of
    // a place's steps are some levels of spans.
    let crowds: [UInt64] = [0x2001_0db8_0000_0000, 0xfd00_0000_0000_0000]
    let count = [5, 20, 100, 400][Int(seed % 4)]
    var routes: [IPv6PrefixTable.Route] = []
    for value in 0..<2 * UInt32(count) {
      let noise = random.next()
      let high = crowds[Int(value) % 2] | noise & (random.below(2) == 0 ? 0xff : 0xff_ffff_ffff)
      let length = [44, 48, 56, 60, 63, 64, 64, 72, 128][random.below(9)]
      routes.append((high, length > 64 ? noise : 0, UInt8(length), value))
    }
    let table = try IPv6PrefixTable(routes)
    for route in routes {
      // At both of its edges and one beside them.
      let last = route.high | (.max >> UInt64(min(route.length, 64)))
      let first = last & ~(.max >> UInt64(min(route.length, 64)))
      for high in [first, first &- 1, last, last &+ 1] {
        for low in [0, route.low, .max] {
          #expect(table.lookup(high, low) == Self.longest(routes, high, low), "\(random)")
        }
      }
    }
  }

  @Test func `each address of a table full of neighbours finds its own route`() throws {
    // 256 in one node, 256 in the next level, and one for the rest.
    var routes: [IPv4PrefixTable.Route] = [(0, 0, 9999)]
    for byte in 0..<256 as Range<UInt32> {
      routes.append((0x0a01_0000 | byte << 8, 24, byte))
      routes.append((0x0a01_0700 | byte, 32, 1000 + byte))
    }
    let table = try IPv4PrefixTable(routes)
    for byte in 0..<256 as Range<UInt32> {
      #expect(table.lookup(0x0a01_0000 | byte << 8 | 99) == (byte == 7 ? 1099 : byte))
      #expect(table.lookup(0x0a01_0700 | byte) == 1000 + byte)
    }
    #expect(table.lookup(0x0a02_0000) == 9999)
  }

  @Test func `an empty table has no route`() throws {
    let none: [IPv4PrefixTable.Route] = []
    let nothing: [IPv6PrefixTable.Route] = []
    #expect(try IPv4PrefixTable(none).lookup(0) == nil)
    #expect(try IPv4PrefixTable(none).lookup(.max) == nil)
    #expect(try IPv6PrefixTable(nothing).lookup(0, 0) == nil)
    #expect(try IPv6PrefixTable(nothing).lookup(.max, .max) == nil)
  }

  @Test func `a default route takes every address that no other does`() throws {
    let table = try IPv4PrefixTable([(0, 0, 0), (.max, 32, 1)])
    #expect(table.lookup(0) == 0)
    #expect(table.lookup(.max - 1) == 0)
    #expect(table.lookup(.max) == 1)
    let wide = try IPv6PrefixTable([(1, 2, 0, 5), (.max, .max, 128, 6)])
    #expect(wide.lookup(0, 0) == 5)
    #expect(wide.lookup(.max, .max - 1) == 5)
    #expect(wide.lookup(.max, .max) == 6)
  }

  @Test(arguments: 0...32 as ClosedRange<UInt8>)
  func `an IPv4 route alone ends at its last bit`(length: UInt8) throws {
    let table = try IPv4PrefixTable([(0xa5c3_96f1, length, 7)])
    #expect(table.lookup(0xa5c3_96f1) == 7)
    for bit in 0..<32 as Range<UInt32> {
      let isInside = bit < 32 - UInt32(length)
      #expect(table.lookup(0xa5c3_96f1 ^ 1 << bit) == (isInside ? 7 : nil), "bit \(bit)")
    }
  }

  @Test(arguments: [0, 1, 15, 16, 17, 63, 64, 65, 72, 127, 128] as [UInt8])
  func `an IPv6 route alone ends at its last bit`(length: UInt8) throws {
    let (high, low): (UInt64, UInt64) = (0xa5c3_96f1_0180_7ffe, 0x8001_c3a5_5aa5_0f0f)
    let table = try IPv6PrefixTable([(high, low, length, 7)])
    #expect(table.lookup(high, low) == 7)
    for bit in 0..<128 {
      let isInside = bit < 128 - Int(length)
      let other =
        bit < 64 ? (high, low ^ 1 << UInt64(bit)) : (high ^ 1 << UInt64(bit - 64), low)
      #expect(table.lookup(other.0, other.1) == (isInside ? 7 : nil), "bit \(bit)")
    }
  }

  @Test func `a chain of routes, each inside the one before, gives each its part`() throws {
    let wide = try IPv6PrefixTable(
      (0...128).map { length -> IPv6PrefixTable.Route in
        (.max, .max, UInt8(length), UInt32(length))
      })
    for bit in 0..<128 {
      // The first bit from the left that differs is where the chain ends.
      let other: (UInt64, UInt64) =
        bit < 64 ? (.max, .max ^ 1 << UInt64(bit)) : (.max ^ 1 << UInt64(bit - 64), .max)
      #expect(wide.lookup(other.0, other.1) == UInt32(127 - bit))
    }
    #expect(wide.lookup(.max, .max) == 128)
  }

  @Test func `the later of two routes with one prefix counts`() throws {
    let table = try IPv4PrefixTable([
      (0x0a00_0000, 24, 1), (0x0a00_00ff, 24, 2), (0x0b00_0000, 32, 3), (0x0b00_0000, 32, 4),
    ])
    #expect(table.lookup(0x0a00_0001) == 2)
    #expect(table.lookup(0x0b00_0000) == 4)
  }

  @Test func `what a table cannot hold is refused`() throws {
    #expect(throws: PrefixTableError.lengthBeyondAddress(33)) {
      _ = try IPv4PrefixTable([(0, 33, 0)])
    }
    #expect(throws: PrefixTableError.lengthBeyondAddress(129)) {
      _ = try IPv6PrefixTable([(0, 0, 129, 0)])
    }
    #expect(throws: PrefixTableError.valueTooLarge(0x7fff_ffff)) {
      _ = try IPv4PrefixTable([(0, 0, 0x7fff_ffff)])
    }
    let largest = PrefixTableError.largestValue
    #expect(try IPv4PrefixTable([(0, 0, largest)]).lookup(1) == largest)
  }

  /// Routes spread over the whole space, in a table for each length: an oracle for many.
  private struct ByLength {
    var tables = [[UInt128: UInt32]](repeating: [:], count: 129)

    static func cut(_ address: UInt128, _ length: Int) -> UInt128 {
      length == 0 ? 0 : address >> (128 - UInt128(length))
    }

    func lookup(_ address: UInt128) -> UInt32? {
      for length in (0...128).reversed() where !tables[length].isEmpty {
        if let value = tables[length][Self.cut(address, length)] { return value }
      }
      return nil
    }
  }

  @Test func `a large IPv4 table agrees with one dictionary for each length`() throws {
    var random = SeededGenerator(seed: 5)
    var oracle = ByLength()
    var routes: [IPv4PrefixTable.Route] = []
    for value in 0..<20_000 as Range<UInt32> {
      let prefix = UInt32(truncatingIfNeeded: random.next() >> 16)
      let length = 8 + random.below(25)
      routes.append((prefix, UInt8(length), value))
      oracle.tables[length][ByLength.cut(UInt128(prefix) << 96, length)] = value
    }
    let table = try IPv4PrefixTable(routes)
    for route in routes {
      let address = route.prefix ^ UInt32(random.below(1 << 12))
      #expect(table.lookup(address) == oracle.lookup(UInt128(address) << 96), "\(address)")
    }
    // Memory follows the routes: a root, and at most two lines for each.
    #expect(table.byteCount <= 1 << 18 + routes.count * 192)
  }

  @Test func `a large IPv6 table agrees with one dictionary for each length`() throws {
    var random = SeededGenerator(seed: 6)
    var oracle = ByLength()
    var routes: [IPv6PrefixTable.Route] = []
    for value in 0..<10_000 as Range<UInt32> {
      // Global unicast, sites of some providers.
      let high = 0x2000_0000_0000_0000 | random.next() >> 3
      let prefix = value % 3 > 0 ? routes[random.below(routes.count)].high ^ high >> 40 : high
      let length = 20 + random.below(109)
      let low = random.next()
      routes.append((prefix, low, UInt8(length), value))
      oracle.tables[length][ByLength.cut(UInt128(prefix) << 64 | UInt128(low), length)] = value
    }
    let table = try IPv6PrefixTable(routes)
    for route in routes {
      let high = route.high ^ random.next() >> UInt64(20 + random.below(45))
      let address = UInt128(high) << 64 | UInt128(route.low)
      #expect(table.lookup(high, route.low) == oracle.lookup(address))
    }
    #expect(table.byteCount <= 1 << 18 + routes.count * 192)
  }
}
