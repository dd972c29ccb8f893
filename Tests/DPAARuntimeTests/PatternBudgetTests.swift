import Partitioning
import Patterns
import Testing

@testable import DPAARuntime

/// What all the patterns of a plan may take to be compiled, and what is not compiled again.
@Suite(.timeLimit(.minutes(10))) struct PatternBudgetTests {
  private static let second: UInt64 = 1_000_000_000

  @Test func `each set is given what is left of the time that all have together`() throws {
    var budget = PatternBudget(microseconds: 25_500_000, deadline: 300 * Self.second)
    var limits = try budget.limits(now: 0)
    #expect(limits == .plan)
    #expect(!budget.isShort)
    #expect(budget.explanation(of: .tooSlow) == PatternError.tooSlow.description)
    budget.take(20_000_000)
    limits = try budget.limits(now: 0)
    #expect(limits.seconds == 6 && limits.patience == PatternDatabase.Limits.plan.patience)
    #expect(limits.memory == PatternLimit.memory && limits.database == PatternLimit.database)
    #expect(budget.isShort)
    #expect(budget.explanation(of: .tooSlow).contains("120 s"))
    #expect(budget.explanation(of: .crashed) == PatternError.crashed.description)
    limits = try budget.limits(now: 299 * Self.second)
    #expect(limits.seconds == 6 && limits.patience == 1000)
    #expect(Self.isOver(budget, now: 300 * Self.second))
    #expect(!Self.isOver(budget, now: 0))
    // The last one may have had a little more than there was.
    budget.take(6_000_000)
    #expect(Self.isOver(budget, now: 0))
  }

  private static func isOver(_ budget: PatternBudget, now: UInt64) -> Bool {
    var budget = budget
    do throws(PatternError) {
      _ = try budget.limits(now: now)
      return false
    } catch {
      return error == .tooSlow && budget.isShort
    }
  }

  private static func set(_ number: UInt8, _ name: String, _ text: String) throws
    -> ScanPatternSet
  {
    var set = try PatternMatcherTests.set(number, [(text, 1)])
    set.name = name
    return set
  }

  /// What keeps a configuration from being compiled.
  private static func problem(
    _ configuration: RuntimeConfiguration, knowing known: [PatternSets.Compiled] = [],
    microseconds: UInt64
  ) -> String? {
    do throws(EngineError) {
      _ = try PatternSets(
        configuration, knowing: known, budget: PatternBudget(microseconds: microseconds))
      return nil
    } catch {
      guard case .patterns("pattern-too-costly", let problem) = error else { return "\(error)" }
      return problem
    }
  }

  private static let hasLibrary = (try? PatternLibrary()) != nil

  @Test(.enabled(if: hasLibrary, "needs package libhyperscan-dev"))
  func `what compiling takes is taken off, and the set that no longer fits is named`() throws {
    let words = try Self.set(1, "words", "abc")
    let first = PatternAsker.configuration([words])
    // No compiler is done in a millionth of a second; the databases for frames and for flows are two.
    let problem = try #require(Self.problem(first, microseconds: 1))
    #expect(problem.hasPrefix("guest2's patterns words: with those before it, "))
    #expect(Self.problem(first, microseconds: 60_000_000) == nil)
    let known = try PatternSets(first).compiled
    let both = PatternAsker.configuration([words, try Self.set(2, "names", "xyz")])
    #expect(
      Self.problem(both, knowing: known, microseconds: 0)?.hasPrefix("guest2's patterns names: ")
        == true)
  }

  @Test(.enabled(if: hasLibrary, "needs package libhyperscan-dev"))
  func `patterns that have been compiled are not compiled again, whoever has them`() throws {
    let (words, names) = (try Self.set(1, "words", "abc"), try Self.set(2, "names", "xyz"))
    let earlier = try PatternSets(PatternAsker.configuration([words, names]))
    #expect(earlier.compiled.count == 2)
    // Another owner, another number, another name.
    let moved = PatternAsker.configuration([], others: [try Self.set(9, "letters", "xyz")])
    #expect(PatternSets.areLacking(in: [], for: moved))
    #expect(!PatternSets.areLacking(in: earlier.compiled, for: moved))
    let again = try PatternSets(
      moved, knowing: earlier.compiled, budget: PatternBudget(microseconds: 0))
    #expect(again.compiled.count == 1)
    #expect(again.compiled.first === earlier.compiled[1])
    #expect(again.place(ofSet: 9, owner: 1) == 0 && again.place(ofSet: 2, owner: 2) == -1)
    // Another subset is another pattern.
    let other = PatternAsker.configuration([try PatternMatcherTests.set(1, [("abc", 2)])])
    #expect(PatternSets.areLacking(in: earlier.compiled, for: other))
  }
}
