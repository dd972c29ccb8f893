public import Diagnostics
import Documents
import Partitioning

/// Every code that reading and proving a plan can give, each with what it stands for.
public enum DiagnosticCatalogue {
  /// A kind of finding.
  public struct Entry: Sendable, Hashable {
    /// The stable code.
    public var code: DiagnosticCode
    /// How bad its findings are.
    public var severity: Severity
    /// The rule that is broken, in one sentence without a full stop.
    public var summary: String
  }

  /// All kinds, sorted by code.
  public static let entries: [Entry] =
    (reading
    + PartitionCheck.catalogue.map {
      Entry(code: $0.code, severity: $0.severity, summary: $0.summary)
    }).sorted { $0.code < $1.code }

  /// Every code there is: of plans, of XML files and of what is imported.
  public static let all: [Entry] = (entries + xml + fmc + hypervisor).sorted { $0.code < $1.code }

  /// What reading XML can give.
  public static let xml: [Entry] = [
    entry(.xmlDoctype, "an XML file has no document type and declares nothing"),
    entry(
      .xmlNesting, "elements stand no more than \(XMLReader.nestingLimit) deep in each other"),
    entry(.xmlSize, "an XML file is no larger than configurations are"),
    entry(.xmlSyntax, "a file is well-formed XML in UTF-8"),
  ]

  private static let reading: [Entry] = [
    entry(.yamlAlias, "an alias comes behind its anchor"),
    entry(.yamlAliasExpansion, "aliases repeat no more than \(YAMLReader.aliasLimit) nodes"),
    entry(.yamlDuplicateKey, "a key comes once in a mapping"),
    entry(.yamlEmpty, "a file holds a document"),
    entry(.yamlKey, "a key is a text"),
    entry(.yamlMultipleDocuments, "a file holds one document"),
    entry(
      .yamlNesting,
      "lists and mappings stand no more than \(YAMLReader.nestingLimit) deep in each other"),
    entry(.yamlSyntax, "a file is YAML in UTF-8"),
    entry(.yamlTag, "tags are not used"),
    entry(
      .badAddress, "an address is a MAC, IPv4 or IPv6 address, or a prefix without bits behind"),
    entry(.badChoice, "a word is one of those allowed"),
    entry(.badName, "a partition's name does as a file's name"),
    entry(.badNumber, "a number is one, and in its range"),
    entry(.badRange, "a range is one, and runs upwards"),
    entry(.badSize, "a size is a number of bytes, KiB, MiB, GiB or TiB"),
    entry(.boardTree, "a device tree describes a DPAA board"),
    entry(.fileUnreadable, "a file is there and can be read"),
    entry(.includeCycle, "no file of a plan includes itself"),
    entry(.likeCycle, "no partition is like itself"),
    Entry(
      code: .lockStale, severity: .warning, summary: "a lock holds what the plan comes to"),
    entry("resource-short", "everything that a plan asks for is there, and nobody else's"),
    entry(.missingKey, "a key that is needed is there"),
    entry(.unknownBoard, "a board is one of those compiled in, or a file"),
    entry(.unknownKey, "a key means something where it stands"),
    entry(.wrongKind, "a text, a list or a mapping stands where it should"),
  ]

  private static func entry(_ code: DiagnosticCode, _ summary: String) -> Entry {
    Entry(code: code, severity: .error, summary: summary)
  }
}
