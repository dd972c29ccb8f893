public import Foundation

/// A new, empty directory that a test writes in and removes.
public struct TemporaryDirectory: Sendable {
  /// Its path.
  public let path: String

  /// Makes the directory.
  ///
  /// - Throws: When it cannot be made.
  public init() throws {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpaac-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  /// Writes a file and gives its path.
  ///
  /// - Throws: When it cannot be written.
  @discardableResult
  public func write(_ name: String, _ data: Data) throws -> String {
    let file = "\(path)/\(name)"
    try data.write(to: URL(fileURLWithPath: file))
    return file
  }

  /// Removes it with all that is in it.
  public func remove() { try? FileManager.default.removeItem(atPath: path) }
}

/// Where things are in this checkout.
public enum Checkout {
  /// The package's root directory.
  public static let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path
  /// A program of this package, beside the tests that run.
  public static func product(_ name: String) -> String {
    URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
      .appendingPathComponent(name).path
  }
  /// Where packages that depend on this one are built, so that what they share is compiled once.
  public static let dependentScratch = "\(path)/.build-dependents"
  /// The fixtures.
  public static let fixtures = "\(path)/Tests/Fixtures"
}
