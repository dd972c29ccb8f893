import Diagnostics
import Documents
import Partitioning

/// Sizes, ranges and choices.
extension FactReader {
  static let units: [(String, UInt64)] = [
    ("bytes", 1), ("byte", 1), ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30),
    ("TiB", 1 << 40),
  ]

  /// A size: `2 KiB`, `512 MiB`, `2 GiB`, or plain bytes.
  mutating func size(_ node: YAMLNode, _ what: String) -> UInt64? {
    guard let text = text(node, what) else { return nil }
    let digits = text.prefix { $0.isASCII && ($0.isHexDigit || $0 == "x") }
    let hex = Self.parseNumber(digits) != nil
    let number = hex ? digits : text.prefix { $0.isASCII && $0.isNumber }
    let unit = text.dropFirst(number.count).drop { $0 == " " }
    guard let value = Self.parseNumber(number) else {
      bag.error(
        .badSize, "\(what) should be a size such as 512 MiB, but this is \(text)", at: node.span)
      return nil
    }
    let factor: UInt64? =
      unit.isEmpty ? 1 : Self.units.first { $0.0 == unit }?.1
    guard let factor else {
      bag.error(
        .badSize, "\(what) has the unit \(unit), which is none of KiB, MiB, GiB and TiB",
        at: node.span, fixIts: unitRepair(String(unit), number: number, at: node.span))
      return nil
    }
    let (bytes, overflow) = value.multipliedReportingOverflow(by: factor)
    guard !overflow else {
      bag.error(.badSize, "\(what) is more than 64 bits of bytes", at: node.span)
      return nil
    }
    return bytes
  }

  /// `2 GB`, `2G` and `2 gib` are guessed as `2 GiB`.
  private func unitRepair(
    _ unit: String, number: Substring, at span: SourceSpan
  ) -> [FixIt] {
    guard let first = unit.first?.uppercased(), ["K", "M", "G", "T"].contains(first) else {
      return []
    }
    let text = "\(number) \(first)iB"
    return [FixIt("did you mean \(text)?", replacing: span, with: text)]
  }

  /// A frequency in hertz: `1500 MHz`.
  mutating func frequency(_ node: YAMLNode, _ what: String) -> UInt64? {
    guard let text = text(node, what) else { return nil }
    let number = text.prefix { $0.isASCII && $0.isNumber }
    let unit = text.dropFirst(number.count).drop { $0 == " " }
    let factors: [Substring: UInt64] = ["": 1, "Hz": 1, "kHz": 1000, "MHz": 1_000_000]
    guard let value = Self.parseNumber(number), value < 1 << 32, let factor = factors[unit] else {
      bag.error(
        .badNumber, "\(what) should be a frequency such as 1500 MHz, but this is \(text)",
        at: node.span)
      return nil
    }
    return value * factor
  }

  /// Bits in a second, `100 Mbit/s`, or frames in a second, `1000 frames/s`.
  mutating func rate(_ node: YAMLNode, _ what: String, counting: CountingMode) -> UInt64? {
    let factors: [(String, UInt64)] =
      switch counting {
      case .bytes:
        [("bit/s", 1), ("kbit/s", 1000), ("Mbit/s", 1_000_000), ("Gbit/s", 1_000_000_000)]
      case .frames: [("frames/s", 1)]
      }
    let example = counting == .bytes ? "100 Mbit/s" : "1000 frames/s"
    return quantity(node, what, units: factors, should: "a rate such as \(example)")
  }

  /// Bytes, `64 KiB`, or frames, `100 frames`.
  mutating func amount(_ node: YAMLNode, _ what: String, counting: CountingMode) -> UInt64? {
    switch counting {
    case .bytes: return size(node, what)
    case .frames:
      return quantity(
        node, what, units: [("", 1), ("frames", 1), ("frame", 1)],
        should: "a number of frames such as 100")
    }
  }

  /// A share of a hundred: `10%`.
  mutating func percent(_ node: YAMLNode, _ what: String) -> UInt64? {
    guard
      let value = quantity(node, what, units: [("%", 1)], should: "a share such as 10%")
    else { return nil }
    guard value <= 100 else {
      bag.error(.badNumber, "\(what) is \(value)%, but there are 100", at: node.span)
      return nil
    }
    return value
  }

  private mutating func quantity(
    _ node: YAMLNode, _ what: String, units: [(String, UInt64)], should: String
  ) -> UInt64? {
    guard let text = text(node, what) else { return nil }
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let unit = text.dropFirst(digits.count).drop { $0 == " " }
    guard let value = Self.parseNumber(digits), let factor = units.first(where: { $0.0 == unit })?.1
    else {
      let near = nearestName(to: String(unit), in: units.map(\.0).filter { !$0.isEmpty })
      let repair = near.map { "\(digits)\($0 == "%" ? "" : " ")\($0)" }
      bag.error(
        .badNumber, "\(what) should be \(should), but this is \(text)", at: node.span,
        fixIts: digits.isEmpty
          ? []
          : repair.map { [FixIt("did you mean \($0)?", replacing: node.span, with: $0)] } ?? [])
      return nil
    }
    let (product, overflow) = value.multipliedReportingOverflow(by: factor)
    guard !overflow else {
      bag.error(.badNumber, "\(what) is more than 64 bits hold", at: node.span)
      return nil
    }
    return product
  }

  /// Numbers and ranges of them; a bare number is one of them and no count.
  mutating func rangeItems(
    _ node: YAMLNode, _ what: String, in limits: ClosedRange<UInt64>
  ) -> [RangeItem]? {
    switch countOrRanges(node, what, in: limits) {
    case .count(let number):
      guard limits.contains(number) else {
        _ = self.number("\(number)", what, in: limits, at: node.span)
        return nil
      }
      return [RangeItem(range: number...number, span: node.span)]
    case .ranges(let items): return items
    case nil: return nil
    }
  }

  /// A part of a range list, with its own place.
  struct RangeItem {
    var range: ClosedRange<UInt64>
    var span: SourceSpan
  }

  /// A number, or ranges: `4` is a number; `4-5`, `0,2-4` and `[4, 6-7]` are ranges.
  enum CountOrRanges {
    case count(UInt64)
    case ranges([RangeItem])
  }

  /// A number or ranges of numbers, in a range.
  mutating func countOrRanges(
    _ node: YAMLNode, _ what: String, in limits: ClosedRange<UInt64>
  ) -> CountOrRanges? {
    switch node.value {
    case .mapping:
      wrongKind(node, what, should: "a number, a range or a list")
      return nil
    case .sequence(let items):
      var ranges: [RangeItem] = []
      var complete = true
      for item in items {
        guard let text = text(item, what), let range = range(text, what, in: limits, at: item.span)
        else {
          complete = false
          continue
        }
        ranges.append(RangeItem(range: range, span: item.span))
      }
      return complete ? .ranges(ranges) : nil
    case .scalar:
      guard let text = text(node, what) else { return nil }
      guard text.contains("-") || text.contains(",") else {
        return number(text, what, in: 0...limits.upperBound, at: node.span).map { .count($0) }
      }
      return ranges(text, what, in: limits, at: node.span).map { .ranges($0) }
    }
  }

  /// Ranges behind each other, separated by commas.
  private mutating func ranges(
    _ text: String, _ what: String, in limits: ClosedRange<UInt64>, at span: SourceSpan
  ) -> [RangeItem]? {
    // Only when the text stands in the file as it is can its parts be pointed at.
    let isVerbatim = span.text == text
    var items: [RangeItem] = []
    var offset = span.range.lowerBound
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let start = offset + part.prefix { $0 == " " }.utf8.count
      let word = part.trimmingSpaces
      let place =
        isVerbatim ? SourceSpan(span.file, start..<start + word.utf8.count) : span
      offset += part.utf8.count + 1
      guard let range = range(String(word), what, in: limits, at: place) else { return nil }
      items.append(RangeItem(range: range, span: place))
    }
    return items
  }

  /// `4` or `4-7`.
  mutating func range(
    _ text: String, _ what: String, in limits: ClosedRange<UInt64>, at span: SourceSpan
  ) -> ClosedRange<UInt64>? {
    // Most are decimal and sound, and a plan may have millions.
    if let range = Self.parseDecimals(text.utf8), limits.contains(range.lowerBound),
      limits.contains(range.upperBound)
    {
      return range
    }
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
      .map { $0.trimmingSpaces }
    guard parts.count <= 2, parts.allSatisfy({ Self.parseNumber($0) != nil }) else {
      bag.error(
        .badRange, "\(what) should be a range such as 4-7, but this is \(text)", at: span)
      return nil
    }
    let numbers = parts.compactMap { number($0, what, in: limits, at: span) }
    guard numbers.count == parts.count, let low = numbers.first, let high = numbers.last else {
      return nil
    }
    guard low <= high else {
      bag.error(
        .badRange, "the range \(text) runs backwards", at: span,
        fixIts: [FixIt("write \(high)-\(low)", replacing: span, with: "\(high)-\(low)")])
      return nil
    }
    return low...high
  }

  /// A decimal number, or two in order with a hyphen between them, and nothing else.
  private static func parseDecimals(_ text: String.UTF8View) -> ClosedRange<UInt64>? {
    var low: UInt64?
    var number: UInt64 = 0
    var digits = 0
    for byte in text {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        // 19 digits fit in 64 bits; a zero in front is told of elsewhere.
        guard digits < 19, digits == 0 || number > 0 else { return nil }
        number = number * 10 + UInt64(byte - UInt8(ascii: "0"))
        digits += 1
      case UInt8(ascii: "-"):
        guard digits > 0, low == nil else { return nil }
        low = number
        number = 0
        digits = 0
      default: return nil
      }
    }
    guard digits > 0, (low ?? 0) <= number else { return nil }
    return (low ?? number)...number
  }
}

extension Substring {
  /// Without spaces at either end.
  fileprivate var trimmingSpaces: Substring {
    var text = drop { $0 == " " }
    while text.last == " " { text.removeLast() }
    return text
  }
}
