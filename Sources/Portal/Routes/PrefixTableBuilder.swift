/// Makes the words of a ``PrefixTable``.
struct PrefixTableBuilder {
  private static let maximumCount = 1 << 22

  /// A prefix, bits behind it cleared, with the entry that it has in the table.
  private struct Route {
    var high: UInt64
    var low: UInt64
    var length: UInt8
    var entry: UInt32

    /// Bits that it has in common with another, at most as many as the shorter has.
    func common(with other: Route) -> Int {
      let upper = high ^ other.high
      let equal =
        upper != 0 ? upper.leadingZeroBitCount : 64 + (low ^ other.low).leadingZeroBitCount
      return min(equal, Int(min(length, other.length)))
    }

    /// The byte at a place, 0 to 15.
    func byte(_ place: Int) -> Int {
      Int((place < 8 ? high : low) >> UInt64(56 - place % 8 * 8) & 0xff)
    }
  }

  private let bits: Int
  private var routes: [Route] = []
  private var words: [UInt32] = []
  /// Words that are set aside for lists.
  private var lists = 0..<0
  /// Half a line that is left over; 0 for none.
  private var half = 0

  /// Begins a table over addresses of so many bits.
  init(bits: Int) { self.bits = bits }

  /// Adds a route.
  mutating func add(
    _ high: UInt64, _ low: UInt64, length: UInt8, value: UInt32
  ) throws(PrefixTableError) {
    guard Int(length) <= bits else { throw .lengthBeyondAddress(length) }
    guard value <= PrefixTableError.largestValue else { throw .valueTooLarge(value) }
    guard routes.count < Self.maximumCount else { throw .tooManyRoutes }
    // A shift by all 64 bits gives 0.
    let mask = (
      high: ~(UInt64.max >> UInt64(min(length, 64))),
      low: ~(UInt64.max >> UInt64(max(length, 64) - 64))
    )
    routes.append(
      Route(high: high & mask.high, low: low & mask.low, length: length, entry: value + 1))
  }

  /// Gives each prefix the smallest value of itself and of those that contain it.
  mutating func takeSmallest() {
    sort()
    // Those that contain the one at hand, the shortest first.
    var containing: [Route] = []
    for index in routes.indices {
      while let last = containing.last, last.common(with: routes[index]) < Int(last.length) {
        containing.removeLast()
      }
      if let last = containing.last {
        routes[index].entry = min(routes[index].entry, last.entry)
      }
      containing.append(routes[index])
    }
    // Of equal ones the last counts, which has the smallest now.
  }

  /// Takes the routes away that lie in the region of nearly all, and returns a builder of a table of them,
  /// over addresses without the region's bits in front.
  ///
  /// Addresses of IPv6 are a desert around a few regions: behind what nearly all have in common, a root
  /// tells many more of them apart.
  mutating func splitRegion() -> (region: PrefixRegion, inside: PrefixTableBuilder) {
    sort()
    removeRepeated()
    let region = mostCrowdedRegion()
    var inside = PrefixTableBuilder(bits: bits)
    var outside: [Route] = []
    var covering: UInt32?
    for route in routes {
      if route.length > region.length, region.contains(route.high) {
        let address = region.within(route.high, route.low)
        inside.routes.append(
          Route(
            high: address.high, low: address.low, length: route.length - region.length,
            entry: route.entry))
      } else {
        outside.append(route)
        // They are in order: of those that contain the region the last is the longest.
        let isCovering = PrefixRegion(route.high, length: route.length).contains(region.prefix)
        if route.length <= region.length, isCovering { covering = route.entry }
      }
    }
    if let covering { inside.routes.append(Route(high: 0, low: 0, length: 0, entry: covering)) }
    routes = outside
    return (region, inside)
  }

  /// The longest prefix, of 48 bits at most, of fifteen of sixteen routes.
  private func mostCrowdedRegion() -> PrefixRegion {
    let wanted = routes.count - routes.count / 16
    var region = PrefixRegion(0, length: 0)
    while region.length < 48, !routes.isEmpty {
      let bit = UInt64(1) << UInt64(63 - region.length)
      var (zeros, ones) = (0, 0)
      for route in routes where route.length > region.length && region.contains(route.high) {
        if route.high & bit == 0 { zeros += 1 } else { ones += 1 }
      }
      guard max(zeros, ones) >= wanted else { break }
      region = PrefixRegion(
        region.prefix | (ones > zeros ? bit : 0), length: region.length + 1)
    }
    return region
  }

