import Diagnostics
import Foundation
import Lowering
import TestSupport
import Testing

/// Our logs against what SARIF 2.1.0 asks of each object that they use. The shapes were written from
/// the standard's text, whose sections they name; a member that none of them knows is a fault.
@Suite struct SARIFConformanceTests {
  private indirect enum Shape {
    case text
    case reference
    case word([String])
    case number(from: Int)
    case object(String)
    case list(String, atLeast: Int, unique: Bool)
  }

  private struct Members {
    var all: [String: Shape]
    var required: Set<String> = []
    /// At least one of these.
    var oneOf: Set<String> = []
  }

  private static let objects: [String: Members] = [
    // 3.13
    "log": Members(
      all: [
        "$schema": .reference, "version": .word(["2.1.0"]),
        "runs": .list("run", atLeast: 0, unique: false),
      ], required: ["version", "runs"]),
    // 3.14
    "run": Members(
      all: [
        "tool": .object("tool"), "columnKind": .word(["utf16CodeUnits", "unicodeCodePoints"]),
        "results": .list("result", atLeast: 0, unique: false),
      ], required: ["tool"]),
    // 3.18, 3.19
    "tool": Members(all: ["driver": .object("component")], required: ["driver"]),
    "component": Members(
      all: ["name": .text, "rules": .list("rule", atLeast: 0, unique: true)], required: ["name"]),
    // 3.49, 3.12
    "rule": Members(all: ["id": .text, "shortDescription": .object("string")], required: ["id"]),
    "string": Members(all: ["text": .text], required: ["text"]),
    // 3.27
    "result": Members(
      all: [
        "ruleId": .text, "ruleIndex": .number(from: -1),
        "level": .word(["none", "note", "warning", "error"]), "message": .object("message"),
        "locations": .list("location", atLeast: 0, unique: false),
        "relatedLocations": .list("location", atLeast: 0, unique: true),
        "fixes": .list("fix", atLeast: 0, unique: true),
      ], required: ["message"]),
    // 3.11: a message has its text, or the id of one.
    "message": Members(all: ["text": .text], oneOf: ["text", "id"]),
    // 3.28, 3.29, 3.4
    "location": Members(
      all: ["physicalLocation": .object("place"), "message": .object("message")]),
    "place": Members(
      all: ["artifactLocation": .object("artifact"), "region": .object("region")],
      oneOf: ["artifactLocation", "address"]),
    "artifact": Members(all: ["uri": .reference]),
    // 3.30
    "region": Members(
      all: [
        "startLine": .number(from: 1), "startColumn": .number(from: 1), "endLine": .number(from: 1),
        "endColumn": .number(from: 1),
      ]),
    // 3.55 to 3.57, 3.3
    "fix": Members(
      all: [
        "description": .object("message"),
        "artifactChanges": .list("change", atLeast: 1, unique: true),
      ], required: ["artifactChanges"]),
    "change": Members(
      all: [
        "artifactLocation": .object("artifact"),
        "replacements": .list("replacement", atLeast: 1, unique: false),
      ], required: ["artifactLocation", "replacements"]),
    "replacement": Members(
      all: ["deletedRegion": .object("region"), "insertedContent": .object("content")],
      required: ["deletedRegion"]),
    "content": Members(all: ["text": .text]),
  ]

  /// What is wrong with a value, each with its path.
  private func faults(_ value: Any, _ shape: Shape, at path: String) -> [String] {
    switch shape {
    case .text: return value is String ? [] : ["\(path) is no text"]
    case .reference:
      // RFC 3986, appendix A: what a reference may be written with.
      let allowed = CharacterSet(charactersIn: "-._~:/?#[]@!$&'()*+,;=%").union(.alphanumerics)
      guard let text = value as? String, !text.isEmpty, text.allSatisfy(\.isASCII),
        text.unicodeScalars.allSatisfy(allowed.contains), URL(string: text) != nil
      else { return ["\(path) is no reference: \(value)"] }
      return []
    case .word(let words):
      return (value as? String).map(words.contains) == true ? [] : ["\(path) is \(value)"]
    case .number(let least):
      return (value as? Int).map { $0 >= least } == true ? [] : ["\(path) is \(value)"]
    case .object(let name):
      guard let object = value as? [String: Any], let members = Self.objects[name] else {
        return ["\(path) is no object"]
      }
      var found = members.required.subtracting(object.keys).map { "\(path) has no \($0)" }
      if !members.oneOf.isEmpty, members.oneOf.isDisjoint(with: object.keys) {
        found.append("\(path) has none of \(members.oneOf.sorted())")
      }
      for (key, value) in object {
        guard let shape = members.all[key] else {
          found.append("\(path)/\(key) is no member of a \(name)")
          continue
        }
        found += faults(value, shape, at: "\(path)/\(key)")
      }
      if name == "region", let object = object as? [String: Int] { found += order(object, path) }
      return found
    case .list(let name, let least, let unique):
      guard let list = value as? [Any], list.count >= least else {
        return ["\(path) is no list of \(least) or more"]
      }
      let isRepeated =
        unique
        && Set(list.map { NSDictionary(dictionary: $0 as? [String: Any] ?? [:]) }).count
          < list.count
      return (isRepeated ? ["\(path) has an item twice"] : [])
        + list.enumerated().flatMap {
          faults($0.element, .object(name), at: "\(path)/\($0.offset)")
        }
    }
  }

