/// Prints a tree as source text.
///
/// The readable style keeps labels and references and folds long values; it is what a person would
/// write. The other is dtc's `-O dts`, character for character, and shows phandles as numbers.
public struct SourcePrinter: Sendable {
  /// How to print.
  public enum Style: Sendable, Hashable {
    /// For people: references by label, decimal small numbers, long values folded at 100 columns.
    case readable
    /// As `dtc -O dts` of version 1.8 prints.
    case dtc
  }

  /// How to print.
  public var style: Style
  /// Comments that tell where things were written.
  package var notes: SourceNotes?

  /// Creates a printer.
  public init(style: Style = .readable) { self.style = style }

  /// The source text of a tree.
  ///
  /// - Complexity: O(*n*) in the size of the tree.
  public func print(_ tree: Tree) -> String {
    var output = TextOutput()
    output += "/dts-v1/;\n"
    if tree.isPlugin { output += "/plugin/;\n" }
    output += "\n"
    for reservation in tree.reservations { print(reservation, to: &output) }
    if style == .readable && !tree.reservations.isEmpty { output += "\n" }
    print(tree.root, depth: 0, path: "", to: &output)
    return output.text
  }

  /// The source text of one node with everything below it.
  public func print(_ node: Node) -> String {
    var output = TextOutput()
    print(node, depth: 0, path: "", to: &output)
    return output.text
  }

  private func print(_ reservation: MemoryReservation, to output: inout TextOutput) {
    output.append(labels: reservation.labels)
    output += style == .dtc ? "/memreserve/\t" : "/memreserve/ "
    let digits = style == .dtc ? 16 : 1
    output.append(hex: reservation.address, digits: digits)
    output += " "
    output.append(hex: reservation.size, digits: digits)
    output += ";\n"
  }

  private func print(_ node: Node, depth: Int, path: String, to output: inout TextOutput) {
    // The path serves the notes only.
    let place = path.isEmpty ? "/" : path
    output.indent(depth)
    if node.isOmittedWithoutReference && style == .readable { output += "/omit-if-no-ref/ " }
    output.append(labels: node.labels)
    output += node.name.isEmpty ? "/" : node.name
    output += " {"
    if let notes { output += notes.comment(ofNode: place, atEnd: false) }
    output += "\n"
    for property in node.properties {
      output.indent(depth + 1)
      output.append(labels: property.labels)
      output += property.name
      switch style {
      case .dtc: DTCValuePrinter.print(property.value, to: &output)
      case .readable: ReadableValuePrinter.print(property.value, depth: depth + 1, to: &output)
      }
      output += ";"
      if let notes { output += notes.comment(ofProperty: property.name, in: place) }
      output += "\n"
    }
    for (index, child) in node.children.enumerated() {
      if style == .dtc || index > 0 || !node.properties.isEmpty { output += "\n" }
      let below = notes == nil ? "" : path + "/" + child.name
      print(child, depth: depth + 1, path: below, to: &output)
    }
    output.indent(depth)
    output += "};"
    if let notes { output += notes.comment(ofNode: place, atEnd: true) }
    output += "\n"
  }
}

/// Text as it grows, byte by byte.
struct TextOutput {
  private(set) var bytes: [UInt8] = []
  private var lineStart = 0

  var text: String { String(decoding: bytes, as: UTF8.self) }

  /// The columns of the line so far, a tab counted as eight.
  var column: Int {
    bytes[lineStart...].reduce(0) { $1 == UInt8(ascii: "\t") ? ($0 / 8 + 1) * 8 : $0 + 1 }
  }

  static func += (output: inout TextOutput, text: String) {
    output.bytes += text.utf8
    if let last = text.utf8.lastIndex(of: 0x0A) {
      output.lineStart =
        output.bytes.count - text.utf8.distance(from: last, to: text.utf8.endIndex) + 1
    }
  }

  mutating func append(_ byte: UInt8) { bytes.append(byte) }

  mutating func indent(_ depth: Int) {
    bytes.append(contentsOf: repeatElement(UInt8(ascii: "\t"), count: depth))
  }

  mutating func append(labels: [String]) {
    for label in labels { self += label + ": " }
  }

  /// Appends `0x` and at least so many hexadecimal digits.
  mutating func append(hex number: UInt64, digits: Int) {
    self += "0x"
    append(digits: number, atLeast: digits)
  }

  /// Appends hexadecimal digits, at least so many.
  mutating func append(digits number: UInt64, atLeast digits: Int) {
    let needed = max(digits, (64 - number.leadingZeroBitCount + 3) / 4)
    for index in (0..<needed).reversed() {
      let digit = UInt8(truncatingIfNeeded: number >> UInt64(4 * index)) & 15
      bytes.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
  }

  /// Appends characters of a string literal, escaped where need be.
  mutating func append(escaped characters: some Sequence<UInt8>) {
    var isBehindNUL = false
    for byte in characters {
      // A digit behind `\0` would be read as part of the escape: dtc prints what it cannot read
      // back here, so this is the one place where its text is not followed.
      if isBehindNUL, (0x30...0x37).contains(byte) { self += "00" }
      isBehindNUL = byte == 0
      switch byte {
      case 0x00: self += "\\0"
      case 0x07: self += "\\a"
      case 0x08: self += "\\b"
      case 0x09: self += "\\t"
      case 0x0A: self += "\\n"
      case 0x0B: self += "\\v"
      case 0x0C: self += "\\f"
      case 0x0D: self += "\\r"
      case 0x22: self += "\\\""
      case 0x5C: self += "\\\\"
      case 0x20..<0x7F: bytes.append(byte)
      default:
        self += "\\x"
        append(digits: UInt64(byte), atLeast: 2)
      }
    }
  }
}
