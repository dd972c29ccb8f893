public import Diagnostics

/// Reads device tree source (DTS version 1, as dtc 1.7 takes it) into a tree.
///
/// ```swift
/// var bag = DiagnosticBag()
/// let tree = SourceReader().read(SourceFile(name: "board.dts", bytes: bytes), into: &bag)
/// ```
///
/// Every mistake is reported, not only the first. References stay references until
/// ``Tree/resolveReferences(phandleFormat:into:)`` or a ``BlobWriter`` resolves them.
public struct SourceReader: Sendable {
  /// Where `/include/` and `/incbin/` look after the directory of the file that names them.
  public var includePaths: [String]
  /// How included files are read.
  public var loader: FileLoader

  /// Creates a reader.
  public init(includePaths: [String] = [], loader: FileLoader = .system) {
    self.includePaths = includePaths
    self.loader = loader
  }

  /// What was read.
  package struct Result: Sendable {
    /// The tree, unless there were errors.
    package var tree: Tree?
    /// The names of all files, the first included.
    package var files: [String]
  }

  /// Reads a file with all it includes; `nil` after an error.
  ///
  /// - Complexity: O(*n*) in the bytes read.
  public func read(_ file: SourceFile, into bag: inout DiagnosticBag) -> Tree? {
    readReportingFiles(file, into: &bag).tree
  }

  /// Reads a file with all it includes and says which files those were.
  package func readReportingFiles(
    _ file: SourceFile, into bag: inout DiagnosticBag
  ) -> Result {
    var parser = Parser(Scanner(file, includePaths: includePaths, loader: loader))
    let tree = parser.parse()
    bag.add(contentsOf: parser.scanner.bag)
    return Result(
      tree: parser.scanner.bag.hasErrors ? nil : tree,
      files: parser.scanner.files.map(\.name) + parser.binaryFiles)
  }
}
