import DeviceTree
import Diagnostics

/// What a command line of dtc asks for.
struct DTCOptions {
  enum Format: String {
    case dts
    case dtb
    case fs
    case yaml
    case asm
    case null

    /// The format that the ending of a file's name means, in capitals too.
    init?(ofName name: String) {
      let endings: [(String, Format)] = [
        (".dts", .dts), (".dtb", .dtb), (".dtbo", .dtb), (".yaml", .yaml),
      ]
      guard let found = endings.first(where: { name.lowercased().hasSuffix($0.0) }) else {
        return nil
      }
      self = found.1
    }
  }

  enum Request {
    case compile
    case batch
    case help
    case version
  }

  var request = Request.compile
  var input = "-"
  /// Every file of a batch.
  var inputs: [String] = []
  /// Where the outputs of a batch go, if not beside their inputs.
  var batchDirectory: String?
  var output = "-"
  var inputFormat: Format?
  var outputFormat: Format?
  var quietness = 0
  var dependencyFile: String?
  var isForced = false
  var isSorted = false
  var hasSymbols = false
  var hasFixups = false
  var hasLabelAliases = false
  /// 1 for notes of lines, 2 for notes of columns too.
  var annotation = 0
  var includePaths: [String] = []
  var bootCPU: UInt32?
  /// How findings are written, if not as dtc writes them.
  var diagnostics: DiagnosticFormat?
  /// What was read of a number that is none.
  var remarks: [String] = []
  var writer = BlobWriter()
  var checker = TreeChecker()

  static let parser = OptionParser(specifications: [
    OptionSpecification("q", "quiet", nil, "say less: -q no warnings, -qq no errors, -qqq nothing"),
    OptionSpecification("I", "in-format", "format", "input is dts, dtb or fs"),
    OptionSpecification("o", "out", "file", "write to a file instead of standard output"),
    OptionSpecification("O", "out-format", "format", "output is dts, dtb, asm, yaml or null"),
    OptionSpecification("V", "out-version", "number", "version of the blob: 1, 2, 3, 16 or 17"),
    OptionSpecification("d", "out-dependency", "file", "write a make rule naming all files read"),
    OptionSpecification("R", "reserve", "count", "leave room for memory reservations"),
    OptionSpecification("S", "space", "bytes", "make the blob at least this large"),
    OptionSpecification("p", "pad", "bytes", "append this many bytes"),
    OptionSpecification("a", "align", "bytes", "make the size a multiple of a power of two"),
    OptionSpecification("b", "boot-cpu", "id", "the processor that boots"),
    OptionSpecification("f", "force", nil, "write output even if the tree has errors"),
    OptionSpecification("i", "include", "path", "look for included files there too"),
    OptionSpecification("s", "sort", nil, "sort nodes and properties"),
    OptionSpecification("H", "phandle", "format", "phandle properties: legacy, epapr or both"),
    OptionSpecification("W", "warning", "check", "make a check warn, or no-<check> to turn it off"),
    OptionSpecification("E", "error", "check", "make a check an error, or no-<check>"),
    OptionSpecification("@", "symbols", nil, "add __symbols__ for overlays"),
    OptionSpecification(
      "L", "local-fixups", nil, "add __fixups__ and __local_fixups__ to any tree"),
    OptionSpecification("A", "auto-alias", nil, "add an alias for every label"),
    OptionSpecification(
      "T", "annotate", nil,
      "say in comments where things were written, -TT with columns (dts to dts)"),
    .longOnly(
      "B", "batch", nil, "compile all input files, each beside itself or into the folder of -d"),
    .longOnly(
      "D", "diagnostics", "format", "write all findings as text, json, sarif or github"),
    OptionSpecification("h", "help", nil, "show this help"),
    OptionSpecification("v", "version", nil, "show the version"),
  ])

