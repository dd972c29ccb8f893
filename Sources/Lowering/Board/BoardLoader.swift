import BoardLibrary
import DeviceTree
import Diagnostics
import Documents
import QorIQ

/// Gathers what documents, trees and tables say of a board.
struct BoardLoader {
  var bag = DiagnosticBag()
  /// What is worth saying that is no fact of the board.
  var remarks: [String] = []
  /// The tables that completed the facts: `p4080`.
  var tables: [String] = []
  /// What a reader of a tree concluded, should nobody say it.
  private var inferences = FactRecord()

  /// Includes within each other are no deeper than this.
  static let includeLimit = 8
  /// All files of one board are no more than this.
  static let fileLimit = 64
  private var files = 0

  // MARK: documents

  /// What a document says, with what it includes and the tree that it adds to.
  mutating func facts(
    _ document: YAMLNode, layer: Fact.Layer = .document, includedFrom: [String] = []
  ) -> Fact? {
    var reader = FactReader()
    let own = reader.fact(
      document, .board, includedFrom.isEmpty ? "the board" : "the included file", layer: layer)
    bag.add(contentsOf: reader.bag)
    guard var facts = own, var record = facts.record else { return nil }
    var included = record["include"]
    let tree = record["tree"]
    record["include"] = nil
    record["tree"] = nil
    facts.value = .record(record)
    if let tree, case .text(let path) = tree.value {
      guard let theirs = self.tree(path, named: tree.span) else { return nil }
      facts = facts.joined(with: theirs, into: &bag)
    }
    if case .list(let items) = included?.value ?? .flag(false) {
      for item in items.reversed() {
        guard let other = include(item, layer: layer, from: includedFrom) else { return nil }
        facts = facts.over(other)
      }
      included = nil
    }
    return facts
  }

  private mutating func include(
    _ item: Fact, layer: Fact.Layer, from stack: [String]
  ) -> Fact? {
    guard case .text(let path) = item.value, let span = item.span else { return nil }
    let here = span.file.name
    let file: SourceFile?
    if let name = Self.embeddedName(here) {
      file = Self.embedded(path.relative(toFile: name))
      if file == nil {
        bag.error(.fileUnreadable, "there is no \(path) among the boards compiled in", at: span)
      }
    } else if let library = Self.embedded("\(path).yaml"), path.ending.isEmpty {
      file = library
    } else {
      file = TextFile.read(path.relative(toFile: here), namedAt: span, into: &bag)
    }
    guard let file else { return nil }
    files += 1
    guard !stack.contains(file.name), file.name != here else {
      bag.error(
        .includeCycle,
        "\(path) includes itself: \((stack + [here, file.name]).joined(separator: " includes "))",
        at: span)
      return nil
    }
    guard stack.count < Self.includeLimit, files <= Self.fileLimit else {
      bag.error(
        .includeCycle,
        "files include each other more than \(Self.includeLimit) deep, or are more than "
          + "\(Self.fileLimit)", at: span)
      return nil
    }
    guard let document = YAMLReader().read(file, into: &bag) else { return nil }
    return facts(document, layer: layer, includedFrom: stack + [here])
  }

  // MARK: trees

  private mutating func tree(_ path: String, named span: SourceSpan?) -> Fact? {
    let path = span.map { path.relative(toFile: $0.file.name) } ?? path
    guard let tree = BoardSource.readTree(path, namedAt: span, into: &bag) else { return nil }
    return facts(tree, name: path.stem)
  }

  /// What a tree says.
  mutating func facts(_ tree: Tree, name: String) -> Fact {
    var reader = BoardTreeReader(tree: tree, name: name)
    let facts = reader.facts()
    var validator = FactReader()
    validator.validate(facts, .board, "the tree")
    bag.add(contentsOf: reader.bag)
    bag.add(contentsOf: validator.bag)
    remarks += reader.remarks
    inferences = reader.inferences
    return facts
  }

  // MARK: tables

