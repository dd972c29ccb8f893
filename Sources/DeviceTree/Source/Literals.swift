/// Characters and numbers of source as values.
enum Literals {
  /// Appends the bytes that the inside of a quoted text stands for.
  static func unescape(_ text: ArraySlice<UInt8>, into result: inout [UInt8]) {
    guard text.contains(UInt8(ascii: "\\")) else {
      result += text
      return
    }
    var index = text.startIndex
    while index < text.endIndex {
      let byte = text[index]
      index += 1
      guard byte == UInt8(ascii: "\\"), index < text.endIndex else {
        result.append(byte)
        continue
      }
      let escaped = text[index]
      index += 1
      switch escaped {
      case UInt8(ascii: "a"): result.append(7)
      case UInt8(ascii: "b"): result.append(8)
      case UInt8(ascii: "t"): result.append(9)
      case UInt8(ascii: "n"): result.append(10)
      case UInt8(ascii: "v"): result.append(11)
      case UInt8(ascii: "f"): result.append(12)
      case UInt8(ascii: "r"): result.append(13)
      case 0x30...0x37:
        var value = UInt32(escaped - 0x30)
        var digits = 1
        while digits < 3, index < text.endIndex, (0x30...0x37).contains(text[index]) {
          value = value * 8 + UInt32(text[index] - 0x30)
          index += 1
          digits += 1
        }
        result.append(UInt8(truncatingIfNeeded: value))
      case UInt8(ascii: "x"):
        var value: UInt8 = 0
        var digits = 0
        while digits < 2, index < text.endIndex, let digit = hexDigit(text[index]) {
          value = value << 4 | digit
          index += 1
          digits += 1
        }
        result.append(value)
      default: result.append(escaped)
      }
    }
  }

  /// The value of a hexadecimal digit.
  static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
  }

  /// Why a number is none.
  enum NumberError: Error {
    case malformed
    case outOfRange
  }

  /// The value of a C integer literal: decimal, `0x` or octal, with its suffix.
  static func number(_ text: ArraySlice<UInt8>) throws(NumberError) -> UInt64 {
    var digits = text
    while let last = digits.last, last == UInt8(ascii: "U") || last == UInt8(ascii: "L") {
      digits.removeLast()
    }
    var radix: UInt64 = 10
    if digits.count > 1, digits.first == UInt8(ascii: "0") {
      radix = 8
      digits.removeFirst()
      if let x = digits.first, x | 0x20 == 0x78 {
        radix = 16
        digits.removeFirst()
      }
    }
    var value: UInt64 = 0
    for byte in digits {
      guard let digit = hexDigit(byte), digit < radix else { throw .malformed }
      let (product, overflow) = value.multipliedReportingOverflow(by: radix)
      let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
      guard !overflow, !carry else { throw .outOfRange }
      value = sum
    }
    return value
  }
}
