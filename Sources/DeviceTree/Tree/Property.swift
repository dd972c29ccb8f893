public import Diagnostics

/// A named value of a node.
public struct Property: Sendable, Hashable {
  /// The name, for example `reg`.
  public var name: String
  /// The labels in front of the name.
  public var labels: [String]
  /// The value.
  public var value: PropertyValue
  var origin: Origin

  /// Creates a property; without a value it is merely present.
  public init(
    _ name: String, _ value: PropertyValue = .empty, labels: [String] = [],
    span: SourceSpan? = nil
  ) {
    self.name = name
    self.labels = labels
    self.value = value
    self.origin = Origin(span)
  }

  /// Where the property was written; `nil` for what was read from a blob or made by a program.
  public var span: SourceSpan? { origin.span }
}
