public import Diagnostics

/// Reads a tree from whatever it lies in: source, preprocessed if it asks for that, or a blob.
public struct TreeLoader: Sendable {
  /// Where `#include`, `/include/` and `/incbin/` look after the directory of the file.
  public var includePaths: [String]
  /// How files are read.
  public var loader: FileLoader

  /// Creates a loader.
  public init(includePaths: [String] = [], loader: FileLoader = .system) {
    self.includePaths = includePaths
    self.loader = loader
  }

  /// Reads the tree in a file and resolves its references; a blob's nodes get the labels back that
  /// its `/__symbols__` knows.
  ///
  /// - Parameters:
  ///   - path: The file, `-` for standard input.
  ///   - bag: Where findings go.
  /// - Returns: The tree; `nil` after an error.
  public func load(_ path: String, into bag: inout DiagnosticBag) -> Tree? {
    load(path, keepsHistory: false, into: &bag)?.tree
  }

  /// Reads the tree in a file, and what its source overrode and deleted on the way.
  ///
  /// A blob does not tell how it came to be: its history is empty.
  ///
  /// - Parameters:
  ///   - path: The file, `-` for standard input.
  ///   - bag: Where findings go.
  /// - Returns: The tree and its history; `nil` after an error.
  public func loadWithHistory(
    _ path: String, into bag: inout DiagnosticBag
  ) -> (tree: Tree, history: TreeHistory)? {
    load(path, keepsHistory: true, into: &bag)
  }

  /// Reads the tree in a file and checks it: by dtc's rules, and by those of the Devicetree
  /// Specification that dtc has no check for.
  ///
  /// - Parameters:
  ///   - path: The file, `-` for standard input.
  ///   - checker: What is looked for.
  ///   - bag: Where findings go.
  /// - Returns: The tree, its references resolved as far as they can be; `nil` when it cannot be read.
  public func loadAndCheck(
    _ path: String, with checker: TreeChecker, into bag: inout DiagnosticBag
  ) -> Tree? {
    guard var tree = load(path, keepsHistory: false, resolves: false, into: &bag)?.tree else {
      return nil
    }
    checker.check(&tree, into: &bag)
    return tree
  }

  private func load(
    _ path: String, keepsHistory: Bool, resolves: Bool = true, into bag: inout DiagnosticBag
  ) -> (tree: Tree, history: TreeHistory)? {
    guard let bytes = loader.load(path == "-" ? "/dev/stdin" : path) else {
      bag.error("unreadable-file", "cannot read \(path)")
      return nil
    }
    var findings = DiagnosticBag()
    defer { bag.add(contentsOf: findings) }
    if bytes.starts(with: BlobReader.magic) {
      guard var tree = BlobReader().read(bytes, name: path, into: &findings) else { return nil }
      tree.restoreLabels()
      return (tree, TreeHistory())
    }
    let source = SourceFile(name: path, bytes: bytes)
    let preprocessor = SourcePreprocessor(includePaths: includePaths, loader: loader)
    let reader = SourceReader(
      includePaths: includePaths, loader: loader, preprocessor: preprocessor)
    guard let text = preprocessor.expand(source, into: &findings) else { return nil }
    let result = reader.readReportingFiles(text, keepsHistory: keepsHistory, into: &findings)
    guard var tree = result.tree else { return nil }
    if resolves { tree.resolveReferences(into: &findings) }
    return findings.hasErrors ? nil : (tree, result.history ?? TreeHistory())
  }
}

extension BlobReader {
  /// What every blob begins with (Devicetree Specification 0.4, 5.2).
  package static let magic: [UInt8] = [0xD0, 0x0D, 0xFE, 0xED]
}
