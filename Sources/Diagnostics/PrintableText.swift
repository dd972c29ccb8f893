extension String {
  /// The text without what would change how a terminal shows the rest: control characters, but for
  /// those in `kept`, and marks that turn the direction of writing (Unicode Standard Annex 9).
  func printable(keeping kept: Set<Unicode.Scalar> = []) -> String {
    if utf8.allSatisfy({ 0x20..<0x7f ~= $0 }) { return self }
    return String(
      String.UnicodeScalarView(
        unicodeScalars.map { scalar in
          if kept.contains(scalar) { return scalar }
          return switch scalar.value {
          case 0x09: " "
          case 0..<0x20, 0x7f..<0xa0, 0x200e, 0x200f, 0x202a...0x202e, 0x2066...0x2069: "\u{FFFD}"
          default: scalar
          }
        }))
  }
}
