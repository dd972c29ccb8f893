import Synchronization

// SAFETY: session and program are touched by one thread, the engine's; the others only leave a wish.
/// A guest without a process of its own: its built-in program runs on the engine's thread, a step after each round.
///
/// A frame to it or from it costs no change of process, and it takes no processor from anybody. It is trusted as
/// the engine is: it shares its address space.
public final class InlineGuest: @unchecked Sendable {
  // Unchecked, as a step is taken in each round of the engine's, and nothing in one calls back.
  @exclusivity(unchecked) private var session: GuestSession
  // One of both. Spelled out, as `?` would first make them `nil`.
  @exclusivity(unchecked) private var traffic: Optional<TrafficProgram>
  @exclusivity(unchecked) private var program: Optional<BuiltInProgram>
  private let wish = Atomic<Int>(0)
  /// The last wish that was obeyed.
  @exclusivity(unchecked) private var obeyed = 0
  @exclusivity(unchecked) private var idleSteps = 0

  /// The wishes, in the order in which they come.
  private enum Wish {
    static let drain = 1
    static let end = 2
  }

  /// Prepares the program that the plan names.
  ///
  /// - Parameters:
  ///   - session: The owner's session, whose engine runs on the same thread.
  ///   - bells: Those whom a program that measures may ring, in the owners' order.
  /// - Throws: ``GuestError`` for a program that lacks what it needs.
  public init(
    _ session: consuming GuestSession, bells: [GuestBell] = []
  ) throws(GuestError) {
    var traffic = Optional<TrafficProgram>.none
    var program = Optional<BuiltInProgram>.none
    if case .traffic = session.grant.program {
      traffic = .some(try session.beginTraffic(bells))
    } else {
      program = .some(try session.begin())
    }
    self.traffic = traffic
    self.program = program
    self.session = session
  }

  /// Has it send nothing more of its own accord.
  public func drain() { _ = wish.max(Wish.drain, ordering: .acquiringAndReleasing) }

  /// Has it end.
  public func end() { _ = wish.max(Wish.end, ordering: .acquiringAndReleasing) }

  /// Does a step. Called by the engine's thread, between rounds.
  ///
  /// - Returns: `false` when nothing was to be done.
  public func step() -> Bool {
    guard obeyed != Wish.end else { return false }
    let wish = wish.load(ordering: .acquiring)
    if wish != obeyed { obey(wish) }
    traffic?.hear(&session)
    let isBusy = traffic?.step(&session) ?? program?.step(&session) ?? false
    idleSteps = isBusy ? 0 : idleSteps &+ 1
    // As a process does before it sleeps.
    if idleSteps == 96 { session.capture?.flush() }
    return isBusy
  }

  private func obey(_ wish: Int) {
    obeyed = wish
    traffic?.obey(TrafficOrder(.take))
    program?.stopSending(&session)
    guard wish == Wish.end else { return session.report(.quiet) }
    traffic?.end(&session)
    program?.end(&session)
    session.capture?.flush()
    session.report(.ended)
  }
}
