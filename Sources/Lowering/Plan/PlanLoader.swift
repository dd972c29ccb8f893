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
    /// Where the board comes from.
    public var boardSource: BoardSource?
    /// Where each claim of the plan was made, under the names of `ClaimPath`.
    public var origins = OriginMap()
    /// What was chosen the last time, if there is a lock.
    public var lock: PlanLock?
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
  ///   - lock: The lock.
  /// - Returns: The partition, or whatever was understood, with the findings.
  public static func load(
    _ path: String, board: String? = nil, lock: LockSource = .beside
  ) -> Result {
    var bag = DiagnosticBag()
    guard let file = TextFile.read(path, into: &bag) else { return Result(diagnostics: bag) }
    return load(file, board: board, lock: lock)
  }

  /// Where the planner's earlier choices are.
  public enum LockSource: Sendable, Hashable {
    /// In a file beside the plan with the plan's name and `.lock`, if there is one.
    case beside
    /// In this file, which is about to be written anew and need not be there: it may be stale.
    case updating(String)
    /// In this file.
    case file(String)
    /// In a file beside the plan if there is one, or else these.
    case besideElse(PlanLock)
    /// Nowhere: everything is chosen anew.
    case none
  }

  /// Loads a plan that has been read already; relative paths are seen from its directory.
  ///
  /// - Parameters:
  ///   - file: The plan's file.
  ///   - board: A board that takes the place of the one that the plan names, as a name or path.
  ///   - lock: The lock.
  /// - Returns: The partition, or whatever was understood, with the findings.
  public static func load(
    _ file: SourceFile, board: String? = nil, lock: LockSource = .beside
  ) -> Result {
    var result = Result(file: file, diagnostics: DiagnosticBag())
    load(file, board: board, lock: lock, into: &result)
    return result
  }

  private static func load(
    _ file: SourceFile, board: String?, lock: LockSource, into result: inout Result
  ) {
    guard let document = YAMLReader().read(file, into: &result.diagnostics),
      let lowered = PlanLowering.lower(
        document, name: file.name == "-" ? "plan" : file.name.stem, into: &result.diagnostics)
    else { return }
    defer {
      result.diagnostics = lowered.allowances
        .applied(to: result.diagnostics, isComplete: result.partition != nil)
        .folded.telling(lowered.includes)
    }
    result.plan = lowered.plan
    result.origins = lowered.origins
    result.boardName = board ?? lowered.board
    let source =
      board.map { BoardSource($0) }
      ?? lowered.board.map { BoardSource($0).relative(toFile: file.name) }
    result.boardSource = source
    guard
      let found = source?.load(
        namedAt: board == nil ? lowered.boardSpan : nil, into: &result.diagnostics)
    else { return }
    result.board = found.board
    guard lowered.hasPartitions else { return }
    let lockFile = lock.file(forPlan: file.name, into: &result.diagnostics)
    result.lock = lockFile.flatMap { PlanLockReader.read($0, into: &result.diagnostics) }
    if lockFile == nil, case .besideElse(let lock) = lock { result.lock = lock }
    let planner = Planner(
      plan: lowered.plan, board: found.board, origins: lowered.origins,
      lock: result.lock ?? PlanLock())
    result.partition = planner.partition(into: &result.diagnostics)
    if let lockFile { judge(lockFile, lock, planner, &result) }
  }

  /// Says what of the lock does not hold any more, unless it is about to be written anew.
  private static func judge(
    _ file: SourceFile, _ source: LockSource, _ planner: Planner, _ result: inout Result
  ) {
    guard let lock = result.lock else { return }
    let span = SourceSpan(file, 0..<1)
    guard let partition = result.partition else {
      var bag = DiagnosticBag()
      let fits =
        result.diagnostics.diagnostics.allSatisfy {
          $0.code == "resource-short" || $0.severity != .error
        }
        && Planner(plan: planner.plan, board: planner.board, origins: planner.origins)
          .partition(into: &bag) != nil
      if fits {
        result.diagnostics.warning(
          .lockStale, "the plan fits without this lock, but somebody has to move", at: span,
          fixIts: [FixIt("remove the lock, plan anew, and see with dpaac diff who moves")])
      }
      return
    }
    if case .updating = source { return }
    let reasons = lock.differences(from: PlanLock(partition))
    guard !reasons.isEmpty else { return }
    result.diagnostics.warning(
      .lockStale, "the lock is not what is planned: \(reasons.joined(separator: "; "))", at: span,
      fixIts: [FixIt("write it anew with dpaac plan PLAN --lock \(file.name)")])
  }
}

extension PlanLoader.LockSource {
  /// The lock's file, if there is one.
  fileprivate func file(forPlan plan: String, into bag: inout DiagnosticBag) -> SourceFile? {
    var ignored = DiagnosticBag()
    switch self {
    case .none: return nil
    case .file(let path): return TextFile.read(path, into: &bag)
    case .updating(let path): return TextFile.read(path, into: &ignored)
    case .beside, .besideElse:
      return plan == "-" ? nil : TextFile.read(Self.path(besidePlan: plan), into: &ignored)
    }
  }

  /// Where the lock of a plan lies unless somebody says otherwise: `office.lock` for `office.yaml`.
  static func path(besidePlan plan: String) -> String { "\(plan.directory)\(plan.stem).lock" }
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
