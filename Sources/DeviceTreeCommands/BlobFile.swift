import DeviceTree
import Diagnostics

/// A blob that a command reads and perhaps writes back.
struct BlobFile {
  let path: String
  var tree: Tree
  /// The names that stay where they are when the blob is written back, as libfdt leaves them.
  private let names: [UInt8]

  /// Reads a blob; `nil` after saying what is wrong with it.
  init?(_ path: String, _ console: Console) {
    guard let bytes = console.read(path) else { return nil }
    var bag = DiagnosticBag()
    guard let tree = BlobReader().read(bytes, name: path, into: &bag) else {
      console.error(DiagnosticRenderer().render(bag))
      return nil
    }
    self.path = path
    self.tree = tree
    names = BlobReader().names(of: bytes)
  }

  /// Writes the blob to a path; false after saying why that failed.
  func write(to path: String, _ console: Console) -> Bool {
    var bag = DiagnosticBag()
    var writer = BlobWriter()
    writer.knownNames = names
    guard let blob = writer.encode(tree, into: &bag) else {
      console.error(DiagnosticRenderer().render(bag))
      return false
    }
    if path == "-" ? console.write(blob) : FileWriter.replace(path, with: blob) { return true }
    console.fatal("cannot write \"\(path)\": \(FileWriter.lastError)")
    return false
  }
}
