public import Diagnostics

/// An element of an XML document that was read, with the places where its parts stand.
///
/// ``XMLElement`` is what is printed; this is what was found. Comments, processing instructions and
/// the white space between elements are left out.
public struct XMLSourceElement: Sendable, Hashable {
  /// The name as written, with its prefix.
  public var name: String
  /// Where the name stands in the start tag.
  public var nameSpan: SourceSpan
  /// The start tag.
  public var span: SourceSpan
  /// The attributes in the order written; declarations of namespaces are not among them.
  public var attributes: [XMLSourceAttribute]
  /// The elements inside, in the order written.
  public var children: [XMLSourceElement]
  /// All text directly inside, references resolved; white space is kept.
  public var text: String
  /// What stands between the tags; a point behind the tag of an empty element.
  public var contentSpan: SourceSpan

  /// Creates an element.
  public init(
    name: String, nameSpan: SourceSpan, span: SourceSpan, attributes: [XMLSourceAttribute],
    children: [XMLSourceElement], text: String, contentSpan: SourceSpan
  ) {
    self.name = name
    self.nameSpan = nameSpan
    self.span = span
    self.attributes = attributes
    self.children = children
    self.text = text
    self.contentSpan = contentSpan
  }

  /// The attribute of a name.
  public func attribute(_ name: String) -> XMLSourceAttribute? {
    attributes.first { $0.name == name }
  }
}

/// An attribute with the places of its name and of its value without the quotes.
public struct XMLSourceAttribute: Sendable, Hashable {
  /// The name as written, with its prefix.
  public var name: String
  /// Where the name stands.
  public var nameSpan: SourceSpan
  /// The value, references resolved.
  public var value: String
  /// Where the value stands, without its quotes.
  public var span: SourceSpan

  /// Creates an attribute.
  public init(name: String, nameSpan: SourceSpan, value: String, span: SourceSpan) {
    self.name = name
    self.nameSpan = nameSpan
    self.value = value
    self.span = span
  }
}
