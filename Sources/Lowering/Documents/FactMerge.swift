import Diagnostics

/// Laying facts over each other.
extension Fact {
  /// This fact over another that it takes precedence of; what this one removes stays removed.
  ///
  /// - Parameters:
  ///   - base: What lies beneath.
  ///   - path: Where in the document both stand.
  ///   - keepsRows: Whether a row that only the base has is added: yes for an included file, no for
  ///     a table that completes a device tree, whose own nodes say what there is.
  /// - Returns: Both as one.
  func over(
    _ base: Fact, path: String = "", keepsRows: (String) -> Bool = { _ in true }
  ) -> Fact {
    guard var own = record, let beneath = base.record else { return self }
    for key in beneath.keys {
      guard let other = beneath[key] else { continue }
      if let fact = own[key] {
        own[key] = fact.over(other, path: "\(path)/\(key)", keepsRows: keepsRows)
      } else if keepsRows(path) {
        own[key] = other
      }
    }
    var merged = self
    merged.value = .record(own)
    return merged
  }

  /// Without what is said to be removed.
  var withoutRemovals: Fact {
    guard let own = record else { return self }
    var kept = FactRecord()
    for key in own.keys {
      guard let fact = own[key] else { continue }
      if case .removed = fact.value { continue }
      kept[key] = fact.withoutRemovals
    }
    var result = self
    result.value = .record(kept)
    return result
  }

  /// Both together; where both say something and not the same, the finding names both.
  func joined(
    with other: Fact, path: String = "", into bag: inout DiagnosticBag
  ) -> Fact {
    guard var own = record, let theirs = other.record else {
      if json != other.json {
        bag.error(
          .factConflict,
          "\(path.dropFirst()) is \(json.line) here, but \(other.json.line) in \(other.name)",
          at: span, notes: [Note("\(other.name) says \(other.json.line)", at: other.span)])
      }
      return self
    }
    for key in theirs.keys {
      guard let fact = theirs[key] else { continue }
      own[key] = own[key]?.joined(with: fact, path: "\(path)/\(key)", into: &bag) ?? fact
    }
    var result = self
    result.value = .record(own)
    return result
  }

  /// Who says it: a node of a tree by its path, or a file.
  var name: String { node ?? span?.file.name ?? "the tree" }

  /// Every fact that is no record, with its path.
  package func leaves(path: String = "") -> [(path: String, fact: Fact)] {
    guard let record else { return [(path, self)] }
    return record.keys.flatMap { key in
      record[key]?.leaves(path: "\(path)/\(key)") ?? []
    }
  }

  /// The fact at a path such as `/qman/revision`.
  func at(_ path: String) -> Fact? {
    path.split(separator: "/").reduce(Optional(self)) { fact, key in fact?.record?[String(key)] }
  }
}

extension JSONValue {
  /// The value on one line, for messages.
  package var line: String {
    switch self {
    case .string(let text): text
    case .array(let items): "[\(items.map(\.line).joined(separator: ", "))]"
    case .integer(let number):
      number < 4096 ? "\(number)" : "0x\(String(number, radix: 16))"
    default: text
    }
  }
}
