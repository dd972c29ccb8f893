import DeviceTree

/// `fdtput`: sets or deletes properties, creates or removes nodes, in the file itself.
///
/// As libfdt does, what is new goes first: a property before the others, a node before its siblings.
struct FDTPutCommand: BlobTool {
  static let usage = """
    Usage: fdtput <options> <blob> <node> <property> [<value>...]
           fdtput -c|-r <options> <blob> [<node>...]
           fdtput -d <options> <blob> <node> [<property>...]
    A type is s (string), i (signed), u (unsigned) or x (hexadecimal), with b, h or l in front for
    1, 2 or 4 bytes. Without a type, values are decimal.
    """

  static let options = [
    OptionSpecification("c", "create", nil, "create nodes"),
    OptionSpecification("r", "remove", nil, "remove nodes with all below them"),
    OptionSpecification("d", "delete", nil, "delete properties"),
    OptionSpecification("p", "auto-path", nil, "create the nodes on the way"),
    OptionSpecification("t", "type", "type", "how to read values"),
    OptionSpecification("v", "verbose", nil, "show what is written"),
  ]

  enum Mode {
    case set
    case create
    case remove
    case delete
  }

  let console: Console
  var format = ValueFormat()
  var mode = Mode.set
  var createsPath = false
  var isVerbose = false

  mutating func apply(_ option: Character, _ argument: String) throws(OptionParser.Failure) {
    switch option {
    case "c": mode = .create
    case "r": mode = .remove
    case "d": mode = .delete
    case "p": createsPath = true
    case "t":
      guard let asked = ValueFormat(argument), asked.kind != .raw else {
        throw OptionParser.Failure(message: "'\(argument)' is no type that can be written")
      }
      format = asked
    default: isVerbose = true
    }
  }

  func perform(on operands: [String]) throws(OptionParser.Failure) -> Bool {
    guard let path = operands.first else {
      throw OptionParser.Failure(message: "no blob is named")
    }
    let names = Array(operands.dropFirst())
    if mode == .set && names.count < 2 {
      throw OptionParser.Failure(message: "a node and a property must be named")
    }
    if mode == .delete && names.isEmpty {
      throw OptionParser.Failure(message: "no node is named")
    }
    guard var file = BlobFile(path, console) else { return false }
    let isDone =
      switch mode {
      case .set: set(names, &file.tree)
      case .create: names.allSatisfy { create($0, &file.tree) }
      case .remove: names.allSatisfy { remove($0, &file.tree) }
      case .delete: delete(names, &file.tree)
      }
    return isDone && file.write(to: path, console)
  }

  /// Whether a blob with this name can be read again: libfdt takes any, and leaves what no tool here would take.
  private static func isReadable(_ name: String) -> Bool {
    !name.isEmpty
      && name.utf8.allSatisfy { (0x20..<0x7F).contains($0) || (0x09...0x0D).contains($0) }
  }

  private func unreadable(_ name: String) -> Bool {
    console.error("Error at '\(name)': no name that a blob can have\n")
    return false
  }

  private func missing(_ name: String) -> Bool {
    console.error("Error at '\(name)': there is none\n")
    return false
  }

  private func set(_ names: [String], _ tree: inout Tree) -> Bool {
    let bytes: [UInt8]
    switch format.bytes(Array(names.dropFirst(2))) {
    case .success(let value): bytes = value
    case .failure(let failure):
      console.error("Error: \(failure.message)\n")
      return false
    }
    if isVerbose { console.error("\(names[0]) \(names[1]): \(bytes.count) bytes\n") }
    if createsPath && tree[names[0]] == nil && !create(names[0], &tree) { return false }
    guard Self.isReadable(names[1]), names[1].utf8.count <= BlobReader.maximumNameLength else {
      return unreadable(names[1])
    }
    let isSet: Void? = tree.update(names[0]) { node in
      if node[names[1]] != nil {
        node.set(names[1], PropertyValue(bytes: bytes))
      } else {
        node.properties.insert(Property(names[1], PropertyValue(bytes: bytes)), at: 0)
      }
    }
    return isSet != nil || missing(names[0])
  }

  private func delete(_ names: [String], _ tree: inout Tree) -> Bool {
    guard tree[names[0]] != nil else { return missing(names[0]) }
    for name in names.dropFirst() {
      guard tree[names[0]]?[name] != nil else { return missing(name) }
      _ = tree.update(names[0]) { $0.removeProperty(name) }
    }
    return true
  }

  /// The root stays: libfdt would leave a blob that nobody can read.
  private func remove(_ path: String, _ tree: inout Tree) -> Bool {
    guard let node = tree[path] else { return missing(path) }
    guard !node.name.isEmpty else {
      console.error("Error at '\(path)': the root cannot be removed\n")
      return false
    }
    return tree.remove(path)
  }

  /// Creates a node, with `-p` those above it too.
  ///
  /// libfdt would make a node without a name where a slash follows another; here they are one.
  private func create(_ path: String, _ tree: inout Tree) -> Bool {
    // With parents, libfdt takes any name and reads the path from the root.
    guard createsPath || path.hasPrefix("/") && !path.hasSuffix("/") else { return missing(path) }
    let names = path.split(separator: "/").map(String.init)
    let length = names.reduce(0) { $0 + $1.utf8.count + 1 }
    guard names.count < Tree.maximumDepth, length <= Tree.maximumPathLength else {
      console.error("Error at '\(path)': too deep\n")
      return false
    }
    if let name = names.first(where: { !Self.isReadable($0) }) { return unreadable(name) }
    var parent = ""
    for (index, name) in names.enumerated() {
      let isLast = index == names.count - 1
      let above = parent.isEmpty ? "/" : parent
      if tree["\(parent)/\(name)"] != nil {
        if isLast && !createsPath {
          console.error("Error at '\(name)': it exists already\n")
          return false
        }
      } else {
        guard isLast || createsPath else { return missing(above) }
        _ = tree.update(above) { $0.children.insert(Node(name), at: 0) }
      }
      parent += "/" + name
    }
    return true
  }
}
