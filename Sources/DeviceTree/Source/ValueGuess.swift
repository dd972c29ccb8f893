/// What untyped bytes most likely mean, by dtc's own rule, so that both print blobs alike.
enum ValueGuess {
  case string
  case cells
  case bytes

  init(_ value: PropertyValue) {
    let bytes = value.bytes
    var nulCount = 0
    var isText = bytes.last == 0
    for byte in bytes {
      if byte == 0 { nulCount += 1 }
      if !(0x20..<0x7F).contains(byte) && !(0x07...0x0D).contains(byte) && byte != 0 {
        isText = false
      }
    }
    var labelsFitText = true
    var labelsFitCells = true
    for marker in value.markers {
      guard case .label = marker.kind else { continue }
      if marker.offset > 0 && bytes[marker.offset - 1] != 0 { labelsFitText = false }
      if marker.offset % 4 != 0 { labelsFitCells = false }
    }
    if isText && nulCount <= bytes.count - nulCount && labelsFitText {
      self = .string
    } else if bytes.count % 4 == 0 && labelsFitCells {
      self = .cells
    } else {
      self = .bytes
    }
  }
}
