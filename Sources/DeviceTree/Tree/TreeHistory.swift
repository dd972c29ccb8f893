public import Diagnostics

/// How a tree came to be: which values were overridden or deleted, and where.
///
/// ```swift
/// let (tree, history) = SourceReader().readWithHistory(file, into: &bag)
/// for event in history.events(of: "status", in: "/soc/serial@11c500") { print(event) }
/// ```
///
/// Only what a source said more than once is here; where anything else was said stands in the tree
/// itself (``Property/span``). A history is kept when it is asked for, and costs nothing otherwise.
public struct TreeHistory: Sendable {
  /// What happened to a property.
  public enum PropertyEvent: Sendable, Hashable {
    /// It was given a value, its references not resolved yet.
    case set(PropertyValue, SourceSpan?)
    /// It was deleted, by itself or with its node.
    case deleted(SourceSpan?)

    /// Where that was said.
    public var span: SourceSpan? {
      switch self {
      case .set(_, let span), .deleted(let span): span
      }
    }
  }

  /// What happened to a node.
  public enum NodeEvent: Sendable, Hashable {
    /// It was opened: made, or laid over what was there.
    case opened(SourceSpan?)
    /// It was deleted with all below it.
    case deleted(SourceSpan?)

    /// Where that was said.
    public var span: SourceSpan? {
      switch self {
      case .opened(let span), .deleted(let span): span
      }
    }
  }

  private var nodes: [String: [NodeEvent]] = [:]
  private var properties: [String: [(name: String, events: [PropertyEvent])]] = [:]

  /// Creates an empty history, as a blob has.
  public init() {}

  /// What happened to a node, the first first; empty when it was opened once.
  public func events(ofNode path: String) -> [NodeEvent] { nodes[path] ?? [] }

  /// What happened to a property, the first first; empty when it was set once.
  public func events(of property: String, in path: String) -> [PropertyEvent] {
    properties[path]?.first { $0.name == property }?.events ?? []
  }

  /// The properties of a node that were set again or deleted, those that are gone among them.
  public func properties(of path: String) -> [String] { properties[path]?.map(\.name) ?? [] }

  /// Where a node was deleted; `nil` unless it is gone for that reason.
  public func deletion(ofNode path: String) -> SourceSpan? {
    guard case .deleted(let span) = nodes[path]?.last else { return nil }
    return span
  }

  mutating func add(_ events: [NodeEvent], toNode path: String) {
    nodes[path, default: []] += events
  }

  mutating func add(_ events: [PropertyEvent], toProperty name: String, of path: String) {
    properties[path, default: []].append((name, events))
  }
}
