import DeviceTree

/// `fdtput`: sets or deletes properties, creates or removes nodes, in the file itself.
///
/// As libfdt does, what is new goes first: a property before the others, a node before its siblings.
struct FDTPutCommand {
  let console: Console

  static let usage = """
    usage: fdtput <options> <blob> <node> <property> [<value>...]
           fdtput -c|-r <options> <blob> [<node>...]
           fdtput -d <options> <blob> <node> [<property>...]
    A type is s (string), i (signed), u (unsigned) or x (hexadecimal), with b, h or l in front for
    1, 2 or 4 bytes.
    """

  static let parser = OptionParser(specifications: [
    OptionSpecification("c", "create", nil, "create nodes"),
    OptionSpecification("r", "remove", nil, "remove nodes with all below them"),
    OptionSpecification("d", "delete", nil, "delete properties"),
    OptionSpecification("p", "auto-path", nil, "create the nodes on the way"),
    OptionSpecification("t", "type", "type", "how to read values"),
    OptionSpecification("v", "verbose", nil, "show what is written"),
    OptionSpecification("h", "help", nil, "show this help"),
    OptionSpecification("V", "version", nil, "show the version"),
  ])

  private enum Mode {
    case set
    case create
    case remove
    case delete
  }

  func run(_ arguments: [String]) -> Int32 {
    var format = ValueFormat()
    var mode = Mode.set
    var createsPath = false
    var isVerbose = false
    let parsed: OptionParser.Result
    do {
      parsed = try Self.parser.parse(arguments)
    } catch {
      return fail(error.message)
    }
    for (name, argument) in parsed.options {
      switch name {
      case "c": mode = .create
      case "r": mode = .remove
      case "d": mode = .delete
      case "p": createsPath = true
      case "t":
        guard let asked = ValueFormat(argument), asked.kind != .raw else {
          return fail("'\(argument)' is no type that can be written")
        }
        format = asked
      case "v": isVerbose = true
      case "h":
        console.print(Self.parser.help(Self.usage))
        return 0
      default:
        console.print(DeviceTreeCommand.version)
        return 0
      }
    }
    guard let path = parsed.operands.first else { return fail("no blob is named") }
    let names = Array(parsed.operands.dropFirst())
    if mode == .set && names.count < 2 { return fail("a node and a property must be named") }
    if mode == .delete && names.isEmpty { return fail("no node is named") }
    guard var file = BlobFile(path, console) else { return 1 }
    let isDone: Bool
    switch mode {
    case .set:
      isDone = set(names, format, createsPath, isVerbose, &file.tree)
    case .create:
      isDone = names.allSatisfy { create($0, withParents: createsPath, &file.tree) }
    case .remove:
      isDone = names.allSatisfy { $0 != "/" && file.tree.remove($0) || missing($0) }
    case .delete: isDone = delete(names, &file.tree)
    }
    return isDone && file.write(to: path, console) ? 0 : 1
  }

  private func fail(_ message: String) -> Int32 {
    console.error("\(Self.usage)\n\nError: \(message)\n")
    return 1
  }

  private func missing(_ name: String) -> Bool {
    console.error("Error at '\(name)': there is none\n")
    return false
  }

  private func set(
    _ names: [String], _ format: ValueFormat, _ createsPath: Bool, _ isVerbose: Bool,
    _ tree: inout Tree
  ) -> Bool {
    let bytes: [UInt8]
    switch format.bytes(Array(names.dropFirst(2))) {
    case .success(let value): bytes = value
    case .failure(let failure):
      console.error("Error: \(failure.message)\n")
      return false
    }
    if isVerbose { console.error("\(names[0]) \(names[1]): \(bytes.count) bytes\n") }
    if createsPath && tree[names[0]] == nil && !create(names[0], withParents: true, &tree) {
      return false
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

  private func create(_ path: String, withParents: Bool, _ tree: inout Tree) -> Bool {
    // With parents, libfdt takes any name and reads the path from the root.
    guard withParents || path.hasPrefix("/") && !path.hasSuffix("/") else { return missing(path) }
    let names = path.split(separator: "/").map(String.init)
    guard names.count < Tree.maximumDepth else {
      console.error("Error at '\(path)': too deep\n")
      return false
    }
    var parent = ""
    for (index, name) in names.enumerated() {
      let isLast = index == names.count - 1
      let above = parent.isEmpty ? "/" : parent
      if tree[above]?.children.contains(where: { $0.name == name }) == true {
        if isLast && !withParents {
          console.error("Error at '\(name)': it exists already\n")
          return false
        }
      } else {
        guard isLast || withParents else { return missing(above) }
        _ = tree.update(above) { $0.children.insert(Node(name), at: 0) }
      }
      parent += "/" + name
    }
    return true
  }
}
