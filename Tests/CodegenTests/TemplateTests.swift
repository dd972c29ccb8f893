import Foundation
import QorIQ
import Partitioning
import TemplateLibrary
import Testing

@testable import Codegen

@Suite struct TemplateTests {
  @Test func `every tag of every template has a value that is not empty`() throws {
    var seen: Set<Template> = []
    for partition in Sample.all {
      let scripts = partition.owners.indices.map {
        QEMUBackend.script($0, of: partition, options: .sample)
      }
      for source in SwiftSources(partition: partition, options: .sample).all() + scripts {
        seen.insert(source.template)
        let missing = emptyTags(in: source.template.text, context: source.context)
        #expect(missing == [], "\(source.path)")
      }
    }
    #expect(seen == Set(Template.allCases))
  }

  @Test(arguments: Template.allCases)
  func `a template begins with the content type of plain text`(template: Template) {
    #expect(template.text.hasPrefix("{{% CONTENT_TYPE:TEXT}}\n"))
  }

  /// The tags that stand for nothing, with the sections around them; Mustache prints nothing there
  /// and says nothing.
  private func emptyTags(in template: String, context: [String: Any]) -> [String] {
    var missing: [String] = []
    var rest = template[...]
    while let open = rest.range(of: "{{"), let close = rest[open.upperBound...].range(of: "}}") {
      let tag = rest[open.upperBound..<close.lowerBound]
      rest = rest[close.upperBound...]
      guard tag.first != "%" else { continue }
      guard tag.first == "#" else {
        let name = String(tag)
        guard name != ".", (context[name] as? String)?.isEmpty != false else { continue }
        missing.append(name)
        continue
      }
      let name = String(tag.dropFirst())
      guard let end = rest.range(of: "{{/\(name)}}") else { return missing + ["/\(name)"] }
      let body = String(rest[..<end.lowerBound])
      rest = rest[end.upperBound...]
      switch context[name] {
      case let items as [[String: Any]]:
        missing += items.flatMap { item in
          emptyTags(in: body, context: context.merging(item) { $1 }).map { "\(name).\($0)" }
        }
      case let items as [String]: missing += items.contains("") ? ["\(name)."] : []
      default: missing.append(name)
      }
    }
    return missing
  }
}
