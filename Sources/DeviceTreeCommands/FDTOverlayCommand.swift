import DeviceTree
import Diagnostics

/// `fdtoverlay`: applies overlays to a blob, one after the other.
struct FDTOverlayCommand: BlobTool {
  static let usage = "Usage: fdtoverlay -i <base> -o <output> [options] <overlay>..."

  static let options = [
    OptionSpecification("i", "input", "blob", "the base"),
    OptionSpecification("o", "output", "blob", "where the result goes"),
    OptionSpecification("v", "verbose", nil, "say what is done"),
  ]

  let console: Console
  var input: String?
  var output: String?
  var isVerbose = false

  mutating func apply(_ option: Character, _ argument: String) {
    switch option {
    case "i": input = argument
    case "o": output = argument
    default: isVerbose = true
    }
  }

  func perform(on overlays: [String]) throws(OptionParser.Failure) -> Bool {
    guard let input else { throw OptionParser.Failure(message: "no base is named (-i)") }
    guard let output else { throw OptionParser.Failure(message: "no output is named (-o)") }
    guard !overlays.isEmpty else { throw OptionParser.Failure(message: "no overlay is named") }
    if isVerbose {
      // On standard output unless the result goes there.
      var text = "input  = \(input)\noutput = \(output)\n"
      for (index, path) in overlays.enumerated() { text += "overlay[\(index)] = \(path)\n" }
      if output == "-" { console.error(text) } else { console.print(text) }
    }
    guard var base = BlobFile(input, console) else { return false }
    for path in overlays {
      guard let overlay = BlobFile(path, console) else { return false }
      var bag = DiagnosticBag()
      Overlay(overlay.tree, name: path).apply(to: &base.tree, into: &bag)
      console.error(DiagnosticRenderer().render(bag))
      if bag.hasErrors {
        console.error("cannot apply '\(path)'\n")
        return false
      }
    }
    return base.write(to: output, console)
  }
}
