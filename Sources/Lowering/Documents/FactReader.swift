import Diagnostics
import Documents

/// Reads facts out of YAML nodes and reports what is not as it should be.
///
/// Every function returns `nil` after it has added an error, so that its caller can go on and find
/// the other mistakes too.
struct FactReader {
  var bag = DiagnosticBag()
  /// How many rows the tables that were read have together.
  var rowCount = 0

  /// A mapping whose keys are all known.
  ///
  /// - Parameters:
  ///   - node: The node that should be a mapping.
  ///   - what: What it describes, for messages: `the plan`, `partition guest1`.
  ///   - keys: The keys that mean something.
  /// - Returns: The values by key.
  mutating func facts(_ node: YAMLNode, of what: String, keys: [String]) -> Facts? {
    guard let entries = entries(node, of: what) else { return nil }
    var misspelt: Set<String> = []
    for entry in entries where !keys.contains(entry.key) {
      let near = nearestName(to: entry.key, in: keys)
      if let near { misspelt.insert(near) }
      bag.error(
        .unknownKey, "\(what) has no key \(entry.key)", at: entry.keySpan,
        fixIts: [unknownKeyRepair(entry, near: near, keys: keys)])
    }
    return Facts(what: what, span: node.span, entries: entries, misspelt: misspelt)
  }

  /// A mapping with the keys of a section; those that must be there and are not are reported.
  ///
  /// - Parameters:
  ///   - node: The node that should be a mapping.
  ///   - what: What it describes, for messages.
  ///   - section: The keys that mean something.
  /// - Returns: The values by key.
  mutating func facts(_ node: YAMLNode, of what: String, in section: PlanSection) -> Facts? {
    guard let facts = facts(node, of: what, keys: section.keys.map(\.name)) else { return nil }
    // What a merge key stands for, which YAML once had, nobody knows here.
    guard facts[Self.mergeKey] == nil else { return facts }
    for key in section.keys where key.isRequired { _ = required(key.name, in: facts) }
    return facts
  }

  /// The key of YAML 1.1 that laid one mapping under another; YAML 1.2 has none.
  static let mergeKey = "<<"

  private func unknownKeyRepair(_ entry: YAMLEntry, near: String?, keys: [String]) -> FixIt {
    if entry.key == Self.mergeKey {
      return FixIt(
        keys.contains("like")
          ? "YAML 1.2 has no merge keys: take wishes over from a template with like"
          : "YAML 1.2 has no merge keys: write the keys themselves")
    }
    if let near {
      return FixIt("did you mean \(near)?", replacing: entry.keySpan, with: near)
    }
    // `{cpus: 0,2-4}`: inside braces a comma ends the value, and the rest looks like a key.
    if entry.key.first?.isNumber == true {
      return FixIt("inside braces write a list with commas in brackets: [0, 2-4]")
    }
    return FixIt("choose one of \(keys.joined(separator: ", "))")
  }

  /// The entries of a mapping with keys of the writer's own.
  mutating func entries(_ node: YAMLNode, of what: String) -> [YAMLEntry]? {
    if case .mapping(let entries) = node.value { return entries }
    wrongKind(node, what, should: "a mapping")
    return nil
  }

  /// The items of a list.
  mutating func items(_ node: YAMLNode, of what: String) -> [YAMLNode]? {
    if case .sequence(let items) = node.value { return items }
    wrongKind(node, what, should: "a list")
    return nil
  }

  /// The value of a key that must be there.
  mutating func required(_ key: String, in facts: Facts) -> YAMLNode? {
    if let node = facts[key] { return node }
    // A misspelt key has been reported as such.
    guard !facts.misspelt.contains(key) else { return nil }
    bag.error(
      .missingKey, "\(facts.what) does not say its \(key)", at: facts.place,
      fixIts: [FixIt("add \(key):")])
    return nil
  }

