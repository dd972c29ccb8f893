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
    guard let document = YAMLReader().read(file, into: &result.diagnostics),
      let lowered = PlanLowering.lower(
        document, name: file.name == "-" ? "plan" : file.name.stem, into: &result.diagnostics)
    else { return result }
    result.plan = lowered.plan
    result.boardName = board ?? lowered.board
    let source =
      board.map { BoardSource($0) }
      ?? lowered.board.map { BoardSource($0).relative(toFile: file.name) }
    guard
      let found = source?.load(
        namedAt: board == nil ? lowered.boardSpan : nil, into: &result.diagnostics)
    else { return result }
    result.board = found.board
    result.partition = Planner(plan: lowered.plan, board: found.board, origins: lowered.origins)
      .partition(into: &result.diagnostics)
    return result
  }
}
