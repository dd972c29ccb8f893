import CXML2
public import Diagnostics

/// Reads an XML document into elements with places.
///
/// libxml2 parses; it is given no document type, no entity, no network and no other file, and no
/// document that is larger or deeper than configurations are. Everything is UTF-8, whatever the
/// declaration says.
public struct XMLReader: Sendable {
  /// How deep elements may stand in each other.
  public static let nestingLimit = 64
  /// How many attributes a tag may have.
  public static let attributeLimit = 64
  /// How many elements a document may have.
  public static let elementLimit = 200_000
  /// How many bytes a document may have.
  public static let sizeLimit = 16 << 20

  /// Creates a reader.
  public init() {}

  /// The root element of a file, or `nil` after an error has been added to the bag.
  public func read(_ file: SourceFile, into bag: inout DiagnosticBag) -> XMLSourceElement? {
    guard file.bytes.count <= Self.sizeLimit else {
      bag.error(.xmlSize, "\(file.name) has more than \(Self.sizeLimit >> 20) MiB")
      return nil
    }
    let tags: [XMLTagScanner.Tag]
    do throws(XMLTagScanner.Refusal) {
      tags = try XMLTagScanner.tags(in: file.bytes)
    } catch {
      bag.add(Self.diagnostic(of: error, in: file))
      return nil
    }

    // SAFETY: the context, the document and the collector that the context points at live until
    // the end of this call, and no pointer into them leaves it.
    guard let context = xmlNewParserCtxt() else { Self.outOfMemory() }
    defer { xmlFreeParserCtxt(context) }
    var first = FirstError()
    let document = withUnsafeMutablePointer(to: &first) { first in
      context.pointee._private = UnsafeMutableRawPointer(first)
      context.pointee.sax.pointee.serror = { data, error in
        // SAFETY: libxml2 passes the context, whose private pointer was set above.
        guard let error, let data,
          let first = data.assumingMemoryBound(to: xmlParserCtxt.self).pointee._private?
            .assumingMemoryBound(to: FirstError.self), first.pointee.message == nil,
          error.pointee.level.rawValue >= XML_ERR_ERROR.rawValue
        else { return }
        first.pointee.message = error.pointee.message.map { String(cString: $0) } ?? "unreadable"
        first.pointee.line = Int(error.pointee.line)
        first.pointee.column = Int(error.pointee.int2)
      }
      let options = XML_PARSE_NONET.rawValue | XML_PARSE_NOERROR.rawValue
      let document = file.bytes.withUnsafeBytes { bytes in
        xmlCtxtReadMemory(
          context, bytes.bindMemory(to: CChar.self).baseAddress, Int32(bytes.count), nil, "UTF-8",
          Int32(options))
      }
      context.pointee._private = nil
      return document
    }
    defer { xmlFreeDoc(document) }
    guard first.message == nil, let root = document.flatMap({ xmlDocGetRootElement($0) }) else {
      bag.add(Self.diagnostic(of: first, in: file))
      return nil
    }
    var builder = Builder(file: file, tags: tags)
    guard let element = builder.element(root) else {
      bag.error(.xmlSyntax, "\(file.name) is not well-formed")
      return nil
    }
    return element
  }

  private static func diagnostic(of refusal: XMLTagScanner.Refusal, in file: SourceFile)
    -> Diagnostic
  {
    switch refusal {
    case .declaration(let range):
      Diagnostic(
        .xmlDoctype, .error,
        "a document type or declaration, which could name files or define entities, is not read",
        at: SourceSpan(file, range), fixIts: [FixIt("leave it out")])
    case .nesting(let range):
      Diagnostic(
        .xmlNesting, .error, "elements stand more than \(nestingLimit) deep in each other",
        at: SourceSpan(file, range))
    case .attributes(let range):
      Diagnostic(
        .xmlSize, .error, "an element has more than \(attributeLimit) attributes",
        at: SourceSpan(file, range))
    case .elements(let range):
      Diagnostic(
        .xmlSize, .error, "\(file.name) has more than \(elementLimit) elements",
        at: SourceSpan(file, range))
    }
  }

  private static func diagnostic(of error: FirstError, in file: SourceFile) -> Diagnostic {
    let message = (error.message ?? "Document is empty").split(separator: "\n").joined(
      separator: " ")
    let start = file.offset(line: max(error.line, 1), column: error.column)
    return Diagnostic(
      .xmlSyntax, .error, "the XML cannot be read: \(message)",
      at: SourceSpan(file, start..<min(start + 1, file.bytes.count)))
  }

  private static func outOfMemory() -> Never { fatalError("libxml2 ran out of memory") }
}

/// The first thing that libxml2 finds wrong; what it says later may only follow from it.
private struct FirstError {
  var message: String?
  var line = 0
  var column = 0
}

/// Joins libxml2's tree with the scanned tags: both have the elements in document order.
private struct Builder {
  let file: SourceFile
  let tags: [XMLTagScanner.Tag]
  private var next = 0

  init(file: SourceFile, tags: [XMLTagScanner.Tag]) {
    self.file = file
    self.tags = tags
  }

  mutating func element(_ node: xmlNodePtr) -> XMLSourceElement? {
    guard next < tags.count else { return nil }
    let tag = tags[next]
    next += 1
    guard let attributes = attributes(of: node, tag) else { return nil }
    var children: [XMLSourceElement] = []
    var text = ""
    var child = node.pointee.children
    while let current = child {
      switch current.pointee.type {
      case XML_ELEMENT_NODE:
        guard let element = element(current) else { return nil }
        children.append(element)
      case XML_TEXT_NODE, XML_CDATA_SECTION_NODE: text += string(current.pointee.content)
      default: break
      }
      child = current.pointee.next
    }
    return XMLSourceElement(
      name: self.text(tag.name), nameSpan: SourceSpan(file, tag.name),
      span: SourceSpan(file, tag.tag), attributes: attributes, children: children, text: text,
      contentSpan: SourceSpan(file, tag.content))
  }

  private func attributes(of node: xmlNodePtr, _ tag: XMLTagScanner.Tag) -> [XMLSourceAttribute]? {
    var attributes: [XMLSourceAttribute] = []
    var attribute = node.pointee.properties
    for (name, value) in tag.attributes {
      let key = text(name)
      guard key != "xmlns", !key.hasPrefix("xmlns:") else { continue }
      guard let current = attribute else { return nil }
      let content = xmlNodeListGetString(node.pointee.doc, current.pointee.children, 1)
      defer { content.map { dpaac_xml_free($0) } }
      attributes.append(
        XMLSourceAttribute(
          name: key, nameSpan: SourceSpan(file, name), value: string(content),
          span: SourceSpan(file, value)))
      attribute = current.pointee.next
    }
    return attributes
  }

  private func text(_ range: Range<Int>) -> String {
    String(decoding: file.bytes[range], as: UTF8.self)
  }

  private func string(_ pointer: UnsafePointer<xmlChar>?) -> String {
    pointer.map { pointer in
      String(
        decoding: UnsafeBufferPointer(start: pointer, count: Int(xmlStrlen(pointer))),
        as: UTF8.self)
    } ?? ""
  }
}
