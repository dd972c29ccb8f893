public import Diagnostics
import Documents
public import Partitioning
public import QorIQ

/// Reads a plan and its board, and proves the plan: everything between a path and a `Partition`.
public enum PlanLoader {
  /// What came of loading a plan.
  public struct Result: Sendable {
    /// The partition; `nil` when there are errors.
    public var partition: Partition?
    /// The wish, as far as it could be read.
    public var plan: Plan?
    /// The board, if it could be read.
    public var board: Board?
    /// The board as the plan names it.
    public var boardName: String?
    /// The plan's file, if it could be read.
    public var file: SourceFile?
    /// Everything that was found, the plan's own mistakes and the board's.
    public var diagnostics: DiagnosticBag
  }

  /// Loads a plan.
  ///
  /// - Parameters:
  ///   - path: The path of the plan's file, `-` for standard input.
  ///   - board: A board that takes the place of the one that the plan names, as a name or path.
  /// - Returns: The partition, or whatever was understood, with the findings.
  public static func load(_ path: String, board: String? = nil) -> Result {
    var bag = DiagnosticBag()
    guard let file = TextFile.read(path, into: &bag) else { return Result(diagnostics: bag) }
    return load(file, board: board)
  }

  /// Loads a plan that has been read already; relative paths are seen from its directory.
  ///
  /// - Parameters:
  ///   - file: The plan's file.
  ///   - board: A board that takes the place of the one that the plan names, as a name or path.
  /// - Returns: The partition, or whatever was understood, with the findings.
  public static func load(_ file: SourceFile, board: String? = nil) -> Result {
    var result = Result(file: file, diagnostics: DiagnosticBag())
    load(file, board: board, into: &result)
    return result
  }

  private static func load(_ file: SourceFile, board: String?, into result: inout Result) {
    guard let document = YAMLReader().read(file, into: &result.diagnostics),
      let lowered = PlanLowering.lower(
        document, name: file.name == "-" ? "plan" : file.name.stem, into: &result.diagnostics)
    else { return }
    defer { result.diagnostics = result.diagnostics.telling(lowered.includes) }
    result.plan = lowered.plan
    result.boardName = board ?? lowered.board
    let source =
      board.map { BoardSource($0) }
      ?? lowered.board.map { BoardSource($0).relative(toFile: file.name) }
    guard
      let found = source?.load(
        namedAt: board == nil ? lowered.boardSpan : nil, into: &result.diagnostics)
    else { return }
    result.board = found.board
    result.partition = Planner(plan: lowered.plan, board: found.board, origins: lowered.origins)
      .partition(into: &result.diagnostics)
  }
}

extension DiagnosticBag {
  /// The findings, those in an included file with a note where it was included.
  fileprivate func telling(_ includes: [SourceFile: SourceSpan]) -> DiagnosticBag {
    guard !includes.isEmpty else { return self }
    var bag = DiagnosticBag()
    for finding in diagnostics {
      var notes = finding.notes
      // The limits of `PlanIncludes` keep the chain short.
      var place = finding.span.flatMap { includes[$0.file] }
      while let span = place {
        notes.append(Note("\(span.text) is included here", at: span))
        place = includes[span.file]
      }
      bag.add(
        Diagnostic(
          finding.code, finding.severity, finding.message, at: finding.span, label: finding.label,
          notes: notes, fixIts: finding.fixIts))
    }
    return bag
  }
}
