public import DeviceTree
public import Diagnostics
public import Documents
public import QorIQ

/// Turns a board's YAML or device tree into a ``Board``, and says where each fact was written.
public enum BoardLowering {
  /// A board with the places of its facts.
  public struct Result: Sendable {
    /// The board.
    public var board: Board
    /// Where each fact was written: `/memory`, `/qman/portals/3`, `/fmans/1/interfaces/gb0` ….
    public var origins: OriginMap
    /// What of it is concluded or not established.
    public var doubts: [BoardDoubt]
    /// What a tree left out and a table of the SoC completed; empty for a document.
    public var completions: [BoardCompletion]
    /// What is worth saying that is no fact of the board.
    public var remarks: [String]
    /// All facts, as the board's own YAML would say them.
    package var facts: Fact
  }

  /// The board of a YAML document; mistakes are added to the bag, all of them.
  ///
  /// - Parameters:
  ///   - document: The document of the board's file.
  ///   - bag: Where the mistakes go.
  /// - Returns: The board, or `nil` when something in it could not be read.
  public static func lower(_ document: YAMLNode, into bag: inout DiagnosticBag) -> Result? {
    var loader = BoardLoader()
    let facts = loader.facts(document)
    let hasTree = facts?.leaves().contains { $0.fact.layer == .tree } ?? false
    return lower(facts, hasTree: hasTree, loader, into: &bag)
  }

  /// The board that a device tree describes in mainline's or the SDK's bindings, completed from
  /// the table of its SoC; mistakes are added to the bag.
  ///
  /// - Parameters:
  ///   - tree: The tree.
  ///   - name: What to call the board, if its model does not say.
  ///   - bag: Where the mistakes go.
  /// - Returns: The board, or `nil` when it is none or something in it could not be read.
  public static func lower(
    _ tree: Tree, name: String, into bag: inout DiagnosticBag
  ) -> Result? {
    var loader = BoardLoader()
    let facts = loader.facts(tree, name: name)
    return lower(facts, hasTree: true, loader, into: &bag)
  }

  private static func lower(
    _ facts: Fact?, hasTree: Bool, _ loader: BoardLoader, into bag: inout DiagnosticBag
  ) -> Result? {
    var loader = loader
    let complete = facts.map { loader.completed($0, ofTree: hasTree) }
    bag.add(contentsOf: loader.bag)
    guard let complete, !loader.bag.hasErrors else { return nil }
    var builder = BoardBuilder(fromTree: hasTree)
    let board = builder.board(complete)
    bag.add(contentsOf: builder.bag)
    guard let board, !builder.bag.hasErrors else { return nil }
    var own = DiagnosticBag()
    for finding in BoardCheck.findings(board, origins: builder.origins) { own.add(finding) }
    let doubts = BoardDoubt.doubts(complete, into: &own)
    bag.add(contentsOf: own)
    guard !own.hasErrors else { return nil }
    return Result(
      board: board, origins: builder.origins, doubts: doubts,
      completions: hasTree ? BoardCompletion.completions(complete) : [], remarks: loader.remarks,
      facts: complete)
  }
}
