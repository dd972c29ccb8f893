/// A number as FMC reads it, with `strtol(text, 0, 0)` of C, and what is wrong with it.
struct FMCNumber {
  enum Fault: Hashable {
    /// No number at all, or one with something behind it.
    case junk
    /// A leading zero makes it octal.
    case octal
    /// Below zero.
    case negative
    /// More than 32 bits.
    case large
  }

  /// What FMC takes it for.
  let value: Int
  let fault: Fault?

  init(_ text: String) {
    var rest = Array(text.utf8)[...]
    while let first = rest.first, [0x20, 0x09, 0x0a, 0x0b, 0x0c, 0x0d].contains(first) {
      rest = rest.dropFirst()
    }
    var isNegative = false
    if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
      isNegative = sign == UInt8(ascii: "-")
      rest = rest.dropFirst()
    }
    var radix = 10
    if rest.count > 2, rest.first == UInt8(ascii: "0"),
      rest[rest.startIndex + 1] | 0x20 == UInt8(ascii: "x"),
      Self.digit(rest[rest.startIndex + 2]) < 16
    {
      radix = 16
      rest = rest.dropFirst(2)
    } else if rest.count > 1, rest.first == UInt8(ascii: "0") {
      radix = 8
    }
    let start = rest.startIndex
    var number = 0
    while let byte = rest.first, case let digit = Self.digit(byte), digit < radix {
      number = min(number, Int.max / 32) * radix + digit
      rest = rest.dropFirst()
    }
    let digits = rest.startIndex - start
    while let last = rest.last, last <= 0x20 { rest = rest.dropLast() }
    value = isNegative ? -number : number
    if radix == 8, rest.allSatisfy({ Self.digit($0) < 10 }) {
      fault = .octal
    } else if digits == 0 || !rest.isEmpty {
      fault = .junk
    } else if isNegative {
      fault = .negative
    } else {
      fault = number > Int(UInt32.max) ? .large : nil
    }
  }

  private static func digit(_ byte: UInt8) -> Int {
    switch byte {
    case 0x30...0x39: Int(byte - 0x30)
    case 0x41...0x5a: Int(byte - 0x41) + 10
    case 0x61...0x7a: Int(byte - 0x61) + 10
    default: 99
    }
  }
}
