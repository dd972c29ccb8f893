/// A JSON value that prints with its members in the order they were given.
///
/// Output only: nothing here reads JSON. It stands beside the diagnostics because every stage that
/// must not link Foundation still speaks `--format json`.
public enum JSONValue: Sendable, Hashable {
  /// `null`
  case null
  /// `true` or `false`
  case bool(Bool)
  /// A whole number.
  case integer(Int64)
  /// A string.
  case string(String)
  /// A list.
  case array([JSONValue])
  /// An object; members keep their order.
  case object([Member])

  /// A member of an object.
  public struct Member: Sendable, Hashable {
    /// The key.
    public let key: String
    /// The value.
    public let value: JSONValue
    /// Creates a member.
    public init(_ key: String, _ value: JSONValue) {
      self.key = key
      self.value = value
    }
  }

  /// The value as text over several lines, two spaces a level, without a final line break.
  public var text: String {
    var output = ""
    write(to: &output, indent: 0)
    return output
  }

  private func write(to output: inout String, indent: Int) {
    let inner = String(repeating: "  ", count: indent + 1)
    let outer = String(repeating: "  ", count: indent)
    switch self {
    case .null: output += "null"
    case .bool(let value): output += value ? "true" : "false"
    case .integer(let value): output += String(value)
    case .string(let value): Self.quote(value, to: &output)
    case .array(let values):
      guard !values.isEmpty else { return output += "[]" }
      output += "["
      for (index, value) in values.enumerated() {
        output += index == 0 ? "\n\(inner)" : ",\n\(inner)"
        value.write(to: &output, indent: indent + 1)
      }
      output += "\n\(outer)]"
    case .object(let members):
      guard !members.isEmpty else { return output += "{}" }
      output += "{"
      for (index, member) in members.enumerated() {
        output += index == 0 ? "\n\(inner)" : ",\n\(inner)"
        Self.quote(member.key, to: &output)
        output += ": "
        member.value.write(to: &output, indent: indent + 1)
      }
      output += "\n\(outer)}"
    }
  }

  private static func quote(_ text: String, to output: inout String) {
    output += "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": output += "\\\""
      case "\\": output += "\\\\"
      case "\n": output += "\\n"
      case "\r": output += "\\r"
      case "\t": output += "\\t"
      case _ where scalar.value < 0x20:
        let hex = String(scalar.value, radix: 16)
        output += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: output.unicodeScalars.append(scalar)
      }
    }
    output += "\""
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  /// A string.
  public init(stringLiteral value: String) { self = .string(value) }
  /// A whole number.
  public init(integerLiteral value: Int64) { self = .integer(value) }
  /// A truth value.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// A list.
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  /// An object in the order written.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(elements.map { Member($0.0, $0.1) })
  }
  /// A whole number of any fixed width; values above `Int64.max` are printed as strings.
  public init(_ value: some FixedWidthInteger) {
    self = Int64(exactly: value).map { .integer($0) } ?? .string(String(value))
  }
}

extension Diagnostic {
  /// The finding for programs: code, severity, message, place, notes and fixes.
  public var json: JSONValue { atOrigin.ownJSON }

  private var ownJSON: JSONValue {
    func place(_ span: SourceSpan?) -> JSONValue {
      guard let span else { return .null }
      return [
        "file": .string(span.file.name), "line": JSONValue(span.start.line),
        "column": JSONValue(span.start.column), "endLine": JSONValue(span.end.line),
        "endColumn": JSONValue(span.end.column),
      ]
    }
    return [
      "code": .string(code.description), "severity": .string(severity.rawValue),
      "message": .string(message), "place": place(span),
      "label": label.map { .string($0) } ?? .null,
      "notes": .array(notes.map { ["message": .string($0.message), "place": place($0.span)] }),
      "fixes": .array(
        fixIts.map {
          [
            "message": .string($0.message), "place": place($0.span),
            "replacement": .string($0.replacement),
          ]
        }),
    ]
  }
}
