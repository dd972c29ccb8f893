import DPAAPortal
import Partitioning

/// A network port on a host: a line or a capture that is played into it, and a capture of what it
/// transmits.
struct NetworkPort: ~Copyable {
  let name: String
  private var reader: CaptureReader?
  private let line: PortLine
  private let hasLine: Bool
  private var repeatsLeft: UInt64
  private var writer: CaptureWriter?
  /// Nanoseconds between frames; 0 plays as fast as pools and queues take them.
  private let interval: UInt64
  private var nextAt: UInt64 = 0
  /// Whether frames arrive with the gaps between them that the capture has.
  private let keepsGaps: Bool
  /// Whether frames of a capture arrive as fast as they are taken.
  private let isEager: Bool
  /// When the capture's first frame arrived, by the port's clock and by the capture's.
  private var start: (now: UInt64, recorded: UInt64)?

  /// Creates a port.
  ///
  /// - Parameters:
  ///   - name: The interface.
  ///   - line: What it is connected with.
  ///   - replay: The capture to play; `nil` for a port that plays none.
  ///   - repeats: How often it is played.
  ///   - pace: How fast.
  ///   - output: Where a capture of what is transmitted goes; `nil` for nowhere.
  /// - Throws: ``EngineError`` when the capture cannot be read or is corrupt.
  init(
    name: String, line: consuming PortLine, replay: String?, repeats: UInt64, pace: ReplayPace,
    output: consuming CaptureWriter?
  ) throws(EngineError) {
    self.name = name
    hasLine = line.address != nil
    self.line = line
    if let replay {
      reader = try CaptureReader(path: replay)
    } else {
      reader = nil
    }
    repeatsLeft = repeats
    if case .framesPerSecond(let rate) = pace, rate > 0 {
      interval = max(1, 1_000_000_000 / rate)
    } else {
      interval = 0
    }
    keepsGaps = pace == .recorded
    isEager = !hasLine && interval == 0 && !keepsGaps && repeats > 0
    writer = output
  }

  /// The frame that arrives now; `nil` when none does.
  @inline(__always)
  mutating func peek(now: UInt64) -> CaptureReader.Frame? {
    if isEager, let frame = reader?.peek() { return frame }
    return peekOtherwise(now: now)
  }

  /// The same of a line, of a capture that is played at its own pace, and at a capture's end.
  @inline(never)
  private mutating func peekOtherwise(now: UInt64) -> CaptureReader.Frame? {
    if hasLine { return line.peek(now: now) }
    guard reader != nil, repeatsLeft > 0 else { return nil }
    if interval != 0 {
      if nextAt == 0 { nextAt = now }
      guard now >= nextAt else { return nil }
    }
    if let frame = reader?.peek() { return isDue(frame, now) ? frame : nil }
    repeatsLeft -= 1
    guard repeatsLeft > 0 else { return nil }
    reader?.rewind()
    start = nil
    guard let frame = reader?.peek() else {
      repeatsLeft = 0
      return nil
    }
    return isDue(frame, now) ? frame : nil
  }

  /// Whether a frame's time has come. One that is recorded as earlier than the first is due at once.
  @inline(__always)
  private mutating func isDue(_ frame: CaptureReader.Frame, _ now: UInt64) -> Bool {
    guard keepsGaps else { return true }
    guard let start else {
      start = (now, frame.nanoseconds)
      return true
    }
    return frame.nanoseconds <= start.recorded
      || now &- start.now >= frame.nanoseconds &- start.recorded
  }

  /// Passes over the frame that ``peek(now:)`` showed.
  @inline(__always)
  mutating func advance() {
    if hasLine { return line.advance() }
    reader?.advance()
    if !isEager { nextAt &+= interval }
  }

  /// Whether nothing will arrive any more.
  var isDone: Bool { hasLine ? line.isDone : reader == nil || repeatsLeft == 0 }

  /// Puts a frame on the wire, if that takes it.
  @inline(__always)
  mutating func transmit(
    _ frame: UnsafeRawBufferPointer, now: UInt64, date: UInt64
  ) -> LineVerdict {
    if hasLine {
      let verdict = line.transmit(frame, now: now)
      guard case .sent = verdict else { return verdict }
    }
    writer?.write(frame, nanoseconds: date)
    return .sent
  }

  /// Has what gathered leave, at the end of a turn.
  @inline(__always)
  func push() { if hasLine { line.push() } }

