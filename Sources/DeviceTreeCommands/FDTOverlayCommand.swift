import DeviceTree
import Diagnostics

/// `fdtoverlay`: applies overlays to a blob, one after the other.
struct FDTOverlayCommand {
  let console: Console

  static let usage = "usage: fdtoverlay -i <base> -o <output> [options] <overlay>..."

  static let parser = OptionParser(specifications: [
    OptionSpecification("i", "input", "blob", "the base"),
    OptionSpecification("o", "output", "blob", "where the result goes"),
    OptionSpecification("v", "verbose", nil, "say what is done"),
    OptionSpecification("h", "help", nil, "show this help"),
    OptionSpecification("V", "version", nil, "show the version"),
  ])

  func run(_ arguments: [String]) -> Int32 {
    var input: String?
    var output: String?
    var isVerbose = false
    let parsed: OptionParser.Result
    do {
      parsed = try Self.parser.parse(arguments)
    } catch {
      return fail(error.message)
    }
    for (name, argument) in parsed.options {
      switch name {
      case "i": input = argument
      case "o": output = argument
      case "v": isVerbose = true
      case "h":
        console.print(Self.parser.help(Self.usage))
        return 0
      default:
        console.print(DeviceTreeCommand.version)
        return 0
      }
    }
    guard let input else { return fail("no base is named (-i)") }
    guard let output else { return fail("no output is named (-o)") }
    guard !parsed.operands.isEmpty else { return fail("no overlay is named") }
    if isVerbose {
      // On standard output unless the result goes there.
      var text = "input  = \(input)\noutput = \(output)\n"
      for (index, path) in parsed.operands.enumerated() { text += "overlay[\(index)] = \(path)\n" }
      if output == "-" { console.error(text) } else { console.print(text) }
    }
    guard var base = BlobFile(input, console) else { return 1 }
    for path in parsed.operands {
      guard let overlay = BlobFile(path, console) else { return 1 }
      var bag = DiagnosticBag()
      Overlay(overlay.tree, name: path).apply(to: &base.tree, into: &bag)
      console.error(DiagnosticRenderer().render(bag))
      if bag.hasErrors {
        console.error("cannot apply '\(path)'\n")
        return 1
      }
    }
    return base.write(to: output, console) ? 0 : 1
  }

  private func fail(_ message: String) -> Int32 {
    console.error("\(Self.usage)\n\nError: \(message)\n")
    return 1
  }
}
