public import Diagnostics
public import Documents
public import Partitioning
import QorIQ

/// Turns a plan's YAML into a ``Plan``, and says where each claim was made.
public struct PlanLowering {
  /// What a plan's file holds.
  public struct Result: Sendable {
    /// The wish; what could not be read is missing in it.
    public var plan: Plan
    /// Where each claim was made, under the names of `ClaimPath`.
    public var origins: OriginMap
    /// The board as the plan names it: a name, or a path relative to the plan.
    public var board: String?
    /// Where the board is named.
    public var boardSpan: SourceSpan?
  }

  var reader = FactReader()
  var origins = OriginMap()

  private init() {}

  /// The plan of a document; mistakes are added to the bag, all of them.
  ///
  /// - Parameters:
  ///   - document: The document of the plan's file.
  ///   - name: What the plan is called.
  ///   - bag: Where the mistakes go.
  /// - Returns: The plan with whatever could be read, or `nil` when it is not a plan at all.
  public static func lower(
    _ document: YAMLNode, name: String, into bag: inout DiagnosticBag
  ) -> Result? {
    var lowering = PlanLowering()
    let result = lowering.plan(document, name: name)
    bag.add(contentsOf: lowering.reader.bag)
    return result
  }

  private mutating func plan(_ document: YAMLNode, name: String) -> Result? {
    guard
      let facts = reader.facts(
        document, of: "the plan", keys: ["board", "partitions", "interfaces", "links"])
    else { return nil }
    let board = reader.required("board", in: facts)
    var plan = Plan(name: name, partitions: [])
    if let node = reader.required("partitions", in: facts),
      let entries = reader.entries(node, of: "partitions")
    {
      origins.record("/partitions", at: entries.first?.keySpan ?? node.span)
      for (index, entry) in entries.enumerated() {
        plan.partitions.append(partition(entry, index: index))
      }
    }
    if let node = facts["interfaces"], let entries = reader.entries(node, of: "interfaces") {
      for (index, entry) in entries.enumerated() {
        plan.interfaces.append(interface(entry, index: index))
      }
    }
    if let node = facts["links"], let items = reader.items(node, of: "links") {
      for item in items {
        if let link = link(item, index: plan.links.count) { plan.links.append(link) }
      }
    }
    return Result(
      plan: plan, origins: origins, board: board.flatMap { reader.text($0, "board") },
      boardSpan: board?.span)
  }

  private mutating func link(_ node: YAMLNode, index: Int) -> LinkWish? {
    guard let items = reader.items(node, of: "a link") else { return nil }
    guard items.count == 2 else {
      reader.wrongKind(node, "a link", should: "a list of two partitions")
      return nil
    }
    let ends = items.compactMap { reader.text($0, "an end of a link") }
    guard ends.count == 2 else { return nil }
    origins.record(ClaimPath.link(index), at: node.span)
    for (end, item) in items.enumerated() {
      origins.record(ClaimPath.link(index, end: end), at: item.span)
    }
    return LinkWish(ends[0], ends[1])
  }
}
