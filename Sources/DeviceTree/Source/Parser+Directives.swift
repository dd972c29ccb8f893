import Diagnostics

extension Parser {
  /// Every directive; the scanner knows them too, but only where they are whole.
  private static let directives = [
    "/bits/", "/delete-node/", "/delete-property/", "/dts-v1/", "/incbin/", "/include/",
    "/memreserve/", "/omit-if-no-ref/", "/plugin/",
  ]

  /// Says that a word between slashes is no directive, and which one it may have been meant to be;
  /// false when no such word begins here.
  mutating func reportDirective(_ slash: Token) -> Bool {
    guard slash.kind == .character, slash.character == UInt8(ascii: "/") else { return false }
    let bytes = scanner.files[Int(slash.file)].bytes
    var end = slash.end
    while end < bytes.count, end - slash.start < 40, Self.isWord(bytes[end]) { end += 1 }
    guard end > slash.end, end < bytes.count, bytes[end] == UInt8(ascii: "/") else { return false }
    var place = slash
    place.end = end + 1
    let word = text(place)
    // One that is known stands where it may not, which is another mistake.
    guard !Self.directives.contains(word) else { return false }
    let near = nearestName(to: word, in: Self.directives)
    error(
      "unknown-directive", "there is no directive \(word)", at: place,
      fixIts: near.map {
        [FixIt("did you mean \($0)?", replacing: scanner.span(place), with: $0)]
      } ?? [])
    return true
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    let flags = ByteClass.table[Int(byte)]
    return flags & (ByteClass.letter | ByteClass.digit) != 0 || byte == UInt8(ascii: "-")
  }
}
