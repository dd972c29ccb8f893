/// The smallest meaningful pieces of device tree source.
struct Token {
  enum Kind: UInt8 {
    case end
    case version
    case plugin
    case memreserve
    case bits
    case deleteProperty
    case deleteNode
    case omitIfNoRef
    case incbin
    case string
    case characterLiteral
    case literal
    case label
    case labelReference
    case pathReference
    case byte
    case name
    case shiftLeft
    case shiftRight
    case lessEqual
    case greaterEqual
    case equal
    case notEqual
    case and
    case or
    /// Any other byte, in `character`.
    case character
  }

  var kind: Kind
  /// The byte of a `character`, else 0.
  var character: UInt8
  /// Which of the scanner's files it stands in.
  var file: Int32
  var start: Int
  var end: Int
}

/// What the bytes of source are, by table.
enum ByteClass {
  static let letter: UInt8 = 1
  static let digit: UInt8 = 2
  static let hexadecimal: UInt8 = 4
  /// What names of nodes and properties are made of.
  static let name: UInt8 = 8
  static let space: UInt8 = 16

  static let table: [UInt8] = (0..<256).map { index in
    var flags: UInt8 = 0
    let byte = UInt8(index)
    switch byte {
    case 0x30...0x39: flags = digit | hexadecimal | name
    case 0x41...0x46, 0x61...0x66: flags = letter | hexadecimal | name
    case 0x47...0x5A, 0x67...0x7A: flags = letter | name
    case UInt8(ascii: "_"): flags = letter | name
    case UInt8(ascii: ","), UInt8(ascii: "."), UInt8(ascii: "+"), UInt8(ascii: "*"),
      UInt8(ascii: "#"), UInt8(ascii: "?"), UInt8(ascii: "@"), UInt8(ascii: "-"):
      flags = name
    case 0x20, 0x09...0x0D: flags = space
    default: break
    }
    return flags
  }
}
