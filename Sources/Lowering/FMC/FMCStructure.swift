import Diagnostics
import Documents

/// Walks over a file with ``FMCGrammar`` and reports what FMC would skip or misread.
struct FMCStructure {
  var bag = DiagnosticBag()

  /// Checks a file's root and everything in it.
  ///
  /// - Returns: Whether the root is the right one; nothing else makes sense without it.
  mutating func check(_ root: XMLSourceElement, root name: String) -> Bool {
    guard root.name == name else {
      bag.error(
        "fmc-root", "the root is <\(root.name)>, but FMC takes only <\(name)> here",
        at: root.nameSpan,
        notes: root.name == "netpcd" || root.name == "cfgdata"
          ? [Note("the configuration comes first, the policy file second")] : [])
      return false
    }
    check(root, FMCGrammar.rule(name))
    return true
  }

  private mutating func check(_ element: XMLSourceElement, _ rule: FMCRule) {
    checkAttributes(of: element, rule)
    if let text = rule.text {
      check(element.text, text, what: "<\(element.name)>", at: Self.textSpan(of: element))
    }
    var first: [String: XMLSourceElement] = [:]
    for child in element.children {
      guard let name = rule.children[child.name] else {
        if rule.text != .text { unknown(child, in: element, rule) }
        continue
      }
      if rule.single.contains(child.name) {
        if let first = first[child.name] {
          bag.error(
            "fmc-repeated-element",
            "<\(element.name)> has <\(child.name)> twice, and FMC takes the last", at: child.span,
            notes: [Note("it stands here first", at: first.span)])
        } else {
          first[child.name] = child
        }
      }
      check(child, FMCGrammar.rule(name))
    }
  }

  private mutating func checkAttributes(of element: XMLSourceElement, _ rule: FMCRule) {
    for attribute in element.attributes {
      let name = String(attribute.name.split(separator: ":").last ?? "")
      guard let value = rule.attributes[name] else {
        let near = nearestName(to: name, in: rule.attributes.keys.sorted())
        bag.error(
          "fmc-unknown-attribute", "<\(element.name)> has no attribute \(attribute.name)",
          at: attribute.nameSpan,
          fixIts: near.map {
            [FixIt("did you mean \($0)?", replacing: attribute.nameSpan, with: $0)]
          } ?? [])
        continue
      }
      check(
        attribute.value, value, what: "\(attribute.name) of <\(element.name)>", at: attribute.span)
    }
    for name in rule.required {
      guard let attribute = element.attribute(name) else {
        bag.error(
          "fmc-missing-attribute", "<\(element.name)> lacks the attribute \(name)",
          at: element.nameSpan)
        continue
      }
      if rule.attributes[name] == .name, attribute.value.isEmpty {
        bag.error(
          "fmc-missing-attribute", "the attribute \(name) of <\(element.name)> is empty",
          at: attribute.nameSpan)
      }
    }
  }

  private mutating func unknown(
    _ child: XMLSourceElement, in element: XMLSourceElement, _ rule: FMCRule
  ) {
    let near = nearestName(to: child.name, in: rule.children.keys.sorted())
    bag.error(
      "fmc-unknown-element",
      "FMC knows no <\(child.name)> in <\(element.name)> and skips it with all that it holds",
      at: child.nameSpan,
      fixIts: near.map { [FixIt("did you mean <\($0)>?", replacing: child.nameSpan, with: $0)] }
        ?? [])
  }

  private mutating func check(
    _ text: String, _ kind: FMCValue, what: String, at span: SourceSpan
  ) {
    switch kind {
    case .text, .name: return
    case .number: checkNumber(text, what: what, at: span)
    // A key's data and masks are checked with the key, which knows more.
    case .hexadecimal where what == "<data>" || what == "<mask>": return
    case .hexadecimal:
      guard !text.hasPrefix("0x") || !text.dropFirst(2).allSatisfy(\.isHexDigit) else { return }
      bag.error("fmc-number", "\(what) is \"\(text)\", but must be hexadecimal, as 0x8", at: span)
    case .choice(let words):
      let word = text.trimmed
      guard !words.contains(word) else { return }
      let near = nearestName(to: word, in: words)
      bag.error(
        "fmc-choice", "\(what) is \"\(word)\", but must be one of \(words.joined(separator: ", "))",
        at: span,
        fixIts: near.map { [FixIt("did you mean \($0)?", replacing: span, with: $0)] } ?? [])
    case .flag(let set):
      let isUnset = ["no", "false", "disable"].contains(text.trimmed)
      guard !set.contains(text.trimmed), !isUnset else { return }
      bag.error(
        "fmc-flag", "\(what) is \"\(text)\", which FMC takes for no", at: span,
        fixIts: [FixIt("write \(set[0])", replacing: span, with: set[0])])
    case .presence:
      guard !["yes", "true"].contains(text) else { return }
      bag.error(
        "fmc-flag", "\(what) is \"\(text)\", but FMC takes any text for yes", at: span,
        fixIts: [FixIt("leave the attribute out, or write yes")])
    }
  }

  private mutating func checkNumber(_ text: String, what: String, at span: SourceSpan) {
    let number = FMCNumber(text)
    switch number.fault {
    case nil: return
    case .junk:
      bag.error(
        "fmc-number", "\(what) is \"\(text)\", which is no number: FMC reads \(number.value)",
        at: span)
    case .octal:
      let meant = text.trimmed.drop { $0 == "0" }
      bag.error(
        "fmc-octal",
        "\(what) is \(text.trimmed), which FMC reads as octal: \(number.value)", at: span,
        fixIts: meant.isEmpty
          ? [] : [FixIt("write \(meant)", replacing: span, with: String(meant))])
    case .negative:
      bag.error("fmc-number", "\(what) is \(text.trimmed), but is not below 0", at: span)
    case .large:
      bag.error("fmc-number", "\(what) is \(text.trimmed), which has more than 32 bits", at: span)
    }
  }

  /// Where an element's text stands without the blanks around it.
  static func textSpan(of element: XMLSourceElement) -> SourceSpan {
    let content = element.contentSpan
    let bytes = content.file.bytes[content.range]
    guard let first = bytes.firstIndex(where: { $0 > 0x20 }),
      let last = bytes.lastIndex(where: { $0 > 0x20 })
    else { return element.nameSpan }
    return SourceSpan(content.file, first..<last + 1)
  }
}

extension String {
  /// The text without white space at its ends.
  var trimmed: String {
    let isBlank: (Character) -> Bool = { $0.isWhitespace || $0.isNewline }
    guard let first = firstIndex(where: { !isBlank($0) }),
      let last = lastIndex(where: { !isBlank($0) })
    else { return "" }
    return String(self[first...last])
  }
}
