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
    /// Whether there are partitions to plan for: without any text of them, all that could be found
    /// is that they are missing.
    public var hasPartitions: Bool
    /// Where the board is named.
    public var boardSpan: SourceSpan?
    /// Where each file that the plan includes was named.
    public var includes: [SourceFile: SourceSpan] = [:]
    /// The findings that it allows.
    public var allowances = PlanAllowances()
  }

  var reader = FactReader()
  var origins = OriginMap()
  var allowances = PlanAllowances()
  /// How many numbers of lists have been taken one by one.
  var listedCount = 0
  /// The keys of tunnels by a hash of their bytes, of which none is kept, and those that have the bytes of one before
  /// them.
  var keys: [Int: TunnelKey] = [:]
  var sameKeys: [TunnelKey: TunnelKey] = [:]

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
    var result = lowering.plan(document, name: name)
    result?.plan.isWhole = !lowering.reader.bag.hasErrors
    bag.add(contentsOf: lowering.reader.bag)
    return result
  }

  private mutating func plan(_ document: YAMLNode, name: String) -> Result? {
    var includes = PlanIncludes()
    let whole = includes.resolve(document)
    reader.bag.add(contentsOf: includes.bag)
    guard let facts = reader.facts(whole, of: "the plan", in: .plan) else { return nil }
    var plan = Plan(name: name, partitions: [])
    var hasPartitions = false
    if let node = facts["partitions"], let entries = reader.entries(node, of: "partitions") {
      hasPartitions = true
      origins.record("/partitions", at: entries.first?.keySpan ?? node.span)
      plan.partitions = partitions(entries, templates: facts["templates"])
      plan.sameKeys = sameKeys
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
    allowances(facts["allow"], in: nil)
    plan.policers = policers(facts["policers"], unread: &plan.unreadPolicers)
    plan.sharedMemory = sharedMemory(facts["shared-memory"])
    plan.reservations = reservations(facts["reserved"])
    let board = facts["board"]
    return Result(
      plan: plan, origins: origins, board: board.flatMap { reader.text($0, "board") },
      hasPartitions: hasPartitions,
      boardSpan: board?.span, includes: includes.places, allowances: allowances)
  }

  /// The partitions, with what they take over from others; templates are read for their mistakes.
  private mutating func partitions(
    _ entries: [YAMLEntry], templates node: YAMLNode?
  ) -> [PartitionWish] {
    let templates = node.flatMap { reader.entries($0, of: "templates") } ?? []
    let inheritance = PlanInheritance(partitions: entries, templates: templates)
    readTemplates(templates)
    var wishes: [PartitionWish] = []
    for entry in entries {
      let instances = inheritance.instances(of: entry, reader: &reader)
      guard wishes.count + instances.count <= PlanInheritance.partitionLimit else {
        reader.bag.error(
          .badNumber, "a plan has at most \(PlanInheritance.partitionLimit) partitions",
          at: entry.keySpan)
        break
      }
      for instance in instances {
        wishes.append(quietly(instance) { $0.partition(instance, index: wishes.count) })
      }
    }
    return wishes
  }

  private mutating func readTemplates(_ templates: [YAMLEntry]) {
    let before = origins
    for entry in templates {
      if let facts = reader.facts(
        entry.value, of: "template \(entry.key)", keys: PlanSection.partition.keys.map(\.name))
      {
        _ = wish(facts, name: entry.key, index: 0, foreign: [])
        allowances(facts["allow"], in: (entry.key, text(of: entry)))
      }
    }
    origins = before
  }

  /// Reads something of which parts have been read before, whose mistakes are known.
  private mutating func quietly<Value>(
    _ instance: PlanInheritance.Instance, _ read: (inout PlanLowering) -> Value
  ) -> Value {
    guard instance.isRepeated || !instance.foreignSpans.isEmpty else { return read(&self) }
    var before = reader.bag
    reader.bag = DiagnosticBag()
    let value = read(&self)
    for diagnostic in reader.bag.diagnostics where !instance.isRepeated {
      let isKnown = instance.foreignSpans.contains { span in
        diagnostic.span.map { $0.file == span.file && span.range.contains($0.range.lowerBound) }
          ?? false
      }
      if !isKnown { before.add(diagnostic) }
    }
    reader.bag = before
    return value
  }

  private mutating func link(_ node: YAMLNode, index: Int) -> LinkWish? {
    var list = node
    var workQueue: WorkQueue?
    if case .mapping = node.value {
      guard let facts = reader.facts(node, of: "a link", in: .link), let between = facts["between"]
      else { return nil }
      list = between
      workQueue = self.workQueue(facts["work-queue"], "the work queue of a link")
    }
    if case .scalar(let scalar) = list.value, !scalar.isNull {
      reader.bag.error(
        .wrongKind, "a link should be a list of two partitions, but this is a text", at: list.span,
        fixIts: [FixIt("write each link in brackets of its own: [ [\(scalar.text), …] ]")])
      return nil
    }
    guard let items = reader.items(list, of: "a link") else { return nil }
    guard items.count == 2 else {
      reader.wrongKind(list, "a link", should: "a list of two partitions")
      return nil
    }
    let ends = items.compactMap { reader.text($0, "an end of a link") }
    guard ends.count == 2 else { return nil }
    origins.record(ClaimPath.link(index), at: node.span)
    for (end, item) in items.enumerated() {
      origins.record(ClaimPath.link(index, end: end), at: item.span)
    }
    var link = LinkWish(ends[0], ends[1])
    link.workQueue = workQueue
    return link
  }

  mutating func workQueue(_ node: YAMLNode?, _ what: String) -> WorkQueue? {
    node.flatMap { reader.number($0, what, in: 0...7) }.map { WorkQueue(UInt8($0)) }
  }
}
