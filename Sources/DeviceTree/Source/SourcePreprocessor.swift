public import Diagnostics

/// Runs a C preprocessor over sources that are written for one, as Linux's are.
///
/// ```swift
/// let file = SourcePreprocessor(includePaths: ["include"]).expand(source, into: &bag)
/// let tree = file.flatMap { SourceReader().read($0, into: &bag) }
/// ```
///
/// A source is preprocessed when it has a directive (`#include`, `#define`, `#if` and so on) at the
/// start of a line, outside of comments and strings, where no property or node of that name could
/// stand: something other than `=`, `;` or `{` follows on the line. dtc refuses every such source,
/// so all that dtc takes is read as it is. The program is the toolchain's `clang`, else `cpp`, else
/// `gcc`, with the options Linux uses and no include paths but those given and the source's own
/// directory.
///
/// Findings in what comes out point at the user's own file, line and column; notes show by which
/// includes it was reached.
public struct SourcePreprocessor: Sendable {
  /// Where `#include` looks after the directory of the file that names it.
  public var includePaths: [String]
  /// How files that findings point at are read.
  public var loader: FileLoader
  /// The programs to try, each with what it needs to be a preprocessor.
  var programs: [[String]] {
    get { chosenPrograms ?? Self.usualPrograms }
    set { chosenPrograms = newValue }
  }
  private var chosenPrograms: [[String]]?
  private static let usualPrograms = [["clang", "-E"], ["cpp"], ["gcc", "-E"]]
  /// The most bytes a preprocessor may write.
  var limit = 1 << 29
  /// How long a preprocessor may take: a header may be a pipe that nobody writes to.
  var timeLimit = Duration.seconds(60)

  /// Creates a preprocessor.
  public init(includePaths: [String] = [], loader: FileLoader = .system) {
    self.includePaths = includePaths
    self.loader = loader
  }

  /// What a preprocessor makes of a source, or the source itself when it needs none; `nil` after
  /// an error.
  ///
  /// - Complexity: O(*n*) in the bytes for a source that needs none.
  public func expand(_ file: SourceFile, into bag: inout DiagnosticBag) -> SourceFile? {
    switch DirectiveFinder.examine(file.bytes) {
    case .plain: return file
    case .expanded:
      // The originals may be anywhere, or be anything: only the names are taken from the markers.
      let expansion = SourceExpansion(ofLineMarkersIn: file.bytes, name: file.name)
      return expansion.map { SourceFile(name: file.name, bytes: file.bytes, expansion: $0) } ?? file
    case .needsPreprocessor: return preprocess(file, into: &bag)
    }
  }

  /// The files that a source was made of: itself, and what a preprocessor included.
  package func files(of file: SourceFile) -> [String] {
    // Whoever preprocessed it before has a rule of its own for what it included.
    guard let expansion = file.expansion, expansion.isComplete else { return [file.name] }
    return [file.name] + expansion.files.filter { $0 != file.name }
  }

  private func preprocess(_ file: SourceFile, into bag: inout DiagnosticBag) -> SourceFile? {
    guard let result = run(on: file) else {
      bag.error(
        "preprocessor-missing",
        "\(file.name) has #include or #define lines, and no C preprocessor is installed", at: nil,
        fixIts: [FixIt("install one: apt-get install cpp")])
      return nil
    }
    if result.exceedsLimit {
      bag.error(
        "preprocessor-limit", "\(file.name) expands to more than \(limit) bytes, as none should")
      return nil
    }
    if result.exceedsTime {
      bag.error(
        "preprocessor-limit",
        "the C preprocessor took longer than \(timeLimit) for \(file.name), and was ended")
      return nil
    }
    let load = loader.load
    let originals: @Sendable (String) -> [UInt8]? = { name in
      name == file.name ? file.bytes : FileLoader.isOrdinary(name) ? load(name) : nil
    }
    var messages = PreprocessorMessages(source: file, load: originals)
    messages.read(result.errors, into: &bag)
    guard result.status == 0 else {
      if !bag.hasErrors {
        bag.error("preprocessor", "the C preprocessor failed on \(file.name)")
      }
      return nil
    }
    let expansion = SourceExpansion(
      ofLineMarkersIn: result.output, name: file.name, load: originals)
    return SourceFile(name: file.name, bytes: result.output, expansion: expansion)
  }

  private func run(on file: SourceFile) -> ChildProcess.Result? {
    var options = ["-nostdinc", "-undef", "-D__DTS__", "-x", "assembler-with-cpp"]
    // The source comes through standard input: it may be a pipe, which cannot be read twice.
    let slash = file.name.lastIndex(of: "/")
    options += ["-iquote", slash.map { String(file.name[...$0]) } ?? "."]
    options += includePaths.flatMap { ["-I", $0] }
    for program in programs {
      let quiet =
        program[0] == "clang"
        ? ["-fno-caret-diagnostics", "-fno-color-diagnostics"]
        : ["-fno-diagnostics-show-caret", "-fdiagnostics-color=never"]
      let child = ChildProcess(
        command: program + quiet + options + ["-"], limit: limit, timeLimit: timeLimit)
      if let result = child.run(input: file.bytes) { return result }
    }
    return nil
  }
}
