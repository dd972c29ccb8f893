/// What may stand behind a key of a plan.
public indirect enum PlanValue: Sendable, Hashable {
  /// Any text; the words say what it is.
  case text(String)
  /// One of a few words.
  case word([String])
  /// A whole number, decimal or hexadecimal.
  case number(ClosedRange<UInt64>)
  /// A number of bytes: `2 KiB`.
  case size
  /// Bytes or frames, as the neighbouring `count` says.
  case amount
  /// Bits or frames in a second.
  case rate
  /// A share: `10%`.
  case percent
  /// A number of them, or ranges: `4`, `4-5`, `0,2-4`, `[4, 6-7]`.
  case countOrRanges(UInt64)
  /// Ranges only, or single numbers: `4`, `4-5`, `[4, 6-7]`.
  case ranges(UInt64)
  /// A mapping with the keys of a section.
  case section(PlanSection)
  /// A list.
  case list(PlanValue)
  /// A mapping with keys of the writer's own.
  case named(String, PlanValue)
  /// One of several kinds of value.
  case either([PlanValue])
}

/// A key of a plan: the one declaration from which the reader, the JSON schema and the reference
/// are made.
public struct PlanKey: Sendable, Hashable {
  /// The key's text.
  public let name: String
  /// What may stand behind it.
  public let value: PlanValue
  /// Whether it must be there.
  public let isRequired: Bool
  /// What it says, in one or two sentences.
  public let summary: String
  /// What is taken without it.
  public let usual: String?
  /// An example of the key with a value, as YAML.
  public let example: String

  init(
    _ name: String, _ value: PlanValue, required: Bool = false, usual: String? = nil,
    _ summary: String, example: String
  ) {
    self.name = name
    self.value = value
    self.isRequired = required
    self.usual = usual
    self.summary = summary
    self.example = example
  }
}

/// The keys that a mapping of a plan may have.
public struct PlanSection: Sendable, Hashable {
  /// What the section is called in the schema and the reference: `partition`.
  public let name: String
  /// What it describes.
  public let summary: String
  /// The keys in the order of the reference.
  public let keys: [PlanKey]
  /// A key that stands for the required ones: what it names has them.
  public let substitute: String?

  init(_ name: String, _ summary: String, substitute: String? = nil, _ keys: [PlanKey]) {
    self.name = name
    self.summary = summary
    self.substitute = substitute
    self.keys = keys
  }

  /// The sections that this one's values use, itself first, each once.
  public var reachable: [PlanSection] {
    var found: [PlanSection] = []
    func visit(_ section: PlanSection) {
      guard !found.contains(where: { $0.name == section.name }) else { return }
      found.append(section)
      for key in section.keys { visit(key.value) }
    }
    func visit(_ value: PlanValue) {
      switch value {
      case .section(let section): visit(section)
      case .list(let inner), .named(_, let inner): visit(inner)
      case .either(let values): for value in values { visit(value) }
      default: break
      }
    }
    visit(self)
    return found
  }
}
