import Diagnostics

extension Parser {
  /// Reads what stands between `=` and `;`; false after a mistake that leaves the place unclear.
  mutating func parseValue(into value: inout ValueBuilder) -> Bool {
    while true {
      parseValueLabels(into: &value)
      guard parseValuePart(into: &value) else { return false }
      parseValueLabels(into: &value)
      guard accept(",") else { return true }
    }
  }

  private mutating func parseValueLabels(into value: inout ValueBuilder) {
    for label in parseLabels() { value.mark(.label(label)) }
  }

  private mutating func parseValuePart(into value: inout ValueBuilder) -> Bool {
    switch token.kind {
    case .string:
      value.mark(.string)
      Literals.unescape(scanner.bytes(of: token).dropFirst().dropLast(), into: &value.bytes)
      value.bytes.append(0)
      advance()
      return true
    case .labelReference, .pathReference:
      guard let (reference, _) = parseReference() else { return false }
      value.mark(.string)
      value.mark(.path(reference))
      return true
    case .incbin: return parseIncbin(into: &value)
    case .bits: return parseBits(into: &value)
    case .character where isCharacter("<"): return parseCells(.bits32, into: &value)
    case .character where isCharacter("["): return parseByteString(into: &value)
    default:
      unexpected("a value")
      return false
    }
  }

  private mutating func parseBits(into value: inout ValueBuilder) -> Bool {
    advance()
    guard token.kind == .literal else {
      unexpected("a width in bits")
      return false
    }
    let place = token
    let number = parsePrimary() ?? 0
    var width = CellWidth.bits32
    if let known = CellWidth(rawValue: Int(truncatingIfNeeded: number)), number <= 64 {
      width = known
    } else {
      error("bad-cell-width", "cells are 8, 16, 32 or 64 bits wide, not \(number)", at: place)
    }
    guard isCharacter("<") else {
      unexpected("'<'")
      return false
    }
    return parseCells(width, into: &value)
  }

  private mutating func parseCells(_ width: CellWidth, into value: inout ValueBuilder) -> Bool {
    value.mark(.cells(width))
    if width == .bits32 { scanner.takePlainCells(into: &value.bytes) }
    advance()
    while !isCharacter(">") {
      switch token.kind {
      case .label: parseValueLabels(into: &value)
      case .labelReference, .pathReference:
        guard let (reference, place) = parseReference() else { return false }
        if width == .bits32 {
          value.mark(.phandle(reference))
        } else {
          error(
            "reference-width", "a reference needs a 32-bit cell, these are \(width.rawValue) bits",
            at: place)
        }
        value.appendInteger(.max, byteCount: width.byteCount)
      case .literal, .characterLiteral, .character:
        let place = token
        guard token.kind != .character || isCharacter("(") else {
          unexpected("a number, a reference or '>'")
          return false
        }
        guard let number = parsePrimary() else { return false }
        check(number, fits: width, at: place)
        value.appendInteger(number, byteCount: width.byteCount)
      default:
        unexpected("a number, a reference or '>'")
        return false
      }
    }
    advance()
    return true
  }

  /// A number fits when what is cut off is all zeros, or all ones as of a negative number. One that
  /// does not is cut, as dtc 1.7 does.
  private mutating func check(_ number: UInt64, fits width: CellWidth, at place: Token) {
    guard width != .bits64 else { return }
    let mask = (UInt64(1) << UInt64(width.rawValue)) - 1
    guard number > mask, number | mask != .max else { return }
    cutCount += 1
    guard cutCount <= Self.maximumErrors else {
      if cutCount == Self.maximumErrors + 1 {
        scanner.bag.warning(
          "value-out-of-range", "stopped after \(Self.maximumErrors) findings",
          at: scanner.reportSpan(place))
      }
      return
    }
    scanner.bag.warning(
      "value-out-of-range",
      "0x\(String(number, radix: 16)) does not fit a cell of \(width.rawValue) bits and becomes "
        + "0x\(String(number & mask, radix: 16))", at: scanner.reportSpan(place))
  }

  private mutating func parseByteString(into value: inout ValueBuilder) -> Bool {
    value.mark(.bytes)
    advance()
    while true {
      switch token.kind {
      case .byte:
        var byte: UInt8 = 0
        for digit in scanner.bytes(of: token) {
          byte = byte << 4 | (Literals.hexDigit(digit) ?? 0)
        }
        value.bytes.append(byte)
        advance()
      case .label: parseValueLabels(into: &value)
      case .character where isCharacter("]"):
        advance()
        return true
      default:
        unexpected("two hexadecimal digits or ']'")
        return false
      }
    }
  }

  /// Reads `/incbin/("file")` or `/incbin/("file", offset, length)`.
  private mutating func parseIncbin(into value: inout ValueBuilder) -> Bool {
    advance()
    guard accept("("), token.kind == .string else {
      unexpected("(\"file\")")
      return false
    }
    let place = token
    var bytes: [UInt8] = []
    Literals.unescape(scanner.bytes(of: token).dropFirst().dropLast(), into: &bytes)
    let name = String(decoding: bytes, as: UTF8.self)
    advance()
    var offset: UInt64 = 0
    var length = UInt64.max
    if accept(",") {
      guard let start = parsePrimary() else { return false }
      guard accept(",") else {
        unexpected("',' and the length")
        return false
      }
      guard let count = parsePrimary() else { return false }
      offset = start
      length = count
    }
    guard accept(")") else {
      unexpected("')'")
      return false
    }
    guard let found = scanner.load(name) else {
      error("binary-not-found", "cannot read \(name)", at: place)
      return true
    }
    binaryFiles.append(found.name)
    if value.isTyped { value.mark(.bytes) }
    let start = Int(min(offset, UInt64(found.bytes.count)))
    let count = Int(min(length, UInt64(found.bytes.count - start)))
    guard scanner.take(count, at: place) else { return false }
    value.bytes += found.bytes[start..<(start + count)]
    return true
  }
}
