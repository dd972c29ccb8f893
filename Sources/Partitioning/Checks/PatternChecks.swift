import Diagnostics
import QorIQ

/// Checks of what PME is to look for.
extension PartitionCheck {
  static let patternChecks = [patternSyntax, patternEmpty, patternLimit, patternSetTaken]

  private static func patterns(_ groups: String) -> PlanExample.Keys {
    ["accelerators": "{ pme: {patterns: { \(groups) }} }"]
  }

  static let patternSyntax = PartitionCheck(
    "pattern-syntax", .accelerators, "a pattern can be read",
    meaning: """
      PME matches in one pass over the bytes. Expressions that look ahead, back or around cannot be \
      matched so; what reads like one, and is not, would find something else than was meant.
      """,
    repair: "write it as the finding says: \\ makes any other character than a letter itself",
    source: "a decision of this project: what an automaton can match, in Perl's notation",
    example: .init(guest: patterns("web: {find: [ {regex: 'GET /(admin|etc'} ]}"))
  ) { context, findings in
    for found in context.patterns {
      do throws(PatternReader.Fault) {
        _ = try found.pattern.expression()
      } catch {
        findings.add(
          "\(found.owner)'s pattern \(found.name) cannot be read: \(error.message)",
          at: found.place(of: error.range, context), fixIts: [FixIt(error.repair)])
      }
    }
  }

  static let patternEmpty = PartitionCheck(
    "pattern-empty", .accelerators, "a pattern matches something, and a group has one",
    after: ["pattern-syntax"],
    meaning: """
      A pattern that matches no bytes at all matches everywhere; a group without patterns matches \
      nowhere, and a scan that names it has nothing to do.
      """,
    repair: "let at least one byte of it be there, or take it out",
    source: "Hyperscan, hs_compile.h: patterns that match an empty buffer are not supported",
    example: .init(guest: patterns("web: {find: [ {regex: '(admin)?'} ]}"))
  ) { context, findings in
    for found in context.patterns {
      guard let expression = try? found.pattern.expression(), expression.leastLength == 0 else {
        continue
      }
      findings.add(
        "\(found.owner)'s pattern \(found.name) matches where nothing is",
        at: found.place(of: nil, context), fixIts: [FixIt("let one byte of it be always there")])
    }
    // What could not be read is missing, and has been told of.
    guard context.plan.isWhole else { return }
    for (index, number, group) in context.patternGroups where group.patterns.isEmpty {
      findings.add(
        "\(context.name(index))'s group \(group.name) has no patterns",
        at: context.span(ClaimPath.patternGroup(index, number)),
        fixIts: [FixIt("add find: or file:, or take the group out")])
    }
  }

  static let patternLimit = PartitionCheck(
    "pattern-limit", .accelerators, "patterns are small enough to be compiled",
    after: ["pattern-syntax"],
    meaning: """
      An automaton grows with its patterns, and repeats count as often as they may occur. Within these \
      bounds any patterns are compiled in bounded time and memory.
      """,
    repair: "write fewer or shorter patterns, smaller repeats, or divide them among sets",
    source: "a decision of this project; the compiler has limits of its own, which are far higher",
    example: .init(guest: patterns("web: {find: [ {regex: '([a-f0-9]{64}:){32}'} ]}"))
  ) { context, findings in
    for (index, wish) in context.partitions {
      for use in wish.accelerators where use.patternGroups.count > PatternLimit.sets {
        findings.add(
          "\(wish.name) has \(use.patternGroups.count) groups of patterns, but at most "
            + "\(PatternLimit.sets) can be",
          at: context.span(ClaimPath.patternGroup(index, PatternLimit.sets)),
          fixIts: [FixIt("join some of them: subsets tell them apart")])
      }
    }
    for found in context.patterns {
      let bytes = found.pattern.source.written.utf8.count
      guard bytes <= PatternLimit.bytes else {
        findings.add(
          "\(found.owner)'s pattern \(found.name) has \(bytes) bytes, but at most "
            + "\(PatternLimit.bytes) are read",
          at: found.place(of: nil, context), fixIts: [FixIt("write it shorter, or divide it")])
        continue
      }
      guard let expression = try? found.pattern.expression() else { continue }
      let places = expression.positions
      guard places > PatternLimit.positions else {
        let length = expression.canonical.utf8.count
        guard length > PatternLimit.expressionBytes else { continue }
        findings.add(
          "\(found.owner)'s pattern \(found.name) is \(length) bytes long with its classes written out, but at most "
            + "\(PatternLimit.expressionBytes) can be",
          at: found.place(of: nil, context), fixIts: [FixIt("write fewer classes, or divide it")])
        continue
      }
      findings.add(
        "\(found.owner)'s pattern \(found.name) has places for \(places == .max ? "too many" : "\(places)") "
          + "bytes with its repeats written out, but at most \(PatternLimit.positions) can be",
        at: found.place(of: nil, context), fixIts: [FixIt("write smaller repeats")])
    }
    for (index, number, group) in context.patternGroups {
      let span = context.span(ClaimPath.patternGroup(index, number))
      guard group.patterns.count <= PatternLimit.patterns else {
        findings.add(
          "\(context.name(index))'s group \(group.name) has more than \(PatternLimit.patterns) patterns",
          at: span, fixIts: [FixIt("divide it into several sets")])
        continue
      }
      let places = group.patterns.reduce(0 as UInt64) {
        $0 + UInt64((try? $1.expression().positions) ?? 0)
      }
      guard places > UInt64(PatternLimit.setPositions) else { continue }
      findings.add(
        "\(context.name(index))'s group \(group.name) has places for \(places) bytes, but at most "
          + "\(PatternLimit.setPositions) can be",
        at: span, fixIts: [FixIt("divide it into several sets")])
    }
  }

