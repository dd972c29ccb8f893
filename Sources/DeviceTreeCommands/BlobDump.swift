import DeviceTree

/// The content of a blob as `fdtdump` shows it: tag by tag, to the end or to the first damage.
///
/// What comes before the damage is shown, and nothing is read outside of the bytes.
struct BlobDump {
  /// What shows on standard output.
  private(set) var output: [UInt8] = []
  private let blob: [UInt8]
  /// Whether to say at which offset things stand.
  private let isDebugging: Bool
  private var offset = 0
  private var depth = 0

  private enum Tag: UInt32 {
    case beginNode = 1
    case endNode = 2
    case property = 3
    case nop = 4
    case end = 9

    var name: String {
      switch self {
      case .beginNode: "FDT_BEGIN_NODE"
      case .endNode: "FDT_END_NODE"
      case .property: "FDT_PROP"
      case .nop: "FDT_NOP"
      case .end: "FDT_END"
      }
    }
  }

  /// The fields of a header, in order (Devicetree Specification, section 5.2).
  private enum Field: Int, CaseIterable {
    case magic, totalsize, off_dt_struct, off_dt_strings, off_mem_rsvmap, version
    case last_comp_version, boot_cpuid_phys, size_dt_strings, size_dt_struct
  }

  init(_ blob: [UInt8], isDebugging: Bool) {
    self.blob = blob
    self.isDebugging = isDebugging
  }

  /// Whether the bytes start with a header whose blocks begin inside of them; `isWhole` when the end
  /// is there too.
  static func header(at start: Int, in bytes: [UInt8]) -> (isValid: Bool, isWhole: Bool) {
    let count = bytes.count - start
    func field(_ field: Field) -> Int { Int(bytes.cell(at: start + 4 * field.rawValue)) }
    guard count >= 28, bytes.cell(at: start) == BlobFormat.magic else { return (false, false) }
    let isValid =
      field(.version) <= 17 && field(.last_comp_version) <= 17 && field(.totalsize) >= 28
      && field(.off_dt_struct) < count && field(.off_dt_strings) < count
    return (isValid, isValid && field(.totalsize) <= count)
  }

  /// Shows everything; what is wrong with the blob, if anything.
  mutating func run() -> String? {
    append("/dts-v1/;\n")
    let version = field(.version)
    for name in Field.allCases.prefix(version >= 17 ? 10 : version >= 3 ? 9 : version >= 2 ? 8 : 7)
    where 4 * name.rawValue + 4 <= blob.count {
      let number = field(name)
      let head = "// \(name):\("\(name)".utf8.count < 12 ? "\t\t" : "\t")"
      switch name {
      case .totalsize: append("\(head)0x\(Self.hex(number)) (\(number))\n")
      case .version, .last_comp_version: append("\(head)\(number)\n")
      default: append("\(head)0x\(Self.hex(number))\n")
      }
    }
    append("\n")
    if let damage = reservations() { return damage }
    offset = Int(field(.off_dt_struct))
    while true {
      let start = offset
      guard let number = cell() else { return "the structure has no end" }
      let tag = Tag(rawValue: number)
      if tag == .end { return nil }
      note(start, "tag: 0x\(Self.hex(number, digits: 8)) (\(tag?.name ?? "FDT_???"))")
      let damage: String? =
        switch tag {
        case .beginNode: beginNode()
        case .endNode: endNode()
        case .property: property(isOld: version < 16)
        case .nop: nop()
        default: "there is no tag 0x\(Self.hex(number, digits: 8))"
        }
      if let damage { return "\(damage), at offset 0x\(Self.hex(start))" }
    }
  }

  // MARK: blocks

  private mutating func reservations() -> String? {
    var offset = Int(field(.off_mem_rsvmap))
    while offset + 16 <= blob.count {
      let address = blob.number64(at: offset)
      let size = blob.number64(at: offset + 8)
      if address == 0 && size == 0 { return nil }
      append("/memreserve/ \(Self.alternate(address)) \(Self.alternate(size));\n")
      offset += 16
    }
    return "the memory reservations have no end"
  }

  private mutating func beginNode() -> String? {
    guard depth < Tree.maximumDepth else { return "nodes are nested too deep" }
    guard let name = text(at: offset) else { return "the name of a node has no end" }
    offset = (offset + name.count + 1 + 3) & ~3
    indent()
    output += name.isEmpty ? [0x2F] : name
    append(" {\n")
    depth += 1
    return nil
  }

  private mutating func endNode() -> String? {
    guard depth > 0 else { return "a node ends that has not begun" }
    depth -= 1
    indent()
    append("};\n")
    return nil
  }

  private mutating func nop() -> String? {
    indent()
    append("// [NOP]\n")
    return nil
  }

  private mutating func property(isOld: Bool) -> String? {
    guard let size = cell(), let nameOffset = cell() else { return "a property has no end" }
    if isOld && size >= 8 { offset = (offset + 7) & ~7 }
    let start = offset
    let place = Int(field(.off_dt_strings)) + Int(nameOffset)
    guard let name = text(at: place) else { return "the name of a property has no end" }
    guard start + Int(size) <= blob.count else {
      return "a property's value of \(size) bytes has no end"
    }
    offset = (start + Int(size) + 3) & ~3
    if isDebugging {
      append("// \(Self.hex(place, digits: 4)): string: ")
      output += name
      append("\n")
    }
    note(start, "value")
    indent()
    output += name
    append(Self.value(Array(blob[start..<(start + Int(size))])))
    append(";\n")
    return nil
  }

  // MARK: bytes

  private func field(_ field: Field) -> UInt32 {
    let offset = 4 * field.rawValue
    return offset + 4 <= blob.count ? blob.cell(at: offset) : 0
  }

  private mutating func cell() -> UInt32? {
    guard offset + 4 <= blob.count else { return nil }
    defer { offset += 4 }
    return blob.cell(at: offset)
  }

  /// The bytes before the next NUL; a name is no longer than what ``BlobReader`` takes.
  private func text(at start: Int) -> [UInt8]? {
    guard start < blob.count else { return nil }
    let bytes = blob[start...].prefix(BlobReader.maximumNameLength + 1)
    return bytes.firstIndex(of: 0).map { Array(bytes[..<$0]) }
  }

  // MARK: text

  private mutating func append(_ text: String) { output += text.utf8 }

  private mutating func indent() { output += repeatElement(0x20, count: depth * 4) }

  private mutating func note(_ offset: Int, _ text: String) {
    if isDebugging { append("// \(Self.hex(offset, digits: 4)): \(text)\n") }
  }

  private static func hex(_ number: some BinaryInteger, digits: Int = 1) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
  }

  /// A number as C's `%#x` prints it: no `0x` in front of zero.
  static func alternate(_ number: UInt64) -> String {
    number == 0 ? "0" : "0x" + String(number, radix: 16)
  }

  private static func value(_ bytes: [UInt8]) -> String {
    if bytes.isEmpty { return "" }
    if ValueFormat.isText(bytes) {
      let strings = PropertyValue(bytes: bytes).strings ?? []
      return " = " + strings.map { "\"\($0)\"" }.joined(separator: ", ")
    }
    if let cells = PropertyValue(bytes: bytes).cells {
      return " = <" + cells.map { "0x" + hex($0, digits: 8) }.joined(separator: " ") + ">"
    }
    return " = [" + bytes.map { hex($0, digits: 2) }.joined(separator: " ") + "]"
  }
}
