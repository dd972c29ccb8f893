import Diagnostics

extension Parser {
  /// How deep parentheses and conditions may be nested.
  private static let maximumExpressionDepth = 500

  /// Reads a number, a character or an expression in parentheses; `nil` after a mistake.
  mutating func parsePrimary() -> UInt64? {
    let place = token
    switch token.kind {
    case .literal:
      advance()
      return number(place)
    case .characterLiteral:
      advance()
      return character(place)
    case .character where isCharacter("("):
      guard enter(at: place) else { return nil }
      defer { expressionDepth -= 1 }
      advance()
      guard let value = parseConditional() else { return nil }
      guard accept(")") else {
        unexpected("')'")
        return nil
      }
      return value
    default:
      unexpected("a number")
      return nil
    }
  }

  private mutating func enter(at place: Token) -> Bool {
    guard expressionDepth < Self.maximumExpressionDepth else {
      error(
        "expression-too-deep",
        "expressions are nested more than \(Self.maximumExpressionDepth) deep", at: place)
      giveUp()
      return false
    }
    expressionDepth += 1
    return true
  }

  private mutating func number(_ place: Token) -> UInt64 {
    do {
      return try Literals.number(scanner.bytes(of: place))
    } catch {
      switch error {
      case .malformed:
        self.error("bad-literal", "\(describe(place)) is not a number", at: place)
      case .outOfRange:
        self.error("literal-range", "\(describe(place)) does not fit 64 bits", at: place)
      }
      return 0
    }
  }

  private mutating func character(_ place: Token) -> UInt64 {
    var bytes: [UInt8] = []
    Literals.unescape(scanner.bytes(of: place).dropFirst().dropLast(), into: &bytes)
    if bytes.count != 1 {
      error(
        "bad-literal", "\(describe(place)) holds \(bytes.count) characters instead of one",
        at: place)
    }
    return UInt64(bytes.first ?? 0)
  }

  private mutating func parseConditional() -> UInt64? {
    let place = token
    guard enter(at: place) else { return nil }
    defer { expressionDepth -= 1 }
    guard let condition = parseBinary(minimum: 1) else { return nil }
    guard accept("?") else { return condition }
    guard let then = parseConditional() else { return nil }
    guard accept(":") else {
      unexpected("':'")
      return nil
    }
    guard let otherwise = parseConditional() else { return nil }
    return condition != 0 ? then : otherwise
  }

  private enum Operator {
    case or, and, bitOr, bitXor, bitAnd, equal, notEqual
    case less, greater, lessEqual, greaterEqual
    case shiftLeft, shiftRight, add, subtract, multiply, divide, remainder
  }

  /// The operator at the current token, and how tightly it binds.
  private var binaryOperator: (Operator, precedence: Int)? {
    switch token.kind {
    case .or: (.or, 1)
    case .and: (.and, 2)
    case .equal: (.equal, 6)
    case .notEqual: (.notEqual, 6)
    case .lessEqual: (.lessEqual, 7)
    case .greaterEqual: (.greaterEqual, 7)
    case .shiftLeft: (.shiftLeft, 8)
    case .shiftRight: (.shiftRight, 8)
    case .character:
      switch token.character {
      case UInt8(ascii: "|"): (.bitOr, 3)
      case UInt8(ascii: "^"): (.bitXor, 4)
      case UInt8(ascii: "&"): (.bitAnd, 5)
      case UInt8(ascii: "<"): (.less, 7)
      case UInt8(ascii: ">"): (.greater, 7)
      case UInt8(ascii: "+"): (.add, 9)
      case UInt8(ascii: "-"): (.subtract, 9)
      case UInt8(ascii: "*"): (.multiply, 10)
      case UInt8(ascii: "/"): (.divide, 10)
      case UInt8(ascii: "%"): (.remainder, 10)
      default: nil
      }
    default: nil
    }
  }

  private mutating func parseBinary(minimum: Int) -> UInt64? {
    guard var left = parseUnary() else { return nil }
    while let (operation, precedence) = binaryOperator, precedence >= minimum {
      let place = token
      advance()
      guard let right = parseBinary(minimum: precedence + 1) else { return nil }
      left = apply(operation, left, right, at: place)
    }
    return left
  }

  private mutating func parseUnary() -> UInt64? {
    var signs: [UInt8] = []
    while token.kind == .character,
      [UInt8(ascii: "-"), UInt8(ascii: "~"), UInt8(ascii: "!")].contains(token.character)
    {
      signs.append(token.character)
      advance()
    }
    guard var value = parsePrimary() else { return nil }
    for sign in signs.reversed() {
      switch sign {
      case UInt8(ascii: "-"): value = 0 &- value
      case UInt8(ascii: "~"): value = ~value
      default: value = value == 0 ? 1 : 0
      }
    }
    return value
  }

  /// All arithmetic is on 64 bits without sign, as dtc's.
  private mutating func apply(
    _ operation: Operator, _ left: UInt64, _ right: UInt64, at place: Token
  ) -> UInt64 {
    switch operation {
    case .or: return left != 0 || right != 0 ? 1 : 0
    case .and: return left != 0 && right != 0 ? 1 : 0
    case .bitOr: return left | right
    case .bitXor: return left ^ right
    case .bitAnd: return left & right
    case .equal: return left == right ? 1 : 0
    case .notEqual: return left != right ? 1 : 0
    case .less: return left < right ? 1 : 0
    case .greater: return left > right ? 1 : 0
    case .lessEqual: return left <= right ? 1 : 0
    case .greaterEqual: return left >= right ? 1 : 0
    case .shiftLeft: return right < 64 ? left << right : 0
    case .shiftRight: return right < 64 ? left >> right : 0
    case .add: return left &+ right
    case .subtract: return left &- right
    case .multiply: return left &* right
    case .divide, .remainder:
      guard right != 0 else {
        error("division-by-zero", "division by zero", at: place)
        return 0
      }
      return operation == .divide ? left / right : left % right
    }
  }
}
