import ArgumentParser
import DeviceTreeCommands
import Glibc

/// A device-tree tool: takes the options of the program of its name, unread by this one.
protocol DeviceTreeToolCommand: ParsableCommand {
  static var tool: DeviceTreeCommand { get }
  var arguments: [String] { get }
}

extension DeviceTreeToolCommand {
  /// Becomes `dpaac-dt`, which starts in a tenth of this program's time; does the work itself when
  /// that is not there, as for a `dpaac` that was copied alone.
  func run() throws {
    let directory = Terminal.executablePath.split(separator: "/", omittingEmptySubsequences: false)
      .dropLast().joined(separator: "/")
    let words = [Self.tool.rawValue] + arguments
    var pointers = words.map { strdup($0) } + [nil]
    execv("\(directory)/dpaac-dt", &pointers)
    Glibc.exit(Self.tool.run(arguments))
  }
}

/// `dpaac dtc`
struct DTCCommand: DeviceTreeToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "dtc", abstract: "Compile device trees, with dtc's options.")
  static let tool = DeviceTreeCommand.dtc
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

/// `dpaac fdtget`
struct FDTGetCommand: DeviceTreeToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "fdtget", abstract: "Read values from a blob, with fdtget's options.")
  static let tool = DeviceTreeCommand.fdtget
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

/// `dpaac fdtput`
struct FDTPutCommand: DeviceTreeToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "fdtput", abstract: "Write values into a blob, with fdtput's options.")
  static let tool = DeviceTreeCommand.fdtput
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

/// `dpaac fdtdump`
struct FDTDumpCommand: DeviceTreeToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "fdtdump", abstract: "Print a blob as source, with fdtdump's options.")
  static let tool = DeviceTreeCommand.fdtdump
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

/// `dpaac fdtoverlay`
struct FDTOverlayCommand: DeviceTreeToolCommand {
  static let configuration = CommandConfiguration(
    commandName: "fdtoverlay", abstract: "Apply overlays to a blob, with fdtoverlay's options.")
  static let tool = DeviceTreeCommand.fdtoverlay
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}
