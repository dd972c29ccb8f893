// SAFETY: the tables live as long as the value; every index comes from the tables themselves or is
// compared with a count.
/// The pools of a client that owns its memory: 64 stacks of addresses that mean nothing to the
/// engine.
///
/// A pool is empty until the client seeds it, with whatever addresses it likes, as with the
/// hardware. What is free is known, so that no buffer is given twice: a release of an address that
/// is free already is refused. One thread owns it; no call allocates or searches for long, whatever addresses
/// the client chooses: where they are kept is a secret of each run.
struct ClientPools: ~Copyable {
  /// BMan has 64 on every part but the smallest (Linux 6.1, `drivers/soc/fsl/qbman/bman.c`).
  static let count = 64

  /// A free buffer.
  struct Record: BitwiseCopyable {
    var address: UInt64
    /// The one below it in its pool, or the next record that is not used; 0 for none.
    var next: UInt32
    var reserved: UInt32 = 0
  }

  struct Pool: BitwiseCopyable {
    var top: UInt32 = 0
    var count: UInt32 = 0
  }

  struct Books: BitwiseCopyable {
    var unused: UInt32 = 0
    /// Records from here on were never used; 0 means none.
    var fresh: UInt32 = 1
    /// The pools that the client may name.
    var allowed: PoolSet = []
    /// The pools whose content has changed since that was last asked for.
    var changed: PoolSet = []
  }

  private let records: FlatTable<Record>
  private let pools: FlatTable<Pool>
  private let books: FlatTable<Books>
  /// The records by address: open addressing, at most half full; 0 is a free place.
  private let places: FlatTable<UInt32>
  private let placeMask: Int
  /// What places depend on.
  private let seed = UInt64.random(in: 0 ... .max) | 1

  /// Makes empty pools for so many free buffers in all, a power of two; 0 for nobody's.
  init(capacity: Int) throws(EngineError) {
    let records = try FlatTable<Record>(count: capacity + 1)
    let pools = try FlatTable<Pool>(count: Self.count)
    let books = try FlatTable<Books>(count: 1)
    let places = try FlatTable<UInt32>(count: max(1, 2 * capacity))
    books.base.pointee = Books()
    self.records = records
    self.pools = pools
    self.books = books
    placeMask = places.count - 1
    self.places = places
  }

  /// The pools that the client may name.
  var allowed: PoolSet {
    get { books.base.pointee.allowed }
    nonmutating set { books.base.pointee.allowed = newValue }
  }

  /// Whether the client may name a pool.
  func isAllowed(_ pool: UInt8) -> Bool { allowed.has(pool) }

  /// The pools whose content has changed since that was last cleared.
  var changed: PoolSet {
    get { books.base.pointee.changed }
    nonmutating set { books.base.pointee.changed = newValue }
  }

  /// The pools that hold buffers.
  var filled: PoolSet {
    (0..<UInt8(Self.count)).reduce(into: []) { filled, pool in
      if freeCount(pool) > 0 { filled.insert(PoolSet(pool)) }
    }
  }

  /// How many buffers are free in a pool.
  func freeCount(_ pool: UInt8) -> UInt32 {
    pool < Self.count ? pools.base[Int(pool)].count : 0
  }

  /// Puts a buffer into a pool that the client may name; `false` when it is free already, or when
  /// there is no room for another.
  func release(_ address: UInt64, to pool: UInt8) -> Bool {
    var place = self.place(of: address)
    while places.base[place] != 0 {
      if records.base[Int(places.base[place])].address == address { return false }
      place = (place + 1) & placeMask
    }
    var record = books.base.pointee.unused
    if record != 0 {
      books.base.pointee.unused = records.base[Int(record)].next
    } else {
      record = books.base.pointee.fresh
      guard Int(record) < records.count else { return false }
      books.base.pointee.fresh = record + 1
    }
    let stack = pools.base + Int(pool)
    records.base[Int(record)] = Record(address: address, next: stack.pointee.top)
    places.base[place] = record
    stack.pointee.top = record
    stack.pointee.count += 1
    books.base.pointee.changed.insert(PoolSet(pool))
    return true
  }

  /// Takes a buffer from a pool that the client may name; `nil` when it is empty.
  func acquire(from pool: UInt8) -> UInt64? {
    let stack = pools.base + Int(pool)
    let record = stack.pointee.top
    guard record != 0 else { return nil }
    let address = records.base[Int(record)].address
    stack.pointee.top = records.base[Int(record)].next
    stack.pointee.count -= 1
    books.base.pointee.changed.insert(PoolSet(pool))
    forget(record, address)
    records.base[Int(record)].next = books.base.pointee.unused
    books.base.pointee.unused = record
    return address
  }

  /// Where the search for an address begins.
  private func place(of address: UInt64) -> Int {
    let product = (address ^ seed).multipliedFullWidth(by: seed)
    return Int(truncatingIfNeeded: product.high ^ product.low >> 24) & placeMask
  }

  /// Takes a record off the places, and closes the gap in the run that it was part of.
  private func forget(_ record: UInt32, _ address: UInt64) {
    var gap = place(of: address)
    while places.base[gap] != record { gap = (gap + 1) & placeMask }
    var next = (gap + 1) & placeMask
    while places.base[next] != 0 {
      let home = place(of: records.base[Int(places.base[next])].address)
      // It may move into the gap unless its search begins behind that.
      if (next - home) & placeMask >= (next - gap) & placeMask {
        places.base[gap] = places.base[next]
        gap = next
      }
      next = (next + 1) & placeMask
    }
    places.base[gap] = 0
  }
}
