import Partitioning
import Patterns

/// The patterns of a configuration, compiled before it is run: each owner's sets, and the databases behind them.
final class PatternSets: Sendable {
  /// A set's databases.
  final class Compiled: Sendable {
    /// What they are made of.
    let patterns: [ScanPattern]
    /// For frames that stand for themselves.
    let whole: PatternDatabase
    /// For flows.
    let streams: PatternDatabase
    /// What results call each pattern, and the subsets that it is in.
    let names: [(tag: UInt32, subsets: UInt16)]

    init(
      _ patterns: [ScanPattern], _ library: PatternLibrary, _ budget: inout PatternBudget
    ) throws(PatternError) {
      self.patterns = patterns
      whole = try PatternDatabase(
        patterns, streams: false, library: library, limits: try budget.limits())
      budget.take(whole.microseconds)
      streams = try PatternDatabase(
        patterns, streams: true, library: library, limits: try budget.limits())
      budget.take(streams.microseconds)
      guard streams.streamSize <= PatternLimit.streamState else { throw .tooLarge }
      names = patterns.map { ($0.tag, $0.subsets) }
    }
  }

  /// For each owner 256 places among the databases, by a set's number; -1 for none.
  private let places: [Int16]
  /// The databases. Owners with the same patterns share one.
  let compiled: [Compiled]

  /// What makes them of a configuration and of what has been compiled before.
  typealias Compiler =
    @Sendable (RuntimeConfiguration, _ known: [Compiled]) throws(EngineError) -> PatternSets

  /// Compiles the patterns of a configuration.
  ///
  /// - Parameters:
  ///   - configuration: The configuration.
  ///   - earlier: What has been compiled before: what is in it is not compiled again.
  ///   - budget: What all that is compiled may take together.
  /// - Throws: ``EngineError/patterns(_:_:)``, for one when there are any and this host has no library to look
  ///   for them with.
  init(
    _ configuration: RuntimeConfiguration, knowing earlier: [Compiled] = [],
    budget: PatternBudget = PatternBudget()
  ) throws(EngineError) {
    var budget = budget
    let ready = Dictionary(
      earlier.map { ($0.patterns, $0) }, uniquingKeysWith: { first, _ in first })
    var compiled: [Compiled] = []
    var known: [[ScanPattern]: Int] = [:]
    var places: [Int16] = []
    for owner in configuration.owners.indices {
      var numbers = [Int16](repeating: -1, count: 256)
      let uses = configuration.queueing[owner]?.accelerators ?? []
      for set in uses.flatMap(\.patternSets) {
        if known[set.patterns] == nil {
          if let found = ready[set.patterns] {
            compiled.append(found)
          } else {
            do throws(PatternError) {
              compiled.append(try Compiled(set.patterns, try PatternLibrary(), &budget))
            } catch {
              throw .patterns(
                error.code,
                "\(configuration.owners[owner].name)'s patterns \(set.name): "
                  + budget.explanation(of: error))
            }
          }
          known[set.patterns] = compiled.count - 1
        }
        numbers[Int(set.number)] = Int16(known[set.patterns] ?? -1)
      }
      places += numbers
    }
    self.compiled = compiled
    self.places = places
  }

  /// Whether a configuration has patterns that have not been compiled before.
  static func areLacking(
    in known: [Compiled], for configuration: RuntimeConfiguration
  ) -> Bool {
    let ready = Set(known.map(\.patterns))
    return configuration.queueing.values.flatMap(\.accelerators).flatMap(\.patternSets)
      .contains { !ready.contains($0.patterns) }
  }

  /// The place of a set among the databases; -1 when its owner has no such set.
  func place(ofSet set: UInt8, owner: Int) -> Int { Int(places[owner << 8 | Int(set)]) }
}

extension PatternError {
  /// A name that does not change, for programs.
  fileprivate var code: String {
    switch self {
    case .noLibrary: "pattern-library-missing"
    case .refused: "pattern-refused"
    case .tooSlow, .tooLarge: "pattern-too-costly"
    case .crashed, .failed: "pattern-library-failed"
    }
  }
}

extension RuntimeConfiguration {
  /// PME, with all patterns of the configuration.
  ///
  /// - Parameter compiled: The patterns, when they have been compiled.
  /// - Returns: PME.
  /// - Throws: ``EngineError/patterns(_:_:)``.
  func patternMatcher(_ compiled: PatternSets? = nil) throws(EngineError) -> PatternMatcher {
    let sets: PatternSets
    if let compiled { sets = compiled } else { sets = try PatternSets(self) }
    do throws(PatternError) {
      return try PatternMatcher(sets, self)
    } catch {
      throw .patterns(error.code, "\(error)")
    }
  }
}

extension Engine {
  /// The patterns that PME looks for now, as they were compiled.
  var compiledPatterns: [PatternSets.Compiled] {
    (devices[.pme] as? PatternMatcher)?.sets.compiled ?? []
  }
}
