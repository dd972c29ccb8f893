import Mustache
import TemplateLibrary

/// A file before its template is rendered.
struct TemplatedFile {
  /// Where it belongs.
  var path: String
  /// Its template.
  var template: Template
  /// What the template's tags stand for: texts, lists of texts, and contexts of sections.
  var context: [String: Any]

  /// The file's text.
  func render() throws(GenerationError) -> String {
    do {
      return try MustacheTemplate(string: template.text).render(context)
    } catch {
      throw .unprintable(artifact: path, reason: "\(error)")
    }
  }
}
