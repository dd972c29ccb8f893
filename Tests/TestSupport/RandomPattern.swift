import Foundation

/// A pattern made by chance, in dpaac's notation and as the judge reads it.
public struct RandomPattern: Encodable {
  /// Alternatives, each with whether it is bound to the start and the end of the data.
  public let choices: [Choice]
  /// Whether case counts.
  public let caseless: Bool

  /// An alternative.
  public struct Choice: Encodable {
    var text: String
    var isAtStart: Bool
    var isAtEnd: Bool

    /// Writes it as the judge reads it.
    public func encode(to encoder: any Encoder) throws {
      var list = encoder.unkeyedContainer()
      try list.encode(text)
      try list.encode(isAtStart)
      try list.encode(isAtEnd)
    }
  }

  /// The pattern as a plan has it.
  public var text: String {
    choices.map { ($0.isAtStart ? "^" : "") + $0.text + ($0.isAtEnd ? "$" : "") }
      .joined(separator: "|")
  }

  /// Makes one. Python goes back and forth over repeats in each other, so only short data can be judged
  /// with `isDeep` ones.
  public init(using random: inout SeededGenerator, isDeep: Bool) {
    caseless = random.below(4) == 0
    choices = (0...(random.below(4) == 0 ? random.below(3) : 0)).map { _ in
      Choice(
        text: Self.sequence(&random, depth: isDeep ? 2 : 0, least: 1),
        isAtStart: random.below(8) == 0, isAtEnd: random.below(8) == 0)
    }
  }

  private static func sequence(
    _ random: inout SeededGenerator, depth: Int, least: Int
  ) -> String {
    // The first part is not optional, so that nothing matches without a byte.
    var text = byte(&random)
    for _ in 0..<(least + random.below(4)) { text += part(&random, depth: depth) }
    return text
  }

  private static func part(_ random: inout SeededGenerator, depth: Int) -> String {
    guard depth > 0, random.below(3) == 0 else { return byte(&random) + times(&random) }
    let choices = (0...random.below(3)).map { _ in
      sequence(&random, depth: depth - 1, least: 0)
    }
    let open = random.below(2) == 0 ? "(" : "(?:"
    return open + choices.joined(separator: "|") + ")" + times(&random)
  }

  private static func times(_ random: inout SeededGenerator) -> String {
    switch random.below(12) {
    case 0: "*"
    case 1: "+"
    case 2: "?"
    case 3: "{\(1 + random.below(3))}"
    case 4: "{\(random.below(2)),\(2 + random.below(3))}"
    case 5: "{\(random.below(3)),}"
    default: ""
    }
  }

  private static func byte(_ random: inout SeededGenerator) -> String {
    switch random.below(16) {
    case 0: "."
    case 1: ["\\d", "\\D", "\\w", "\\W", "\\s", "\\S"][random.below(6)]
    case 2: "[\(letter(&random))-\(["e", "z", "\\x7f"][random.below(3)])]"
    case 3: "[^\(letter(&random))\\n]"
    case 4: "\\x0\(random.below(4))"
    case 5: ["\\n", "\\.", "\\\\", "\\xff", "\\t"][random.below(5)]
    case 6: "[\(letter(&random))\(letter(&random))\\x80-\\xff]"
    default: letter(&random)
    }
  }

  private static func letter(_ random: inout SeededGenerator) -> String {
    ["a", "b", "c", "A"][random.below(4)]
  }

  /// Data in which such patterns have a chance.
  public static func data(using random: inout SeededGenerator, count: Int) -> [UInt8] {
    (0..<count).map { _ in
      random.below(6) == 0
        ? random.byte() : [0x61, 0x62, 0x63, 0x41, 0x42, 0x0a, 0x01, 0xff, 0x35][random.below(9)]
    }
  }
}

/// Python's matcher, `Tests/Fixtures/patterns/find`.
public struct PatternJudge {
  static let python = Tool("python3", package: "python3")

  struct Case: Encodable {
    var patterns: [RandomPattern]
    var data: String
  }

  /// For each case and each of its patterns, where its matches end.
  ///
  /// - Throws: When Python cannot be asked.
  public static func judge(_ cases: [(patterns: [RandomPattern], data: [UInt8])]) throws
    -> [[[UInt64]]]
  {
    let encoder = JSONEncoder()
    var input: [UInt8] = []
    for one in cases {
      let digits = one.data.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      input += try encoder.encode(Case(patterns: one.patterns, data: digits)) + [10]
    }
    let outcome = try python.run(["\(Checkout.fixtures)/patterns/find"], input: input)
    guard outcome.status == 0 else { throw JudgeFailed(text: outcome.errorText) }
    return try outcome.text.split(separator: "\n").map {
      try JSONDecoder().decode([[UInt64]].self, from: Data($0.utf8))
    }
  }

  struct JudgeFailed: Error { let text: String }
}
