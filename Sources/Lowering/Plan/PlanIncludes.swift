import Diagnostics
import Documents

/// Puts a plan together from its file and those that it includes.
struct PlanIncludes {
  /// How deep files may include files.
  static let depthLimit = 16
  /// How many files a plan may have.
  static let fileLimit = 256

  private(set) var bag = DiagnosticBag()
  /// Where each included file was named.
  private(set) var places: [SourceFile: SourceSpan] = [:]
  private var fileCount = 1

  /// The document with everything that it includes: of each section first the entries of the
  /// included files, in the order named, then its own. Without the key `include`.
  mutating func resolve(_ document: YAMLNode) -> YAMLNode {
    resolve(document, chain: [document.span.file.name])
  }

  private mutating func resolve(_ document: YAMLNode, chain: [String]) -> YAMLNode {
    guard case .mapping(let entries) = document.value,
      let include = entries.first(where: { $0.key == "include" })
    else { return document }
    var merged: [YAMLEntry] = []
    for node in names(include.value) {
      guard case .scalar(let scalar) = node.value,
        let other = load(scalar.text, namedAt: node.span, chain: chain),
        case .mapping(let others) = other.value
      else { continue }
      merge(others, into: &merged)
    }
    merge(entries.filter { $0.key != "include" }, into: &merged)
    return YAMLNode(.mapping(merged), at: document.span)
  }

  /// The names of files that stand behind `include`.
  private mutating func names(_ node: YAMLNode) -> [YAMLNode] {
    let items: [YAMLNode]
    if case .sequence(let list) = node.value { items = list } else { items = [node] }
    return items.filter { item in
      if case .scalar(let scalar) = item.value, !scalar.isNull { return true }
      bag.error(
        .wrongKind, "include should be a file or a list of files, but this is \(item.kind)",
        at: item.span)
      return false
    }
  }

  private mutating func load(
    _ name: String, namedAt span: SourceSpan, chain: [String]
  ) -> YAMLNode? {
    let path = name.relative(toFile: span.file.name)
    guard !chain.contains(path), path != "-" else {
      bag.error(
        .includeCycle,
        path == "-"
          ? "standard input cannot be included"
          : "\(path) includes itself, over \(chain.count) files",
        at: span, fixIts: [FixIt("remove this include")])
      return nil
    }
    guard chain.count < Self.depthLimit, fileCount < Self.fileLimit else {
      bag.error(
        .includeCycle,
        "a plan has at most \(Self.fileLimit) files, which include each other at most "
          + "\(Self.depthLimit) deep", at: span, fixIts: [FixIt("join some of the files")])
      return nil
    }
    guard let file = TextFile.read(path, namedAt: span, into: &bag) else { return nil }
    fileCount += 1
    places[file] = span
    guard let document = YAMLReader().read(file, into: &bag) else { return nil }
    guard case .mapping = document.value else {
      bag.error(
        .wrongKind, "\(path) should be a mapping, but this is \(document.kind)", at: document.span)
      return nil
    }
    return resolve(document, chain: chain + [path])
  }

  /// Joins lists, and mappings by their entries; anything that is in both is said twice.
  private mutating func merge(_ entries: [YAMLEntry], into merged: inout [YAMLEntry]) {
    for entry in entries {
      guard let index = merged.firstIndex(where: { $0.key == entry.key }) else {
        merged.append(entry)
        continue
      }
      switch (merged[index].value.value, entry.value.value) {
      case (.sequence(let first), .sequence(let second)):
        merged[index].value.value = .sequence(first + second)
      case (.mapping(let first), .mapping(let second)):
        merged[index].value.value = .mapping(join(first, second))
      default: reportTwice(entry, first: merged[index])
      }
    }
  }

  private mutating func join(_ first: [YAMLEntry], _ second: [YAMLEntry]) -> [YAMLEntry] {
    let known = Dictionary(first.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    return first
      + second.filter { entry in
        guard let earlier = known[entry.key] else { return true }
        reportTwice(entry, first: earlier)
        return false
      }
  }

  private mutating func reportTwice(_ entry: YAMLEntry, first: YAMLEntry) {
    bag.error(
      .yamlDuplicateKey, "the key \(entry.key) stands in two files of the plan",
      at: entry.keySpan, notes: [Note("it stands here first", at: first.keySpan)],
      fixIts: [FixIt("remove one of them")])
  }
}
