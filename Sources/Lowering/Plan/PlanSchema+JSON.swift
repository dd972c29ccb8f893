public import Diagnostics

/// The JSON Schema of a plan, for editors and other tools; made of the declaration that the reader
/// reads by.
public enum PlanSchema {
  /// The schema in JSON Schema's draft 2020-12.
  public static var json: JSONValue {
    let sections = PlanSection.plan.reachable
    var members: [JSONValue.Member] = [
      .init("$schema", "https://json-schema.org/draft/2020-12/schema"),
      .init("title", "A dpaac plan"),
    ]
    if case .object(let plan) = object(.plan) { members += plan }
    members.append(
      .init("$defs", .object(sections.dropFirst().map { .init($0.name, object($0)) })))
    return .object(members)
  }

  private static func object(_ section: PlanSection) -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("type", "object"), .init("description", .string(section.summary)),
      .init("additionalProperties", false),
      .init(
        "properties",
        .object(
          section.keys.map { key in
            var about = key.summary
            if let usual = key.usual { about += " Without it: \(usual)." }
            return .init(key.name, describe(value(key.value), about, example: key.example))
          })),
    ]
    let required = section.keys.filter(\.isRequired).map { JSONValue.string($0.name) }
    if !required.isEmpty {
      let all: JSONValue = ["required": .array(required)]
      if let substitute = section.substitute {
        members.append(
          .init("anyOf", [["required": [.string(substitute)]], all]))
      } else {
        members.append(.init("required", .array(required)))
      }
    }
    return .object(members)
  }

  private static func describe(_ value: JSONValue, _ text: String, example: String) -> JSONValue {
    guard case .object(let members) = value else { return value }
    return .object([.init("description", .string("\(text) Example: `\(example)`"))] + members)
  }

  private static func value(_ value: PlanValue) -> JSONValue {
    switch value {
    // A bare number or word that YAML takes for something else is a text to the reader.
    case .text: ["type": ["string", "number", "boolean"]]
    case .word(let words):
      // YAML 1.1 readers take a bare yes or no for a truth value.
      words == ["yes", "no"]
        ? ["enum": ["yes", "no", true, false]]
        : ["enum": .array(words.map { .string($0) })]
    case .number(let range):
      [
        "anyOf": [
          [
            "type": "integer", "minimum": JSONValue(range.lowerBound),
            "maximum": JSONValue(min(range.upperBound, UInt64(Int64.max))),
          ], ["type": "string", "pattern": .string("^(\(number))$")],
        ]
      ]
    case .size: quantity("B|bytes?|KiB|MiB|GiB|TiB", isOptional: true)
    case .amount: quantity("B|bytes?|KiB|MiB|GiB|TiB|frames?", isOptional: true)
    case .rate: quantity("bit/s|kbit/s|Mbit/s|Gbit/s|frames/s", isOptional: false)
    case .percent: ["type": "string", "pattern": "^[0-9]+ *%$"]
    case .countOrRanges(let limit), .ranges(let limit):
      [
        "anyOf": [
          ["type": "integer", "minimum": 0, "maximum": JSONValue(limit)],
          ["type": "string", "pattern": .string("^ *\(span)( *, *\(span))* *$")],
          [
            "type": "array",
            "items": [
              "anyOf": [
                ["type": "integer", "minimum": 0, "maximum": JSONValue(limit)],
                ["type": "string", "pattern": .string("^ *\(span) *$")],
              ]
            ],
          ],
        ]
      ]
    case .section(let section): ["$ref": .string("#/$defs/\(section.name)")]
    case .list(let inner): ["type": "array", "items": self.value(inner)]
    case .named(let what, let inner):
      [
        "type": "object", "propertyNames": ["description": .string(what)],
        "additionalProperties": self.value(inner),
      ]
    case .either(let values): ["anyOf": .array(values.map(self.value))]
    }
  }

  private static let number = "0[xX][0-9a-fA-F]+|[0-9]+"
  private static var span: String { "(\(number))( *- *(\(number)))?" }

  private static func quantity(_ units: String, isOptional: Bool) -> JSONValue {
    let text: JSONValue = [
      "type": "string",
      "pattern": .string("^(\(number)) *(\(units))\(isOptional ? "?" : "")$"),
    ]
    return isOptional ? ["anyOf": [["type": "integer", "minimum": 0], text]] : text
  }
}
