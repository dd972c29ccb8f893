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

  /// Reads the tree in a file and resolves its references.
  ///
  /// - Parameters:
  ///   - path: The file, `-` for standard input.
  ///   - bag: Where findings go.
  /// - Returns: The tree; `nil` after an error.
  public func load(_ path: String, into bag: inout DiagnosticBag) -> Tree? {
    guard let bytes = loader.load(path == "-" ? "/dev/stdin" : path) else {
      bag.error("unreadable-file", "cannot read \(path)")
      return nil
    }
    var findings = DiagnosticBag()
    defer { bag.add(contentsOf: findings) }
    if bytes.starts(with: BlobReader.magic) {
      return BlobReader().read(bytes, name: path, into: &findings)
    }
    let source = SourceFile(name: path, bytes: bytes)
    let preprocessor = SourcePreprocessor(includePaths: includePaths, loader: loader)
    let reader = SourceReader(includePaths: includePaths, loader: loader)
    guard let text = preprocessor.expand(source, into: &findings),
      var tree = reader.read(text, into: &findings)
    else { return nil }
    tree.resolveReferences(into: &findings)
    return findings.hasErrors ? nil : tree
  }
}

extension BlobReader {
  /// What every blob begins with (Devicetree Specification 0.4, 5.2).
  static let magic: [UInt8] = [0xD0, 0x0D, 0xFE, 0xED]
}
