public import Diagnostics

extension DiagnosticCode {
  /// A document type or a declaration, which could define entities or name other files.
  public static let xmlDoctype: DiagnosticCode = "xml-doctype"
  /// Elements too deep in each other.
  public static let xmlNesting: DiagnosticCode = "xml-nesting"
  /// A document that is larger than any honest one.
  public static let xmlSize: DiagnosticCode = "xml-size"
  /// What is not well-formed XML in UTF-8.
  public static let xmlSyntax: DiagnosticCode = "xml-syntax"

  /// Every code that reading XML can give.
  public static let xmlCodes: [DiagnosticCode] = [xmlDoctype, xmlNesting, xmlSize, xmlSyntax]
}
