import Partitioning
import Patterns

/// The patterns of a run, compiled before it begins: each owner's sets, and the databases behind them.
final class PatternSets: Sendable {
  /// A set's databases.
  final class Compiled: Sendable {
    /// For frames that stand for themselves.
    let whole: PatternDatabase
    /// For flows.
    let streams: PatternDatabase
    /// What results call each pattern, and the subsets that it is in.
    let names: [(tag: UInt32, subsets: UInt16)]

    init(_ patterns: [ScanPattern], _ library: PatternLibrary) throws(PatternError) {
      whole = try PatternDatabase(patterns, streams: false, library: library)
      streams = try PatternDatabase(patterns, streams: true, library: library)
      guard streams.streamSize <= PatternLimit.streamState else { throw .tooLarge }
      names = patterns.map { ($0.tag, $0.subsets) }
    }
  }

  /// For each owner 256 places among the databases, by a set's number; -1 for none.
  private let places: [Int16]
  /// The databases. Owners with the same patterns share one.
  let compiled: [Compiled]

  /// Compiles the patterns of a configuration.
  ///
  /// - Throws: ``EngineError/patterns(_:_:)``, for one when there are any and this host has no library to look
  ///   for them with.
  init(_ configuration: RuntimeConfiguration) throws(EngineError) {
    var compiled: [Compiled] = []
    var known: [[ScanPattern]: Int] = [:]
    var places: [Int16] = []
    for owner in configuration.owners.indices {
      var numbers = [Int16](repeating: -1, count: 256)
      let uses = configuration.queueing[owner]?.accelerators ?? []
      for set in uses.flatMap(\.patternSets) {
        if known[set.patterns] == nil {
          do throws(PatternError) {
            compiled.append(try Compiled(set.patterns, try PatternLibrary()))
          } catch {
            throw .patterns(
              error.code, "\(configuration.owners[owner].name)'s patterns \(set.name): \(error)")
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
  func patternMatcher() throws(EngineError) -> PatternMatcher {
    let sets = try PatternSets(self)
    do throws(PatternError) {
      return try PatternMatcher(sets, self)
    } catch {
      throw .patterns(error.code, "\(error)")
    }
  }
}
