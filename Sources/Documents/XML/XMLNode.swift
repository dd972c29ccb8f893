/// A piece of an XML document: an element, text between tags, or a comment.
///
/// ```swift
/// XMLNode.element("memory", ["unit": "MiB"], [.text("512")])
/// ```
public indirect enum XMLNode: Sendable, Hashable {
  /// An element with its attributes in the order they are printed, and its content.
  case element(XMLElement)
  /// Text; special characters are escaped when it is printed.
  case text(String)
  /// A comment, without the `<!--` and `-->` around it.
  case comment(String)

  /// An element from its parts; attributes are printed in the order written.
  public static func element(
    _ name: String, _ attributes: KeyValuePairs<String, String> = [:], _ children: [XMLNode] = []
  ) -> XMLNode {
    .element(XMLElement(name, attributes, children))
  }

  /// An element that holds nothing but text.
  public static func element(
    _ name: String, _ attributes: KeyValuePairs<String, String> = [:], text: String
  ) -> XMLNode {
    .element(XMLElement(name, attributes, [.text(text)]))
  }
}

/// A tag with its attributes and content.
public struct XMLElement: Sendable, Hashable {
  /// The name; a prefix such as `qemu:` is part of it.
  public var name: String
  /// The attributes in the order they are printed; namespaces are declared here as `xmlns:…`.
  public var attributes: [XMLAttribute]
  /// What stands between the tags.
  public var children: [XMLNode]

  /// Creates an element; attributes are printed in the order written.
  public init(
    _ name: String, _ attributes: KeyValuePairs<String, String> = [:], _ children: [XMLNode] = []
  ) {
    self.name = name
    self.attributes = attributes.map { XMLAttribute($0.key, $0.value) }
    self.children = children
  }
}

/// A name and value inside a start tag.
public struct XMLAttribute: Sendable, Hashable {
  /// The name.
  public var name: String
  /// The value, unescaped.
  public var value: String

  /// Creates an attribute.
  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}