  /// The line's name and what it has to tell, once, after the engine has stopped; `nil` for a port
  /// without a line.
  func lineAccount() -> (address: PortAddress, account: PortLine.Account)? {
    guard let address = line.address else { return nil }
    return (address, line.account)
  }

  /// Writes out what is gathered.
  mutating func flush() { writer?.flush() }

  /// The error number of the first write that failed; 0 when all is well.
  mutating func writeError() -> Int32 { writer?.errorNumber ?? 0 }
}

// SAFETY: so many of the places as have been made are initialised, and stay so until the end.
/// The network ports of a configuration, in the interfaces' order: what they are connected with, and how far
/// their captures were played. The tables of another configuration take them over as they are.
final class NetworkPorts: @unchecked Sendable {
  let first: UnsafeMutablePointer<NetworkPort>
  let names: [String]
  private var made = 0

  init(_ configuration: RuntimeConfiguration, _ options: EngineOptions) throws(EngineError) {
    names = configuration.interfaces.map(\.name)
    var loops = try LoopPlan(options.lines, replays: options.replays, names)
    first = UnsafeMutablePointer<NetworkPort>.allocate(capacity: names.count)
    for name in names {
      let output = options.outputs[name]
      let port = try NetworkPort(
        name: name, line: try Self.line(of: name, options, &loops),
        replay: options.replays[name], repeats: options.repeats, pace: options.pace,
        output: output.map {
          CaptureWriter(descriptor: $0, format: options.outputFormat, name: name)
        })
      (first + made).initialize(to: port)
      made += 1
    }
  }

  deinit {
    first.deinitialize(count: made)
    first.deallocate()
  }

  /// The line of an interface, opened; `nil` for one that has none.
  private static func line(
    of interface: String, _ options: EngineOptions, _ loops: inout LoopPlan
  ) throws(EngineError) -> PortLine {
    if let (end, address) = loops.takeEnd(of: interface) {
      return PortLine(loop: end, address: address)
    }
    guard let address = options.lines[interface] else { return PortLine() }
    return try PortLine(address, of: interface)
  }
}

// SAFETY: the storage lives as long as the list and is fully initialised.
/// The network ports of a configuration with their classifiers, in the interfaces' order.
struct NetworkPortList: ~Copyable {
  // Ports and classifiers by their first, since a buffer's elements changed in place are more than the compiler
  // (Swift 6.3) can do under ThreadSanitizer.
  private let first: UnsafeMutablePointer<NetworkPort>
  let count: Int
  private let firstClassifier: UnsafeMutablePointer<Classifier>
  /// Keeps the ports.
  private let ports: NetworkPorts

  init(_ configuration: RuntimeConfiguration, _ ports: NetworkPorts) throws(EngineError) {
    let interfaces = configuration.interfaces
    // Locals first: what throws when all properties are set is torn down as if it were whole.
    let firstClassifier = UnsafeMutablePointer<Classifier>.allocate(capacity: interfaces.count)
    for (index, interface) in interfaces.enumerated() {
      do throws(EngineError) {
        (firstClassifier + index).initialize(
          to: try Classifier(
            interface.rules, policers: configuration.policers(of: interface.name),
            chains: configuration.chainEntries(of: interface)))
      } catch {
        firstClassifier.deinitialize(count: index)
        firstClassifier.deallocate()
        throw error
      }
    }
    first = ports.first
    count = interfaces.count
    self.firstClassifier = firstClassifier
    self.ports = ports
  }

  deinit {
    firstClassifier.deinitialize(count: count)
    firstClassifier.deallocate()
  }

  /// The rules of the interface of a port.
  @inline(__always)
  func classifier(_ index: Int) -> UnsafePointer<Classifier> {
    UnsafePointer(firstClassifier + index)
  }

  subscript(index: Int) -> NetworkPort {
    @inline(__always) _read { yield first[index] }
    @inline(__always) nonmutating _modify { yield &first[index] }
  }
}

extension RuntimeConfiguration {
  /// The number of each policed rule's policer, by the rule's place in an interface.
  fileprivate func policers(of interface: String) -> [Int: Int] {
    var numbers: [Int: Int] = [:]
    for (number, policer) in policers.enumerated() {
      for user in policer.users where user.interface == interface { numbers[user.rule] = number }
    }
    return numbers
  }
}
