public import Diagnostics

extension DiagnosticCode {
  /// `*name` without an `&name` before it.
  public static let yamlAlias: DiagnosticCode = "yaml-alias"
  /// Aliases that repeat more nodes than any honest file needs.
  public static let yamlAliasExpansion: DiagnosticCode = "yaml-alias-expansion"
  /// One key twice in one mapping.
  public static let yamlDuplicateKey: DiagnosticCode = "yaml-duplicate-key"
  /// A file without a document.
  public static let yamlEmpty: DiagnosticCode = "yaml-empty"
  /// A list or a mapping as a key.
  public static let yamlKey: DiagnosticCode = "yaml-key"
  /// More than one document in a file.
  public static let yamlMultipleDocuments: DiagnosticCode = "yaml-multiple-documents"
  /// Lists and mappings too deep in each other.
  public static let yamlNesting: DiagnosticCode = "yaml-nesting"
  /// What YAML's grammar does not allow, or bytes that are no text.
  public static let yamlSyntax: DiagnosticCode = "yaml-syntax"
  /// A tag such as `!!binary`.
  public static let yamlTag: DiagnosticCode = "yaml-tag"

  /// Every code that reading YAML can give.
  public static let yamlCodes: [DiagnosticCode] = [
    yamlAlias, yamlAliasExpansion, yamlDuplicateKey, yamlEmpty, yamlKey, yamlMultipleDocuments,
    yamlNesting, yamlSyntax, yamlTag,
  ]
}
