import Diagnostics

/// A fact that nobody read anywhere: concluded from others, or not established at all.
public struct BoardDoubt: Sendable, Hashable {
  /// The fact's path: `/qman/revision`.
  public var path: String
  /// How sure it is.
  public var certainty: Certainty
  /// Why, in a sentence.
  public var reason: String
  /// What is written.
  public var value: String

  /// How sure a fact is.
  public enum Certainty: String, Sendable, Hashable {
    /// Concluded from facts that are established.
    case derived
    /// Not established: a value to work with.
    case unknown
  }

  /// The doubts that facts carry about themselves, under `derived` and `unknown`.
  ///
  /// A doubt of a table goes when somebody nearer says the fact.
  static func doubts(
    _ facts: Fact, into bag: inout DiagnosticBag
  ) -> [BoardDoubt] {
    var doubts: [BoardDoubt] = facts.leaves().compactMap { path, fact in
      guard fact.layer == .inference else { return nil }
      return BoardDoubt(
        path: path, certainty: .derived, reason: "concluded from \(fact.name) of the tree",
        value: fact.summary)
    }
    for (key, certainty) in [("derived", Certainty.derived), ("unknown", .unknown)] {
      guard let table = facts.at("/\(key)")?.record else { continue }
      for path in table.keys.sorted() {
        guard let label = table[path], case .text(let reason) = label.value else { continue }
        guard let fact = facts.at(path) else {
          if label.layer == .document {
            bag.error(
              .unknownKey, "\(path) is \(key), but the board does not say it", at: label.span)
          }
          continue
        }
        guard fact.leaves().contains(where: { $0.fact.layer >= label.layer }) else { continue }
        doubts.append(
          BoardDoubt(path: path, certainty: certainty, reason: reason, value: fact.summary))
      }
    }
    return doubts.sorted { ($0.path, $0.reason) < ($1.path, $1.reason) }
  }
}

/// A kind of fact that a tree left out and a table completed.
public struct BoardCompletion: Sendable, Hashable {
  /// Its path, with a star for the number of a row: `/qman/portals/*/dqrr-liodn`.
  public var path: String
  /// How many facts.
  public var count: Int

  static func completions(_ facts: Fact) -> [BoardCompletion] {
    var counts: [String: Int] = [:]
    for (path, fact) in facts.leaves() where fact.layer == .table {
      let keys = path.split(separator: "/")
      guard let first = keys.first, !["derived", "unknown"].contains(first) else { continue }
      let pattern = keys.map { UInt64($0) == nil ? String($0) : "*" }
      counts["/" + pattern.joined(separator: "/"), default: 0] += 1
    }
    return counts.sorted { $0.key < $1.key }.map { BoardCompletion(path: $0.key, count: $0.value) }
  }
}

extension Fact {
  /// What is written, on one line; of a record how much.
  var summary: String {
    guard let record else { return json.line }
    return "\(record.keys.count) \(record.keys.count == 1 ? "entry" : "entries")"
  }
}
