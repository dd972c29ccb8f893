import Diagnostics

/// Holding facts of a device tree to the bounds of their shape.
extension FactReader {
  /// Reports numbers that are out of range.
  mutating func validate(_ fact: Fact, _ shape: FactShape, _ what: String) {
    switch (fact.value, shape) {
    case (.number(let value), .number(let range)), (.number(let value), .size(let range)):
      guard !range.contains(value) else { return }
      bag.error(
        .badNumber,
        "\(what) is \(value) at \(fact.name), but should be from \(range.lowerBound) to "
          + "\(range.upperBound)", at: fact.span)
    case (.list(let items), .list(let shape)):
      for item in items { validate(item, shape, what) }
    case (.record(let record), .record(let fields)):
      for field in fields {
        if let fact = record[field.name] { validate(fact, field.shape, "\(what)'s \(field.name)") }
      }
    case (.record(let record), .rows(let limits, let shape)):
      for key in record.keys {
        guard let row = record[key] else { continue }
        if let number = UInt64(key), !limits.contains(number) {
          bag.error(
            .badNumber,
            "\(what) go from \(limits.lowerBound) to \(limits.upperBound), but "
              + "\(row.name) is \(number)", at: row.span)
        }
        validate(row, shape, "\(what) \(key)")
      }
    case (.record(let record), .names(let shape)):
      for key in record.keys {
        if let entry = record[key] { validate(entry, shape, "\(what) \(key)") }
      }
    default: return
    }
  }
}
