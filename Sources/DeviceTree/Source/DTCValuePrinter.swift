/// Prints a property's value as `dtc -O dts` does, down to its spacing.
enum DTCValuePrinter {
  private enum Form {
    case integers(byteCount: Int)
    case string
    case bytes

    var opening: String {
      switch self {
      case .integers(2): " /bits/ 16 <"
      case .integers(8): " /bits/ 64 <"
      case .integers: " <"
      case .string: " \""
      case .bytes: " ["
      }
    }

    var closing: String {
      switch self {
      case .integers: ">"
      case .string: "\""
      case .bytes: "]"
      }
    }
  }

  /// Prints ` = ` and the value, or nothing for an empty one.
  static func print(_ value: PropertyValue, to output: inout TextOutput) {
    guard !value.contents.isEmpty else { return }
    output += " ="
    guard value.isTyped else {
      let form: Form =
        switch ValueGuess(value) {
        case .string: .string
        case .cells: .integers(byteCount: 4)
        case .bytes: .bytes
        }
      output += form.opening
      print(value.bytes[...], as: form, to: &output)
      output += form.closing
      return
    }
    print(value, to: &output, markers: value.markers)
  }

  private static func print(
    _ value: PropertyValue, to output: inout TextOutput, markers: [Marker]
  ) {
    var form: Form?
    // The end of each marker's run of data is where the next type begins.
    var runEnds = Array(repeating: value.count, count: markers.count)
    var end = value.count
    for index in markers.indices.reversed() {
      runEnds[index] = end
      if markers[index].kind.isType { end = markers[index].offset }
    }
    let bytes = value.bytes
    for (index, marker) in markers.enumerated() {
      switch marker.kind {
      case .cells(let width):
        form = width == .bits8 ? .bytes : .integers(byteCount: width.byteCount)
      case .string:
        form = .string
        // dtc sets the string of a path off by one more space, except at the start.
        if marker.offset > 0, index + 1 < markers.count,
          markers[index + 1].offset == marker.offset, case .path = markers[index + 1].kind
        {
          output += " "
        }
      case .bytes: form = .bytes
      case .label(let label): output += " \(label):"
      case .path: break
      case .phandle: if marker.offset > 0 { output += " " }
      }
      if marker.kind.isType, let form { output += form.opening }
      let chunkEnd = index + 1 < markers.count ? markers[index + 1].offset : value.count
      guard let current = form else { continue }
      print(bytes[marker.offset..<chunkEnd], as: current, to: &output)
      if chunkEnd == runEnds[index] {
        output += current.closing
        if chunkEnd < value.count { output += "," }
        form = nil
      }
    }
  }

  private static func print(
    _ bytes: ArraySlice<UInt8>, as form: Form, to output: inout TextOutput
  ) {
    switch form {
    case .string: output.append(escaped: bytes.dropLast())
    case .bytes:
      for (index, byte) in bytes.enumerated() {
        if index > 0 { output += " " }
        output.append(digits: UInt64(byte), atLeast: 2)
      }
    case .integers(let byteCount):
      var offset = bytes.startIndex
      while offset + byteCount <= bytes.endIndex {
        if offset > bytes.startIndex { output += " " }
        var number: UInt64 = 0
        for index in offset..<(offset + byteCount) { number = number << 8 | UInt64(bytes[index]) }
        output.append(hex: number, digits: 2)
        offset += byteCount
      }
    }
  }
}
