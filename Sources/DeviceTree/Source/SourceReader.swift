public import Diagnostics

/// Reads device tree source (DTS version 1, as dtc 1.7 takes it) into a tree.
///
/// ```swift
/// var bag = DiagnosticBag()
/// let tree = SourceReader().read(SourceFile(name: "board.dts", bytes: bytes), into: &bag)
/// ```
///
/// Every mistake is reported, not only the first. References stay references until
/// ``Tree/resolveReferences(phandleFormat:keepsLabelled:into:)`` or a ``BlobWriter`` resolves them.
public struct SourceReader: Sendable {
  /// Where `/include/` and `/incbin/` look after the directory of the file that names them.
  public var includePaths: [String]
  /// How included files are read.
  public var loader: FileLoader
  /// Expands files of `/include/` that are written for a C preprocessor, each by itself; without it
  /// their directives are mistakes, as they are for dtc. The first file is the caller's to expand.
  public var preprocessor: SourcePreprocessor?

  /// Creates a reader.
  public init(
    includePaths: [String] = [], loader: FileLoader = .system,
    preprocessor: SourcePreprocessor? = nil
  ) {
    self.includePaths = includePaths
    self.loader = loader
    self.preprocessor = preprocessor
  }

  /// What was read.
  package struct Result: Sendable {
    /// The tree, unless there were errors.
    package var tree: Tree?
    /// The names of all files, the first included.
    package var files: [String]
    /// How the tree came to be, if that was asked for.
    package var history: TreeHistory?
    /// Where things were written, if that was asked for.
    package var places: SourcePlaces?
  }

  /// Reads a file with all it includes; `nil` after an error.
  ///
  /// - Complexity: O(*n*) in the bytes read.
  public func read(_ file: SourceFile, into bag: inout DiagnosticBag) -> Tree? {
    readReportingFiles(file, into: &bag).tree
  }

  /// Reads a file with all it includes, and keeps what was overridden and deleted on the way.
  ///
  /// - Parameters:
  ///   - file: The source.
  ///   - bag: Where findings go.
  /// - Returns: The tree and how it came to be; `nil` after an error.
  /// - Complexity: O(*n*) in the bytes read.
  public func readWithHistory(
    _ file: SourceFile, into bag: inout DiagnosticBag
  ) -> (tree: Tree, history: TreeHistory)? {
    let result = readReportingFiles(file, keepsHistory: true, into: &bag)
    guard let tree = result.tree, let history = result.history else { return nil }
    return (tree, history)
  }

  /// Reads a file with all it includes and says which files those were.
  package func readReportingFiles(
    _ file: SourceFile, keepsHistory: Bool = false, keepsPlaces: Bool = false,
    into bag: inout DiagnosticBag
  ) -> Result {
    let scanner = Scanner(
      file, includePaths: includePaths, loader: loader, preprocessor: preprocessor)
    var parser = Parser(scanner)
    if keepsHistory { parser.assembly.history = HistoryRecorder() }
    if keepsPlaces { parser.assembly.places = AssemblyPlaces() }
    let tree = parser.parse()
    bag.add(contentsOf: parser.scanner.bag)
    guard !parser.scanner.bag.hasErrors else {
      return Result(tree: nil, files: files(parser), history: nil)
    }
    return Result(
      tree: tree, files: files(parser), history: parser.assembly.finishedHistory,
      places: parser.places)
  }

  /// The files that a source was made of, those that a preprocessor included among them.
  private func files(_ parser: Parser) -> [String] {
    let own = parser.scanner.files
    let preprocessor = preprocessor ?? SourcePreprocessor()
    return own.prefix(1).map(\.name) + own.dropFirst().flatMap(preprocessor.files)
      + parser.binaryFiles
  }
}
