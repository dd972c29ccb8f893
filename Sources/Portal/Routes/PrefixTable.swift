public import CPortalShims
import Glibc

// SAFETY: every entry that leads on names a line inside the memory, and each line leads to later bytes
// of the address: `PrefixTableBuilder` makes them so, and nobody writes afterwards.
/// A longest-prefix table over addresses of up to 128 bits, in flat memory that lookups only read.
///
/// The first bits of an address choose a place of the root: an entry for IPv4, for which 16 bits choose, and
/// for IPv6 a whole span, of which there are more than routes, but 2^18 at most. An entry is a value, or leads to
/// one of four kinds of record that look at later bits:
///
/// | record | bytes | what |
/// |---|---|---|
/// | IPv4's span | 0…29 | at which values of the address's third and fourth byte its further entries begin, each less one; 65535 for none |
/// | | 30, 31 | 65535 |
/// | | 32… | its entries, 16 at most |
/// | IPv6's span | 0…39 | at which values of the upper half of the address its further entries begin, each less one; all ones for none |
/// | | 40…63 | its entries, 6 at most |
/// | node | 0…31 | a bit for each value of one byte of the address: set where another entry begins |
/// | | 32…35 | where its entries stand, in words from the table's start |
/// | | 36…38 | set bits in front of the second, third and fourth word of bits |
/// | | 39 | which byte of the address it looks at |
/// | list | 0…14 | at which values of a byte of the address its further entries begin, each less one; 255 for none |
/// | | 15 | which byte of the address it looks at |
/// | | 16… | its entries, 16 at most |
/// | comparison | 0…15 | the first bits of an address, in host order |
/// | | 16…27 | how many of them count; the entry if they are equal; the entry otherwise |
///
/// Nearly every lookup takes the same steps, whatever the number of routes, so that a processor guesses them and
/// works on the next addresses while memory answers for this one. For IPv4 they are two, since what few routes
/// have behind the root is one span, mostly in one cache line. For IPv6 it is one: a span of the root is a cache
/// line, which the address alone finds. Where more entries begin in it than it has, its own lead to further
/// spans, six to each, as in a B-tree.
///
/// A byte of which few values matter has a list, which is small; bits that all routes below an entry have in
/// common are compared at once. So a lookup passes, behind an address's second byte for IPv4 and its upper half for
/// IPv6, one list or node for each byte at most, with a comparison in front of it.
@usableFromInline
struct PrefixTable: ~Copyable {
  @usableFromInline let memory: UnsafeMutableRawPointer
  /// Bytes of the memory.
  @usableFromInline let size: Int
  /// 64 less the number of bits that choose an entry of the root.
  @usableFromInline let shift: UInt64

  /// The bits of an entry. Those that lead on are the greater half of all words; below them stand
  /// ``none`` and values, each one more than it is.
  @usableFromInline
  enum Entry {
    @usableFromInline static var none: UInt32 { 0 }
    @usableFromInline static var node: UInt32 { 0x8000_0000 }
    @usableFromInline static var comparison: UInt32 { 0xc000_0000 }
    @usableFromInline static var list: UInt32 { 0xe000_0000 }
    @usableFromInline static var span: UInt32 { 0xf000_0000 }
  }

  /// Takes a table's words, which begin with a root for so many bits.
  init(_ words: [UInt32], rootBits: Int) {
    size = words.count * 4
    shift = UInt64(64 - rootBits)
    // Large tables fill huge pages, so that looking up needs few of the TLB's entries.
    let page = size >= 1 << 20 ? 1 << 21 : 64
    let room = (size + page - 1) & ~(page - 1)
    memory = UnsafeMutableRawPointer.allocate(byteCount: room, alignment: page)
    if page > 64 { madvise(memory, room, 14 /* MADV_HUGEPAGE */) }
    words.withUnsafeBytes { bytes in
      if let start = bytes.baseAddress { memory.copyMemory(from: start, byteCount: size) }
    }
  }

  deinit { memory.deallocate() }

