import Documents
import Testing

@Suite struct XMLWriterTests {
  @Test func `a tree prints indented, in order, with text kept on its line`() throws {
    let domain = XMLElement(
      "domain", ["type": "qemu", "xmlns:qemu": "http://libvirt.org/schemas/domain/qemu/1.0"],
      [
        .element("name", text: "guest1"),
        .element("memory", ["unit": "MiB"], text: "512"),
        .comment("nothing here"),
        .element("devices"),
        .element("qemu:commandline", [:], [.element("qemu:arg", ["value": "-dtb"])]),
      ])
    #expect(
      try XMLWriter().text(of: domain, header: " made by a test ") == """
        <?xml version="1.0" encoding="UTF-8"?>
        <!-- made by a test -->
        <domain type="qemu" xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0">
          <name>guest1</name>
          <memory unit="MiB">512</memory>
          <!--nothing here-->
          <devices/>
          <qemu:commandline>
            <qemu:arg value="-dtb"/>
          </qemu:commandline>
        </domain>

        """)
  }

  @Test func `special characters are escaped in text and in attributes`() throws {
    let element = XMLElement("a", ["b": "<\"&'\n>"], [.text("a < b & c > d ü")])
    #expect(
      try XMLWriter().text(of: element)
        == "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        + "<a b=\"&lt;&quot;&amp;'&#10;&gt;\">a &lt; b &amp; c &gt; d ü</a>\n")
  }

  @Test(arguments: [
    (XMLElement("1a"), XMLWriterError.invalidName("1a")),
    (XMLElement("a b"), .invalidName("a b")),
    (XMLElement("a\0b"), .invalidName("a\0b")),
    (XMLElement("a", ["": "x"]), .invalidName("")),
    (XMLElement("a", [:], [.text("x\u{1}")]), .invalidCharacter("\u{1}")),
    (XMLElement("a", ["b": "\0"]), .invalidCharacter("\0")),
    (XMLElement("a", [:], [.comment("a--b")]), .invalidComment("a--b")),
    (
      XMLElement("a", ["b": "1", "b": "2"]),
      .duplicateAttribute(element: "a", attribute: "b")
    ),
  ]) func `what XML cannot say is refused`(element: XMLElement, error: XMLWriterError) {
    #expect(throws: error) { try XMLWriter().text(of: element) }
  }
}
