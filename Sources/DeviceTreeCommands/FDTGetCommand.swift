import DeviceTree

/// `fdtget`: prints values, names of properties or names of nodes, one line each.
struct FDTGetCommand: BlobTool {
  static let usage = """
    Usage: fdtget <options> <blob> [<node> <property>]...
           fdtget -p|-l <options> <blob> [<node>]...
    A type is s (string), i (signed), u (unsigned), x (hexadecimal) or r (raw), with b, h or l in
    front for 1, 2 or 4 bytes.
    """

  static let options = [
    OptionSpecification("t", "type", "type", "how to show values"),
    OptionSpecification("p", "properties", nil, "list the properties of each node"),
    OptionSpecification("l", "list", nil, "list the children of each node"),
    OptionSpecification("d", "default", "text", "what to print for what is missing"),
  ]

  enum Mode {
    case value
    case properties
    case children
  }

  let console: Console
  var format = ValueFormat()
  var mode = Mode.value
  var fallback: String?

  mutating func apply(_ option: Character, _ argument: String) throws(OptionParser.Failure) {
    switch option {
    case "t":
      guard let asked = ValueFormat(argument) else {
        throw OptionParser.Failure(message: "'\(argument)' is no type")
      }
      format = asked
    case "p": mode = .properties
    case "l": mode = .children
    default: fallback = argument
    }
  }

  func perform(on operands: [String]) throws(OptionParser.Failure) -> Bool {
    guard let path = operands.first else {
      throw OptionParser.Failure(message: "no blob is named")
    }
    let names = Array(operands.dropFirst())
    let step = mode == .value ? 2 : 1
    guard names.count % step == 0 else {
      throw OptionParser.Failure(message: "nodes and properties come in pairs")
    }
    guard let file = BlobFile(path, console) else { return false }
    return stride(from: 0, to: names.count, by: step).allSatisfy { index in
      show(names[index], mode == .value ? names[index + 1] : nil, file.tree)
    }
  }

  private func show(_ path: String, _ property: String?, _ tree: Tree) -> Bool {
    func missing(_ what: String) -> Bool {
      if let fallback {
        console.print(fallback + "\n")
        return true
      }
      console.error("Error at '\(what)': there is none\n")
      return false
    }
    guard let node = tree[path] else { return missing(path) }
    switch mode {
    case .properties: console.print(node.properties.map { $0.name + "\n" }.joined())
    case .children: console.print(node.children.map { $0.name + "\n" }.joined())
    case .value:
      guard let property, let value = node[property] else { return missing(property ?? "") }
      switch format.text(value.bytes) {
      case .success(let text): _ = console.write(text + [0x0A])
      case .failure(let failure):
        console.error("Error at '\(property)': \(failure.message)\n")
        return false
      }
    }
    return true
  }
}
