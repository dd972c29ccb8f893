/// What a measurement wants of a guest's program, and what that tells of it: words of a page that both see,
/// in the processor's own order.
///
/// The host writes the order and then its ``Word/turn``; the guest takes it up, and has done so as soon as
/// ``Word/taken`` is the same.
public struct TrafficOrder: Sendable, Hashable {
  /// What to do.
  public var task: Task
  /// Bytes of a frame, without check sequence; 0 for a mixture (``mixture``).
  public var size: Int
  /// The way on which frames are sent, by its place in the grant.
  public var path: Int
  /// Whom to ring, by the owners' order.
  public var bell: Int
  /// Whether the guest sleeps until an interrupt while there is nothing to do; otherwise it polls, and yields
  /// now and then.
  public var sleeps: Bool
  /// Microseconds in front of each round trip that is timed, in which who answers goes to sleep.
  public var pause: UInt64

  /// Creates an order.
  public init(
    _ task: Task, size: Int = 60, path: Int = 0, bell: Int = 0, sleeps: Bool = false,
    pause: UInt64 = 0
  ) {
    self.task = task
    self.size = size
    self.path = path
    self.bell = bell
    self.sleeps = sleeps
    self.pause = pause
  }

  /// What a guest may do.
  public enum Task: UInt64, Sendable {
    /// Take what comes.
    case take = 0
    /// Send as fast as frames are taken.
    case send = 1
    /// Send back what comes.
    case echo = 2
    /// Send a frame and wait until it is back, again and again, and time each.
    case time = 3
    /// Have SEC put frames into a tunnel, and what it answers again.
    case encipher = 4
    /// Have PME look through frames, again and again.
    case scan = 5
    /// Raise a guest's interrupt and wait for its word, again and again, and time each: what a frame to a guest that
    /// sleeps takes at least. For a program on the engine's thread.
    case ring = 6
    /// Say that the interrupt came, and send back what comes.
    case answer = 7
    /// ``time`` and ``ring`` in turn, so that the one is beside the other whatever else goes on.
    case timeAndRing = 8

    /// Whether something is timed.
    var isTimed: Bool { self == .time || self == .ring || self == .timeAndRing }
  }

  /// The sizes of a mixture, one frame after the other: seven short, four middle, one long (the "simple
  /// IMIX" of 64, 594 and 1518 bytes with check sequence).
  public static let mixture = [60, 60, 590, 60, 60, 590, 60, 1514, 590, 60, 590, 60]

  /// Where the words lie in a guest's status page, behind its counters.
  public static let statusOffset = 3072

  /// The words, by their offset.
  public enum Word {
    static let task = 0
    static let size = 8
    static let path = 16
    static let sleeps = 24
    /// Counts the orders.
    public static let turn = 32
    static let pause = 40
    /// How often the guest's interrupt was raised without a frame, which who did that counts.
    static let rung = 48
    static let bell = 56
    /// The last order that was taken up.
    public static let taken = 128
    /// Frames that were sent.
    public static let sent = 136
    /// Frames that came.
    public static let received = 144
    /// Up to which of ``rung`` the guest has said that it heard.
    static let heard = 152
    /// How long round trips of frames took.
    public static let frameTimes = 192
    /// How long answers to interrupts without a frame took.
    public static let ringTimes = 224
  }

  // SAFETY: `page` has room for the words.
  /// Gives the order.
  ///
  /// - Returns: Its turn.
  public func give(in page: UnsafeMutableRawPointer) -> UInt64 {
    RoundTripTimes.forget(at: page + Word.frameTimes)
    RoundTripTimes.forget(at: page + Word.ringTimes)
    page.setCounter(Word.task, task.rawValue)
    page.setCounter(Word.size, UInt64(size))
    page.setCounter(Word.path, UInt64(path))
    page.setCounter(Word.bell, UInt64(bell))
    page.setCounter(Word.sleeps, sleeps ? 1 : 0)
    page.setCounter(Word.pause, pause)
    let turn = page.counter(Word.turn) &+ 1
    page.setCounter(Word.turn, turn)
    return turn
  }

  /// Takes up the order that was given last; a size or way that cannot be is the nearest that can.
  init(from page: UnsafeMutableRawPointer, paths: Int, longest: Int) {
    task = Task(rawValue: page.counter(Word.task)) ?? .take
    let wish = page.counter(Word.size)
    size = wish == 0 ? 0 : Int(min(max(wish, 60), UInt64(max(60, longest))))
    path = Int(min(page.counter(Word.path), UInt64(max(0, paths - 1))))
    bell = Int(min(page.counter(Word.bell), 63))
    sleeps = page.counter(Word.sleeps) != 0
    pause = min(page.counter(Word.pause), 1_000_000)
  }
}

extension TrafficOrder {
  /// A frame to an IPv4 address, in host order: at least 60 bytes long.
  public static func frame(_ size: Int, to address: UInt32) -> [UInt8] {
    var frame = [UInt8](repeating: 0, count: max(60, size))
    frame.withUnsafeMutableBytes {
      FrameEdits.fillProbe($0, from: 0xc612_0002, to: address, sequence: 0)
    }
    return frame
  }
}
