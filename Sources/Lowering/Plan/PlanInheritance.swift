import Diagnostics
import Documents

/// What partitions take over from others with `like`, and how many of them `count` makes.
struct PlanInheritance {
  /// How many partitions `count` may make in all.
  static let partitionLimit = 10_000
  /// How long a chain of `like` may be, so that a hostile plan costs little.
  static let chainLimit = 64

  /// A partition to read, with whatever it took over.
  struct Instance {
    var name: String
    var keySpan: SourceSpan
    /// Its own entries behind those that it took over.
    var node: YAMLNode
    /// The keys that are somebody else's: exact choices in them are a number only.
    var foreignKeys: Set<String>
    /// Where the wishes stand that have been read once already, with their mistakes.
    var foreignSpans: [SourceSpan]
    /// Whom it is like.
    var like: YAMLNode?
    /// Whether it is like somebody who is not there: what it lacks may be there.
    var isCut = false
    /// Whether an instance before it has been read from the same text.
    var isRepeated: Bool
  }

  /// Whom a name means. A partition may be called like the template that it takes over, so templates
  /// come first.
  private let definitions: [String: YAMLEntry]
  private let names: [String]

  init(partitions: [YAMLEntry], templates: [YAMLEntry]) {
    definitions = Dictionary(
      (templates + partitions).map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    names = (partitions + templates).map(\.key)
  }

  /// The partitions that an entry stands for; one unless it has a `count`.
  func instances(of entry: YAMLEntry, reader: inout FactReader) -> [Instance] {
    guard case .mapping(let own) = entry.value.value else {
      return [instance(entry.key, entry, node: entry.value, foreign: [])]
    }
    let (foreign, isCut) = inherited(by: entry, reader: &reader)
    let kept = own.filter { $0.key != "count" }
    let node = YAMLNode(.mapping(kept + foreign), at: entry.value.span)
    let like = own.first { $0.key == "like" }?.value
    var first = instance(entry.key, entry, node: node, foreign: foreign)
    first.like = like
    first.isCut = isCut
    guard let count = own.first(where: { $0.key == "count" })?.value else { return [first] }
    let what = "the count of partition \(entry.key)"
    guard let number = reader.number(count, what, in: 1...1024) else { return [first] }
    return (1...Int(number)).map { item in
      var instance = first
      instance.name += "\(item)"
      if number > 1 { instance.foreignKeys = Set((kept + foreign).map(\.key)) }
      instance.isRepeated = item > 1
      return instance
    }
  }

  private func instance(
    _ name: String, _ entry: YAMLEntry, node: YAMLNode, foreign: [YAMLEntry]
  ) -> Instance {
    Instance(
      name: name, keySpan: entry.keySpan, node: node, foreignKeys: Set(foreign.map(\.key)),
      foreignSpans: foreign.flatMap { [$0.keySpan, $0.value.span] }, like: nil, isRepeated: false)
  }

  /// The entries that an entry does not have itself but those do whom it is like, nearest first;
  /// and whether the chain of them breaks.
  private func inherited(
    by entry: YAMLEntry, reader: inout FactReader
  ) -> (entries: [YAMLEntry], isCut: Bool) {
    var seen = [entry]
    var keys: Set<String> = ["like", "count"]
    var found: [YAMLEntry] = []
    var current = entry
    while case .mapping(let entries) = current.value.value {
      for item in entries where keys.insert(item.key).inserted && current.keySpan != entry.keySpan {
        found.append(item)
      }
      guard let like = entries.first(where: { $0.key == "like" })?.value else {
        return (found, false)
      }
      guard let name = reader.text(like, "whom \(current.key) is like") else { break }
      guard let next = definitions[name] else {
        reader.bag.error(
          "unknown-partition",
          "\(current.key) is like \(name), but there is no such partition or template",
          at: like.span,
          fixIts: nearestName(to: name, in: names).map {
            [FixIt("did you mean \($0)?", replacing: like.span, with: $0)]
          } ?? [])
        break
      }
      let isNew = !seen.contains { $0.keySpan == next.keySpan }
      guard isNew, seen.count < Self.chainLimit else {
        reportChain(seen, at: like.span, next: next, isNew: isNew, reader: &reader)
        break
      }
      seen.append(next)
      current = next
    }
    return (found, true)
  }

  /// A circle is told once, at its member that stands first.
  private func reportChain(
    _ seen: [YAMLEntry], at span: SourceSpan, next: YAMLEntry, isNew: Bool,
    reader: inout FactReader
  ) {
    let (name, chain) = (next.key, seen.map(\.key))
    let isCircle = next.keySpan == seen[0].keySpan
    guard isCircle ? names.first(where: chain.contains) == name : isNew else { return }
    reader.bag.error(
      .likeCycle,
      isCircle
        ? "\(name) is like itself in the end"
        : "\(chain[0]) is like somebody over \(Self.chainLimit) others",
      at: span, notes: [Note("\(name) stands here", at: next.keySpan)],
      fixIts: [FixIt("say what one of them wishes")])
  }
}