  /// The table.
  ///
  /// - Complexity: O(*n* log *n*) in the routes.
  consuming func table() -> PrefixTable {
    sort()
    removeRepeated()
    var rootBits = bits == 128 ? Self.wideRootBits.lowerBound : 16
    // Few routes of IPv6 fit into a span; IPv4's root, which stays in the second cache, need not grow.
    if bits == 128 {
      while rootBits < Self.wideRootBits.upperBound, 2 << rootBits < 3 * routes.count {
        rootBits += 1
      }
    }
    // As in a node, with more bits at once.
    let slots = slots(0..<routes.count, from: 0, to: rootBits, otherwise: 0)
    words = [UInt32](repeating: 0, count: slots.count * (bits == 128 ? 16 : 1))
    for (number, filled) in slots.enumerated() {
      if bits == 128 {
        let begin = UInt64(number) << UInt64(64 - rootBits)
        let place = begin...(begin | .max >> UInt64(rootBits))
        let steps = steps(filled.routes, in: place, otherwise: filled.entry)
        wideSpan(steps[...], at: number * 16)
      } else {
        words[number] = subtree(filled.routes, from: rootBits, otherwise: filled.entry)
      }
    }
    return PrefixTable(words, rootBits: rootBits)
  }

  /// IPv6's roots: of 1 KiB to 16 MiB.
  private static let wideRootBits = 4...18

  /// Brings routes in order, each behind those that contain it, and the later of equal ones last.
  private mutating func sort() {
    routes.sort { ($0.high, $0.low, $0.length) < ($1.high, $1.low, $1.length) }
  }

  /// Leaves the last of equal routes.
  private mutating func removeRepeated() {
    var kept = 0
    for (index, route) in routes.enumerated() {
      if index + 1 < routes.count {
        let next = routes[index + 1]
        if (next.high, next.low, next.length) == (route.high, route.low, route.length) { continue }
      }
      routes[kept] = route
      kept += 1
    }
    routes.removeLast(routes.count - kept)
  }

  /// What begins at one value of the bits that a node looks at.
  private struct Slot {
    /// The longest route that ends there.
    var entry: UInt32
    /// Those that go on.
    var routes: Range<Int>
  }

  /// The slots of the bits `start` up to `end`, for routes that all have the same bits in front.
  private func slots(_ range: Range<Int>, from start: Int, to end: Int, otherwise: UInt32) -> [Slot]
  {
    var slots = [Slot](
      repeating: Slot(entry: otherwise, routes: 0..<0), count: 1 << (end - start))
    var index = range.lowerBound
    while index < range.upperBound {
      let route = routes[index]
      let slot = self.slot(of: route, start, end)
      if Int(route.length) <= end {
        // Those that are contained come later and overwrite.
        for covered in slot..<slot + 1 << (end - max(start, Int(route.length))) {
          slots[covered].entry = route.entry
        }
        index += 1
      } else {
        let first = index
        while index < range.upperBound, self.slot(of: routes[index], start, end) == slot {
          index += 1
        }
        slots[slot].routes = first..<index
      }
    }
    return slots
  }

  private func slot(of route: Route, _ start: Int, _ end: Int) -> Int {
    start == 0 ? Int(route.high >> UInt64(64 - end)) : route.byte(start / 8)
  }

  /// The entry for routes that have the same bits up to `start` and all go on behind it.
  private mutating func subtree(
    _ range: Range<Int>, from start: Int, otherwise: UInt32
  ) -> UInt32 {
    guard let first = range.first, let last = range.last else { return otherwise }
    // The routes are in order, so that what the ends have in common all have; except that a shorter
    // one among them shortens it, which then is the first.
    let common = routes[first].common(with: routes[last])
    if bits == 32, start == 16 {
      return narrowSpan(range, otherwise: otherwise)
        ?? node(range, from: start, otherwise: otherwise)
    }
    guard range.count > 1 else {
      return comparison(routes[first], bits: common, equal: routes[first].entry, otherwise)
    }
    guard common >= start + 8 else { return node(range, from: start, otherwise: otherwise) }
    var (inside, entry) = (range, otherwise)
    if Int(routes[first].length) == common {
      entry = routes[first].entry
      inside = first + 1..<range.upperBound
    }
    let equal = subtree(inside, from: common / 8 * 8, otherwise: entry)
    return comparison(routes[first], bits: common, equal: equal, otherwise)
  }

