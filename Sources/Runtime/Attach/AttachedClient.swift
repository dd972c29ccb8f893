import DPAAPortal
import Glibc

/// One client of `dpaac attach`: its files, and the engine that serves it while they are there.
final class AttachedClient {
  /// Its part of the plan.
  let plan: AttachPlan
  private let files: AttachServer.Files
  private let relay: InterruptRelay?
  private let say: (String) -> Void
  /// Behind the first word of a line: its name, where there are several clients.
  private let label: String
  /// Told of each engine that begins to serve it, and of `nil` when one ends.
  private let onChange: (AttachEngine?) -> Void
  private var mapping: (window: GuardedFile, doorbell: GuardedFile)?
  private(set) var engine: AttachEngine?
  private var steps: UInt64 = 0
  private var nextLook: UInt64 = 0

  /// Maps its files and begins to serve it.
  ///
  /// - Throws: ``EngineError`` when that is not possible.
  init(
    _ served: AttachServer.Client, label: String,
    onChange: @escaping (AttachEngine?) -> Void, say: @escaping (String) -> Void
  ) throws(EngineError) {
    plan = served.plan
    files = served.files
    relay = served.relay
    self.label = label
    self.onChange = onChange
    self.say = say
    mapping = try map(isFirst: true)
    try begin()
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

  /// Starts an engine over the files that are mapped.
  private func begin() throws(EngineError) {
    guard let mapping else { return }
    let engine = try AttachEngine(
      plan, memory: mapping.window.memory, size: mapping.window.size,
      offset: plan.macs.isEmpty ? 0 : files.offset, doorbell: mapping.doorbell.memory,
      relay: relay)
    self.engine = engine
    onChange(engine)
    engine.setReady(true)
    say(
      "ready \(plan.guest) at 0x\(String(files.offset, radix: 16)) portals "
        + plan.places.map(String.init).joined(separator: ","))
  }

  /// Does what is to be done.
  ///
  /// - Parameters:
  ///   - now: Nanoseconds.
  ///   - isIdle: Whether the server has had nothing to do for long.
  /// - Returns: Whether there was anything.
  /// - Throws: ``EngineError`` when a client that starts anew cannot be served any more.
  func step(now: UInt64, isIdle: Bool) throws(EngineError) -> Bool {
    guard let engine, let mapping else { return try awaitFiles(now: now) }
    let outcome = engine.step(now: now)
    steps &+= 1
    switch outcome {
    case .wiped:
      // What stands in for a truncated file is zero, too.
      if mapping.window.isLost || mapping.doorbell.isLost {
        lose()
        return true
      }
      say("wiped\(label), \(engine.summary)")
      onChange(nil)
      self.engine = nil
      try begin()
      return true
    case .work, .nothing:
      if steps & 0xff == 0 || isIdle {
        if mapping.window.isLost || mapping.doorbell.isLost {
          lose()
        } else if now >= nextLook {
          nextLook = now + 50_000_000
          if !mapping.window.isCurrent || !mapping.doorbell.isCurrent { lose() }
        }
      }
      if case .work = outcome { return true }
      return false
    }
  }

  /// A file was truncated or replaced: who brings it back finds everything in its reset state.
  private func lose() {
    guard let engine, let mapping else { return }
    engine.setReady(false)
    onChange(nil)
    say(
      "lost \(mapping.window.isCurrent ? files.doorbell : files.memory), \(engine.summary)")
    self.engine = nil
    self.mapping = nil
  }

  /// Looks from time to time whether both files are there again.
  private func awaitFiles(now: UInt64) throws(EngineError) -> Bool {
    guard now >= nextLook else { return false }
    nextLook = now + 20_000_000
    guard let mapping = try? map(isFirst: false) else { return false }
    self.mapping = mapping
    try begin()
    return true
  }

  /// Ends it, and says what there was.
  func end() {
    guard let engine else { return say("end\(label)") }
    engine.setReady(false)
    say("end\(label) \(engine.summary)")
  }
}
