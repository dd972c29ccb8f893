/// Prints a tree with the types of its values as the YAML that schema validators read, laid out as
/// `dtc -O yaml` lays it out: values are lists of typed parts, `!u8`, `!u16` and `!u64` tell widths
/// other than 32 bits, `!phandle` tells a reference.
package struct YAMLTreePrinter {
  private var output = TextOutput()
  /// Whether a blank or an opening bracket stands before the place of writing.
  private var isSpaced = true

  /// The column behind which lists and strings are folded.
  private static let width = 80
  /// A longer name is written as a key of its own line.
  private static let longestKey = 128

  private init() {}

  /// The YAML of a tree that was read from source; what came from a blob has no types.
  package static func print(_ tree: Tree) -> [UInt8] {
    var printer = YAMLTreePrinter()
    printer.output += "---\n-"
    printer.print(tree.root, indent: 2, isFirst: true)
    printer.output += "\n...\n"
    return printer.output.bytes
  }

  private mutating func print(_ node: Node, indent: Int, isFirst: Bool = false) {
    if node.properties.isEmpty && node.children.isEmpty {
      output += " {}"
      return
    }
    var isFirst = isFirst
    for property in node.properties {
      key(property.name, indent: indent, isFirst: isFirst, isNode: false)
      isFirst = false
      print(property, indent: indent + 2)
    }
    for child in node.children {
      key(child.name, indent: indent, isFirst: isFirst, isNode: true)
      isFirst = false
      print(child, indent: indent + 2)
    }
  }

  private mutating func key(_ name: String, indent: Int, isFirst: Bool, isNode: Bool) {
    if isFirst { output += " " } else { startLine(indent) }
    let isLong = name.utf8.count > Self.longestKey
    if isLong { output += "? " }
    if Self.isPlain(name) {
      output += name
    } else {
      // The library that dtc prints with marks a node's quoted name as no plain scalar.
      if isNode { output += "! " }
      output +=
        "'"
        + name.split(separator: "'", omittingEmptySubsequences: false)
        .joined(separator: "''") + "'"
    }
    if isLong { startLine(indent) }
    output += ":"
    isSpaced = false
  }

  /// Whether a name may stand without quotes.
  private static func isPlain(_ name: String) -> Bool {
    guard let first = name.utf8.first, !"#,*@".utf8.contains(first) else { return false }
    return name != "-" && name != "?" && !name.hasPrefix("---") && !name.hasPrefix("...")
      && name.utf8.allSatisfy { $0 == 0x40 || TreeCheck.isNameCharacter($0) }
  }

  private mutating func startLine(_ indent: Int) {
    output += "\n" + String(repeating: " ", count: indent)
    isSpaced = true
  }

  private mutating func word(_ text: String) {
    if !isSpaced { output += " " }
    output += text
    isSpaced = false
  }

  // MARK: values

  private mutating func print(_ property: Property, indent: Int) {
    let value = property.value
    guard value.count > 0 else { return word("true") }
    open()
    var types = value.markers.filter(\.kind.isType)
    // What /incbin/ brought has no type, and the target of a fragment that nobody wrote is one cell.
    if types.isEmpty {
      let kind = value.references.isEmpty ? Marker.Kind.bytes : .cells(.bits32)
      types = [Marker(kind, at: 0)]
    }
    for (index, marker) in types.enumerated() {
      let end = index + 1 < types.count ? types[index + 1].offset : value.count
      if marker.offset == end && types.count > 1 { continue }
      separate(index, indent)
      switch marker.kind {
      case .string: string(value.contents[marker.offset..<end], indent + 2)
      case .cells(let width): integers(value, marker.offset..<end, width.byteCount, indent + 2)
      default: integers(value, marker.offset..<end, 1, indent + 2)
      }
    }
    close()
  }

  private mutating func open() {
    word("[")
    isSpaced = true
  }

  private mutating func close() {
    output += "]"
    isSpaced = false
  }

  /// Puts a comma before all items but the first, and begins a new line where this one is full.
  private mutating func separate(_ index: Int, _ indent: Int) {
    if index > 0 {
      output += ","
      isSpaced = false
    }
    if output.column > Self.width { startLine(indent) }
  }

  private mutating func integers(
    _ value: PropertyValue, _ range: Range<Int>, _ width: Int, _ indent: Int
  ) {
    if width != 4 { word("!u\(width * 8)") }
    var phandles: Set<Int> = []
    for marker in value.markers {
      if case .phandle = marker.kind { phandles.insert(marker.offset) }
    }
    open()
    let offsets = stride(from: range.lowerBound, through: range.upperBound - width, by: width)
    for (index, offset) in offsets.enumerated() {
      separate(index, indent)
      if width == 4 && phandles.contains(offset) { word("!phandle") }
      word("0x" + String(value.integer(at: offset, byteCount: width), radix: 16))
    }
    close()
  }

  private mutating func string(_ bytes: Slice<ValueBytes>, _ indent: Int) {
    word("\"")
    let text = bytes.last == 0 ? bytes.dropLast() : bytes
    var isBehindSpace = false
    for index in text.indices {
      let byte = text[index]
      let isInside = index > text.startIndex && index < text.endIndex - 1
      if byte == 0x20, !isBehindSpace, isInside, output.column > Self.width {
        startLine(indent)
        if text[index + 1] == 0x20 { output += "\\" }
      } else {
        output.append(yaml: byte)
      }
      isBehindSpace = byte == 0x20
    }
    output += "\""
    isSpaced = false
  }
}

extension TextOutput {
  /// Appends a character of a double-quoted YAML scalar.
  fileprivate mutating func append(yaml byte: UInt8) {
    switch byte {
    case 0x00: self += "\\0"
    case 0x07: self += "\\a"
    case 0x08: self += "\\b"
    case 0x09: self += "\\t"
    case 0x0A: self += "\\n"
    case 0x0B: self += "\\v"
    case 0x0C: self += "\\f"
    case 0x0D: self += "\\r"
    case 0x1B: self += "\\e"
    case 0x22: self += "\\\""
    case 0x5C: self += "\\\\"
    case 0x20..<0x7F: append(byte)
    default:
      let digits = String(byte, radix: 16, uppercase: true)
      self += digits.utf8.count < 2 ? "\\x0" + digits : "\\x" + digits
    }
  }
}
