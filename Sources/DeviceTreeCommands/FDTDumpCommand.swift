import DeviceTree

/// `fdtdump`: prints the header of a blob and its content, as far as they go.
struct FDTDumpCommand: BlobTool {
  static let usage = "Usage: fdtdump [options] <blob>"

  static let options = [
    OptionSpecification("d", "debug", nil, "say at which offset things stand"),
    OptionSpecification("s", "scan", nil, "look for a blob inside of the file"),
  ]

  let console: Console
  var isDebugging = false
  var scans = false

  mutating func apply(_ option: Character, _ argument: String) {
    if option == "d" { isDebugging = true } else { scans = true }
  }

  func perform(on operands: [String]) throws(OptionParser.Failure) -> Bool {
    guard operands.count == 1 else { throw OptionParser.Failure(message: "name one blob") }
    let path = operands[0]
    guard let bytes = console.read(path) else { return false }
    if scans {
      guard let start = scan(bytes, path) else {
        console.fatal("there is no blob in \"\(path)\"")
        return false
      }
      console.print("\(path): found fdt at offset \(BlobDump.alternate(UInt64(start)))\n")
      return dump(Array(bytes[start...]), path)
    }
    guard BlobDump.header(at: 0, in: bytes).isValid else {
      console.fatal("\(path): this is no blob, or its header is damaged")
      return false
    }
    return dump(bytes, path)
  }

  private func dump(_ bytes: [UInt8], _ name: String) -> Bool {
    let size = Int(bytes.cell(at: 4))
    var dump = BlobDump(
      size < bytes.count ? Array(bytes[..<size]) : bytes, isDebugging: isDebugging)
    let damage = dump.run()
    guard console.write(dump.output) else { return false }
    guard let damage else { return true }
    let lack =
      size > bytes.count ? "; the header says \(size) bytes, but there are \(bytes.count)" : ""
    console.fatal("\(name): \(damage)\(lack)")
    return false
  }

  /// Where the first blob starts that is there to its end, else the first that is cut off.
  private func scan(_ bytes: [UInt8], _ name: String) -> Int? {
    var cutOff: Int?
    var offset = 0
    while offset + 28 <= bytes.count {
      if bytes[offset] == 0xD0 && bytes[offset + 1] == 0x0D {
        let header = BlobDump.header(at: offset, in: bytes)
        if header.isWhole { return offset }
        if header.isValid {
          cutOff = cutOff ?? offset
        } else if isDebugging && bytes[offset + 2] == 0xFE && bytes[offset + 3] == 0xED {
          let place = BlobDump.alternate(UInt64(offset))
          console.print("\(name): skipping fdt magic at offset \(place)\n")
        }
      }
      offset += 1
    }
    return cutOff
  }
}
