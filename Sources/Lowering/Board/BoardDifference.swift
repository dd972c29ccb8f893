public import Diagnostics

/// A fact that two boards have differently.
public struct BoardDifference: Sendable, Hashable {
  /// The fact's path: `/fmans/1/offline-ports/5/enabled`.
  public var path: String
  /// What the first board says; `nil` for nothing.
  public var first: String?
  /// What the second board says; `nil` for nothing.
  public var second: String?
}

extension BoardLowering.Result {
  /// The board as a document of its own: reading it as YAML gives the same board again.
  public var json: JSONValue {
    guard case .object(let members) = facts.json else { return facts.json }
    let kept = members.filter { $0.key != "standalone" }
    return .object([.init("standalone", .bool(true))] + kept)
  }

  /// Every fact that another board has differently, in order of path.
  ///
  /// - Parameter other: The other board.
  /// - Returns: The differences; empty when the boards are equal.
  public func differences(from other: BoardLowering.Result) -> [BoardDifference] {
    let own = comparable
    let theirs = other.comparable
    return Set(own.keys).union(theirs.keys).sorted(by: Self.isBefore).compactMap { path in
      guard own[path] != theirs[path] else { return nil }
      return BoardDifference(path: path, first: own[path], second: theirs[path])
    }
  }

  private var comparable: [String: String] {
    Dictionary(
      facts.leaves().filter { leaf in
        let isAbout = ["/derived", "/unknown", "/standalone"].contains { leaf.path.hasPrefix($0) }
        // What is not said to be disabled is enabled.
        let isDefault = leaf.path.hasSuffix("/enabled") && leaf.fact.json == .bool(true)
        return !isAbout && !isDefault
      }.map { ($0.path, $0.fact.json.line) }, uniquingKeysWith: { first, _ in first })
  }

  /// By parts, numbers among them as numbers: portal 9 before portal 10.
  private static func isBefore(_ left: String, _ right: String) -> Bool {
    let pairs = zip(left.split(separator: "/"), right.split(separator: "/"))
    for (one, other) in pairs where one != other {
      if let first = UInt64(one), let second = UInt64(other) { return first < second }
      return one < other
    }
    return left.utf8.count < right.utf8.count
  }

  /// The JSON schema of a board's YAML, for editors that complete keys.
  public static var schema: JSONValue {
    FactShape.board.schema(
      title: "dpaac board", about: "A QorIQ DPAA board: what there is to share.")
  }
}
