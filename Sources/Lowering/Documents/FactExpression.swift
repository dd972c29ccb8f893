/// Evaluates what a number may be written as: `0xff4200000 + 16 KiB * n`.
///
/// `n` is the number of the row that it stands in, `m` that of the row around that one.
struct FactExpression {
  private var rest: Substring.UTF8View
  private let rows: [UInt64]
  private var depth = 0

  /// The value; `nil` when the text is no expression, or leaves 63 bits on the way.
  static func value(of text: some StringProtocol, rows: [UInt64]) -> UInt64? {
    var expression = FactExpression(rest: Substring(text).utf8, rows: rows)
    guard let value = expression.sum() else { return nil }
    expression.skipSpaces()
    guard expression.rest.isEmpty else { return nil }
    return UInt64(exactly: value)
  }

  private init(rest: Substring.UTF8View, rows: [UInt64]) {
    self.rest = rest
    self.rows = rows
  }

  private mutating func skipSpaces() {
    while rest.first == UInt8(ascii: " ") { rest.removeFirst() }
  }

  private mutating func take(_ characters: Unicode.Scalar...) -> UInt8? {
    skipSpaces()
    guard let next = rest.first, characters.contains(Unicode.Scalar(next)) else { return nil }
    rest.removeFirst()
    return next
  }

  private mutating func sum() -> Int64? {
    guard var value = product() else { return nil }
    while let sign = take("+", "-") {
      guard let next = product() else { return nil }
      let result =
        sign == UInt8(ascii: "+")
        ? value.addingReportingOverflow(next) : value.subtractingReportingOverflow(next)
      guard !result.overflow else { return nil }
      value = result.partialValue
    }
    return value
  }

  private mutating func product() -> Int64? {
    guard var value = factor() else { return nil }
    while let sign = take("*", "/", "%") {
      guard let next = factor() else { return nil }
      let result =
        switch sign {
        case UInt8(ascii: "*"): value.multipliedReportingOverflow(by: next)
        case UInt8(ascii: "/"): value.dividedReportingOverflow(by: next)
        default: value.remainderReportingOverflow(dividingBy: next)
        }
      guard !result.overflow else { return nil }
      value = result.partialValue
    }
    return value
  }

  private mutating func factor() -> Int64? {
    if take("(") != nil {
      depth += 1
      guard depth < 32, let value = sum(), take(")") != nil else { return nil }
      depth -= 1
      return value
    }
    let word = Substring(
      rest.prefix {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
          || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
          || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
      })
    rest = rest.dropFirst(word.utf8.count)
    if word == "n" { return rows.last.flatMap { Int64(exactly: $0) } }
    if word == "m" { return rows.dropLast().last.flatMap { Int64(exactly: $0) } }
    guard let number = FactReader.parseNumber(word).flatMap({ Int64(exactly: $0) }) else {
      return nil
    }
    return unit().flatMap {
      let (value, overflow) = number.multipliedReportingOverflow(by: $0)
      return overflow ? nil : value
    }
  }

  /// The factor of a unit that may follow; 1 without one.
  private mutating func unit() -> Int64? {
    skipSpaces()
    for (name, factor) in FactReader.units where rest.starts(with: name.utf8) {
      rest = rest.dropFirst(name.utf8.count)
      return Int64(exactly: factor)
    }
    return 1
  }
}
