/// An option of a command.
struct OptionSpecification {
  /// The letter, which also names the option in what was parsed.
  let short: Character
  let long: String
  /// Whether the letter is no option of its own, nor a beginning of the long name enough.
  var isLongOnly = false
  /// The name of its argument; `nil` when it takes none.
  let argument: String?
  let help: String

  init(_ short: Character, _ long: String, _ argument: String?, _ help: String) {
    self.short = short
    self.long = long
    self.argument = argument
    self.help = help
  }

  /// An option that has no letter: one that dtc does not have, and so takes none from it.
  static func longOnly(
    _ key: Character, _ long: String, _ argument: String?, _ help: String
  ) -> OptionSpecification {
    var option = OptionSpecification(key, long, argument, help)
    option.isLongOnly = true
    return option
  }
}

/// Splits a command line the way `getopt_long` does: grouped short options, long ones by any
/// unambiguous beginning, `--` to end them, options and operands in any order.
struct OptionParser {
  let specifications: [OptionSpecification]

  struct Failure: Error {
    let message: String
  }

  /// An option as it was given; without argument it has an empty one.
  struct Given {
    let name: Character
    let argument: String
  }

  struct Result {
    var options: [Given] = []
    var operands: [String] = []
  }

  func parse(_ arguments: [String]) throws(Failure) -> Result {
    var result = Result()
    var rest = arguments[...]
    while let word = rest.popFirst() {
      if word == "--" {
        result.operands += rest
        break
      }
      if word.hasPrefix("--") {
        try parseLong(word.dropFirst(2), &rest, into: &result)
      } else if word.hasPrefix("-") && word != "-" {
        try parseShort(word.dropFirst(), &rest, into: &result)
      } else {
        result.operands.append(word)
      }
    }
    return result
  }

  private func parseLong(
    _ word: Substring, _ rest: inout ArraySlice<String>, into result: inout Result
  ) throws(Failure) {
    let name = word.prefix { $0 != "=" }
    let value = name.count < word.count ? String(word.dropFirst(name.count + 1)) : nil
    let exact = specifications.filter { $0.long == name }
    let matches =
      exact.isEmpty
      ? specifications.filter { !$0.isLongOnly && $0.long.hasPrefix(name) } : exact
    guard let option = matches.first else { throw Failure(message: "unknown option '--\(name)'") }
    guard matches.count == 1 else {
      let names = matches.map { "--\($0.long)" }.joined(separator: ", ")
      throw Failure(message: "option '--\(name)' could be \(names)")
    }
    guard option.argument != nil else {
      guard value == nil else { throw Failure(message: "option '--\(name)' takes no argument") }
      return result.options.append(Given(name: option.short, argument: ""))
    }
    guard let argument = value ?? rest.popFirst() else {
      throw Failure(message: "option '--\(name)' needs an argument")
    }
    result.options.append(Given(name: option.short, argument: argument))
  }

  private func parseShort(
    _ word: Substring, _ rest: inout ArraySlice<String>, into result: inout Result
  ) throws(Failure) {
    var word = word
    while let name = word.popFirst() {
      guard let option = specifications.first(where: { $0.short == name && !$0.isLongOnly }) else {
        throw Failure(message: "unknown option '-\(name)'")
      }
      guard option.argument != nil else {
        result.options.append(Given(name: name, argument: ""))
        continue
      }
      guard let argument = word.isEmpty ? rest.popFirst() : String(word) else {
        throw Failure(message: "option '-\(name)' needs an argument")
      }
      return result.options.append(Given(name: name, argument: argument))
    }
  }

  /// A help page from the specifications.
  func help(_ usage: String) -> String {
    var text = usage + "\n\nOptions:\n"
    let heads = specifications.map { option in
      (option.isLongOnly ? "      " : "  -\(option.short), ") + "--\(option.long)"
        + (option.argument.map { " <\($0)>" } ?? "")
    }
    let width = heads.map(\.count).max() ?? 0
    for (head, option) in zip(heads, specifications) {
      text += head + String(repeating: " ", count: width - head.count + 2) + option.help + "\n"
    }
    return text
  }
}
