import CPortalShims
import DPAAPortal
import Glibc
import Partitioning

/// `dpaac attach`: serves one guest's portals in a file to a client that knows nothing of dpaac.
public struct AttachServer: ~Copyable {
  /// Where the client is.
  public struct Files: Sendable {
    /// The file that is the client's memory, and where in it the window begins.
    public var memory: String
    /// The window's first byte, a multiple of the page size.
    public var offset: Int
    /// The file whose first page is the doorbell.
    public var doorbell: String

    /// Names the files.
    public init(memory: String, offset: Int, doorbell: String) {
      self.memory = memory
      self.offset = offset
      self.doorbell = doorbell
    }
  }

  private let plan: AttachPlan
  private let files: Files
  private let relay: InterruptRelay?
  private let say: (String) -> Void
  private let signals: EndSignals

  /// Serves until SIGTERM or SIGINT.
  ///
  /// - Parameters:
  ///   - plan: The guest's part of the plan.
  ///   - files: Where the client is.
  ///   - interrupts: How it hears of interrupts.
  ///   - say: Told one line at a time what happens: `ready …`, `lost …`, `end …`.
  /// - Throws: ``EngineError`` when it cannot begin.
  public static func serve(
    _ plan: AttachPlan, files: Files, interrupts: InterruptRoute = .none,
    say: @escaping (String) -> Void
  ) throws(EngineError) {
    let lines = zip(plan.places, plan.interrupts).flatMap { place, inputs in
      [
        (manager: "qman", place: place, input: inputs.queues),
        (manager: "bman", place: place, input: inputs.buffers),
      ]
    }
    let server = AttachServer(plan, files, InterruptRelay(interrupts, lines: lines), say)
    defer { server.signals.close() }
    var mapping = try server.map(isFirst: true)
    while true {
      switch try server.serve(mapping.window, mapping.doorbell) {
      case .asked: return
      case .wiped: break
      case .lost:
        guard let next = server.awaitFiles() else { return say("end") }
        mapping = next
      }
    }
  }

  private init(
    _ plan: AttachPlan, _ files: Files, _ relay: InterruptRelay?, _ say: @escaping (String) -> Void
  ) {
    self.plan = plan
    self.files = files
    self.relay = relay
    self.say = say
    // Who reads what is said may go away.
    signal(SIGPIPE, SIG_IGN)
    signals = EndSignals()
  }

  private func map(
    isFirst: Bool
  ) throws(EngineError) -> (window: GuardedFile, doorbell: GuardedFile) {
    (
      // Frames lie anywhere in a client's memory.
      plan.macs.isEmpty
        ? try GuardedFile(
          path: files.memory, offset: files.offset, size: plan.windowSize, isMade: false)
        : try GuardedFile(whole: files.memory, atLeast: files.offset + plan.windowSize),
      try GuardedFile(
        path: files.doorbell, offset: 0, size: AttachLayout.Doorbell.size, isMade: isFirst)
    )
  }

  /// Waits until both files are there again; `nil` when a signal asks to end.
  private func awaitFiles() -> (window: GuardedFile, doorbell: GuardedFile)? {
    while !signals.take() {
      if let mapping = try? map(isFirst: false) { return mapping }
      usleep(20_000)
    }
    return nil
  }

  /// Why an engine's life ended.
  private enum Ending {
    case asked
    /// A file was truncated or replaced: who brings it back finds everything in its reset state.
    case lost
    /// The client starts anew.
    case wiped
  }

  /// Serves over one mapping with one engine.
  private func serve(_ window: GuardedFile, _ doorbell: GuardedFile) throws(EngineError) -> Ending {
    let engine = try AttachEngine(
      plan, memory: window.memory, size: window.size,
      offset: plan.macs.isEmpty ? 0 : files.offset, doorbell: doorbell.memory, relay: relay)
    engine.setReady(true)
    say(
      "ready \(plan.guest) at 0x\(String(files.offset, radix: 16)) portals "
        + plan.places.map(String.init).joined(separator: ","))
    var backoff = IdleBackoff()
    var steps: UInt64 = 0
    var nextLook: UInt64 = 0
    serving: while true {
      let now = monotonicNanoseconds()
      switch engine.step(now: now) {
      case .work: backoff.restart()
      case .nothing: backoff.rest()
      case .wiped:
        // What stands in for a truncated file is zero, too.
        if window.isLost || doorbell.isLost { break serving }
        say("wiped, \(engine.summary)")
        return .wiped
      }
      steps &+= 1
      if steps & 0xff == 0 || backoff.isNapping {
        if window.isLost || doorbell.isLost { break }
        if signals.take() {
          engine.setReady(false)
          say("end \(engine.summary)")
          return .asked
        }
        if now >= nextLook {
          guard window.isCurrent, doorbell.isCurrent else { break }
          nextLook = now + 50_000_000
        }
      }
    }
    engine.setReady(false)
    say("lost \(window.isCurrent ? files.doorbell : files.memory), \(engine.summary)")
    return .lost
  }
}
