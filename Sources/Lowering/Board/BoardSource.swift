import BoardLibrary
public import DeviceTree
public import Diagnostics
import Documents

/// Where a board comes from: compiled in under its name, or a file of the user's.
public enum BoardSource: Sendable, Hashable {
  /// One of ``names``.
  case library(String)
  /// A `.yaml` file that describes a board.
  case document(path: String)
  /// A `.dts` or `.dtb` file: a device tree.
  case tree(path: String)

  /// The names of the boards that are compiled in, sorted.
  public static var names: [String] { BoardLibrary.names }

  /// What a name or path on a command line means: a path has a slash or one of the known endings.
  public init(_ nameOrPath: String) {
    switch nameOrPath.ending {
    case "dts", "dtb": self = .tree(path: nameOrPath)
    case "yaml", "yml": self = .document(path: nameOrPath)
    // A running board's tree, /sys/firmware/fdt, has no ending.
    default:
      self = nameOrPath.contains("/") ? .tree(path: nameOrPath) : .library(nameOrPath)
    }
  }

  /// The same source, with a relative path seen from the directory of another file.
  func relative(toFile file: String) -> BoardSource {
    switch self {
    case .library: self
    case .document(let path): .document(path: path.relative(toFile: file))
    case .tree(let path): .tree(path: path.relative(toFile: file))
    }
  }

  /// The board, or `nil` after errors have been added.
  ///
  /// - Parameters:
  ///   - nameOrPath: A name of ``names``, or a path of a `.yaml`, `.dts` or `.dtb` file.
  ///   - bag: Where the errors go.
  /// - Returns: The board with the places of its facts.
  public static func load(
    _ nameOrPath: String, into bag: inout DiagnosticBag
  ) -> BoardLowering.Result? {
    BoardSource(nameOrPath).load(namedAt: nil, into: &bag)
  }

  /// The board, or `nil` after errors have been added.
  ///
  /// - Parameters:
  ///   - span: Where the board is named, if it stands in a file.
  ///   - bag: Where the errors go.
  /// - Returns: The board with the places of its facts.
  public func load(
    namedAt span: SourceSpan?, into bag: inout DiagnosticBag
  ) -> BoardLowering.Result? {
    switch self {
    case .library(let name):
      guard Self.names.contains(name), let file = BoardLoader.embedded("\(name).yaml") else {
        reportUnknown(name, at: span, into: &bag)
        return nil
      }
      return YAMLReader().read(file, into: &bag).flatMap { BoardLowering.lower($0, into: &bag) }
    case .document(let path):
      guard let file = TextFile.read(path, namedAt: span, into: &bag) else { return nil }
      return YAMLReader().read(file, into: &bag).flatMap { BoardLowering.lower($0, into: &bag) }
    case .tree(let path):
      return Self.readTree(path, namedAt: span, into: &bag)
        .flatMap { BoardLowering.lower($0, name: path.stem, into: &bag) }
    }
  }

  /// The device tree of a source or blob.
  static func readTree(
    _ path: String, namedAt span: SourceSpan?, into bag: inout DiagnosticBag
  ) -> Tree? {
    guard let file = TextFile.read(path, namedAt: span, into: &bag) else { return nil }
    // A blob says so itself: /sys/firmware/fdt has no ending (its magic, device tree v0.4, 5.2).
    let isBlob = file.bytes.starts(with: BlobReader.magic) || path.ending == "dtb"
    return isBlob
      ? BlobReader().read(file.bytes, name: path, into: &bag)
      : SourcePreprocessor().expand(file, into: &bag)
        .flatMap { SourceReader().read($0, into: &bag) }
  }

  /// The board's own device tree, its references resolved: of a board that is compiled in, and of
  /// one that is a tree itself. A document has none; what it adds to a tree may be missing there.
  ///
  /// - Parameter bag: Where the errors go.
  /// - Returns: The tree; `nil` for a document, and after an error.
  public func deviceTree(into bag: inout DiagnosticBag) -> Tree? {
    switch self {
    case .document: nil
    case .library(let name):
      BoardLibrary.tree(named: "\(name).dts") == nil
        ? nil : TreeLoader(loader: .boardLibrary).load("\(name).dts", into: &bag)
    case .tree(let path): TreeLoader().load(path, into: &bag)
    }
  }

  private func reportUnknown(
    _ name: String, at span: SourceSpan?, into bag: inout DiagnosticBag
  ) {
    var fixIts: [FixIt] = []
    if let near = nearestName(to: name, in: Self.names) {
      fixIts.append(
        span.map { FixIt("did you mean \(near)?", replacing: $0, with: near) }
          ?? FixIt("did you mean \(near)?"))
    }
    fixIts.append(
      FixIt(
        "choose \(Self.names.joined(separator: " or ")), or give the path of a .yaml, .dts or .dtb "
          + "file"))
    bag.error(.unknownBoard, "there is no board \(name)", at: span, fixIts: fixIts)
  }
}

extension FileLoader {
  /// Reads what is compiled in.
  fileprivate static let boardLibrary = FileLoader(load: { path in
    BoardLibrary.tree(named: path.hasPrefix("./") ? String(path.dropFirst(2)) : path)
  })
}
