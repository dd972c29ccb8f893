import CXML2

/// Prints an XML document: UTF-8, two spaces a level, attributes in their given order, so that the
/// same tree always gives the same text.
public struct XMLWriter: Sendable {
  /// Creates a writer.
  public init() {}

  /// The document whose root is `root`, with the XML declaration and a final line break.
  ///
  /// - Parameters:
  ///   - root: The outermost element.
  ///   - header: A comment that stands before the root, usually what made the file and from what.
  /// - Returns: The document's text.
  /// - Throws: ``XMLWriterError`` when a name, a text or a comment has no form in XML 1.0.
  public func text(of root: XMLElement, header: String? = nil) throws(XMLWriterError) -> String {
    if let header { try Self.check(.comment(header)) }
    try Self.check(.element(root))

    // SAFETY: the document is built, printed and freed inside this call and never escapes it;
    // every node is linked into the document at once, so `xmlFreeDoc` frees all of them.
    guard let document = xmlNewDoc("1.0") else { Self.outOfMemory() }
    defer { xmlFreeDoc(document) }
    if let header {
      Self.add(.comment(header), to: UnsafeMutableRawPointer(document), of: document)
    }
    Self.add(.element(root), to: UnsafeMutableRawPointer(document), of: document)

    var bytes: UnsafeMutablePointer<xmlChar>?
    var count: Int32 = 0
    xmlDocDumpFormatMemoryEnc(document, &bytes, &count, "UTF-8", 1)
    guard let bytes else { Self.outOfMemory() }
    defer { dpaac_xml_free(bytes) }
    return String(
      decoding: UnsafeBufferPointer(start: bytes, count: Int(count)), as: UTF8.self)
  }

  /// Adds a node behind the last child of `parent`, which is the document or an element of it:
  /// libxml2 gives both the same leading fields and takes either.
  private static func add(
    _ node: XMLNode, to parent: UnsafeMutableRawPointer, of document: xmlDocPtr
  ) {
    let parent = parent.assumingMemoryBound(to: _xmlNode.self)
    switch node {
    case .text(let text): xmlAddChild(parent, xmlNewDocText(document, text))
    case .comment(let text): xmlAddChild(parent, xmlNewDocComment(document, text))
    case .element(let element):
      let created = xmlNewDocNode(document, nil, element.name, nil)
      xmlAddChild(parent, created)
      guard let created else { outOfMemory() }
      for attribute in element.attributes {
        xmlNewProp(created, attribute.name, attribute.value)
      }
      for child in element.children {
        add(child, to: UnsafeMutableRawPointer(created), of: document)
      }
    }
  }

  private static func check(_ node: XMLNode) throws(XMLWriterError) {
    switch node {
    case .text(let text): try checkCharacters(text)
    case .comment(let text):
      try checkCharacters(text)
      guard !text.contains("--"), !text.hasSuffix("-") else { throw .invalidComment(text) }
    case .element(let element):
      try checkName(element.name)
      var names: Set<String> = []
      for attribute in element.attributes {
        try checkName(attribute.name)
        try checkCharacters(attribute.value)
        guard names.insert(attribute.name).inserted else {
          throw .duplicateAttribute(element: element.name, attribute: attribute.name)
        }
      }
      for child in element.children { try check(child) }
    }
  }

  private static func checkName(_ name: String) throws(XMLWriterError) {
    guard !name.utf8.contains(0), xmlValidateName(name, 0) == 0 else { throw .invalidName(name) }
  }

  /// XML 1.0 has no form, not even an escaped one, for these (production 2, `Char`).
  private static func checkCharacters(_ text: String) throws(XMLWriterError) {
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x9, 0xa, 0xd, 0x20...0xfffd, 0x10000...: continue
      default: throw .invalidCharacter(scalar)
      }
    }
  }

  private static func outOfMemory() -> Never { fatalError("libxml2 ran out of memory") }
}

/// Why a tree has no form as XML 1.0.
public enum XMLWriterError: Error, Sendable, Hashable, CustomStringConvertible {
  /// An element or attribute has a name that XML does not allow.
  case invalidName(String)
  /// A control character or a noncharacter, which XML cannot even escape.
  case invalidCharacter(Unicode.Scalar)
  /// A comment with `--` in it or `-` at its end.
  case invalidComment(String)
  /// An element has an attribute twice.
  case duplicateAttribute(element: String, attribute: String)

  /// One sentence without a full stop.
  public var description: String {
    switch self {
    case .invalidName(let name): "\"\(name)\" is not a name in XML"
    case .invalidCharacter(let scalar):
      "XML has no form for the character U+\(String(scalar.value, radix: 16, uppercase: true))"
    case .invalidComment(let text): "the comment \"\(text)\" has -- in it or ends in -"
    case .duplicateAttribute(let element, let attribute):
      "<\(element)> has the attribute \(attribute) twice"
    }
  }
}
