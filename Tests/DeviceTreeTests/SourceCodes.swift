import Foundation
import Testing

/// The codes of findings as the project's own sources spell them.
enum SourceCodes {
  /// The texts of the Swift files in a folder of the project.
  static func texts(_ folder: String) throws -> [String] {
    let root = URL(fileURLWithPath: fixtures).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().path
    let files = try #require(FileManager.default.enumerator(atPath: "\(root)/\(folder)"))
    return try files.compactMap { $0 as? String }
      .filter { $0.hasSuffix(".swift") && !$0.hasSuffix("TreeCatalogue.swift") }
      .map { try String(contentsOfFile: "\(root)/\(folder)/\($0)", encoding: .utf8) }
  }

  /// Every code that a finding is made with in a folder of the project.
  static func codes(in folder: String) throws -> Set<String> {
    let pattern =
      /(?:error|warning|Fault|Diagnostic|refuse|unterminated|fail|remark)\((?:place, |start, )?\s*"([a-z]+(?:-[a-z]+)+)"/
    var codes: Set<String> = []
    for text in try texts(folder) {
      for match in text.matches(of: pattern) { codes.insert(String(match.1)) }
    }
    return codes
  }
}
