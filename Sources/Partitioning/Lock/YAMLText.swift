/// Texts as YAML that is written, not read.
package enum YAMLText {
  /// A text as a key or a value: bare where that cannot be taken for anything else.
  package static func quoted(_ text: String) -> String {
    let isPlain =
      text.first?.isLetter == true
      && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
      && !["true", "false", "yes", "no", "on", "off", "null", "y", "n"].contains(text.lowercased())
    guard !isPlain else { return text }
    let escaped = text.unicodeScalars.map { scalar in
      switch scalar {
      case "\"": "\\\""
      case "\\": "\\\\"
      default:
        isPrinted(scalar)
          ? String(scalar)
          : scalar.value < 0x100
            ? "\\x" + String(scalar.value + 0x100, radix: 16).dropFirst()
            : "\\U" + String(UInt64(scalar.value) + 0x1_0000_0000, radix: 16).dropFirst()
      }
    }
    return "\"\(escaped.joined())\""
  }

  /// A text as part of a comment, which has one line.
  package static func comment(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { isPrinted($0) ? $0 : " " }))
  }

  /// Whether YAML takes a character as it is.
  private static func isPrinted(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse: false
    default: true
    }
  }
}
