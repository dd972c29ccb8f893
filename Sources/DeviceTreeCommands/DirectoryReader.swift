import DeviceTree
import Diagnostics
import Glibc

/// Reads a tree that a kernel shows as directories (nodes) and files (properties), as
/// `/proc/device-tree` is.
struct DirectoryReader {
  static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Reads a directory; entries in the order of their names, links left out.
  func read(_ path: String, into bag: inout DiagnosticBag) -> Tree? {
    var findings = DiagnosticBag()
    let root = node("", path, depth: 0, into: &findings)
    bag.add(contentsOf: findings)
    guard !findings.hasErrors else { return nil }
    var tree = Tree(root: root)
    tree.bootCPU = tree["/cpus"]?.children.first?["reg"]?.cell ?? 0
    return tree
  }

  private func node(
    _ name: String, _ path: String, depth: Int, into bag: inout DiagnosticBag
  ) -> Node {
    var node = Node(name)
    guard depth < Tree.maximumDepth, let directory = opendir(path) else {
      bag.error("unreadable-directory", "cannot read \(path): \(FileWriter.lastError)")
      return node
    }
    var names: [String] = []
    while let entry = readdir(directory) {
      // SAFETY: `d_name` is a NUL-terminated array inside the entry, which stays valid until the
      // next call of `readdir`.
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    closedir(directory)
    for name in names.sorted() {
      let child = path + "/" + name
      var status = stat()
      guard lstat(child, &status) == 0 else { continue }
      if status.st_mode & S_IFMT == S_IFDIR {
        node.add(self.node(name, child, depth: depth + 1, into: &bag))
      } else if status.st_mode & S_IFMT == S_IFREG {
        guard let bytes = FileLoader.system.load(child) else {
          bag.warning("unreadable-property", "cannot read \(child): \(FileWriter.lastError)")
          continue
        }
        node.set(name, PropertyValue(bytes: bytes))
      }
    }
    return node
  }
}
