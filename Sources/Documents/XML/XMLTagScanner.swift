/// Finds where the tags of a document stand, in the order of their elements.
///
/// libxml2's tree keeps a line number for each element and no more. This scanner knows just enough
/// of XML 1.0 to walk over a well-formed document without a document type; what is not well-formed
/// is libxml2's to refuse, and whatever was scanned of it is thrown away.
struct XMLTagScanner {
  /// A start tag, as byte offsets.
  struct Tag {
    var tag: Range<Int>
    var name: Range<Int>
    var attributes: [(name: Range<Int>, value: Range<Int>)] = []
    var content: Range<Int>
  }

  /// What is refused before anything is parsed.
  enum Refusal: Error {
    case declaration(Range<Int>)
    case nesting(Range<Int>)
    case attributes(Range<Int>)
    case elements(Range<Int>)
  }

  private let bytes: [UInt8]
  private var position = 0
  private var tags: [Tag] = []
  private var open: [Int] = []

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The tags of a document; for one that is not well-formed, as far as could be seen.
  static func tags(in bytes: [UInt8]) throws(Refusal) -> [Tag] {
    var scanner = XMLTagScanner(bytes)
    while scanner.skip(to: "<") {
      guard try scanner.markup() else { break }
    }
    return scanner.tags
  }

  /// Passes one piece of markup; false when the document cannot be well-formed.
  private mutating func markup() throws(Refusal) -> Bool {
    let start = position
    if take("<!--") { return pass("-->") }
    if take("<![CDATA[") { return pass("]]>") }
    if take("<?") { return pass("?>") }
    if take("<!") {
      let end = bytes[start...].firstIndex { $0 == UInt8(ascii: ">") || $0 == 0x0a } ?? bytes.count
      throw .declaration(start..<end)
    }
    if take("</") {
      guard pass(">"), let index = open.popLast() else { return false }
      tags[index].content = tags[index].content.lowerBound..<start
      return true
    }
    return try startTag(from: start)
  }

  private mutating func startTag(from start: Int) throws(Refusal) -> Bool {
    position = start + 1
    let name = word()
    var tag = Tag(tag: start..<start, name: name, content: start..<start)
    while true {
      skipSpace()
      guard position < bytes.count else { return false }
      if take("/>") {
        tag.tag = start..<position
        tag.content = position..<position
        break
      }
      if take(">") {
        tag.tag = start..<position
        tag.content = position..<bytes.count
        guard open.count < XMLReader.nestingLimit else { throw .nesting(tag.name) }
        open.append(tags.count)
        break
      }
      let key = word()
      skipSpace()
      guard !key.isEmpty, take("=") else { return false }
      skipSpace()
      guard position < bytes.count, case let quote = bytes[position],
        quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'")
      else { return false }
      let begin = position + 1
      guard let end = bytes[begin...].firstIndex(of: quote) else { return false }
      position = end + 1
      // libxml2 compares every attribute with all before it.
      guard tag.attributes.count < XMLReader.attributeLimit else { throw .attributes(key) }
      tag.attributes.append((key, begin..<end))
    }
    guard tags.count < XMLReader.elementLimit else { throw .elements(tag.name) }
    tags.append(tag)
    return true
  }

  // MARK: characters

  private mutating func skip(to text: StaticString) -> Bool {
    let first = text.utf8Start.pointee
    guard position < bytes.count, let found = bytes[position...].firstIndex(of: first) else {
      return false
    }
    position = found
    return true
  }

  private mutating func pass(_ text: StaticString) -> Bool {
    while skip(to: text) {
      if take(text) { return true }
      position += 1
    }
    return false
  }

  private mutating func take(_ text: StaticString) -> Bool {
    let matches = text.withUTF8Buffer { bytes[position...].starts(with: $0) }
    if matches { position += text.utf8CodeUnitCount }
    return matches
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[position]) {
      position += 1
    }
  }

  /// A run without white space, `=`, `/`, `>` and quotes: a name.
  private mutating func word() -> Range<Int> {
    let start = position
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0a, 0x0d, UInt8(ascii: "="), UInt8(ascii: "/"), UInt8(ascii: ">"),
        UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "<"):
        return start..<position
      default: position += 1
      }
    }
    return start..<position
  }
}
