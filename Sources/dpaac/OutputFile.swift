import ArgumentParser
import Foundation

/// A file that a command writes whole or not at all.
enum OutputFile {
  /// Writes a text, unless the file holds it already.
  ///
  /// - Throws: Exit code 1 after a message when it cannot be written.
  static func write(_ text: String, to path: String) throws {
    let data = Data(text.utf8)
    guard FileManager.default.contents(atPath: path) != data else { return }
    do {
      try data.write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      Terminal.complain("error: \(path) cannot be written: \(error.localizedDescription)\n")
      throw ExitCode(1)
    }
  }
}
