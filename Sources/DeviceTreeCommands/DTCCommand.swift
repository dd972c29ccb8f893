import DeviceTree
import Diagnostics

/// `dtc`: compiles source to a blob, prints a blob as source, and checks on the way.
///
/// Exits as dtc does: 1 when input cannot be read or options make no sense, 2 when a check found an
/// error. No output is written then, and none is left behind half written.
struct DTCCommand {
  let console: Console

  static let usage = """
    Usage: dtc [options] <input file>
           dtc --batch [options] <input file>...
    """

  func run(_ arguments: [String]) -> Int32 {
    let options: DTCOptions
    do {
      options = try DTCOptions(arguments)
    } catch {
      console.error("\(Self.usage)\n")
      console.fatal(error.message)
      return 1
    }
    switch options.request {
    case .help:
      console.print(DTCOptions.parser.help(Self.usage))
      return 0
    case .version:
      console.print(DeviceTreeCommand.version)
      return 0
    case .compile: return compile(options)
    case .batch: return DTCBatch(console: console, options: options).run()
    }
  }

  private func compile(_ options: DTCOptions) -> Int32 {
    var report = DTCReport(console: console, options: options)
    let code = compile(options, &report)
    if let format = options.diagnostics {
      console.error(format.render(report.findings, summaries: TreeCatalogue.summaries))
    }
    return code
  }

  /// Compiles one file; what is not said at once is left in the report.
  func compile(_ options: DTCOptions, _ report: inout DTCReport) -> Int32 {
    for remark in options.remarks { report.remark("bad-number", remark) }
    guard let input = read(options, &report) else { return 1 }
    if options.annotation > 0,
      input.format != .dts || outputFormat(options, inputFormat: input.format) != .dts
    {
      report.fail("bad-usage", "--annotate is for -I dts with -O dts only")
      return 1
    }
    var tree = input.tree
    if input.format == .dtb, [.dts, .asm].contains(outputFormat(options, inputFormat: .dtb)) {
      tree.restoreNames()
    }
    if let bootCPU = options.bootCPU { tree.bootCPU = bootCPU }
    var findings = DiagnosticBag()
    var checker = options.checker
    // Warnings that nobody will see need not be looked for.
    if options.quietness > 0 { checker.leastSeverity = .error }
    checker.check(
      &tree, phandleFormat: options.writer.phandleFormat, keepsLabelled: options.hasSymbols,
      into: &findings)
    report.add(checks: findings)
    if findings.hasErrors {
      guard options.isForced else {
        report.conclude("ERROR: the tree has errors, nothing is written (-f writes it anyway)")
        return 2
      }
      report.conclude("Warning: the tree has errors, but is written as asked")
    }
    guard finish(&tree, options, &report) else { return 1 }
    return write(tree, options, input, &report)
  }

  /// Adds what options ask for; false after an error.
  private func finish(
    _ tree: inout Tree, _ options: DTCOptions, _ report: inout DTCReport
  ) -> Bool {
    var bag = DiagnosticBag()
    if options.hasLabelAliases { tree.addLabelAliases(into: &bag) }
    if options.hasSymbols {
      tree.addSymbols(phandleFormat: options.writer.phandleFormat, into: &bag)
    }
    if tree.isPlugin || options.hasFixups { tree.addFixups(into: &bag) }
    if options.isSorted { tree.sort() }
    guard !bag.hasErrors else {
      report.add(failures: bag)
      return false
    }
    report.add(warnings: bag)
    return true
  }

  // MARK: input

  private struct Input {
    let tree: Tree
    let format: DTCOptions.Format
    /// Where things were written, when they are to be told.
    let places: SourcePlaces?
  }

