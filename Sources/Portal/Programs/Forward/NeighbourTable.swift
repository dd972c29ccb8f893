import QorIQ

// SAFETY: places are masked by the table's size.
/// The MAC addresses of neighbours, as ARP (RFC 826) and neighbour discovery (RFC 4861) tell them.
///
/// Of a fixed size: who floods it has old neighbours asked for again, and takes no memory.
struct NeighbourTable: ~Copyable {
  /// A neighbour.
  struct Entry: BitwiseCopyable {
    var address = NetworkAddress(high: 0, low: 0)
    var path: Int32 = -1
    var isKnown = false
    var mac: UInt64 = 0
    /// When it was told last, and when it was asked for.
    var toldAt: UInt64 = 0
    var askedAt: UInt64 = 0
    var asked = 0
  }

  /// What is known of a neighbour.
  enum State {
    case known(UInt64)
    /// Known, but for so long that it is to be asked again.
    case stale(UInt64)
    /// Not known; asked for already.
    case asked
    /// Not known, and to be asked for now.
    case unknown
    /// Asked for in vain, three times.
    case silent
  }

  private static let size = 1024
  private static let probes = 8
  private static let second: UInt64 = 1_000_000_000
  /// For how long a MAC address is good without being asked for again, and for how long at all.
  private static let fresh = 30 * second
  private static let usable = 120 * second

  private let entries: UnsafeMutablePointer<Entry>

  init() {
    entries = .allocate(capacity: Self.size)
    entries.initialize(repeating: Entry(), count: Self.size)
  }

  deinit { entries.deallocate() }

  @inline(__always)
  private func place(_ address: NetworkAddress, _ path: Int) -> Int {
    var hash = (address.high ^ address.low &* 0x9e37_79b9_7f4a_7c15) &+ UInt64(path)
    hash ^= hash >> 32
    return Int(truncatingIfNeeded: (hash &* 0xff51_afd7_ed55_8ccd) >> 40)
  }

  @inline(__always)
  private func find(_ address: NetworkAddress, _ path: Int) -> UnsafeMutablePointer<Entry>? {
    let first = place(address, path)
    for probe in 0..<Self.probes {
      let entry = entries + ((first &+ probe) & (Self.size &- 1))
      if entry.pointee.address == address, entry.pointee.path == Int32(path) { return entry }
    }
    return nil
  }

  /// When nobody has heard of a neighbour for so long that its place may be another's.
  ///
  /// A known one counts as younger for as long as it is good: a scan has the places of those who never
  /// answered, not those of who did.
  private static func age(_ entry: Entry) -> UInt64 {
    max(entry.toldAt, entry.askedAt) &+ (entry.isKnown ? usable : 0)
  }

  /// The place for a new neighbour: a free one, or that of whom nobody has heard for longest.
  private func make(_ address: NetworkAddress, _ path: Int) -> UnsafeMutablePointer<Entry> {
    let first = place(address, path)
    var oldest = entries + (first & (Self.size - 1))
    for probe in 0..<Self.probes {
      let entry = entries + ((first &+ probe) & (Self.size - 1))
      if entry.pointee.path < 0 {
        oldest = entry
        break
      }
      if Self.age(entry.pointee) < Self.age(oldest.pointee) { oldest = entry }
    }
    oldest.pointee = Entry(address: address, path: Int32(path))
    return oldest
  }

  /// What is known of a neighbour. Whoever gets ``State/unknown`` or ``State/stale(_:)`` asks for it.
  @inline(__always)
  func state(_ address: NetworkAddress, path: Int, now: UInt64) -> State {
    if let entry = find(address, path), entry.pointee.isKnown,
      now &- entry.pointee.toldAt < Self.fresh
    {
      return .known(entry.pointee.mac)
    }
    return slowState(address, path, now)
  }

  private func slowState(_ address: NetworkAddress, _ path: Int, _ now: UInt64) -> State {
    let entry = find(address, path) ?? make(address, path)
    if entry.pointee.isKnown, now &- entry.pointee.toldAt >= Self.usable {
      entry.pointee.isKnown = false
      entry.pointee.asked = 0
    }
    let isTime = entry.pointee.asked == 0 || now &- entry.pointee.askedAt >= Self.second
    if entry.pointee.isKnown {
      guard isTime else { return .known(entry.pointee.mac) }
      entry.pointee.askedAt = now
      entry.pointee.asked = 1
      return .stale(entry.pointee.mac)
    }
    guard isTime else { return .asked }
    if entry.pointee.asked >= 3, now &- entry.pointee.askedAt < 5 * Self.second { return .silent }
    entry.pointee.asked = entry.pointee.asked >= 3 ? 1 : entry.pointee.asked + 1
    entry.pointee.askedAt = now
    return .unknown
  }

  /// Notes what a neighbour said of itself; of strangers only when it is told that they asked us.
  func learn(_ address: NetworkAddress, mac: UInt64, path: Int, isAsking: Bool, now: UInt64) {
    // A group's address is nobody's.
    guard mac & 1 << 40 == 0, mac != 0 else { return }
    guard let entry = find(address, path) ?? (isAsking ? make(address, path) : nil) else { return }
    entry.pointee.mac = mac
    entry.pointee.isKnown = true
    entry.pointee.toldAt = now
    entry.pointee.asked = 0
  }
}
