import Foundation
import Testing

/// The Swift that a module's articles show, beside the test that compiles and runs it.
public enum ArticleSnippets {
  /// Checks that a test's file has every piece of code of the articles between `// snippet` and
  /// `// end`, and no other.
  ///
  /// - Parameters:
  ///   - catalogue: The folder of the articles, below the checkout.
  ///   - file: The test's own file.
  /// - Throws: When a file cannot be read.
  public static func check(_ catalogue: String, against file: String) throws {
    let snippets = Set(Self.snippets(in: try String(contentsOfFile: file, encoding: .utf8)))
    let folder = "\(Checkout.path)/\(catalogue)"
    var count = 0
    for article in try FileManager.default.contentsOfDirectory(atPath: folder)
    where article.hasSuffix(".md") {
      let text = try String(contentsOfFile: "\(folder)/\(article)", encoding: .utf8)
      for piece in text.components(separatedBy: "```swift\n").dropFirst() {
        let code = try #require(piece.components(separatedBy: "\n```").first)
        count += 1
        #expect(snippets.contains(code.components(separatedBy: "\n")), "\(article):\n\(code)")
      }
    }
    #expect(count > 0)
    #expect(count == snippets.count, "a piece of code that no article shows")
  }

  private static func snippets(in text: String) -> [[String]] {
    var snippets: [[String]] = []
    var current: [String]?
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      switch line.trimmingCharacters(in: .whitespaces) {
      case "// snippet": current = []
      case "// end":
        snippets.append(unindented(current ?? []))
        current = nil
      default: current?.append(String(line))
      }
    }
    return snippets
  }

  private static func unindented(_ lines: [String]) -> [String] {
    let indent = lines.filter { !$0.isEmpty }.map { $0.prefix { $0 == " " }.count }.min() ?? 0
    return lines.map { String($0.dropFirst(indent)) }
  }
}
