import Diagnostics
import Documents
import Testing

@Suite struct XMLReaderTests {
  @Test func `elements, attributes and text have their places`() throws {
    let text = """
      <?xml version="1.0" encoding="utf-8"?>
      <!-- <not a="tag"> -->
      <netpcd name='office' xmlns:x="urn:x" x:y="1">
        <queue base="0x80"
               count = "2 &gt; 1"/>
        <data><![CDATA[<0x]]>01 &#x41;</data>
      </netpcd>
      """
    let root = try #require(read(text).element)
    #expect(root.name == "netpcd")
    #expect(root.attributes.map(\.name) == ["name", "x:y"])
    #expect(root.attribute("name")?.span.text == "office")
    let queue = try #require(root.children.first)
    #expect(queue.span.location == "test.xml:4:3")
    #expect(queue.attribute("count")?.value == "2 > 1")
    #expect(queue.attribute("count")?.nameSpan.location == "test.xml:5:10")
    #expect(queue.attribute("count")?.span.text == "2 &gt; 1")
    #expect(queue.contentSpan.range.isEmpty)
    #expect(root.children.last?.text == "<0x01 A")
    #expect(root.children.last?.contentSpan.text == "<![CDATA[<0x]]>01 &#x41;")
  }

  @Test func `what is written is read again`() throws {
    let written = XMLElement(
      "a", ["b": "<\"&'\n\tü>"], [.element("c", text: "x < y & z"), .comment("d"), .element("e")])
    let root = try #require(read(XMLWriter().text(of: written)).element)
    #expect(root.attribute("b")?.value == "<\"&'\n\tü>")
    #expect(root.children.map(\.name) == ["c", "e"])
    #expect(root.children.first?.text == "x < y & z")
  }

  @Test func `a byte order mark and a foreign declaration do no harm`() throws {
    let root = read("\u{feff}<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a b=\"ü\"/>").element
    #expect(root?.attribute("b")?.value == "ü")
  }

  @Test(arguments: [
    ("", "xml-syntax 1:1"),
    ("<a>\n<b></a>", "xml-syntax 2:8"),
    ("<a b='1' b='2'/>", "xml-syntax 1:15"),
    ("<a>&lol;</a>", "xml-syntax 1:9"),
    ("<a", "xml-syntax 1:3"),
    ("<a b=>", "xml-syntax 1:6"),
    ("text", "xml-syntax 1:1"),
    ("<a/><b/>", "xml-syntax 1:5"),
    ("<!DOCTYPE a SYSTEM \"http://192.0.2.1/x.dtd\">\n<a/>", "xml-doctype 1:1"),
    ("<!DOCTYPE a [<!ENTITY b \"cc\">]><a>&b;</a>", "xml-doctype 1:1"),
    ("<a>\u{0}</a>", "xml-syntax 1:4"),
  ])
  func `what is not well-formed is refused at its place`(text: String, expected: String) {
    let (element, bag) = read(text)
    #expect(element == nil)
    #expect(bag.diagnostics.map { "\($0.code) \(place($0))" } == [expected])
  }

  @Test func `nesting, attributes and elements are bounded`() {
    func codes(_ text: String) -> [String] { read(text).bag.diagnostics.map(\.code.description) }
    let deep = XMLReader.nestingLimit
    func nested(_ depth: Int) -> String {
      String(repeating: "<a>", count: depth) + String(repeating: "</a>", count: depth)
    }
    #expect(codes(nested(deep)) == [])
    #expect(codes(nested(deep + 1)) == ["xml-nesting"])
    #expect(codes(String(repeating: "<a>", count: 1_000_000)) == ["xml-nesting"])
    func attributes(_ count: Int) -> String {
      "<a " + (0..<count).map { "a\($0)='>'" }.joined(separator: " ") + "/>"
    }
    #expect(codes(attributes(XMLReader.attributeLimit)) == [])
    #expect(codes(attributes(XMLReader.attributeLimit + 1)) == ["xml-size"])
    let many = String(repeating: "<b/>", count: XMLReader.elementLimit)
    #expect(codes("<a>\(many)</a>") == ["xml-size"])
    #expect(codes(String(repeating: " ", count: XMLReader.sizeLimit + 1)) == ["xml-size"])
  }

  @Test func `a mutilated document never stops the program`() {
    let text = Array("<?xml version='1.0'?><a b='1'><!--c--><d><![CDATA[e]]></d><f/></a>".utf8)
    for index in text.indices {
      for byte: UInt8 in [0x00, 0x22, 0x26, 0x27, 0x2f, 0x3c, 0x3e, 0x5b, 0xff] {
        var mutated = text
        mutated[index] = byte
        var bag = DiagnosticBag()
        let element = XMLReader().read(SourceFile(name: "m.xml", bytes: mutated), into: &bag)
        #expect((element == nil) == bag.hasErrors)
        let cut = SourceFile(name: "c.xml", bytes: Array(mutated[...index]))
        #expect(XMLReader().read(cut, into: &bag) == nil || index == text.count - 1)
      }
    }
  }

  private func read(_ text: String) -> (element: XMLSourceElement?, bag: DiagnosticBag) {
    var bag = DiagnosticBag()
    let element = XMLReader().read(SourceFile(name: "test.xml", text: text), into: &bag)
    return (element, bag)
  }

  private func place(_ diagnostic: Diagnostic) -> String {
    diagnostic.span.map { "\($0.start.line):\($0.start.column)" } ?? "nowhere"
  }
}
