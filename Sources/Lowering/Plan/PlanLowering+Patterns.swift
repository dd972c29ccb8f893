import Diagnostics
import Documents
import Partitioning

/// What PME looks for.
extension PlanLowering {
  mutating func patternGroups(
    _ node: YAMLNode, name: String, index: Int
  ) -> [PatternGroupWish] {
    guard let entries = reader.entries(node, of: "\(name)'s patterns") else { return [] }
    var groups: [PatternGroupWish] = []
    for entry in entries {
      origins.record(ClaimPath.patternGroup(index, groups.count), at: entry.keySpan)
      let what = "\(name)'s group of patterns \(entry.key)"
      guard let facts = reader.facts(entry.value, of: what, in: .patternGroup) else { continue }
      let number = groups.count
      var group = PatternGroupWish(name: entry.key)
      if let node = facts["set"] {
        origins.record(ClaimPath.patternSet(index, number), at: node.span)
        group.set = reader.number(node, "the set of \(what)", in: 0...255).map { UInt8($0) }
      }
      let usual = usualPattern(facts, what, over: PatternWish(.text("")))
      for node in facts["find"].flatMap({ reader.items($0, of: what) }) ?? [] {
        guard let pattern = pattern(node, of: what, usual: usual) else { continue }
        origins.record(
          ClaimPath.pattern(index, number, group.patterns.count), at: pattern.span)
        group.patterns.append(pattern.wish)
      }
      if let node = facts["file"], let path = reader.text(node, "the file of \(what)") {
        readPatterns(path, namedAt: node.span, usual: usual) { [group = group.patterns.count] in
          ClaimPath.pattern(index, number, group + $0)
        } into: {
          group.patterns.append($0)
        }
      }
      groups.append(group)
    }
    return groups
  }

  /// Subsets and case of a group, or of a pattern that takes them over from its group.
  private mutating func usualPattern(
    _ facts: Facts, _ what: String, over usual: PatternWish
  ) -> PatternWish {
    var pattern = usual
    if let node = facts["subset"],
      let items = reader.rangeItems(node, "the subset of \(what)", in: 0...15)
    {
      pattern.subsets = items.flatMap(\.range).reduce(0) { $0 | 1 << UInt16($1) }
    }
    if let node = facts["ignore-case"] {
      pattern.ignoresCase =
        reader.choice(node, "ignore-case of \(what)", among: [("yes", true), ("no", false)])
        ?? usual.ignoresCase
    }
    return pattern
  }

  private mutating func pattern(
    _ node: YAMLNode, of what: String, usual: PatternWish
  ) -> (wish: PatternWish, span: SourceSpan)? {
    guard let facts = reader.facts(node, of: "a pattern of \(what)", in: .pattern) else {
      return nil
    }
    let kinds: [(String, (String) -> PatternWish.Source)] = [
      ("regex", PatternWish.Source.regex), ("text", PatternWish.Source.text),
      ("bytes", PatternWish.Source.bytes),
    ]
    let written = kinds.compactMap { key, source in facts[key].map { ($0, source) } }
    guard written.count == 1, let (text, source) = written.first else {
      // A misspelt one has been told of.
      guard facts.misspelt.isDisjoint(with: kinds.map(\.0)) else { return nil }
      reader.bag.error(
        .missingKey,
        "a pattern of \(what) should have one of regex, text and bytes, but has "
          + (written.isEmpty ? "none" : "\(written.count)"), at: node.span,
        fixIts: [FixIt(written.isEmpty ? "add text: or regex:" : "make patterns of their own")])
      return nil
    }
    var wish = usualPattern(facts, "a pattern of \(what)", over: usual)
    guard let value = reader.text(text, "a pattern of \(what)") else { return nil }
    wish.source = source(value)
    wish.tag = facts["tag"].flatMap {
      reader.number($0, "the tag of a pattern of \(what)", in: 0...UInt64(UInt32.max))
    }.map { UInt32($0) }
    return (wish, text.span)
  }

  /// The patterns of a file.
  private mutating func readPatterns(
    _ path: String, namedAt span: SourceSpan, usual: PatternWish, origin: (Int) -> String,
    into append: (PatternWish) -> Void
  ) {
    let path = path.relative(toFile: span.file.name)
    guard let file = TextFile.read(path, namedAt: span, into: &reader.bag) else { return }
    var count = 0
    var start = 0
    for line in file.bytes.split(separator: 10, omittingEmptySubsequences: false) {
      let range = start..<start + line.count
      start = range.upperBound + 1
      let bytes = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
      // A comment may be in any encoding.
      guard let first = bytes.first(where: { $0 != UInt8(ascii: " ") && $0 != 9 }),
        first != UInt8(ascii: "#")
      else { continue }
      guard let text = String(validating: bytes, as: UTF8.self).map({ Substring($0) }) else {
        reader.bag.error(
          .patternLine, "this line is not UTF-8", at: SourceSpan(file, range),
          fixIts: [FixIt("write each byte above 7f as \\x and two hexadecimal digits")])
        continue
      }
      guard let (wish, place) = PatternLine.read(text, usual: usual) else {
        reader.bag.error(
          .patternLine, "this line is no pattern", at: SourceSpan(file, range),
          fixIts: [FixIt("write TAG:/REGEX/, with i behind it to ignore case, or begin it with #")])
        continue
      }
      // So much that it cannot be within the limits; what is there is enough to say so.
      guard count <= PatternLimit.patterns else { return }
      origins.record(
        origin(count),
        at: SourceSpan(
          file, range.lowerBound + place.lowerBound..<range.lowerBound + place.upperBound))
      append(wish)
      count += 1
    }
  }
}

/// A line of a file of patterns, as Hyperscan's own programs read them: `1001:/GET \/admin/i`.
enum PatternLine {
  /// The pattern, and the bytes of the line that its expression stands in.
  static func read(
    _ line: Substring, usual: PatternWish
  ) -> (wish: PatternWish, place: Range<Int>)? {
    let bytes = Array(line.utf8)
    guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon + 1 < bytes.count,
      bytes[colon + 1] == UInt8(ascii: "/"),
      let end = bytes.lastIndex(of: UInt8(ascii: "/")), end > colon + 1,
      let tag = FactReader.parseNumber(String(decoding: bytes[..<colon], as: UTF8.self)),
      tag <= UInt32.max
    else { return nil }
    var wish = usual
    for flag in bytes[(end + 1)...] {
      switch flag {
      case UInt8(ascii: "i"): wish.ignoresCase = true
      // That `.` is any byte, which it is anyway.
      case UInt8(ascii: "s"): break
      default: return nil
      }
    }
    wish.tag = UInt32(tag)
    let place = colon + 2..<end
    wish.source = .regex(String(decoding: bytes[place], as: UTF8.self))
    return (wish, place)
  }
}