  init(_ arguments: [String]) throws(OptionParser.Failure) {
    let parsed = try Self.parser.parse(arguments)
    for option in parsed.options { try apply(option.name, option.argument) }
    if request == .batch {
      inputs = parsed.operands
      batchDirectory = dependencyFile
      dependencyFile = nil
      guard !inputs.isEmpty, output == "-" else {
        throw OptionParser.Failure(
          message: "--batch needs input files and takes -d <directory>, not -o")
      }
    } else if parsed.operands.count > 1 {
      throw OptionParser.Failure(message: "more than one input file")
    }
    input = parsed.operands.first ?? "-"
    if writer.padding > 0 && writer.minimumSize > 0 {
      throw OptionParser.Failure(message: "-p and -S exclude each other")
    }
  }

  private mutating func apply(_ name: Character, _ argument: String) throws(OptionParser.Failure) {
    switch name {
    case "q": quietness += 1
    case "I": inputFormat = try format(argument, "input", [.dts, .dtb, .fs])
    case "o": output = argument
    case "O": outputFormat = try format(argument, "output", [.dts, .dtb, .asm, .yaml, .null])
    case "V":
      guard let version = BlobVersion(rawValue: try number("V", argument)) else {
        throw OptionParser.Failure(message: "there is no blob version \(argument)")
      }
      writer.version = version
    case "d": dependencyFile = argument
    case "R": writer.reservationSlots = try number("R", argument)
    case "S": writer.minimumSize = try number("S", argument, atLeast: .min)
    case "p": writer.padding = try number("p", argument, atLeast: .min)
    case "a":
      writer.alignment = try number("a", argument)
      if writer.alignment < 1 || writer.alignment & (writer.alignment - 1) != 0 {
        throw OptionParser.Failure(message: "-a \(argument) is no power of two")
      }
    case "b":
      // For dtc, -1 leaves it to the tree.
      let id = leadingNumber("b", argument).value
      bootCPU = id == -1 ? nil : UInt32(truncatingIfNeeded: id)
    case "f": isForced = true
    case "i": includePaths.append(argument)
    case "s": isSorted = true
    case "H":
      let formats: [String: PhandleFormat] = ["legacy": .legacy, "epapr": .epapr, "both": .both]
      guard let format = formats[argument] else {
        throw OptionParser.Failure(message: "-H is legacy, epapr or both, not '\(argument)'")
      }
      writer.phandleFormat = format
    case "W": try configure(argument, .warning)
    case "E": try configure(argument, .error)
    case "@": hasSymbols = true
    case "L": hasFixups = true
    case "A": hasLabelAliases = true
    case "T": annotation += 1
    case "B": request = .batch
    case "D":
      guard let format = DiagnosticFormat(rawValue: argument) else {
        throw OptionParser.Failure(
          message: "--diagnostics is text, json, sarif or github, not '\(argument)'")
      }
      diagnostics = format
    case "h": request = .help
    case "v": request = .version
    default: break
    }
  }

  /// A number as dtc reads it, whatever stands behind it; what is cut off is remarked upon.
  private mutating func leadingNumber(_ option: String, _ text: String) -> CNumber {
    let number = CNumber(text)
    if !number.isWhole { remarks.append("-\(option): '\(text)' is read as \(number.value)") }
    return number
  }

  /// A number that a blob can hold. dtc takes more: it cuts large numbers at 32 bits and fills memory
  /// for `-R -1`.
  private mutating func number(
    _ option: String, _ text: String, atLeast least: Int = 0
  ) throws(OptionParser.Failure) -> Int {
    let number = leadingNumber(option, text)
    guard !number.isOutOfRange, (least...Int(UInt32.max)).contains(number.value) else {
      throw OptionParser.Failure(message: "-\(option) \(text) is out of range")
    }
    return number.value
  }

  private func format(
    _ text: String, _ direction: String, _ known: [Format]
  ) throws(OptionParser.Failure) -> Format {
    guard let format = Format(rawValue: text), known.contains(format) else {
      let names = known.map(\.rawValue).joined(separator: ", ")
      throw OptionParser.Failure(
        message: "unknown \(direction) format \"\(text)\"; there are \(names)")
    }
    return format
  }
}
