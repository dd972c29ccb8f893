import Diagnostics
import QorIQ

/// Getting at single facts.
extension BoardBuilder {
  /// A record of facts with its path and name.
  struct Place {
    let record: FactRecord
    let fact: Fact
    let path: String
    let what: String

    init(_ fact: Fact, _ path: String, _ what: String) {
      self.fact = fact
      self.record = fact.record ?? FactRecord()
      self.path = path
      self.what = what
    }

    var keys: [String] { record.keys }

    /// The keys that are numbers, ascending.
    var numberedKeys: [(key: String, number: UInt64)] {
      keys.compactMap { key in UInt64(key).map { (key, $0) } }.sorted { $0.number < $1.number }
    }
  }

  mutating func child(_ key: String, _ place: Place) -> Place? {
    guard let fact = place.record[key] else { return nil }
    let path = "\(place.path)/\(key)"
    origins.record(path, at: fact.span)
    let what = Int(key) == nil ? key : "\(place.what) \(key)"
    return Place(fact, path, what)
  }

  mutating func part(_ key: String, _ place: Place, code: DiagnosticCode) -> Place? {
    child(key, place) ?? missing(key, place, code)
  }

  mutating func rows(
    _ key: String, _ place: Place, code: DiagnosticCode
  ) -> [(place: Place, number: UInt64)]? {
    guard let table = child(key, place), !table.keys.isEmpty else {
      return missing(key, place, code)
    }
    return table.numberedKeys.compactMap { key, number in
      child(key, table).map { ($0, number) }
    }
  }

  private mutating func fact(_ key: String, _ place: Place) -> Fact? {
    guard let fact = place.record[key] else { return nil }
    origins.record("\(place.path)/\(key)", at: fact.span)
    return fact
  }

  mutating func optional(_ key: String, _ place: Place) -> UInt64? {
    if case .number(let number) = fact(key, place)?.value { return number }
    return nil
  }

  mutating func number(_ key: String, _ place: Place) -> UInt64? {
    optional(key, place) ?? missing(key, place)
  }

  mutating func numbers(_ key: String, _ place: Place) -> [UInt64] {
    guard case .list(let items) = fact(key, place)?.value else { return [] }
    return items.compactMap {
      if case .number(let number) = $0.value { return number }
      return nil
    }
  }

  mutating func flag(_ key: String, _ place: Place) -> Bool? {
    if case .flag(let flag) = fact(key, place)?.value { return flag }
    return nil
  }

  mutating func optionalText(_ key: String, _ place: Place) -> String? {
    if case .text(let text) = fact(key, place)?.value { return text }
    return nil
  }

  mutating func text(_ key: String, _ place: Place) -> String? {
    optionalText(key, place) ?? missing(key, place)
  }

  mutating func range(_ key: String, _ place: Place) -> ClosedRange<UInt64>? {
    if case .range(let range) = fact(key, place)?.value { return range }
    return missing(key, place)
  }

  mutating func optionalRange(_ key: String, _ place: Place) -> ClosedRange<ChannelID>? {
    guard case .range(let range) = fact(key, place)?.value else { return nil }
    return ChannelID(
      UInt16(truncatingIfNeeded: range.lowerBound))...ChannelID(
        UInt16(truncatingIfNeeded: range.upperBound))
  }

  mutating func revision(_ key: String, _ place: Place) -> Revision? {
    let numbers = text(key, place)?.split(separator: ".").compactMap { UInt8($0) } ?? []
    return numbers.count == 2 ? Revision(numbers[0], numbers[1]) : nil
  }

  mutating func registers(_ place: Place) -> AddressRange? {
    guard let base = optional("base", place), let size = optional("size", place) else {
      return nil
    }
    return AddressRange(base: base, size: size)
  }

  mutating func required<Value>(_ value: Value?, _ key: String, _ place: Place) -> Value? {
    value ?? missing(key, place)
  }

  /// Reports that something is not there, as its kind of source is to be mended.
  mutating func missing<Value>(
    _ key: String, _ place: Place, _ code: DiagnosticCode = .missingKey
  ) -> Value? {
    let who = place.fact.node.map { "\(place.what) (\($0))" } ?? place.what
    let said = code == .blockMissing ? "has no \(key)" : "does not say its \(key)"
    bag.error(
      code, "\(who) \(said)", at: place.fact.span,
      fixIts: fromTree ? [] : [FixIt("add \(key):")])
    return nil
  }
}
