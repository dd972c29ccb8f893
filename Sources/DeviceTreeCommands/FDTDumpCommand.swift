import DeviceTree
import Diagnostics

/// `fdtdump`: prints the header of a blob and its content.
struct FDTDumpCommand {
  let console: Console

  static let usage = "usage: fdtdump [options] <blob>"

  static let parser = OptionParser(specifications: [
    OptionSpecification("d", "debug", nil, "accepted; changes nothing"),
    OptionSpecification("s", "scan", nil, "look for blobs inside of the file"),
    OptionSpecification("h", "help", nil, "show this help"),
    OptionSpecification("V", "version", nil, "show the version"),
  ])

  private static let magic: [UInt8] = [0xD0, 0x0D, 0xFE, 0xED]

  func run(_ arguments: [String]) -> Int32 {
    var scans = false
    let parsed: OptionParser.Result
    do {
      parsed = try Self.parser.parse(arguments)
    } catch {
      console.error("\(Self.usage)\n\nError: \(error.message)\n")
      return 1
    }
    for (name, _) in parsed.options {
      switch name {
      case "s": scans = true
      case "h":
        console.print(Self.parser.help(Self.usage))
        return 0
      case "V":
        console.print(DeviceTreeCommand.version)
        return 0
      default: break
      }
    }
    guard parsed.operands.count == 1 else {
      console.error("\(Self.usage)\n\nError: name one blob\n")
      return 1
    }
    let path = parsed.operands[0]
    guard let bytes = console.read(path) else { return 1 }
    return scans ? scan(bytes, path) : dump(bytes, path)
  }

  private func dump(_ bytes: [UInt8], _ name: String) -> Int32 {
    var bag = DiagnosticBag()
    guard let tree = BlobReader().read(bytes, name: name, into: &bag) else {
      console.error(DiagnosticRenderer().render(bag))
      return 1
    }
    var text = "/dts-v1/;\n"
    let fields = [
      "magic", "totalsize", "off_dt_struct", "off_dt_strings", "off_mem_rsvmap", "version",
      "last_comp_version", "boot_cpuid_phys", "size_dt_strings", "size_dt_struct",
    ]
    let cells = PropertyValue(bytes: Array(bytes.prefix(40))).cells ?? []
    let version = cells.count > 5 ? cells[5] : 0
    let count = version >= 17 ? 10 : version >= 3 ? 9 : version >= 2 ? 8 : 7
    for (index, (field, cell)) in zip(fields, cells).prefix(count).enumerated() {
      let tabs = field.count < 12 ? "\t\t" : "\t"
      let hex = "0x" + String(cell, radix: 16)
      switch index {
      case 1: text += "// \(field):\(tabs)\(hex) (\(cell))\n"
      case 5, 6: text += "// \(field):\(tabs)\(cell)\n"
      default: text += "// \(field):\(tabs)\(hex)\n"
      }
    }
    text += "\n"
    for entry in tree.reservations {
      text += "/memreserve/ \(alternate(entry.address)) \(alternate(entry.size));\n"
    }
    var output = Array(text.utf8)
    append(tree.root, 0, to: &output)
    return console.write(output) ? 0 : 1
  }

  /// A number as C's `%#x` prints it: no `0x` in front of zero.
  private func alternate(_ number: UInt64) -> String {
    number == 0 ? "0" : "0x" + String(number, radix: 16)
  }

  private func append(_ node: Node, _ depth: Int, to output: inout [UInt8]) {
    let indent = [UInt8](repeating: 0x20, count: depth * 4)
    output += indent
    output += (node.name.isEmpty ? "/" : node.name).utf8
    output += " {\n".utf8
    for property in node.properties {
      output += indent
      output += "    \(property.name)\(text(property.value.bytes));\n".utf8
    }
    for child in node.children { append(child, depth + 1, to: &output) }
    output += indent
    output += "};\n".utf8
  }

  private func text(_ bytes: [UInt8]) -> String {
    if bytes.isEmpty { return "" }
    if ValueFormat.isText(bytes) {
      let strings = PropertyValue(bytes: bytes).strings ?? []
      return " = " + strings.map { "\"\($0)\"" }.joined(separator: ", ")
    }
    func hex(_ number: UInt32, _ digits: Int) -> String {
      let text = String(number, radix: 16)
      return String(repeating: "0", count: digits - text.count) + text
    }
    if let cells = PropertyValue(bytes: bytes).cells {
      return " = <" + cells.map { "0x" + hex($0, 8) }.joined(separator: " ") + ">"
    }
    return " = [" + bytes.map { hex(UInt32($0), 2) }.joined(separator: " ") + "]"
  }

  /// Dumps every blob whose magic stands anywhere in a file.
  private func scan(_ bytes: [UInt8], _ name: String) -> Int32 {
    var offset = 0
    var found = false
    while offset + 28 <= bytes.count {
      guard bytes[offset] == Self.magic[0], bytes[offset..<(offset + 4)].elementsEqual(Self.magic)
      else {
        offset += 1
        continue
      }
      let size = PropertyValue(bytes: Array(bytes[(offset + 4)..<(offset + 8)])).cell ?? 0
      var bag = DiagnosticBag()
      let end = offset + Int(size)
      if end <= bytes.count, size >= 28 {
        let blob = Array(bytes[offset..<end])
        if BlobReader().read(blob, name: name, into: &bag) != nil {
          console.print("\(name): found fdt at offset \(alternate(UInt64(offset)))\n")
          guard dump(blob, name) == 0 else { return 1 }
          found = true
          offset = end
          continue
        }
      }
      offset += 1
    }
    if !found { console.fatal("there is no blob in \"\(name)\"") }
    return found ? 0 : 1
  }
}