  /// The facts with what they leave out, from the table of their SoC.
  ///
  /// - Parameters:
  ///   - facts: What documents and trees say.
  ///   - ofTree: Whether a tree said what there is, so that a row of the table that it does not
  ///     have is not added.
  /// - Returns: The facts of the board.
  mutating func completed(_ facts: Fact, ofTree: Bool) -> Fact {
    var facts = facts
    if case .text(let soc) = facts.at("/soc")?.value, !isStandalone(facts) {
      for name in tableNames(soc, facts) {
        guard let file = Self.embedded("soc/\(name).yaml"),
          let document = YAMLReader().read(file, into: &bag),
          let table = self.facts(document, layer: .table)
        else { continue }
        tables.append(name)
        let own = facts
        facts = facts.over(table) { !ofTree || !Self.isDecidedByTree($0) }
        if ofTree { facts = facts.without(Self.blocksOfTree.filter { own.at("/\($0)") == nil }) }
      }
    }
    // The family's table may know less of an FMan than its tree lets conclude.
    let inferred = Fact(.record(inferences.marked), at: nil, node: "/", layer: .inference)
    let isFamily = tables.allSatisfy { $0.hasPrefix("qman") }
    let all =
      isFamily
      ? Self.everyFMan(facts.over(inferred, keepsRows: { !Self.isDecidedByTree($0) }))
      : Self.everyFMan(facts).over(inferred, keepsRows: { !Self.isDecidedByTree($0) })
    return all.withoutRemovals
  }

  private func isStandalone(_ facts: Fact) -> Bool {
    if case .flag(true) = facts.at("/standalone")?.value { return true }
    return false
  }

  /// Gives each frame manager what all have alike.
  private static func everyFMan(_ facts: Fact) -> Fact {
    guard var record = facts.record, let common = record["every-fman"] else { return facts }
    record["every-fman"] = nil
    if var table = record["fmans"]?.record {
      for key in table.keys { table[key] = table[key]?.over(common) }
      record["fmans"]?.value = .record(table)
    }
    var result = facts
    result.value = .record(record)
    return result
  }

  /// The SoC's own table, or else that of its family: channels from 0x800 on are QMan 3's (Linux
  /// 6.1, `qoriq-fman*.dtsi`).
  private func tableNames(_ soc: String, _ facts: Fact) -> [String] {
    if Self.embedded("soc/\(soc.lowercased()).yaml") != nil { return [soc.lowercased()] }
    let ranges = facts.at("/fmans")?.record.map { table in
      table.keys.compactMap { table[$0]?.at("/channels") }
    }
    for case .range(let range) in (ranges ?? []).map(\.value) {
      return [range.lowerBound >= 0x800 ? "qman3" : "qman1"]
    }
    return []
  }

  /// Blocks that a board has only if its tree has them: every tree of a board that runs Linux does.
  private static let blocksOfTree = ["cpus", "qman", "bman", "fmans", "sec"]

  /// What there is of these, the nodes of a tree say.
  private static func isDecidedByTree(_ path: String) -> Bool {
    let keys = path.split(separator: "/")
    switch keys.first {
    case "qman", "bman": return keys.count == 2 && keys[1] == "portals"
    case "fmans":
      return keys.count == 1
        || keys.count == 3 && ["interfaces", "offline-ports"].contains(keys[2])
    case "sec": return keys.count == 2 && keys[1] == "job-rings"
    case "cpus", "address-map": return keys.count == 1
    default: return false
    }
  }

  // MARK: what is compiled in

  static func embedded(_ path: String) -> SourceFile? {
    guard path.hasSuffix(".yaml"), let bytes = BoardLibrary.yaml(named: String(path.dropLast(5)))
    else { return nil }
    return SourceFile(name: "<embedded boards/\(path)>", bytes: bytes)
  }

  private static func embeddedName(_ name: String) -> String? {
    guard name.hasPrefix("<embedded boards/") else { return nil }
    return String(name.dropFirst("<embedded boards/".count).dropLast())
  }
}

extension Fact {
  /// This record without some of its keys.
  fileprivate func without(_ keys: [String]) -> Fact {
    guard var record else { return self }
    for key in keys { record[key] = nil }
    var result = self
    result.value = .record(record)
    return result
  }
}

extension FactRecord {
  /// The same, each fact marked as concluded.
  fileprivate var marked: FactRecord {
    var result = FactRecord()
    for key in keys {
      guard var fact = self[key] else { continue }
      fact.layer = .inference
      if let record = fact.record { fact.value = .record(record.marked) }
      result[key] = fact
    }
    return result
  }
}
