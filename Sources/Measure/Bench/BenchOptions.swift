public import DPAARuntime
import Glibc

/// What is measured, and how.
public struct BenchOptions: Sendable {
  /// Who takes part, in the order of their turns.
  public var contestants: [Contestant] = Contestant.allCases
  /// The ways that are measured.
  public var flows: [TrafficFlow] = TrafficFlow.allCases
  /// The lengths of frames.
  public var sizes: [TrafficSize] = ["64", "512", "1518", "imix"].compactMap { TrafficSize($0) }
  /// On how many processors.
  public var processorCounts = [1, 2]
  /// How long each is measured, in milliseconds.
  public var milliseconds: UInt64 = 500
  /// How often each has its turn.
  public var rounds = 3
  /// The program of guests that are processes.
  public var guestProgram: [String]
  /// What machines boot; `nil` when there is nothing.
  public var image: GuestImage?
  /// The nice value of our engine's thread.
  public var engineNice = 0
  /// Told what is measured now.
  public var say: @Sendable (String) -> Void = { _ in }
  /// A folder for what is needed meanwhile.
  var scratch = "/tmp"
  /// The processors of this thread.
  var allowed: [Int] = []
  /// What runs machines' instructions.
  var accelerator = "tcg"

  /// How long frames flow before they count, in milliseconds.
  var warmUp: UInt64 { max(20, min(200, milliseconds / 4)) }

  /// Makes what a run takes of a plan's text; `nil` for a plan that is not sound.
  var load: @Sendable (String) -> RuntimeConfiguration?

  /// Creates options.
  ///
  /// - Parameters:
  ///   - guestProgram: The program of guests that are processes.
  ///   - load: Makes what a run takes of a plan's text; `nil` for a plan that is not sound.
  public init(
    guestProgram: [String],
    load: @escaping @Sendable (String) -> RuntimeConfiguration? = { _ in nil }
  ) {
    self.guestProgram = guestProgram
    self.load = load
  }

  /// The flows that frames of a size are measured in: one frame at a time is no mixture.
  func flows(of size: TrafficSize) -> [TrafficFlow] {
    size.bytes == 0 ? flows.filter { !$0.isTimed } : flows
  }

  /// The first processors that this thread may use.
  func first(_ count: Int) -> [Int] { Array(allowed.prefix(count)) }

  /// Where the engine and guests run: the engine, and the host's program on its thread, have the first processor for
  /// themselves if there is another.
  func placement(_ count: Int) -> (engine: [Int], guests: [Int]) {
    let all = first(count)
    guard count > 1 else { return (all, all) }
    return (first(1), Array(all.dropFirst()))
  }
}