  /// A text that is not empty.
  mutating func text(_ node: YAMLNode, _ what: String) -> String? {
    if case .scalar(let scalar) = node.value, !scalar.isNull { return scalar.text }
    wrongKind(node, what, should: "a text")
    return nil
  }

  /// A whole number, decimal or hexadecimal, in a range.
  mutating func number(
    _ node: YAMLNode, _ what: String, in range: ClosedRange<UInt64>
  ) -> UInt64? {
    guard let text = text(node, what) else { return nil }
    return number(text, what, in: range, at: node.span)
  }

  /// A whole number from a text.
  mutating func number(
    _ text: some StringProtocol, _ what: String, in range: ClosedRange<UInt64>, at span: SourceSpan
  ) -> UInt64? {
    if let plain = Self.withoutLeadingZeros(text) {
      bag.error(
        .badNumber, "\(what) is \(text), which is decimal to some readers and octal to others",
        at: span,
        fixIts: [
          // A part of a range has the range's place.
          span.text == String(text)
            ? FixIt("write \(plain)", replacing: span, with: plain) : FixIt("write \(plain)")
        ])
      return nil
    }
    guard let value = Self.parseNumber(text) else {
      bag.error(.badNumber, "\(what) should be a number, but this is \(text)", at: span)
      return nil
    }
    guard range.contains(value) else {
      bag.error(
        .badNumber,
        "\(what) is \(value), but should be from \(range.lowerBound) to "
          + "\(range.upperBound)", at: span)
      return nil
    }
    return value
  }

  /// One of a few words.
  mutating func choice<Value>(
    _ node: YAMLNode, _ what: String, among words: [(String, Value)]
  ) -> Value? {
    guard let text = text(node, what) else { return nil }
    if let found = words.first(where: { $0.0 == text }) { return found.1 }
    let names = words.map(\.0)
    bag.error(
      .badChoice, "\(what) cannot be \(text)", at: node.span,
      fixIts: [
        nearestName(to: text, in: names).map {
          FixIt("did you mean \($0)?", replacing: node.span, with: $0)
        } ?? FixIt("choose one of \(names.joined(separator: ", "))")
      ])
    return nil
  }

  /// Reports that a node is not what it should be.
  mutating func wrongKind(_ node: YAMLNode, _ what: String, should: String) {
    bag.error(
      .wrongKind, "\(what) should be \(should), but this is \(node.kind)", at: node.span)
  }

  /// The digits behind zeros that stand in front of a decimal number; `nil` where none do.
  private static func withoutLeadingZeros(_ text: some StringProtocol) -> String? {
    guard text.utf8.count > 1, text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), text.hasPrefix("0")
    else { return nil }
    let digits = text.drop { $0 == "0" }
    return digits.isEmpty ? "0" : String(digits)
  }

  /// A number as C writes it: decimal, or hexadecimal behind `0x`.
  static func parseNumber(_ text: some StringProtocol) -> UInt64? {
    let isHex = text.hasPrefix("0x") || text.hasPrefix("0X")
    let digits = isHex ? text.dropFirst(2) : text[...]
    guard let first = digits.utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-")
    else { return nil }
    return UInt64(digits, radix: isHex ? 16 : 10)
  }
}

/// A mapping's values by key.
struct Facts {
  let what: String
  let span: SourceSpan
  /// The keys that stand there in another spelling.
  let misspelt: Set<String>
  private let nodes: [String: YAMLNode]
  private let firstKey: SourceSpan?

  init(what: String, span: SourceSpan, entries: [YAMLEntry], misspelt: Set<String>) {
    self.misspelt = misspelt
    self.what = what
    self.span = span
    nodes = Dictionary(entries.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    firstKey = entries.first?.keySpan
  }

  /// Where to point when something is missing: a mapping's whole text would be too much.
  var place: SourceSpan { firstKey ?? span }

  subscript(key: String) -> YAMLNode? { nodes[key] }
}
