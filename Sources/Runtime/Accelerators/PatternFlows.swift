import Patterns

// SAFETY: places are those that `place(of:)` has found; one thread works.
/// What is kept of every queue for requests, found by the queue's number in a table of a fixed size.
struct PatternFlows: ~Copyable {
  /// What is kept of one queue.
  struct Flow: ~Copyable {
    let owner: Int
    var context: UInt64 = 0
    var set = -1
    // Spelled out, as `?` would first make it `nil`.
    var stream: Optional<PatternStream>
    /// Whether too much was found: the library finds no more in such a stream.
    var isOver = false
    /// What the matches of the queue's requests took and nobody has paid for yet, as bytes.
    var debt = 0

    init(owner: Int) {
      self.owner = owner
      stream = nil
    }

    /// Forgets all but whose it is.
    mutating func forget() {
      stream = nil
      set = -1
      isOver = false
      debt = 0
    }
  }

  private let flows: UnsafeMutablePointer<Flow>
  private let count: Int
  /// The queue and its place; a place of -1 is free. At most half of them are in use.
  private let slots: UnsafeMutablePointer<(queue: UInt32, place: Int32)>
  private let mask: Int

  /// Makes room for queues, each once.
  init(_ queues: [(queue: UInt32, owner: Int)]) {
    count = queues.count
    flows = .allocate(capacity: max(1, count))
    var size = 2
    while size < 2 * count { size *= 2 }
    mask = size - 1
    slots = .allocate(capacity: size)
    slots.initialize(repeating: (0, -1), count: size)
    for (place, (queue, owner)) in queues.enumerated() {
      (flows + place).initialize(to: Flow(owner: owner))
      var slot = Self.hash(queue) & mask
      while slots[slot].place >= 0 { slot = (slot + 1) & mask }
      slots[slot] = (queue, Int32(place))
    }
  }

  deinit {
    flows.deinitialize(count: count)
    flows.deallocate()
    slots.deallocate()
  }

  @inline(__always)
  private static func hash(_ queue: UInt32) -> Int {
    Int(truncatingIfNeeded: (UInt64(queue) &* 0x9e37_79b9_7f4a_7c15) >> 32)
  }

  /// A queue's place; `nil` for one that is none for requests.
  @inline(__always)
  func place(of queue: UInt32) -> Int? {
    var slot = Self.hash(queue) & mask
    while slots[slot].place >= 0 {
      if slots[slot].queue == queue { return Int(slots[slot].place) }
      slot = (slot &+ 1) & mask
    }
    return nil
  }

  /// What is kept of the queue in a place.
  @inline(__always)
  subscript(place: Int) -> UnsafeMutablePointer<Flow> { flows + place }

  /// Forgets what is kept of all queues.
  func forgetAll() {
    for place in 0..<count { flows[place].forget() }
  }

  /// Forgets what is kept of an owner's queues.
  func forget(owner: Int) {
    for place in 0..<count where flows[place].owner == owner { flows[place].forget() }
  }
}
