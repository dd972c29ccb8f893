import Diagnostics
import Documents

/// Reading whole documents by their shape.
extension FactReader {
  /// The most rows that the ranges of one document may stand for.
  static let rowLimit = 4096

  /// What a node says, as its shape tells to read it; `nil` after errors have been added.
  ///
  /// - Parameters:
  ///   - node: The node.
  ///   - shape: What should stand there.
  ///   - what: What it describes, for messages.
  ///   - rows: The numbers of the rows that it stands in, the outermost first.
  ///   - layer: Who says it.
  /// - Returns: What it says.
  mutating func fact(
    _ node: YAMLNode, _ shape: FactShape, _ what: String, rows: [UInt64] = [],
    layer: Fact.Layer = .document
  ) -> Fact? {
    func fact(_ value: Fact.Value) -> Fact { Fact(value, at: node.span, layer: layer) }
    switch shape {
    case .text: return text(node, what).map { fact(.text($0)) }
    case .flag:
      return choice(node, what, among: [("true", true), ("false", false)]).map { fact(.flag($0)) }
    case .number(let range):
      return expression(node, what, .badNumber, rows).flatMap {
        number(String($0), what, in: range, at: node.span).map { fact(.number($0)) }
      }
    case .size(let range):
      return (hasOperators(node) ? expression(node, what, .badSize, rows) : size(node, what))
        .flatMap { value in
          guard range.contains(value) else {
            bag.error(
              .badSize,
              "\(what) is \(value) bytes, but should have \(range.lowerBound) to "
                + "\(range.upperBound)", at: node.span)
            return nil
          }
          return fact(.number(value))
        }
    case .frequency: return frequency(node, what).map { fact(.number($0)) }
    case .revision: return revision(node, what).map { fact(.text($0)) }
    case .range(let limits):
      return text(node, what).flatMap { text in
        range(text, what, in: limits, at: node.span).map { fact(.range($0)) }
      }
    case .word(let words):
      return choice(node, what, among: words.map { ($0, $0) }).map { fact(.text($0)) }
    case .list(let shape):
      guard let items = items(node, of: what) else { return nil }
      let facts = items.compactMap {
        self.fact($0, shape, "an entry of \(what)", rows: rows, layer: layer)
      }
      return facts.count == items.count ? fact(.list(facts)) : nil
    case .record(let fields):
      return record(node, fields, what, rows: rows, layer: layer).map { fact(.record($0)) }
    case .rows(let limits, let shape):
      return table(node, what, rows, layer, shape) { reader, entry in
        reader.range(entry.key, "a key of \(what)", in: limits, at: entry.keySpan)
          .map { ("", $0) }
      }.map { fact(.record($0)) }
    case .names(let shape):
      return table(node, what, rows, layer, shape) { reader, entry in
        reader.nameRange(entry)
      }.map { fact(.record($0)) }
    }
  }

  private mutating func record(
    _ node: YAMLNode, _ fields: [FactField], _ what: String, rows: [UInt64], layer: Fact.Layer
  ) -> FactRecord? {
    guard let facts = facts(node, of: what, keys: fields.map(\.name)) else { return nil }
    var record = FactRecord()
    var complete = true
    for field in fields {
      guard let value = facts[field.name] else { continue }
      let read =
        isRemoval(value)
        ? Fact(.removed, at: value.span, layer: layer)
        : fact(value, field.shape, "\(what)'s \(field.name)", rows: rows, layer: layer)
      record[field.name] = read
      complete = complete && read != nil
    }
    return complete ? record : nil
  }

  private func isRemoval(_ node: YAMLNode) -> Bool {
    if case .scalar(let scalar) = node.value { return scalar.isNull }
    return false
  }

