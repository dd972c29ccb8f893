public import Partitioning

/// What becomes of a node of the board's tree in a guest's, and why.
public struct NodeFate: Sendable, Hashable {
  /// What becomes of a node.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// It is there as on the board.
    case kept
    /// It is there, but says something else than on the board.
    case rewritten
    /// It is not there.
    case dropped
    /// It is in the guest's tree only.
    case added
  }

  /// Why, in one sentence without a full stop.
  public struct Reason: Sendable, Hashable {
    /// The sentence.
    public var message: String
    /// What the plan decides it by, for the place of its claim; `nil` when no line of the plan does.
    public var object: PlanObject?
    /// Creates a reason.
    public init(_ message: String, _ object: PlanObject? = nil) {
      self.message = message
      self.object = object
    }
  }

  /// The node's path in the board's tree; in the guest's, for one that is added.
  public var path: String
  /// What becomes of it.
  public var kind: Kind
  /// Its path in the guest's tree, when that is another.
  public var newPath: String?
  /// Why, the most important first.
  public var reasons: [Reason]

  /// Creates a fate.
  public init(path: String, kind: Kind, newPath: String? = nil, reasons: [Reason]) {
    self.path = path
    self.kind = kind
    self.newPath = newPath
    self.reasons = reasons
  }
}