  static let patternSetTaken = PartitionCheck(
    "pattern-set-taken", .accelerators, "a set of patterns is one group's",
    meaning: "A scan names a set by its number, and would look for the patterns of one group only.",
    repair: "give the groups sets of their own, or join them",
    source: "Freescale SDK, include/linux/fsl_pme.h: a scan has a set of 8 bits and a subset of 16",
    example: .init(
      guest: patterns("web: {set: 1, find: [ {text: a} ]}, worms: {set: 1, find: [ {text: b} ]}"))
  ) { context, findings in
    for (index, wish) in context.partitions {
      for use in wish.accelerators {
        var first: [UInt8: Int] = [:]
        for (number, group) in use.patternGroups.enumerated() {
          guard let set = group.set else { continue }
          guard let other = first.updateValue(number, forKey: set) else { continue }
          first[set] = other
          let taken = Set(use.patternGroups.compactMap(\.set))
          let free = (UInt8.min...UInt8.max).first { !taken.contains($0) }
          let span = context.span(ClaimPath.patternSet(index, number))
          findings.add(
            "\(wish.name)'s groups \(use.patternGroups[other].name) and \(group.name) are both set "
              + "\(set)",
            at: span,
            notes: [
              Note(
                "\(use.patternGroups[other].name) is set \(set) here",
                at: context.span(ClaimPath.patternSet(index, other)))
            ], fixIts: free.map { [.replace(span, with: "\($0)")] } ?? [])
        }
      }
    }
  }
}

/// A pattern with its place in the plan.
private struct FoundPattern {
  let owner: String
  let name: String
  let pattern: PatternWish
  let path: String

  /// Where bytes of it stand: all of it when the file does not hold it as it is.
  func place(of range: Range<Int>?, _ context: PlanContext) -> SourceSpan? {
    guard let span = context.span(path), let range else { return context.span(path) }
    let text = pattern.source.written
    // Bare, or between quotes.
    for quotes in 0...1 where span.range.count == text.utf8.count + 2 * quotes {
      let start = span.range.lowerBound + quotes
      guard span.file.bytes[start..<start + text.utf8.count].elementsEqual(text.utf8) else {
        continue
      }
      return SourceSpan(span.file, start + range.lowerBound..<start + range.upperBound)
    }
    return span
  }
}

extension PlanContext {
  /// The groups of all partitions.
  fileprivate var patternGroups: [(owner: Int, number: Int, group: PatternGroupWish)] {
    partitions.flatMap { index, wish in
      wish.accelerators.flatMap { use in
        use.patternGroups.enumerated().map { (index, $0, $1) }
      }
    }
  }

  /// The patterns of all partitions; those of a group that is far too large are passed over.
  fileprivate var patterns: [FoundPattern] {
    patternGroups.filter { $0.group.patterns.count <= PatternLimit.patterns }.flatMap {
      owner, number, group in
      group.patterns.enumerated().map { item, pattern in
        FoundPattern(
          owner: name(owner), name: "\(group.name)/\(pattern.tag ?? UInt32(item + 1))",
          pattern: pattern, path: ClaimPath.pattern(owner, number, item))
      }
    }
  }
}
