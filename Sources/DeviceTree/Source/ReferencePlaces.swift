import Diagnostics

/// Finds where a property's value names nodes, by reading the value once more: trees keep the place of
/// a property's name only, and who asks has something to say about a reference.
struct ReferencePlaces {
  private var tokens: [SourceSpan] = []

  /// Reads the value of the property whose name stands at this span. Nothing is found where no value
  /// follows, as after the reference that an overlay's target was made from.
  init(ofPropertyAt name: SourceSpan) {
    var scanner = Scanner(name.file, includePaths: [], loader: FileLoader { _ in nil })
    scanner.position = name.range.upperBound
    var token = scanner.next()
    guard token.kind == .character, token.character == UInt8(ascii: "=") else { return }
    // What an include adds to a value is not seen from here, so the count would be wrong after it.
    while scanner.bag.isEmpty, token.kind != .end,
      token.kind != .character || token.character != UInt8(ascii: ";")
    {
      if token.kind == .labelReference || token.kind == .pathReference {
        tokens.append(scanner.span(token))
      }
      token = scanner.next()
    }
  }

  /// The place of a reference by its number in the value; `nil` where something else stands, because
  /// a program changed the value.
  func span(of reference: Reference, number: Int) -> SourceSpan? {
    guard tokens.indices.contains(number) else { return nil }
    return tokens[number].text == "\(reference)" ? tokens[number] : nil
  }
}