  /// Rows by their keys; several keys may speak of one row, as long as they say different things.
  private mutating func table(
    _ node: YAMLNode, _ what: String, _ rows: [UInt64], _ layer: Fact.Layer, _ shape: FactShape,
    _ keys: (inout FactReader, YAMLEntry) -> (prefix: String, numbers: ClosedRange<UInt64>?)?
  ) -> FactRecord? {
    guard let entries = entries(node, of: what) else { return nil }
    var record = FactRecord()
    var complete = true
    for entry in entries {
      guard let (prefix, numbers) = keys(&self, entry) else {
        complete = false
        continue
      }
      rowCount =
        rowCount.addingReportingOverflow(
          Int(clamping: (numbers.map { $0.upperBound - $0.lowerBound } ?? 0) & 0xffff_ffff) + 1
        ).partialValue
      guard rowCount <= Self.rowLimit else {
        bag.error(
          .badRange, "\(what) has more than \(Self.rowLimit) rows", at: entry.keySpan)
        return nil
      }
      for number in numbers.map({ $0.lowerBound...$0.upperBound }) ?? 0...0 {
        let key = numbers == nil ? prefix : "\(prefix)\(number)"
        let name = prefix.isEmpty ? "\(what) \(key)" : key
        let row =
          isRemoval(entry.value)
          ? Fact(.removed, at: entry.keySpan, layer: layer)
          : fact(entry.value, shape, name, rows: rows + [number], layer: layer)
        // One mistake in a row for many is one mistake.
        guard var row else {
          complete = false
          break
        }
        row.span = entry.keySpan
        guard add(row, at: key, name, to: &record) else {
          complete = false
          break
        }
      }
    }
    return complete ? record : nil
  }

  private mutating func add(
    _ row: Fact, at key: String, _ name: String, to record: inout FactRecord
  ) -> Bool {
    guard let other = record[key] else {
      record[key] = row
      return true
    }
    guard var both = other.record, let new = row.record else {
      repeated(name, row, other)
      return false
    }
    var complete = true
    for key in new.keys {
      guard let fact = new[key] else { continue }
      complete = add(fact, at: key, "\(name)'s \(key)", to: &both) && complete
    }
    record[key]?.value = .record(both)
    return complete
  }

  private mutating func repeated(_ name: String, _ fact: Fact, _ other: Fact) {
    bag.error(
      .factConflict, "\(name) is written twice", at: fact.span,
      notes: [Note("it is written here too", at: other.span)])
  }

  /// `gb0-3` is `gb0` to `gb3`; a name without a range is itself.
  private mutating func nameRange(
    _ entry: YAMLEntry
  ) -> (prefix: String, numbers: ClosedRange<UInt64>?)? {
    let key = entry.key
    guard !key.isEmpty, key.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
    else {
      bag.error(.badChoice, "a name should be printable, but this is \(key)", at: entry.keySpan)
      return nil
    }
    guard let last = key.lastIndex(where: { !$0.isASCII || !$0.isNumber }) else {
      return (key, nil)
    }
    let tail = key[key.index(after: last)...]
    guard key[last] == "-", let high = UInt64(tail) else {
      return tail.isEmpty ? (key, nil) : UInt64(tail).map { (String(key[...last]), $0...$0) }
    }
    let head = key[..<last]
    let digits = head.reversed().prefix { $0.isASCII && $0.isNumber }.count
    guard digits > 0, let low = UInt64(head.suffix(digits)), low <= high else { return (key, nil) }
    return (String(head.dropLast(digits)), low...high)
  }

  private func hasOperators(_ node: YAMLNode) -> Bool {
    guard case .scalar(let scalar) = node.value else { return false }
    return scalar.text.utf8.contains { [0x2b, 0x2a, 0x2f, 0x28, 0x6e, 0x6d].contains($0) }
      && !scalar.text.hasSuffix("bytes")
  }

  private mutating func expression(
    _ node: YAMLNode, _ what: String, _ code: DiagnosticCode, _ rows: [UInt64]
  ) -> UInt64? {
    guard let text = text(node, what) else { return nil }
    guard let value = FactExpression.value(of: text, rows: rows) else {
      bag.error(
        code,
        "\(what) should be a number\(rows.isEmpty ? "" : ", or count by the row: 104 + 2 * n")"
          + ", but this is \(text)", at: node.span)
      return nil
    }
    return value
  }

  private mutating func revision(_ node: YAMLNode, _ what: String) -> String? {
    guard let text = text(node, what) else { return nil }
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ UInt8($0) != nil && !$0.hasPrefix("+") }) else {
      bag.error(
        .badNumber, "\(what) should be two numbers such as 3.0, but this is \(text)",
        at: node.span)
      return nil
    }
    return text
  }
}
