public import Diagnostics

/// A piece of a YAML document with the place where it stands.
public struct YAMLNode: Sendable, Hashable {
  /// What it is.
  public var value: Value
  /// Where it stands; for an alias, the place of the alias and not of its anchor.
  public var span: SourceSpan

  /// Creates a node.
  public init(_ value: Value, at span: SourceSpan) {
    self.value = value
    self.span = span
  }

  /// The three kinds of node.
  public enum Value: Sendable, Hashable {
    /// A single text; what it means is the reader's business.
    case scalar(YAMLScalar)
    /// A list.
    case sequence([YAMLNode])
    /// Keys with their values in the order written; no key comes twice.
    case mapping([YAMLEntry])
  }

  /// What it is, for messages: `a text`, `a list`, `a mapping`, `nothing`.
  public var kind: String {
    switch value {
    case .scalar(let scalar): scalar.isNull ? "nothing" : "a text"
    case .sequence: "a list"
    case .mapping: "a mapping"
    }
  }
}

/// The text of a scalar and whether it was quoted.
public struct YAMLScalar: Sendable, Hashable {
  /// The text, with escapes and folds resolved.
  public var text: String
  /// Whether it stood bare: only then may it mean a number or nothing.
  public var isPlain: Bool

  /// Creates a scalar.
  public init(_ text: String, isPlain: Bool = true) {
    self.text = text
    self.isPlain = isPlain
  }

  /// Whether it says nothing: empty, `~` or `null`, unquoted.
  public var isNull: Bool { isPlain && ["", "~", "null"].contains(text) }
}

/// A key with its value.
public struct YAMLEntry: Sendable, Hashable {
  /// The key's text.
  public var key: String
  /// Where the key stands.
  public var keySpan: SourceSpan
  /// The value.
  public var value: YAMLNode

  /// Creates an entry.
  public init(key: String, keySpan: SourceSpan, value: YAMLNode) {
    self.key = key
    self.keySpan = keySpan
    self.value = value
  }
}
