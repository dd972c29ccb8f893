import DeviceTree

/// A command that works on blobs: `fdtdump`, `fdtget`, `fdtput` or `fdtoverlay`.
///
/// A tool holds what its options set. Reading a command line, help, version and complaints are alike
/// for all and stand here.
protocol BlobTool {
  static var usage: String { get }
  /// The options besides `-h` and `-V`.
  static var options: [OptionSpecification] { get }

  var console: Console { get }

  /// Takes in one option.
  mutating func apply(_ option: Character, _ argument: String) throws(OptionParser.Failure)

  /// Does the work; false after saying why that failed. What it throws is a mistake in the command
  /// line.
  func perform(on operands: [String]) throws(OptionParser.Failure) -> Bool
}

extension BlobTool {
  /// Runs the tool with its arguments; the exit code.
  func run(_ arguments: [String]) -> Int32 {
    let parser = OptionParser(
      specifications: Self.options + [
        OptionSpecification("h", "help", nil, "show this help"),
        OptionSpecification("V", "version", nil, "show the version"),
      ])
    var tool = self
    do {
      let parsed = try parser.parse(arguments)
      for option in parsed.options {
        switch option.name {
        case "h":
          console.print(parser.help(Self.usage))
          return 0
        case "V":
          console.print(DeviceTreeCommand.version)
          return 0
        default: try tool.apply(option.name, option.argument)
        }
      }
      return try tool.perform(on: parsed.operands) ? 0 : 1
    } catch {
      console.error("\(Self.usage)\n\nError: \(error.message)\n")
      return 1
    }
  }
}
