/// Prints a property's value as `dtc -O dts` does since version 1.7, down to its spacing.
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
    print(value, to: &output, markers: value.isTyped ? value.markers : guessed(value))
  }

  /// The markers of an untyped value with those of the types it most likely has.
  private static func guessed(_ value: PropertyValue) -> [Marker] {
    switch ValueGuess(value) {
    case .cells: return [Marker(.cells(.bits32), at: 0)] + value.markers
    case .bytes: return [Marker(.bytes, at: 0)] + value.markers
    case .string:
      var markers = [Marker(.string, at: 0)]
      var labels = value.markers[...]
      for (offset, byte) in value.contents.dropLast().enumerated() where byte == 0 {
        while let label = labels.first, label.offset <= offset + 1 {
          markers.append(label)
          labels.removeFirst()
        }
        markers.append(Marker(.string, at: offset + 1))
      }
      return markers + labels
    }
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
      case .string: form = .string
      case .bytes: form = .bytes
      case .label(let label): output += " \(label):"
      case .path, .phandle: break
      }
      if marker.kind.isType, let form { output += form.opening }
      let chunkEnd = index + 1 < markers.count ? markers[index + 1].offset : value.count
      guard let current = form else { continue }
      var start = marker.offset
      if case .integers(4) = current {
        if case .phandle(let reference) = marker.kind, chunkEnd >= start + 4 {
          output += reference.description
          start += 4
          if start < chunkEnd { output += " " }
        }
        print(bytes[start..<chunkEnd], as: current, to: &output)
        // A label that follows brings a space of its own, and dtc prints both.
        if chunkEnd > marker.offset, chunkEnd < runEnds[index] { output += " " }
      } else {
        print(bytes[start..<chunkEnd], as: current, to: &output)
      }
      if chunkEnd == runEnds[index] {
        output += current.closing
        // An empty group at the end follows after a comma too; dtc forgets that one.
        if chunkEnd < value.count || markers[(index + 1)...].contains(where: \.kind.isType) {
          output += ","
        }
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
