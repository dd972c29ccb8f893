/// The command lines of the device tree tools, each a function from arguments to an exit code.
public enum DeviceTreeCommand: String, Sendable, CaseIterable {
  /// Compiles, decompiles and checks.
  case dtc
  /// Prints the low-level content of a blob.
  case fdtdump
  /// Prints values of a blob.
  case fdtget
  /// Changes values of a blob in place.
  case fdtput
  /// Applies overlays to a blob.
  case fdtoverlay

  /// What `--version` prints: the version of dtc whose behaviour this is. Build scripts take the last
  /// word apart at its dots and its hyphen.
  static let version = "Version: DTC 1.8.1-dpaac\n"

  /// Runs a command; the arguments do not include its name.
  public func run(_ arguments: [String], _ console: Console = .system) -> Int32 {
    switch self {
    case .dtc: DTCCommand(console: console).run(arguments)
    case .fdtdump: FDTDumpCommand(console: console).run(arguments)
    case .fdtget: FDTGetCommand(console: console).run(arguments)
    case .fdtput: FDTPutCommand(console: console).run(arguments)
    case .fdtoverlay: FDTOverlayCommand(console: console).run(arguments)
    }
  }

  /// Runs the command that a program's own name says, or else its first argument, from a whole
  /// command line with the program's name in front.
  public static func dispatch(_ arguments: [String], _ console: Console = .system) -> Int32 {
    let program = arguments.first.map { $0.split(separator: "/").last.map(String.init) ?? $0 } ?? ""
    if let command = DeviceTreeCommand(rawValue: program) {
      return command.run(Array(arguments.dropFirst()), console)
    }
    if let name = arguments.dropFirst().first, let command = DeviceTreeCommand(rawValue: name) {
      return command.run(Array(arguments.dropFirst(2)), console)
    }
    let names = allCases.map(\.rawValue).joined(separator: "|")
    console.error("usage: \(program.isEmpty ? "dpaac-dt" : program) \(names) [arguments]\n")
    return 64
  }
}