  private mutating func comparison(
    _ route: Route, bits: Int, equal: UInt32, _ otherwise: UInt32
  ) -> UInt32 {
    let place = allocateHalf()
    store(route.high, at: place)
    store(route.low, at: place + 2)
    words[place + 4] = UInt32(bits)
    words[place + 5] = equal
    words[place + 6] = otherwise
    return PrefixTable.Entry.comparison | UInt32(place / 8)
  }

  /// A list or a node, as there are few entries or many.
  private mutating func node(
    _ range: Range<Int>, from start: Int, otherwise: UInt32
  ) -> UInt32 {
    var entries: [UInt32] = []
    var begins: [Int] = []
    for (slot, filled) in slots(range, from: start, to: start + 8, otherwise: otherwise)
      .enumerated()
    {
      let entry = subtree(filled.routes, from: start + 8, otherwise: filled.entry)
      guard entries.last != entry else { continue }
      entries.append(entry)
      begins.append(slot)
    }
    return entries.count <= Self.listLimit
      ? list(entries, begins, byte: start / 8) : node(entries, begins, byte: start / 8)
  }

  /// One record for all that few IPv4 routes have behind the root; `nil` for too many.
  private mutating func narrowSpan(_ range: Range<Int>, otherwise: UInt32) -> UInt32? {
    guard let first = range.first, range.count <= Self.listLimit else { return nil }
    let begin = routes[first].high & ~(.max >> 16)
    let steps = steps(range, in: begin...(begin | .max >> 16), otherwise: otherwise)
    guard steps.count <= Self.listLimit else { return nil }
    let place = allocateList(8 + steps.count)
    for half in 0..<8 {
      let pair = [2 * half + 1, 2 * half + 2].map { number -> UInt32 in
        number < steps.count ? UInt32(steps[number].begin >> 32 & 0xffff) - 1 : 0xffff
      }
      // The lower half of a word is the first of the two where bytes are little-endian.
      words[place + half] = (pair[0] | pair[1] << 16).littleEndian
    }
    for (number, step) in steps.enumerated() { words[place + 8 + number] = step.entry }
    return PrefixTable.Entry.span | UInt32(place / 2)
  }

  /// Fills a span of IPv6 with steps, of which there is one at least. Its entries lead to further spans where
  /// they are more than it holds.
  private mutating func wideSpan(_ steps: ArraySlice<Step>, at place: Int) {
    // The most steps that one entry stands for.
    var reach = 1
    while reach * Self.spanLimit < steps.count { reach *= Self.spanLimit }
    var rest = steps
    for number in 0..<Self.spanLimit {
      // As many as it can take, as long as one is left for each entry behind it.
      let behind = Self.spanLimit - 1 - number
      let group = rest.prefix(max(1, min(reach, rest.count - behind)))
      rest = rest.dropFirst(group.count)
      if number > 0 {
        // What is compared is less by one, so that all ones begin nothing.
        store(group.first.map { $0.begin - 1 } ?? .max, at: place + 2 * (number - 1))
      }
      guard let first = group.first else { continue }
      var entry = first.entry
      if group.count > 1 {
        let home = allocate(16)
        wideSpan(group, at: home)
        entry = PrefixTable.Entry.span | UInt32(home / 2)
      }
      words[place + 10 + number] = entry
    }
  }

  /// From where on in the upper half of addresses an entry is the one that counts.
  private struct Step {
    var begin: UInt64
    var entry: UInt32
  }

  /// The steps of routes that all begin with the same bits, in the place that those bits name.
  private mutating func steps(
    _ range: Range<Int>, in place: ClosedRange<UInt64>, otherwise: UInt32
  ) -> [Step] {
    var steps = [Step(begin: place.lowerBound, entry: otherwise)]
    // Those that contain what is at hand, the shortest first, with the last address of each.
    var containing = [(last: place.upperBound, entry: otherwise)]
    var index = range.lowerBound
    while index < range.upperBound {
      let route = routes[index]
      Self.leave(&containing, before: route.high, &steps)
      let (first, outer) = (index, containing[containing.count - 1].entry)
      index += 1
      var entry = route.entry
      if route.length > 64 {
        // All that go on behind the upper half are one step.
        while index < range.upperBound, routes[index].high == route.high { index += 1 }
        entry = subtree(first..<index, from: 64, otherwise: outer)
      }
      Self.add(Step(begin: route.high, entry: entry), to: &steps)
      containing.append((route.high | .max >> UInt64(min(route.length, 64)), entry))
    }
    // What lies behind the bits that all have in common is nobody's.
    Self.leave(&containing, before: place.upperBound, &steps)
    return steps
  }