  /// The entry of the longest prefix of an address; ``Entry/none`` when it has none.
  @inlinable @inline(__always)
  func entry(_ high: UInt64, _ low: UInt64, isIPv4: Bool) -> UInt32 {
    let place = Int(truncatingIfNeeded: high &>> shift)
    var entry = isIPv4 ? word(place) : wide(memory + place &* 64, high)
    while entry >= Entry.node {
      if entry >= Entry.span {
        let span = memory + Int(truncatingIfNeeded: entry &- Entry.span) &* 8
        entry = isIPv4 ? narrow(span, high) : wide(span, high)
      } else if entry >= Entry.list {
        let place = Int(truncatingIfNeeded: entry &- Entry.list)
        entry = listed(memory + place &* 8, high, low)
      } else if entry < Entry.comparison {
        let place = Int(truncatingIfNeeded: entry &- Entry.node)
        entry = next(memory + place &* 64, high, low)
      } else {
        let place = Int(truncatingIfNeeded: entry &- Entry.comparison)
        entry = compared(memory + place &* 32, high, low)
      }
    }
    return entry
  }

  /// Whether it is more than what stays in a processor's second cache, so that lookups wait for memory.
  @inlinable var isLarge: Bool { size >= 1 << 19 }

  /// Has memory bring what the lookup of an address most likely reads last: the record that its entry of the
  /// root leads to, or its span of the root.
  @inlinable @inline(__always)
  func prefetch(_ high: UInt64, isIPv4: Bool) {
    let place = Int(truncatingIfNeeded: high &>> shift)
    guard isIPv4 else { return dpaac_prefetch(memory + place &* 64) }
    let entry = word(place)
    if entry >= Entry.list {
      dpaac_prefetch(memory + Int(truncatingIfNeeded: entry & 0x0fff_ffff) &* 8)
    } else if entry >= Entry.node, entry < Entry.comparison {
      dpaac_prefetch(memory + Int(truncatingIfNeeded: entry &- Entry.node) &* 64)
    }
  }

  /// The entry of a node for the byte that it looks at.
  @inlinable @inline(__always)
  func next(_ node: UnsafeMutableRawPointer, _ high: UInt64, _ low: UInt64) -> UInt32 {
    let head = node.load(fromByteOffset: 32, as: UInt64.self)
    let byte = byte(head &>> 56, high, low)
    let quarter = byte &>> 6
    let bits = node.load(fromByteOffset: Int(truncatingIfNeeded: quarter) &* 8, as: UInt64.self)
    let before = ((head &>> 32) &<< 8) &>> (quarter &* 8) & 0xff
    // The first bit of a node is always set, so at least one is counted.
    let rank = (bits & (UInt64.max &>> (63 &- byte & 63))).nonzeroBitCount &- 1
    return word(
      Int(truncatingIfNeeded: head & 0xffff_ffff) &+ Int(truncatingIfNeeded: before) &+ rank)
  }

  /// The byte of an address at a place, 0 to 15.
  @inlinable @inline(__always)
  func byte(_ place: UInt64, _ high: UInt64, _ low: UInt64) -> UInt64 {
    ((place < 8 ? high : low) &>> (56 &- (place & 7) &* 8)) & 0xff
  }

  /// The entry of a list for the byte that it looks at: as many behind the first as begin at or below
  /// the byte.
  @inlinable @inline(__always)
  func listed(_ list: UnsafeMutableRawPointer, _ high: UInt64, _ low: UInt64) -> UInt32 {
    let first = list.load(as: UInt64.self)
    let second = list.load(fromByteOffset: 8, as: UInt64.self)
    let ones: UInt64 = 0x0101_0101_0101_0101
    let wanted = byte(second &>> 56, high, low) &* ones
    let below =
      Self.below(first, wanted) &+ Self.below(second | 0xff00_0000_0000_0000, wanted)
    let rank = Int(truncatingIfNeeded: (below &* ones) &>> 56)
    return list.load(fromByteOffset: 16 &+ rank &* 4, as: UInt32.self)
  }

  /// The entry of a span of IPv4, which looks at all that the root has left: as many behind the first as begin
  /// at or below the address.
  @inlinable @inline(__always)
  func narrow(_ span: UnsafeMutableRawPointer, _ high: UInt64) -> UInt32 {
    let begins = span.loadUnaligned(as: SIMD16<UInt16>.self)
    let wanted = SIMD16<UInt16>(repeating: UInt16(truncatingIfNeeded: high &>> 32))
    let ones = SIMD16<UInt16>.zero.replacing(with: 1, where: begins .< wanted)
    return span.load(fromByteOffset: 32 &+ Int(ones.wrappedSum()) &* 4, as: UInt32.self)
  }

