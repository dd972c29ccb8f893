import DPAAPortal

// SAFETY: the tables live as long as the value; record and bucket numbers come from the tables
// themselves.
/// The lists of order-restoration points (ORL): enqueue commands that came before their turn.
///
/// A command is found by its point and its sequence number. One thread owns it; no call allocates,
/// and none searches for longer than records share a bucket.
struct OrderRestoration: ~Copyable {
  /// Sequence numbers of enqueue commands have 14 bits.
  static let numberMask: UInt16 = 0x3fff
  /// How many commands without a frame an owner may have waiting: a window of the largest size.
  static let holesPerOwner = 4096

  /// A command that waits.
  struct Record: BitwiseCopyable {
    var command: EnginePortal.Enqueue
    /// The queue whose point it waits at.
    var point: UInt32
    /// The portal from which it came.
    var portal: UInt16
    var number: UInt16
    /// The next record of its bucket, or the next one that is not used; 0 for none.
    var chain: UInt32 = 0
    /// The next command with its number; 0 for none.
    var follower: UInt32 = 0
    /// In the first with a number: the last, and its neighbours among the numbers of the point.
    var last: UInt32
    var next: UInt32
    var previous: UInt32
    var reserved: UInt32 = 0
  }

  struct Books: BitwiseCopyable {
    var unused: UInt32 = 0
    /// Records from here on were never used; 0 means none.
    var fresh: UInt32 = 1
    /// Frames that wait.
    var frames: UInt64 = 0
    /// Points that can go on, first in, first out; 0 for none.
    var firstReady: UInt32 = 0
    var lastReady: UInt32 = 0
  }

  private let records: FlatTable<Record>
  private let buckets: FlatTable<UInt32>
  private let books: FlatTable<Books>
  /// Where the tables lie is chance: nobody outside can choose numbers that share a bucket.
  private let seed: UInt64
  /// Commands without a frame that wait, for each owner.
  private let holes: FlatTable<UInt32>

  /// Makes room for so many frames, and for the owners' commands without one.
  init(frameCapacity: Int, ownerCount: Int) throws(EngineError) {
    precondition(MemoryLayout<Record>.stride == 64, "a record is one cache line")
    let capacity = frameCapacity + Self.holesPerOwner * ownerCount
    var bucketCount = 1
    while bucketCount < capacity { bucketCount *= 2 }
    let records = try FlatTable<Record>(count: capacity + 1)
    let buckets = try FlatTable<UInt32>(count: bucketCount)
    let books = try FlatTable<Books>(count: 1)
    let holes = try FlatTable<UInt32>(count: ownerCount)
    books.base.pointee = Books()
    seed = UInt64(UInt(bitPattern: records.base)) &* 0x9e37_79b9_7f4a_7c15 | 1
    self.records = records
    self.buckets = buckets
    self.books = books
    self.holes = holes
  }

  /// Frames that wait.
  var frameCount: UInt64 { books.base.pointee.frames }
  /// Whether a point can go on.
  @inline(__always)
  var hasReady: Bool { books.base.pointee.firstReady != 0 }
  /// The record at a place that a list named.
  subscript(_ place: UInt32) -> Record { records.base[Int(place)] }

  // MARK: Records

  private func bucket(_ point: UInt32, _ number: UInt16) -> UnsafeMutablePointer<UInt32> {
    let key = (UInt64(point) << 14 | UInt64(number)) &* seed
    return buckets.base + Int(truncatingIfNeeded: (key ^ key >> 31) & UInt64(buckets.count - 1))
  }

  /// The first command with a number at a point; 0 for none.
  func first(_ point: UInt32, _ number: UInt16) -> UInt32 {
    var place = bucket(point, number).pointee
    while place != 0 {
      let record = records.base + Int(place)
      if record.pointee.point == point, record.pointee.number == number { return place }
      place = record.pointee.chain
    }
    return 0
  }

  /// Whether more commands with a number may follow those that wait: the last says "not last in
  /// sequence".
  func isOpen(_ place: UInt32) -> Bool {
    records.base[Int(records.base[Int(place)].last)].command.isNotLast
  }

  /// Lets a command wait; `false` when there is no room for it. `list` is the point's list.
  func hold(
    _ command: EnginePortal.Enqueue, at point: UInt32, portal: Int, owner: Int,
    list: inout UInt32
  ) -> Bool {
    guard command.hasFrame || holes.base[owner] < UInt32(Self.holesPerOwner) else { return false }
    var place = books.base.pointee.unused
    if place != 0 {
      books.base.pointee.unused = records.base[Int(place)].chain
    } else {
      place = books.base.pointee.fresh
      guard Int(place) < records.count else { return false }
      books.base.pointee.fresh = place + 1
    }
    if command.hasFrame { books.base.pointee.frames += 1 } else { holes.base[owner] += 1 }
    let number = command.number
    let first = first(point, number)
    records.base[Int(place)] = Record(
      command: command, point: point, portal: UInt16(truncatingIfNeeded: portal), number: number,
      last: place, next: place, previous: place)
    if first != 0 {
      records.base[Int(records.base[Int(first)].last)].follower = place
      records.base[Int(first)].last = place
      return true
    }
    let bucket = bucket(point, number)
    records.base[Int(place)].chain = bucket.pointee
    bucket.pointee = place
    if list == 0 {
      list = place
    } else {
      // Behind the last one of the ring that the list is.
      let last = records.base[Int(list)].previous
      records.base[Int(place)].next = list
      records.base[Int(place)].previous = last
      records.base[Int(last)].next = place
      records.base[Int(list)].previous = place
    }
    return true
  }

