import DPAAPortal
import Partitioning
import Patterns
import QorIQ

/// Frames that a guest has PME look through over its queues, and the same library called on the same bytes.
///
/// Both look for the same patterns in the same frames, one after the other, each with a database that the same
/// compiler made of them. In flow mode all frames are one stream. A kernel must stay until the process ends, as its
/// guest holds buffers.
package struct PatternKernel: ~Copyable {
  /// What intrusion detection looks for in requests, in kind: words, and words with something between. In the
  /// library's own notation.
  private static let patterns = [
    "cmd\\.exe", "/etc/(passwd|shadow)", "\\.\\./\\.\\./", "union[ +]select", "<script",
    "xp_cmdshell", "/bin/(ba|k|c)?sh", "wget http", "powershell", "eval\\(", "base64_decode",
    "\\x90{8}", "User-Agent: [a-z]{3,9}bot", "Authorization: Basic [A-Za-z0-9]{40}", "/wp-login",
    "select .{1,40} from", "\\$\\{jndi:", "document\\.cookie", "/cgi-bin/", "Content-Length: -",
  ]
  private static let inFlight = 32

  private let engine: Engine
  private var guest: GuestSession
  private let queue: PatternQueue
  private let database: PatternDatabase
  private var scratch = PatternScratch()
  private var matches = PatternMatches(capacity: 64)
  // Spelled out, as `?` would first make it `nil`.
  private var stream: Optional<PatternStream>
  /// The frames, a copy each for every one that is under way.
  private let frames: UnsafeMutableRawBufferPointer
  private let length: Int

  /// Makes a guest with one pair of queues.
  ///
  /// - Parameters:
  ///   - length: The bytes of every frame.
  ///   - isFlow: Whether the frames are one stream.
  /// - Throws: When the host has no library for patterns, or no memory.
  package init(length: Int, isFlow: Bool) throws {
    let patterns = Self.patterns.enumerated().map {
      ScanPattern(tag: UInt32($0), subsets: .max, expression: $1)
    }
    let engine = try Engine(Self.configuration(patterns))
    var guest = try engine.attach(owner: 0, isInline: true)
    guard let pair = guest.grant.accelerators.first,
      let queue = isFlow
        ? guest.portals[0].openFlow(pair, from: 1) : guest.portals[0].openDirect(pair)
    else { preconditionFailure("QMan takes the queue") }
    let database = try PatternDatabase(patterns, streams: isFlow, library: try PatternLibrary())
    try scratch.hold(database)
    let stream = isFlow ? try PatternStream(of: database) : nil
    self.engine = engine
    self.guest = guest
    self.queue = queue
    self.database = database
    self.stream = stream
    self.length = length
    frames = .allocate(byteCount: Self.inFlight * length, alignment: 64)
    fill()
  }

  deinit { frames.deallocate() }

  private static func configuration(_ patterns: [ScanPattern]) -> RuntimeConfiguration {
    var configuration = Stage.pair(ring: 64, buffers: 512)
    configuration.queueing[0] = .init(accelerators: [
      AcceleratorUse(
        kind: .pme, mode: .poll, channel: 0x860, requests: [Stage.request(0)],
        responses: [Stage.response(0)], liodns: [],
        patternSets: [ScanPatternSet(number: 1, name: "requests", patterns: patterns)])
    ])
    return configuration
  }

  /// Makes frames of requests' text, in which nothing is found, and has PME begin with a copy of each.
  private mutating func fill() {
    var text: [UInt8] = []
    var number: UInt64 = 0x9e37_79b9_7f4a_7c15
    while text.count < frames.count {
      number = number.scrambled
      text += Array(
        "GET /shop/item/\(number % 100_000) HTTP/1.1\r\nHost: www.example.com\r\nAccept: text/html\r\nCookie: "
          .utf8)
      text += Array("id=\(String(number, radix: 16)); seen=\(number >> 40)\r\n\r\n".utf8)
    }
    frames.copyBytes(from: text.prefix(frames.count))
    for index in 0..<Self.inFlight {
      guard var buffer = guest.portals[0].acquire(from: 1) else {
        preconditionFailure("the pool has more buffers than frames are under way")
      }
      buffer.setLength(length)
      buffer.frame.copyBytes(from: frames[index * length..<(index + 1) * length])
      scan(buffer)
    }
  }

  @inline(__always)
  private mutating func scan(_ buffer: consuming Buffer) {
    var buffer = buffer
    while true {
      switch guest.portals[0].scan(buffer, on: queue, .scan(set: 1)) {
      case .accepted: return
      case .full(let again):
        buffer = again
        guest.portals[0].letEngineRun()
      }
    }
  }

  /// Over the guest's queues: each frame that comes back goes to PME again.
  package mutating func overQueues(_ count: Int) -> Int {
    var done = 0
    while done < count {
      engine.round()
      for _ in 0..<Self.inFlight {
        guard let buffer = guest.portals[0].dequeue() else { break }
        precondition(buffer.descriptor.command == 0, "PME looked through it and found nothing")
        scan(buffer)
        done &+= 1
      }
    }
    return done
  }

  /// The library called directly.
  package mutating func direct(_ count: Int) -> Int {
    do throws(PatternError) {
      return try search(count)
    } catch {
      preconditionFailure("the library searches: \(error)")
    }
  }

  private mutating func search(_ count: Int) throws(PatternError) -> Int {
    var place = 0
    for _ in 0..<count {
      let bytes = UnsafeRawBufferPointer(
        rebasing: frames[place * length..<(place + 1) * length])
      matches.clear()
      if stream == nil {
        try database.scan(bytes, subsets: .max, scratch: &scratch, into: &matches)
      } else {
        try stream?.scan(
          bytes, subsets: .max, database: database, scratch: &scratch, into: &matches)
      }
      precondition(matches.count == 0, "nothing is found")
      place = place + 1 == Self.inFlight ? 0 : place + 1
    }
    return count
  }
}
