/// Prints a property's value the way a person writes it.
enum ReadableValuePrinter {
  /// The column at which values are folded.
  private static let width = 100

  /// Prints ` = ` and the value, or nothing for an empty one.
  static func print(_ value: PropertyValue, depth: Int, to output: inout TextOutput) {
    if value.isEmpty && value.markers.allSatisfy({ $0.kind.isType }) { return }
    output += " = "
    let groups = groups(of: value.isTyped ? value : guessed(value))
    let indent = "\n" + String(repeating: "\t", count: depth + 1)
    for (index, group) in groups.enumerated() {
      if index > 0 {
        output += ","
        let length = group.words.reduce(group.opening.utf8.count + 1) { $0 + $1.utf8.count + 1 }
        output += output.column + length + 1 > width ? indent : " "
      }
      output += group.opening
      for (index, word) in group.words.enumerated() {
        if index > 0 {
          output += output.column + word.utf8.count + 3 > width ? indent : " "
        }
        output += word
      }
      output += group.closing
    }
  }

  /// A group between delimiters; the words in it are separated by spaces.
  private struct Group {
    var opening = ""
    var words: [String] = []
    var closing = ""
  }

  /// Gives an untyped value the types it most likely has.
  private static func guessed(_ value: PropertyValue) -> PropertyValue {
    let types: [Marker]
    switch ValueGuess(value) {
    case .cells: types = [Marker(.cells(.bits32), at: 0)]
    case .bytes: types = [Marker(.bytes, at: 0)]
    case .string:
      let starts =
        [0] + value.bytes.indices.dropLast().filter { value.bytes[$0] == 0 }.map { $0 + 1 }
      types = starts.map { Marker(.string, at: $0) }
    }
    return PropertyValue(bytes: value.bytes, markers: types)
  }

  private static func groups(of value: PropertyValue) -> [Group] {
    var groups: [Group] = []
    let markers = value.markers
    var index = 0
    var labels = ""
    while index < markers.count {
      let marker = markers[index]
      var end = index + 1
      while end < markers.count, !markers[end].kind.isType { end += 1 }
      guard marker.kind.isType else {
        if case .label(let label) = marker.kind { labels += label + ": " }
        index += 1
        continue
      }
      let bytesEnd = end < markers.count ? markers[end].offset : value.count
      var group = group(
        value, marker, inner: Array(markers[(index + 1)..<end]), end: bytesEnd)
      group.opening = labels + group.opening
      labels = ""
      groups.append(group)
      index = end
    }
    return groups
  }

  private static func group(
    _ value: PropertyValue, _ marker: Marker, inner: [Marker], end: Int
  ) -> Group {
    switch marker.kind {
    case .cells(let width):
      let prefix = width == .bits32 ? "" : "/bits/ \(width.rawValue) "
      return Group(
        opening: prefix + "<", words: words(value, marker.offset, end, width.byteCount, inner),
        closing: ">")
    case .string:
      for marker in inner {
        if case .path(let reference) = marker.kind {
          return Group(opening: reference.description, closing: labels(in: inner))
        }
      }
      var text = TextOutput()
      text += "\""
      for index in marker.offset..<max(marker.offset, end - 1) {
        // A digit after \0 would be read as part of it.
        let byte = value.contents[index]
        if byte == 0 { text += "\\x00" } else { text.append(escaped: [byte]) }
      }
      text += "\""
      return Group(opening: text.text, closing: labels(in: inner))
    default:
      var words: [String] = []
      var places = inner[...]
      for index in marker.offset..<end {
        var word = TextOutput()
        while let place = places.first, place.offset <= index {
          if case .label(let label) = place.kind { word += label + ": " }
          places.removeFirst()
        }
        word.append(digits: UInt64(value.contents[index]), atLeast: 2)
        words.append(word.text)
      }
      return Group(opening: "[", words: words, closing: "]" + labels(in: inner, from: end))
    }
  }

  private static func labels(in markers: [Marker], from offset: Int = 0) -> String {
    markers.reduce(into: "") {
      if case .label(let label) = $1.kind, $1.offset >= offset { $0 += " " + label + ":" }
    }
  }

  private static func words(
    _ value: PropertyValue, _ start: Int, _ end: Int, _ byteCount: Int, _ inner: [Marker]
  ) -> [String] {
    var words: [String] = []
    var next = 0
    for offset in stride(from: start, to: end - byteCount + 1, by: byteCount) {
      var word = ""
      var reference: Reference?
      while next < inner.count, inner[next].offset <= offset {
        switch inner[next].kind {
        case .label(let label): word += label + ": "
        case .phandle(let target): reference = target
        default: break
        }
        next += 1
      }
      if let reference {
        word += reference.description
      } else {
        let number = value.integer(at: offset, byteCount: byteCount)
        word += number < 10 ? String(number) : "0x" + String(number, radix: 16)
      }
      words.append(word)
    }
    for marker in inner[next...] {
      if case .label(let label) = marker.kind { words.append(label + ":") }
    }
    return words
  }
}