  /// Takes the first command with a number from a point; its place is the first of its number.
  func take(_ place: UInt32, owner: Int, list: inout UInt32) -> EnginePortal.Enqueue {
    let record = records.base[Int(place)]
    let follower = record.follower
    replace(place, by: follower != 0 ? follower : record.chain)
    if follower != 0 {
      // The next one stands where this one stood.
      let isAlone = record.next == place
      records.base[Int(follower)].chain = record.chain
      records.base[Int(follower)].last = record.last
      records.base[Int(follower)].next = isAlone ? follower : record.next
      records.base[Int(follower)].previous = isAlone ? follower : record.previous
      if !isAlone {
        records.base[Int(record.next)].previous = follower
        records.base[Int(record.previous)].next = follower
      }
      if list == place { list = follower }
    } else {
      records.base[Int(record.previous)].next = record.next
      records.base[Int(record.next)].previous = record.previous
      if list == place { list = record.next == place ? 0 : record.next }
    }
    if record.command.hasFrame { books.base.pointee.frames -= 1 } else { holes.base[owner] -= 1 }
    records.base[Int(place)].chain = books.base.pointee.unused
    books.base.pointee.unused = place
    return record.command
  }

  /// Puts another record into the place of one in its bucket.
  private func replace(_ place: UInt32, by other: UInt32) {
    let record = records.base[Int(place)]
    let bucket = bucket(record.point, record.number)
    guard bucket.pointee != place else { return bucket.pointee = other }
    var before = bucket.pointee
    while records.base[Int(before)].chain != place { before = records.base[Int(before)].chain }
    records.base[Int(before)].chain = other
  }

  // MARK: Other tables

  /// Goes on from where other tables are, for points that go on; what waited at others was given back.
  ///
  /// - Parameters:
  ///   - other: Those tables, with no more records than these have.
  ///   - lists: The first record at each point that goes on.
  ///   - portals: The place here of each portal there.
  func takeOver(from other: borrowing OrderRestoration, lists: [UInt32], portals: [Int]) {
    let used = Int(other.books.base.pointee.fresh)
    precondition(used <= records.count, "another configuration has room for all that waits")
    records.base.update(from: other.records.base, count: used)
    books.base.pointee = other.books.base.pointee
    (books.base.pointee.firstReady, books.base.pointee.lastReady) = (0, 0)
    for owner in 0..<min(holes.count, other.holes.count) {
      holes.base[owner] = other.holes.base[owner]
    }
    for list in lists {
      var place = list
      repeat {
        let record = records.base + Int(place)
        let bucket = bucket(record.pointee.point, record.pointee.number)
        record.pointee.chain = bucket.pointee
        bucket.pointee = place
        var follower = place
        while follower != 0 {
          let portal = Int(records.base[Int(follower)].portal)
          records.base[Int(follower)].portal = UInt16(max(0, portals[portal]))
          follower = records.base[Int(follower)].follower
        }
        place = record.pointee.next
      } while place != list
    }
  }

  /// The points that can go on, in their order.
  func readyPoints(_ settings: UnsafePointer<QueueSettings>) -> [UInt32] {
    var points: [UInt32] = []
    var point = books.base.pointee.firstReady
    while point != 0 {
      points.append(point)
      point = settings[Int(point)].nextReady
    }
    return points
  }

  // MARK: Points that can go on

  /// Puts a point at the end of those that can go on, unless it is there.
  func append(_ point: UInt32, _ settings: UnsafeMutablePointer<QueueSettings>) {
    guard !settings[Int(point)].marks.contains(.isReady) else { return }
    settings[Int(point)].marks.insert(.isReady)
    settings[Int(point)].nextReady = 0
    let book = books.base
    if book.pointee.firstReady == 0 {
      book.pointee.firstReady = point
    } else {
      settings[Int(book.pointee.lastReady)].nextReady = point
    }
    book.pointee.lastReady = point
  }

  /// Takes the first of the points that can go on; `nil` when there is none.
  func removeFirst(_ settings: UnsafeMutablePointer<QueueSettings>) -> UInt32? {
    let point = books.base.pointee.firstReady
    guard point != 0 else { return nil }
    books.base.pointee.firstReady = settings[Int(point)].nextReady
    settings[Int(point)].marks.remove(.isReady)
    settings[Int(point)].nextReady = 0
    return point
  }
}
