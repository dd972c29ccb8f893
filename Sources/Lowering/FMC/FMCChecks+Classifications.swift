import Diagnostics

extension FMCChecks {
  mutating func checkClassifications() {
    for classification in model.classifications {
      for field in classification.fields { checkField(field) }
      checkKey(of: classification)
      checkEntries(of: classification)
      checkMiss(of: classification)
    }
  }

  private mutating func checkKey(of node: FMCClassification) {
    func wrong(_ message: String, at span: SourceSpan?) {
      bag.error("fmc-key", "the key of \(node.name.value) \(message)", at: span)
    }
    let place = node.keySpan ?? node.name.span
    let kinds = [!node.fields.isEmpty, !node.nonHeaders.isEmpty, !node.hashTables.isEmpty]
    switch kinds.count(where: { $0 }) {
    case 0: return wrong("is empty", at: place)
    case 1: break
    default: return wrong("mixes fields, other data and a hash table", at: place)
    }
    if node.fields.count > 3 { wrong("has more than three fields", at: node.fields[3].name.span) }
    for field in node.fields where field.offset?.value ?? 0 > 0 || field.size?.value ?? 0 > 0 {
      if node.fields.count > 1 || !["ethernet.type", "vlan.tci"].contains(field.name.value) {
        wrong(
          "takes a part of \(field.name.value): only ethernet.type and vlan.tci, alone, can be "
            + "taken in part", at: field.name.span)
      }
    }
    if node.nonHeaders.count + node.hashTables.count > 1 {
      wrong("has more than one source", at: place)
    }
    for source in node.nonHeaders { check(source, of: node) }
    for table in node.hashTables {
      if let mask = table.mask, mask.value & 0xf != 0 {
        wrong(
          "has the hash mask \(Self.hex(mask.value)), whose last four bits must be 0",
          at: mask.span)
      }
    }
    if let size = node.keySize, size > 56 || size < 1 {
      wrong("has \(size) bytes, but may have 1 to 56", at: place)
    }
  }

  /// Which lookups go with which source: `source/FMCPCDReader.cpp`, `parseNonHeader`.
  private mutating func check(_ source: FMCNonHeader, of node: FMCClassification) {
    let allowed: [String] =
      switch source.source {
      case "hash": ["indexed_lookup", "exact_match"]
      case "flowid": ["indexed_lookup", ""]
      case "key": ["exact_match", ""]
      default: [""]
      }
    let action = source.action?.value ?? ""
    if !allowed.contains(action), !source.source.isEmpty {
      bag.error(
        "fmc-key",
        action.isEmpty
          ? "the key of \(node.name.value) needs an action for the source \(source.source)"
          : "the key of \(node.name.value) cannot do \(action) with the source \(source.source)",
        at: source.action?.span ?? source.span)
    }
    if source.source == "hash", let mask = source.indexMask, mask.value & 0xf != 0 {
      bag.error(
        "fmc-key",
        "the key of \(node.name.value) has the index mask \(Self.hex(mask.value)), whose last "
          + "four bits must be 0", at: mask.span)
    }
  }

  private mutating func checkEntries(of node: FMCClassification) {
    // fmlib: 255 keys and the miss in a node.
    for (limit, what) in [(255, "the classifier holds"), (node.max?.value ?? 0, "its max says")]
    where limit > 0 && node.entries.count > limit {
      bag.error(
        "fmc-entry-limit",
        "\(node.name.value) has \(node.entries.count) entries, but \(what) \(limit)",
        at: node.entries[limit].span)
    }
    var seen: [[UInt8]: SourceSpan] = [:]
    var earlier: [(key: FMCKeyValue, span: SourceSpan)] = []
    // A node holds 255; of a file with very many more, those at the front are searched.
    for entry in node.entries.prefix(4096) {
      let isIndexed = node.nonHeaders.contains { $0.action?.value == "indexed_lookup" }
      guard let data = entry.data else {
        if !isIndexed {
          bag.error("fmc-entry-data", "the entry has no <data> to compare with", at: entry.span)
        }
        continue
      }
      if let mask = entry.mask, !node.hasMasks {
        bag.error(
          "fmc-entry-mask",
          "the entry has a mask, but \(node.name.value) has not masks=\"yes\"", at: mask.span)
      }
      guard let value = bytes(data, of: node), let mask = maskBytes(entry.mask, of: node) else {
        continue
      }
      let key = FMCKeyValue(data: value, mask: mask)
      let masked = key.masked
      if let first = seen[masked + mask] ?? earlier.first(where: { $0.key.covers(key) })?.span {
        bag.error(
          "fmc-entry-unreachable", "an entry before this one takes all of its frames",
          at: data.span, notes: [Note("the earlier entry is here", at: first)])
      }
      seen[masked + mask] = seen[masked + mask] ?? data.span
      // Exact keys are found in the dictionary; a file with very many masks is not searched whole.
      if mask.contains(where: { $0 != 0xff }), earlier.count < 256 {
        earlier.append((key, data.span))
      }
      for (kind, name) in entry.references { resolve(kind, name, from: "the entry") }
    }
  }

