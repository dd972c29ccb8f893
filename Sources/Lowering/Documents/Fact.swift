package import Diagnostics

/// A piece of what a document or a device tree says, with the place where it says so.
package struct Fact: Sendable {
  /// What is said.
  package var value: Value
  /// Where, if that is a place in a text.
  package var span: SourceSpan?
  /// The node of a device tree that says it; `nil` for a document.
  package var node: String?
  /// Who said it.
  package var layer: Layer

  /// What may be said.
  package enum Value: Sendable {
    /// A text or word.
    case text(String)
    /// Yes or no.
    case flag(Bool)
    /// A number, bytes or hertz.
    case number(UInt64)
    /// A range of numbers.
    case range(ClosedRange<UInt64>)
    /// A list.
    case list([Fact])
    /// Keys with their facts.
    case record(FactRecord)
    /// That an included entry does not exist.
    case removed
  }

  /// Who says facts, the nearest first.
  package enum Layer: Int, Sendable, Comparable {
    /// The board's own document.
    case document
    /// A device tree.
    case tree
    /// The table of the system-on-chip, or of its family.
    case table
    /// What a device tree lets conclude, should nobody say it.
    case inference

    package static func < (left: Layer, right: Layer) -> Bool { left.rawValue < right.rawValue }
  }

  init(_ value: Value, at span: SourceSpan?, node: String? = nil, layer: Layer) {
    self.value = value
    self.span = span
    self.node = node
    self.layer = layer
  }

  var record: FactRecord? {
    if case .record(let record) = value { return record }
    return nil
  }

  /// The fact without its place, as JSON: two facts say the same when this is equal.
  package var json: JSONValue {
    switch value {
    case .text(let text): .string(text)
    case .flag(let flag): .bool(flag)
    case .number(let number): .integer(Int64(clamping: number))
    case .range(let range): .string("\(range.lowerBound)-\(range.upperBound)")
    case .list(let items): .array(items.map(\.json))
    case .record(let record):
      .object(record.keys.compactMap { key in record[key].map { .init(key, $0.json) } })
    case .removed: .null
    }
  }
}

/// Facts by key, in the order written.
package struct FactRecord: Sendable {
  /// The keys in order.
  package private(set) var keys: [String] = []
  private var facts: [String: Fact] = [:]

  init() {}

  /// The fact of a key; assigning `nil` removes it.
  package subscript(key: String) -> Fact? {
    get { facts[key] }
    set {
      if facts[key] == nil, newValue != nil { keys.append(key) }
      if newValue == nil, facts[key] != nil { keys.removeAll { $0 == key } }
      facts[key] = newValue
    }
  }
}
