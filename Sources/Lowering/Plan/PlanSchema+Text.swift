extension PlanSchema {
  /// Every key with its meaning, as Markdown: the reference part of `docs/plan.md`.
  public static var markdown: String {
    PlanSection.plan.reachable.map(markdown).joined(separator: "\n")
  }

  private static func markdown(_ section: PlanSection) -> String {
    var text = "### \(section.name)\n\n\(section.summary)\n\n"
    text += "| key | value | meaning |\n| --- | --- | --- |\n"
    for key in section.keys {
      var meaning = key.summary
      if key.isRequired {
        meaning += section.substitute.map { " Needed, unless `\($0)` gives it." } ?? " Needed."
      }
      if let usual = key.usual { meaning += " Without it: \(usual)." }
      meaning += " `\(key.example)`"
      text += "| `\(key.name)` | \(kind(key.value)) | \(meaning) |\n"
    }
    return text
  }

  /// What may stand behind a key, in words.
  private static func kind(_ value: PlanValue) -> String {
    switch value {
    case .text(let what): what
    case .word(let words): words.map { "`\($0)`" }.joined(separator: ", ")
    case .number(let range):
      range.upperBound == .max
        ? "a number" : "a number from \(range.lowerBound) to \(range.upperBound)"
    case .size: "a size"
    case .amount: "a size, or a number of frames"
    case .rate: "a rate"
    case .percent: "a share"
    case .countOrRanges: "a number of them, or ranges"
    case .ranges: "ranges"
    case .section(let section): "[\(section.name)](#\(section.name))"
    case .list(let inner): "list of \(kind(inner))"
    case .named(let what, let inner): "by \(what): \(kind(inner))"
    case .either(let values): values.map(kind).joined(separator: ", or ")
    }
  }
}
