import Synchronization

/// The few words by which the control thread steers the engine's thread and learns where it is.
public final class EngineControl: Sendable {
  private let stopRequested = Atomic<Bool>(false)
  private let inputRequested = Atomic<Bool>(false)
  private let goneOwners = Atomic<UInt64>(0)
  private let reclaimedOwners = Atomic<UInt64>(0)
  private let inputsDone = Atomic<Bool>(false)
  private let quietRounds = Atomic<UInt64>(0)
  private let returns = Mutex<[OwnerReturn]>([])
  /// The owners of those, one bit each: the engine looks here in each round, and at the wishes only when there are some.
  private let returningOwners = Atomic<UInt64>(0)

  init() {}

  /// Lets the ports play their captures, or stops them.
  public func setInput(_ allowed: Bool) { inputRequested.store(allowed, ordering: .releasing) }
  var isInputAllowed: Bool { inputRequested.load(ordering: .acquiring) }

  /// Ends the engine's loop.
  public func stop() { stopRequested.store(true, ordering: .releasing) }
  /// Lets it begin again.
  func allowLoop() { stopRequested.store(false, ordering: .releasing) }
  var isStopRequested: Bool { stopRequested.load(ordering: .acquiring) }

  /// Says that an owner's process has ended: what it held is to be taken back.
  public func markGone(owner: Int) {
    goneOwners.bitwiseOr(1 << UInt64(owner), ordering: .acquiringAndReleasing)
  }
  var gone: UInt64 { goneOwners.load(ordering: .acquiring) }

  /// Whether everything that a gone owner held has been taken back.
  public func isReclaimed(owner: Int) -> Bool {
    reclaimedOwners.load(ordering: .acquiring) & 1 << UInt64(owner) != 0
  }
  func markReclaimed(owner: Int) {
    reclaimedOwners.bitwiseOr(1 << UInt64(owner), ordering: .acquiringAndReleasing)
  }

  // MARK: Owners that come back

  /// Asks for an owner, whose holdings have been taken back, to be put into service again.
  func requestReturn(_ wanted: OwnerReturn) {
    returns.withLock { $0.append(wanted) }
    returningOwners.bitwiseOr(1 << UInt64(wanted.owner), ordering: .acquiringAndReleasing)
  }

  /// The owners that are to come back, one bit each.
  var returning: UInt64 { returningOwners.load(ordering: .acquiring) }

  /// Takes the wish for an owner, to fulfil it or because nobody has it any more; `nil` when somebody else has
  /// taken it.
  func takeReturn(owner: Int) -> OwnerReturn? {
    returns.withLock { wishes in
      guard let place = wishes.firstIndex(where: { $0.owner == owner }) else { return nil }
      returningOwners.bitwiseAnd(~(1 << UInt64(owner)), ordering: .acquiringAndReleasing)
      return wishes.remove(at: place)
    }
  }

  /// Whether an owner is not in service.
  public func isGone(owner: Int) -> Bool { gone & 1 << UInt64(owner) != 0 }

  /// An owner is in service again. That it was reclaimed is forgotten first: nobody may take that for its next
  /// end.
  func markBack(owner: Int) {
    reclaimedOwners.bitwiseAnd(~(1 << UInt64(owner)), ordering: .acquiringAndReleasing)
    goneOwners.bitwiseAnd(~(1 << UInt64(owner)), ordering: .acquiringAndReleasing)
  }

  /// Whether every capture has been played.
  public var areInputsDone: Bool { inputsDone.load(ordering: .acquiring) }
  func setInputsDone(_ done: Bool) { inputsDone.store(done, ordering: .releasing) }

  /// How many rounds found nothing to do and no buffer in use. When it grows while all guests are
  /// quiet, nothing is under way any more.
  public var quietRoundCount: UInt64 { quietRounds.load(ordering: .acquiring) }
  func countQuietRound() { quietRounds.wrappingAdd(1, ordering: .releasing) }
}
