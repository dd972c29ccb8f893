package import Diagnostics

extension FactShape {
  /// The JSON schema (draft 2020-12) of a document of this shape, for editors that complete keys.
  ///
  /// - Parameters:
  ///   - title: What the document is.
  ///   - about: A sentence on it.
  /// - Returns: The schema.
  package func schema(title: String, about: String) -> JSONValue {
    guard case .object(let members) = schema else { return schema }
    return .object(
      [
        .init("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
        .init("title", .string(title)), .init("description", .string(about)),
      ] + members)
  }

  private var schema: JSONValue {
    switch self {
    case .text: Self.type("string")
    case .flag: Self.type("boolean")
    case .number(let range): Self.numeric(range, "^[0-9A-Za-z +*/%()-]+$")
    case .size(let range): Self.numeric(range, "^[0-9A-Fa-fx]+ *(B|bytes?|[KMGT]iB)?$|[+*]")
    case .frequency: Self.numeric(0...1 << 40, "^[0-9]+ *(Hz|kHz|MHz)?$")
    case .revision:
      .object([.init("type", .array([.string("number"), .string("string")]))])
    case .range: Self.pattern("^[0-9A-Fa-fx]+ *- *[0-9A-Fa-fx]+$")
    case .word(let words): .object([.init("enum", .array(words.map { .string($0) }))])
    case .list(let item):
      .object([.init("type", .string("array")), .init("items", item.schema)])
    case .rows(_, let row): Self.entries(row, keys: "^[0-9A-Fa-fx]+( *- *[0-9A-Fa-fx]+)?$")
    case .names(let entry): Self.entries(entry, keys: "^.+$")
    case .record(let fields):
      .object([
        .init("type", .string("object")), .init("additionalProperties", .bool(false)),
        .init(
          "properties",
          .object(fields.map { .init($0.name, $0.shape.schema(about: $0.about)) })),
      ])
    }
  }

  private func schema(about: String) -> JSONValue {
    guard case .object(let members) = schema else { return schema }
    return .object([.init("description", .string(about))] + members)
  }

  private static func type(_ name: String) -> JSONValue {
    .object([.init("type", .string(name))])
  }

  private static func pattern(_ pattern: String) -> JSONValue {
    .object([.init("type", .string("string")), .init("pattern", .string(pattern))])
  }

  private static func numeric(_ range: ClosedRange<UInt64>, _ pattern: String) -> JSONValue {
    .object([
      .init(
        "anyOf",
        .array([
          .object([
            .init("type", .string("integer")),
            .init("minimum", .integer(Int64(clamping: range.lowerBound))),
            .init("maximum", .integer(Int64(clamping: range.upperBound))),
          ]), Self.pattern(pattern),
        ]))
    ])
  }

  /// Entries may be taken away from what is included with `null`.
  private static func entries(_ entry: FactShape, keys: String) -> JSONValue {
    .object([
      .init("type", .string("object")), .init("additionalProperties", .bool(false)),
      .init(
        "patternProperties",
        .object([
          .init(
            keys, .object([.init("anyOf", .array([entry.schema, type("null")]))]))
        ])),
    ])
  }
}