  /// The entry of a span of IPv6, which looks at the address's upper half.
  @inlinable @inline(__always)
  func wide(_ span: UnsafeMutableRawPointer, _ high: UInt64) -> UInt32 {
    var rank = 0
    for place in 0..<5 {
      let begin = span.load(fromByteOffset: place &* 8, as: UInt64.self)
      rank &+= begin < high ? 1 : 0
    }
    return span.load(fromByteOffset: 40 &+ rank &* 4, as: UInt32.self)
  }

  /// A one in each byte of `bytes` that is below the same byte of `limits`; eight comparisons at once.
  @inlinable @inline(__always)
  static func below(_ bytes: UInt64, _ limits: UInt64) -> UInt64 {
    let tops: UInt64 = 0x8080_8080_8080_8080
    // The top bit of each says whether the other seven are at least the limit's.
    let rest = (bytes | tops) &- (limits & ~tops)
    let reached = (bytes & ~limits) | (~(bytes ^ limits) & rest)
    return (~reached & tops) &>> 7
  }

  /// The entry of a comparison.
  @inlinable @inline(__always)
  func compared(_ record: UnsafeMutableRawPointer, _ high: UInt64, _ low: UInt64) -> UInt32 {
    let upper = record.load(as: UInt64.self) ^ high
    let lower = record.load(fromByteOffset: 8, as: UInt64.self) ^ low
    let equal = upper != 0 ? upper.leadingZeroBitCount : 64 &+ lower.leadingZeroBitCount
    let length = Int(truncatingIfNeeded: record.load(fromByteOffset: 16, as: UInt32.self))
    return record.load(fromByteOffset: equal >= length ? 20 : 24, as: UInt32.self)
  }

  @inlinable @inline(__always)
  func word(_ place: Int) -> UInt32 { memory.load(fromByteOffset: place &* 4, as: UInt32.self) }
}

/// IPv4 routes, of which a lookup finds the longest that an address has.
///
/// The table is made once; a lookup neither allocates nor waits and takes a bounded number of steps,
/// however many routes there are. Memory grows with the routes: about 32 bytes for each of 100,000
/// random ones, beside 256 KiB.
public struct IPv4PrefixTable: ~Copyable {
  @usableFromInline let table: PrefixTable

  /// A route.
  public typealias Route = (prefix: UInt32, length: UInt8, value: UInt32)

  /// Makes a table of routes in any order.
  ///
  /// Bits behind a prefix do not count. Where a prefix stands twice, the later value does.
  ///
  /// - Throws: ``PrefixTableError`` for a length of more than 32, for a value of more than
  ///   ``PrefixTableError/largestValue``, and for more than 4,194,304 routes.
  public init(_ routes: [Route]) throws(PrefixTableError) {
    var builder = PrefixTableBuilder(bits: 32)
    for route in routes {
      try builder.add(UInt64(route.prefix) << 32, 0, length: route.length, value: route.value)
    }
    table = builder.table()
  }

  /// The value of the longest prefix of an address in host order; `nil` when it has none.
  @inlinable @inline(__always)
  public func lookup(_ address: UInt32) -> UInt32? {
    let entry = table.entry(UInt64(address) &<< 32, 0, isIPv4: true)
    return entry == PrefixTable.Entry.none ? nil : entry &- 1
  }

  /// Whether ``prefetch(_:)`` pays: a small table is in the processor's caches anyway.
  @inlinable public var isLarge: Bool { table.isLarge }

  /// Has memory bring what the lookup of an address will read. Who has several frames at hand does this for
  /// all of them first, so that their lookups wait together.
  @inlinable @inline(__always)
  public func prefetch(_ address: UInt32) { table.prefetch(UInt64(address) &<< 32, isIPv4: true) }

  /// Bytes that the table takes.
  public var byteCount: Int { table.size }

  /// Calls with the table's memory, for a lookup in another language.
  public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    body(UnsafeRawBufferPointer(start: table.memory, count: table.size))
  }
}

/// The addresses that begin with some bits.
@usableFromInline
struct PrefixRegion {
  /// The bits, in front of zeros.
  @usableFromInline let prefix: UInt64
  @usableFromInline let mask: UInt64
  /// How many they are, up to 63.
  @usableFromInline let length: UInt8