  /// Takes those away that end before an address; behind each, what contains it counts again.
  private static func leave(
    _ containing: inout [(last: UInt64, entry: UInt32)], before address: UInt64,
    _ steps: inout [Step]
  ) {
    while let inner = containing.last, inner.last < address {
      containing.removeLast()
      // The place itself does not end before an address in it.
      guard let outer = containing.last else { return }
      add(Step(begin: inner.last + 1, entry: outer.entry), to: &steps)
    }
  }

  /// Adds a step, which takes the place of one that begins there, unless it goes on with the entry in front.
  private static func add(_ step: Step, to steps: inout [Step]) {
    if steps.last?.begin == step.begin { steps.removeLast() }
    if steps.last?.entry != step.entry { steps.append(step) }
  }

  /// How many entries a span of IPv6 has.
  private static let spanLimit = 6
  /// How many entries a list has, or a span of IPv4.
  private static let listLimit = 16

  private mutating func list(_ entries: [UInt32], _ begins: [Int], byte: Int) -> UInt32 {
    let place = allocateList(4 + entries.count)
    var (first, second) = (UInt64.max, UInt64.max >> 8 | UInt64(byte) << 56)
    for (number, begin) in begins.dropFirst().enumerated() {
      // What is compared is less by one, so that 255 begins nothing.
      let cleared = UInt64(256 - begin) << UInt64(number % 8 * 8)
      if number < 8 { first -= cleared } else { second -= cleared }
    }
    store(first, at: place)
    store(second, at: place + 2)
    for (number, entry) in entries.enumerated() { words[place + 4 + number] = entry }
    return PrefixTable.Entry.list | UInt32(place / 2)
  }

  /// Room for a list or a span, which begin with whole double words and, if they fit into a line, lie in one.
  private mutating func allocateList(_ count: Int) -> Int {
    let count = (count + 1) & ~1
    let left = 16 - lists.lowerBound % 16
    if count > left, count <= 16, lists.count >= left {
      lists = lists.lowerBound + left..<lists.upperBound
    }
    if lists.count < count {
      let place = allocate(Self.listChunk)
      lists = place..<place + Self.listChunk
    }
    defer { lists = lists.lowerBound + count..<lists.upperBound }
    return lists.lowerBound
  }

  /// Words that are set aside for lists at once.
  private static let listChunk = 1024

  private mutating func node(_ entries: [UInt32], _ begins: [Int], byte: Int) -> UInt32 {
    let place = allocate(16)
    let home = allocate((entries.count + 15) & ~15)
    for (number, entry) in entries.enumerated() { words[home + number] = entry }
    var bitmap = [UInt64](repeating: 0, count: 4)
    for begin in begins { bitmap[begin / 64] |= 1 << UInt64(begin % 64) }
    for (quarter, bits) in bitmap.enumerated() { store(bits, at: place + quarter * 2) }
    let counts = bitmap.map { UInt32($0.nonzeroBitCount) }
    words[place + 8] = UInt32(home)
    words[place + 9] =
      counts[0] | (counts[0] + counts[1]) << 8 | (counts[0] + counts[1] + counts[2]) << 16
      | UInt32(byte) << 24
    return PrefixTable.Entry.node | UInt32(place / 16)
  }

  private mutating func store(_ value: UInt64, at place: Int) {
    withUnsafeBytes(of: value) { bytes in
      words[place] = bytes.load(as: UInt32.self)
      words[place + 1] = bytes.load(fromByteOffset: 4, as: UInt32.self)
    }
  }

  /// Room for whole lines.
  private mutating func allocate(_ count: Int) -> Int {
    let place = words.count
    words.append(contentsOf: repeatElement(0, count: count))
    return place
  }

  /// Room for half a line.
  private mutating func allocateHalf() -> Int {
    if half != 0 {
      defer { half = 0 }
      return half
    }
    half = allocate(16) + 8
    return half - 8
  }
}