  /// A region does not end before it begins.
  private func order(_ region: [String: Int], _ path: String) -> [String] {
    let start = (region["startLine"] ?? 1, region["startColumn"] ?? 1)
    let end = (region["endLine"] ?? start.0, region["endColumn"] ?? .max)
    return start <= end ? [] : ["\(path) ends before it begins"]
  }

  private func faults(of bag: DiagnosticBag) throws -> [String] {
    let summaries = Dictionary(
      uniqueKeysWithValues: DiagnosticCatalogue.all.map { ($0.code, $0.summary) })
    let text = DiagnosticFormat.sarif.render(bag, summaries: summaries)
    let log = try JSONSerialization.jsonObject(with: Data(text.utf8))
    var found = faults(log, .object("log"), at: "")
    let run = ((log as? [String: Any])?["runs"] as? [[String: Any]])?.first
    let driver = (run?["tool"] as? [String: Any])?["driver"] as? [String: Any]
    let rules = driver?["rules"] as? [[String: Any]] ?? []
    for result in run?["results"] as? [[String: Any]] ?? [] {
      let index = result["ruleIndex"] as? Int ?? -1
      // 3.27.6: the index leads to the rule of that id.
      if !rules.indices.contains(index)
        || rules[index]["id"] as? String != result["ruleId"] as? String
      {
        found.append("\(result["ruleId"] ?? "") is not rule \(index)")
      }
    }
    return found
  }

  @Test func `what is found in every bad plan is valid SARIF`() throws {
    var count = 0
    for entry in DiagnosticCatalogue.entries {
      let result = PlanLoader.load("\(Checkout.fixtures)/plans/\(entry.code).yaml")
      count += result.diagnostics.diagnostics.count
      #expect(try faults(of: result.diagnostics) == [], "\(entry.code)")
    }
    #expect(count >= DiagnosticCatalogue.entries.count)
  }

  @Test func `odd names, notes that repeat and findings without a place are valid too`() throws {
    let file = SourceFile(name: "a b#c?d%20\u{7}é.yaml", text: "x: \"ä𝄞\"\n")
    let empty = SourceFile(name: "-", text: "")
    var bag = DiagnosticBag()
    let span = SourceSpan(file, 3..<10)
    bag.error(
      "syntax", "", at: span, label: "",
      notes: [Note("n", at: span), Note("n", at: span), Note("m")],
      fixIts: [
        FixIt("f", replacing: span, with: ""), FixIt("f", replacing: span, with: ""),
        FixIt("words"),
      ])
    bag.warning("lines", "m", at: SourceSpan(empty, 0..<0))
    bag.warning("placeless", "m")
    #expect(try faults(of: bag) == [])
    #expect(try faults(of: DiagnosticBag()) == [])
  }

  @Test func `the judge finds what is wrong`() {
    let judge = { (value: Any) in faults(value, .object("result"), at: "") }
    #expect(judge(["message": ["text": "m"]] as [String: Any]) == [])
    #expect(judge([:] as [String: Any]) == [" has no message"])
    #expect(
      judge(["message": ["text": "m"], "levle": "error"] as [String: Any])
        == ["/levle is no member of a result"])
    #expect(
      judge(["message": [:] as [String: Any], "level": "fatal"] as [String: Any]).count == 2)
    let region = ["startLine": 2, "startColumn": 1, "endLine": 1, "endColumn": 4]
    #expect(faults(region, .object("region"), at: "r") == ["r ends before it begins"])
  }
}
