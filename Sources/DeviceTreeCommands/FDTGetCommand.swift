import DeviceTree

/// `fdtget`: prints values, names of properties or names of nodes, one line each.
struct FDTGetCommand {
  let console: Console

  static let usage = """
    usage: fdtget <options> <blob> [<node> <property>]...
           fdtget -p|-l <options> <blob> [<node>]...
    A type is s (string), i (signed), u (unsigned), x (hexadecimal) or r (raw), with b, h or l in
    front for 1, 2 or 4 bytes.
    """

  static let parser = OptionParser(specifications: [
    OptionSpecification("t", "type", "type", "how to show values"),
    OptionSpecification("p", "properties", nil, "list the properties of each node"),
    OptionSpecification("l", "list", nil, "list the children of each node"),
    OptionSpecification("d", "default", "text", "what to print for what is missing"),
    OptionSpecification("h", "help", nil, "show this help"),
    OptionSpecification("V", "version", nil, "show the version"),
  ])

  private enum Mode {
    case value
    case properties
    case children
  }

  func run(_ arguments: [String]) -> Int32 {
    var format = ValueFormat()
    var mode = Mode.value
    var fallback: String?
    let parsed: OptionParser.Result
    do {
      parsed = try Self.parser.parse(arguments)
    } catch {
      return fail(error.message)
    }
    for (name, argument) in parsed.options {
      switch name {
      case "t":
        guard let asked = ValueFormat(argument) else { return fail("'\(argument)' is no type") }
        format = asked
      case "p": mode = .properties
      case "l": mode = .children
      case "d": fallback = argument
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
    let step = mode == .value ? 2 : 1
    guard names.count % step == 0 else {
      return fail("nodes and properties come in pairs")
    }
    guard let file = BlobFile(path, console) else { return 1 }
    for index in stride(from: 0, to: names.count, by: step) {
      let property = mode == .value ? names[index + 1] : nil
      guard show(names[index], property, mode, format, fallback, file.tree) else { return 1 }
    }
    return 0
  }

  private func fail(_ message: String) -> Int32 {
    console.error("\(Self.usage)\n\nError: \(message)\n")
    return 1
  }

  private func show(
    _ path: String, _ property: String?, _ mode: Mode, _ format: ValueFormat, _ fallback: String?,
    _ tree: Tree
  ) -> Bool {
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
