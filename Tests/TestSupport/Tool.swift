public import Foundation

/// A program that tests call as an outside judge.
///
/// ```swift
/// @Test(.enabled(if: Tool.dtc.isPresent, Tool.dtc.skipReason)) func …
/// ```
public struct Tool: Sendable {
  /// The program's name, or its path when it is no program on the search path.
  public let name: String
  /// The Debian package that it comes from.
  public let package: String

  /// Creates a tool.
  public init(_ name: String, package: String) {
    self.name = name
    self.package = package
  }

  /// The device tree compiler.
  public static let dtc = Tool("dtc", package: "device-tree-compiler")
  /// QEMU for 32-bit Power.
  public static let qemuPPC = Tool("qemu-system-ppc", package: "qemu-system-ppc")
  /// QEMU for 64-bit Power, which also has e5500 and e6500.
  public static let qemuPPC64 = Tool("qemu-system-ppc64", package: "qemu-system-ppc")
  /// U-Boot for QEMU's ppce500: an image and not a program.
  public static let uBoot = Tool(
    "/usr/lib/u-boot/qemu-ppce500/uboot.elf", package: "u-boot-qemu")
  /// A browser.
  public static let chromium = Tool("chromium", package: "chromium")
  /// libvirt's schema check.
  public static let virtXMLValidate = Tool("virt-xml-validate", package: "libvirt-clients")

  /// The Swift package manager and compiler.
  public static let swift = Tool("swift", package: "Swift 6.3")

  /// Where it is; `nil` when it is not installed.
  public var path: String? {
    if name.hasPrefix("/") { return FileManager.default.fileExists(atPath: name) ? name : nil }
    let directories = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    return directories.split(separator: ":").map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// Whether it is installed.
  public var isPresent: Bool { path != nil }

  /// Why a test that needs it is skipped.
  public var skipReason: String { "needs package \(package)" }

  /// Runs it to its end and collects what it prints.
  ///
  /// - Parameters:
  ///   - arguments: Its arguments.
  ///   - input: What it reads on standard input.
  ///   - directory: Where it runs; `nil` for here.
  ///   - environment: What to add to the environment.
  /// - Returns: Its exit code and outputs.
  /// - Throws: When it cannot be started.
  public func run(
    _ arguments: [String], input: [UInt8] = [], in directory: String? = nil,
    environment: [String: String] = [:]
  ) throws -> Outcome {
    guard let path else { throw MissingTool(tool: self) }
    let scratch = try TemporaryDirectory()
    defer { scratch.remove() }
    // Through files, so that neither a full pipe nor a lost reader can block either side.
    let outputs = try ["output", "errors"].map { try scratch.write($0, Data()) }
    let process = try ChildProcess(
      path, arguments, environment: environment, in: directory,
      input: FileHandle(forReadingAtPath: try scratch.write("input", Data(input))),
      output: FileHandle(forWritingAtPath: outputs[0]),
      errors: FileHandle(forWritingAtPath: outputs[1]))
    process.waitUntilExit()
    return Outcome(
      status: process.terminationStatus,
      output: FileManager.default.contents(atPath: outputs[0]) ?? Data(),
      errors: FileManager.default.contents(atPath: outputs[1]) ?? Data())
  }

  /// How a run ended.
  public struct Outcome: Sendable {
    /// The exit code, or the number of the signal that ended it.
    public let status: Int32
    /// Its standard output.
    public let output: Data
    /// Its standard error.
    public let errors: Data
    /// Its standard output as text.
    public var text: String { String(decoding: output, as: UTF8.self) }
    /// Its standard error as text.
    public var errorText: String { String(decoding: errors, as: UTF8.self) }
  }
}

/// A test called a tool that is not installed; it should have been skipped.
public struct MissingTool: Error, CustomStringConvertible {
  /// The tool.
  public let tool: Tool
  /// One sentence without a full stop.
  public var description: String { "\(tool.name) is not installed: \(tool.skipReason)" }
}