  init(_ address: UInt64, length: UInt8) {
    mask = ~(UInt64.max >> UInt64(min(length, 64)))
    prefix = address & mask
    self.length = length
  }

  /// Whether an address is one of them, by its upper half.
  @inlinable @inline(__always)
  func contains(_ high: UInt64) -> Bool { (high ^ prefix) & mask == 0 }

  /// An address without the bits.
  @inlinable @inline(__always)
  func within(_ high: UInt64, _ low: UInt64) -> (high: UInt64, low: UInt64) {
    let count = UInt64(length)
    // Twice, since none of the low bits comes up where the region is everything.
    return (high &<< count | (low &>> 1) &>> (63 &- count), low &<< count)
  }
}

/// IPv6 routes, of which a lookup finds the longest that an address has; see ``IPv4PrefixTable``.
///
/// Routes that share the first bits of fifteen of sixteen have a table of their own, and so have the others. A
/// table takes 96 to 192 bytes for each of its routes, up to 16 MiB, and what those need that share their place
/// with several.
public struct IPv6PrefixTable: ~Copyable {
  @usableFromInline let region: PrefixRegion
  @usableFromInline let inside: PrefixTable
  @usableFromInline let outside: PrefixTable

  /// A route: the prefix's upper and lower half in host order.
  public typealias Route = (high: UInt64, low: UInt64, length: UInt8, value: UInt32)

  /// Makes a table of routes in any order.
  ///
  /// Bits behind a prefix do not count. Where a prefix stands twice, the later value does.
  ///
  /// - Throws: ``PrefixTableError`` for a length of more than 128, for a value of more than
  ///   ``PrefixTableError/largestValue``, and for more than 4,194,304 routes.
  public init(_ routes: [Route]) throws(PrefixTableError) {
    self.init(try Self.builder(routes))
  }

  /// Makes a table whose lookup finds the smallest value of all prefixes that an address has: the place
  /// of the first one in a list in which the first that matches decides.
  ///
  /// - Throws: ``PrefixTableError``, as for routes.
  public init(smallestOf routes: [Route]) throws(PrefixTableError) {
    var builder = try Self.builder(routes)
    builder.takeSmallest()
    self.init(builder)
  }

  private init(_ builder: consuming PrefixTableBuilder) {
    var builder = builder
    let (region, inside) = builder.splitRegion()
    self.region = region
    self.inside = inside.table()
    // Where the region is everything, nobody looks outside.
    outside = region.length == 0 ? PrefixTable([0], rootBits: 0) : builder.table()
  }

  private static func builder(
    _ routes: [Route]
  ) throws(PrefixTableError) -> PrefixTableBuilder {
    var builder = PrefixTableBuilder(bits: 128)
    for route in routes {
      try builder.add(route.high, route.low, length: route.length, value: route.value)
    }
    return builder
  }

  /// The value of the longest prefix of an address, given as its halves in host order; `nil` when it
  /// has none.
  @inlinable @inline(__always)
  public func lookup(_ high: UInt64, _ low: UInt64) -> UInt32? {
    let entry: UInt32
    if region.contains(high) {
      let address = region.within(high, low)
      entry = inside.entry(address.high, address.low, isIPv4: false)
    } else {
      entry = outside.entry(high, low, isIPv4: false)
    }
    return entry == PrefixTable.Entry.none ? nil : entry &- 1
  }

  /// Whether ``prefetch(_:_:)`` pays.
  @inlinable public var isLarge: Bool { inside.isLarge }

  /// Has memory bring what the lookup of an address will most likely read; see ``IPv4PrefixTable/prefetch(_:)``.
  @inlinable @inline(__always)
  public func prefetch(_ high: UInt64, _ low: UInt64) {
    inside.prefetch(region.within(high, low).high, isIPv4: false)
  }

  /// Bytes that the table takes.
  public var byteCount: Int { inside.size + outside.size }
}

/// Why a table of routes cannot be made.
public enum PrefixTableError: Error, Hashable, Sendable {
  /// A prefix with more bits than an address has.
  case lengthBeyondAddress(UInt8)
  /// A value that no entry holds.
  case valueTooLarge(UInt32)
  /// More routes than a table can name.
  case tooManyRoutes

  /// The largest value of a route.
  public static let largestValue: UInt32 = 0x7fff_fffe
}