  private func read(_ options: DTCOptions, _ report: inout DTCReport) -> Input? {
    var bag = DiagnosticBag()
    var tree: Tree?
    var places: SourcePlaces?
    var files = [options.input]
    var format = options.inputFormat
    if format == nil && DirectoryReader.isDirectory(options.input) { format = .fs }
    if format == .fs {
      tree = DirectoryReader().read(options.input, into: &bag)
    } else {
      guard let bytes = console.load(options.input) else {
        report.fail(
          "file-unreadable", "cannot read \"\(options.input)\": \(FileWriter.lastError)")
        return nil
      }
      let isBlob = bytes.starts(with: BlobReader.magic)
      if (format ?? (isBlob ? .dtb : .dts)) == .dtb {
        format = .dtb
        tree = BlobReader().read(bytes, name: options.input, into: &bag)
      } else {
        format = .dts
        let preprocessor = SourcePreprocessor(includePaths: options.includePaths)
        let source = SourceFile(name: options.input, bytes: bytes)
        if let source = preprocessor.expand(source, into: &bag) {
          let result = SourceReader(
            includePaths: options.includePaths, preprocessor: preprocessor
          ).readReportingFiles(source, keepsPlaces: options.annotation > 0, into: &bag)
          tree = result.tree
          places = result.places
          files = preprocessor.files(of: source) + result.files.dropFirst()
        }
      }
    }
    report.add(reading: bag)
    if let path = options.dependencyFile, !writeDependencies(files, to: path, options, &report) {
      return nil
    }
    guard let tree, let format else {
      report.conclude("FATAL ERROR: cannot read the tree")
      return nil
    }
    return Input(tree: tree, format: format, places: places)
  }

  /// Writes `output: input include …` for make, spaces escaped.
  private func writeDependencies(
    _ files: [String], to path: String, _ options: DTCOptions, _ report: inout DTCReport
  ) -> Bool {
    func escape(_ name: String) -> String {
      name.reduce(into: "") { $0 += $1 == " " || $1 == "\\" ? "\\\($1)" : String($1) }
    }
    let text = ([escape(options.output) + ":"] + files.map(escape)).joined(separator: " ") + "\n"
    // As for dtc, `-` is a name like any other here: standard output is the blob's.
    if FileWriter.replace(path, with: Array(text.utf8)) { return true }
    return cannotWrite(path, &report)
  }

  // MARK: output

  private func write(
    _ tree: Tree, _ options: DTCOptions, _ input: Input, _ report: inout DTCReport
  ) -> Int32 {
    let output: [UInt8]?
    switch outputFormat(options, inputFormat: input.format) {
    case .dts:
      var printer = SourcePrinter(style: .dtc)
      printer.notes = input.places.map {
        SourceNotes($0, mainFile: options.input, hasColumns: options.annotation > 1)
      }
      output = Array(printer.print(tree).utf8)
    case .dtb: output = blob(tree, options, &report)
    case .asm: output = AssemblyPrinter.print(tree, options.writer)
    case .yaml: output = yaml(tree, input.format, &report)
    case .null: output = []
    case .fs:
      report.fail("bad-usage", "a tree cannot be written as directories")
      output = nil
    }
    guard let output else { return 1 }
    return put(output, to: options.output, &report) ? 0 : 1
  }

  private func blob(
    _ tree: Tree, _ options: DTCOptions, _ report: inout DTCReport
  ) -> [UInt8]? {
    var bag = DiagnosticBag()
    guard let blob = options.writer.encode(tree, into: &bag) else {
      report.add(failures: bag)
      return nil
    }
    if options.writer.minimumSize > 0 && blob.count > options.writer.minimumSize
      && options.writer.alignment == 0
    {
      report.remark(
        "blob-size",
        "the blob has \(blob.count) bytes, more than the \(options.writer.minimumSize) asked for")
    }
    return blob
  }

  private func yaml(
    _ tree: Tree, _ inputFormat: DTCOptions.Format, _ report: inout DTCReport
  ) -> [UInt8]? {
    guard inputFormat == .dts else {
      report.fail("bad-usage", "YAML is for trees from source (-I dts): others have no types")
      return nil
    }
    return YAMLTreePrinter.print(tree)
  }

  /// The format that was asked for, else that of the output's name, else the other one.
  private func outputFormat(
    _ options: DTCOptions, inputFormat: DTCOptions.Format
  ) -> DTCOptions.Format {
    options.outputFormat ?? DTCOptions.Format(ofName: options.output)
      ?? (inputFormat == .dts ? .dtb : .dts)
  }

  private func put(_ bytes: [UInt8], to path: String, _ report: inout DTCReport) -> Bool {
    if path == "-" ? console.write(bytes) : FileWriter.replace(path, with: bytes) { return true }
    return cannotWrite(path, &report)
  }

  private func cannotWrite(_ path: String, _ report: inout DTCReport) -> Bool {
    report.fail("file-unwritable", "cannot write \"\(path)\": \(FileWriter.lastError)")
    return false
  }
}
