import Diagnostics
import Documents
import Partitioning

/// What a plan allows.
extension PlanLowering {
  /// Reads the codes that a part of the plan allows.
  ///
  /// - Parameters:
  ///   - node: What stands behind `allow`.
  ///   - scope: Whose part it is, and its text; `nil` for the whole plan.
  mutating func allowances(_ node: YAMLNode?, in scope: (name: String, text: SourceSpan)?) {
    guard let node else { return }
    let what = "what \(scope?.name ?? "the plan") allows"
    let items: [YAMLNode]
    if case .sequence(let list) = node.value { items = list } else { items = [node] }
    for item in items {
      guard let text = reader.text(item, what) else { continue }
      let code = DiagnosticCode(text)
      guard let entry = DiagnosticCatalogue.entries.first(where: { $0.code == code }) else {
        let codes = DiagnosticCatalogue.allowable.map(\.description)
        reader.bag.error(
          .unknownCode, "\(what) should be the code of a finding, but none is called \(text)",
          at: item.span,
          fixIts: [
            nearestName(to: text, in: codes).map {
              FixIt("did you mean \($0)?", replacing: item.span, with: $0)
            } ?? FixIt("choose a code that `dpaac explain` lists as a warning")
          ])
        continue
      }
      guard entry.severity < .error else {
        reader.bag.error(
          .allowanceError,
          "\(scope?.name ?? "the plan") allows \(code), but that is an error and stays one",
          at: item.span, fixIts: [FixIt(entry.explanation?.repair ?? "repair what is found")])
        continue
      }
      allowances.allow(code, writtenAt: item.span, in: scope)
    }
  }

  /// The text of an entry, from its key to its end.
  func text(of entry: YAMLEntry) -> SourceSpan { text(from: entry.keySpan, to: entry.value.span) }

  /// The text from a key to the end of its value.
  func text(from key: SourceSpan, to value: SourceSpan) -> SourceSpan {
    key.file == value.file ? key.joined(with: value) : key
  }
}

extension DiagnosticCatalogue {
  /// The codes that a plan may allow: all that are no errors.
  static var allowable: [DiagnosticCode] {
    entries.lazy.filter { $0.severity < .error }.map(\.code)
  }
}