  /// The bytes of an entry's key, right-aligned as FMC does; `nil` after a finding or when the
  /// key's size is not certain.
  private mutating func bytes(_ text: FMCText, of node: FMCClassification) -> [UInt8]? {
    guard let digits = Self.digits(text.value) else {
      bag.error(
        "fmc-entry-data",
        "\"\(text.value)\" is no hexadecimal number such as 0xc0a8010b", at: text.span)
      return nil
    }
    guard let size = node.keySize, size <= 56, size > 0 else { return nil }
    let significant = (digits.count + 1) / 2
    guard significant <= size else {
      bag.error(
        "fmc-entry-data",
        "\(text.value) has \(significant) bytes, but the key has \(size): FMC drops the first ones",
        at: text.span)
      return nil
    }
    let padded = Array(repeating: 0, count: 2 * size - digits.count) + digits
    return stride(from: 0, to: padded.count, by: 2).map { padded[$0] << 4 | padded[$0 + 1] }
  }

  private mutating func maskBytes(_ text: FMCText?, of node: FMCClassification) -> [UInt8]? {
    guard let text else {
      return node.keySize.map { Array(repeating: 0xff, count: min(max($0, 0), 56)) }
    }
    guard let digits = Self.digits(text.value) else {
      bag.error(
        "fmc-entry-data", "\"\(text.value)\" is no hexadecimal mask such as 0xffffff00",
        at: text.span)
      return nil
    }
    guard let size = node.keySize, (digits.count + 1) / 2 <= size else {
      return bytes(text, of: node)
    }
    // FMC starts from a mask of ones, so a short mask compares the bytes before it.
    let bytes = bytes(text, of: node) ?? []
    let given = (digits.count + 1) / 2
    return bytes.enumerated().map { $0.offset < size - given ? 0xff : $0.element }
  }

  static func digits(_ text: String) -> [UInt8]? {
    guard text.hasPrefix("0x"), text.utf8.count > 2 else { return nil }
    var digits: [UInt8] = []
    for character in text.dropFirst(2) {
      guard character.isASCII, let digit = character.hexDigitValue else { return nil }
      digits.append(UInt8(digit))
    }
    return digits
  }

  private mutating func checkMiss(of node: FMCClassification) {
    guard let action = node.onMiss else {
      if node.missQueue == nil {
        bag.error(
          "fmc-on-miss",
          "\(node.name.value) does not say what happens on a miss: FMC enqueues to FQID 0",
          at: node.name.span,
          fixIts: [FixIt("add <action condition=\"on-miss\" type=\"…\" name=\"…\"/>")])
      }
      return
    }
    if action.condition?.value != "on-miss" {
      bag.error(
        "fmc-condition",
        "the action of \(node.name.value) is for a miss, but does not say condition=\"on-miss\"",
        at: action.condition?.span ?? action.span)
    }
    if action.type.isEmpty, node.missQueue == nil {
      bag.error(
        "fmc-on-miss",
        "a miss in \(node.name.value) enqueues, but there is no <queue>: FMC "
          + "takes FQID 0", at: action.span)
    }
  }
}

/// A key with its mask.
struct FMCKeyValue: Hashable {
  var data: [UInt8]
  var mask: [UInt8]

  /// The data without the bits that do not count.
  var masked: [UInt8] { zip(data, mask).map { $0 & $1 } }

  /// Whether every frame that the other matches is matched here.
  func covers(_ other: FMCKeyValue) -> Bool {
    guard data.count == other.data.count else { return false }
    return data.indices.allSatisfy { index in
      mask[index] & ~other.mask[index] == 0
        && (data[index] ^ other.data[index]) & mask[index] == 0
    }
  }
}
