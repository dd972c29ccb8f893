import ArgumentParser
import Codegen
import DeviceTree
import Diagnostics
import Lowering
import Partitioning
import QorIQ

/// `dpaac why`: whose something is, and why.
struct WhyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "why",
    abstract: "Say whose a queue, portal, pool or the like is, who says so where, and what for.",
    discussion: """
      The object is a kind and a number: \(PlanObject.kinds.joined(separator: ", ")). Numbers are \
      decimal, or hexadecimal behind 0x. With --guest it is a node of the board's device tree, by \
      path, alias or label: whether it is kept, rewritten or dropped in that guest's tree for the \
      board. Without a node, all of them.

        dpaac why office.yaml queue 128
        dpaac why office.yaml portal 4 --format json
        dpaac why office.yaml address 0x80000000
        dpaac why office.yaml --guest guest1 /qman-portals/qman-portal@0
        dpaac why office.yaml --guest guest1
      """)

  @OptionGroup var arguments: PlanArguments

  @Argument(
    help: "The kind of object; with --guest, a node.", completion: .list(PlanObject.kinds))
  var kind: String?

  @Argument(help: "Its number.")
  var number: String?

  @Option(help: "Ask about this guest's tree for the board.")
  var guest: String?

  @Option(
    help: "With --guest: the board's own tree; by default that of the plan's board.",
    completion: .file(extensions: ["dts", "dtb"]))
  var boardTree: String?

  @Option(help: "Output for people or for programs.")
  var format: OutputFormat = .text

  func validate() throws {
    if guest == nil {
      _ = try object()
      if boardTree != nil { throw ValidationError("--board-tree goes with --guest") }
    } else if let number {
      throw ValidationError("a node is one word, but there is \(number), too")
    }
  }

  private func object() throws -> PlanObject {
    guard let kind, let number else {
      throw ValidationError("name an object by kind and number, or a guest with --guest")
    }
    let digits = number.hasPrefix("0x") ? number.dropFirst(2) : number[...]
    guard digits.first.map({ $0.isHexDigit }) == true,
      let value = UInt64(digits, radix: number.hasPrefix("0x") ? 16 : 10)
    else { throw ValidationError("\(number) is no number") }
    guard let object = PlanObject(kind: kind, number: value) else {
      let hint =
        nearestName(to: kind, in: PlanObject.kinds).map { "; did you mean \($0)?" }
        ?? ": choose one of \(PlanObject.kinds.joined(separator: ", "))"
      throw ValidationError("there is no kind of object called \(kind)\(hint)")
    }
    return object
  }

  func run() throws {
    let (partition, result) = try arguments.load(format.findings)
    arguments.warn(result.diagnostics)
    guard let plan = result.plan else { throw ExitCode(1) }
    func reason(_ object: PlanObject) -> Reason {
      Reason(for: object, in: partition, plan: plan, origins: result.origins)
    }
    if let guest {
      try explainNodes(of: guest, partition, result, reason)
      return
    }
    let answer = reason(try object())
    switch format {
    case .text: Terminal.print(answer.text)
    case .json: Terminal.print(answer.json.text + "\n")
    }
  }

  private func explainNodes(
    of guest: String, _ partition: Partition, _ result: PlanLoader.Result,
    _ reason: @escaping (PlanObject) -> Reason
  ) throws {
    let guests = partition.owners.filter { !$0.isHost }.map(\.name)
    guard guests.contains(guest), let index = partition.ownerIndex(named: guest) else {
      let hint = nearestName(to: guest, in: guests).map { "; did you mean \($0)?" } ?? ""
      try fail("there is no guest called \(guest)\(hint)")
    }
    guard let tree = try arguments.boardTree(boardTree, result) else {
      try fail("\(partition.board.name) has no device tree of its own; name one with --board-tree")
    }
    var fates: [NodeFate] = []
    do throws(GenerationError) {
      fates = try BoardTreeBackend.fates(of: index, in: partition, board: tree)
    } catch { try fail("\(error)") }
    let report = NodeFateReport(
      fates: try kind.map { try chosen($0, fates, tree) } ?? fates, reason: reason)
    switch format {
    case .text: Terminal.print(kind == nil ? report.table : report.text)
    case .json: Terminal.print(report.json.text + "\n")
    }
  }

  /// The fate of one node, by a path of the board's tree, a new path in the guest's, an alias or a
  /// label.
  private func chosen(_ name: String, _ fates: [NodeFate], _ tree: Tree) throws -> [NodeFate] {
    let index = TreeIndex(tree)
    let path = index.find(name)?.path ?? name
    let found = fates.filter { $0.path == path || $0.newPath == path }
    guard found.isEmpty else { return found }
    let near = nearestName(to: name, in: index.names + fates.map(\.path))
    try fail("neither tree has a node \(name)\(near.map { "; did you mean \($0)?" } ?? "")")
  }

  private func fail(_ message: String) throws -> Never {
    Terminal.complain("error: \(message)\n")
    throw ExitCode(1)
  }
}

/// What becomes of nodes, for people and for programs.
struct NodeFateReport {
  let fates: [NodeFate]
  /// Who says so in the plan.
  let reason: (PlanObject) -> Reason

  /// A line for each node.
  var table: String {
    var table = TextTable([("node", .left), ("", .left), ("why", .left)])
    for fate in fates {
      table.add([fate.path, fate.kind.rawValue, fate.reasons.first?.message ?? ""])
    }
    return table.text
  }

  /// Each node with all reasons and the places in the plan.
  var text: String {
    fates.map { fate in
      let place = fate.newPath.map { ", as \($0)" } ?? ""
      return "\(fate.path): \(fate.kind.rawValue)\(place)\n"
        + fate.reasons.map { reason in
          "  \(reason.message)\n"
            + claims(reason).map {
              "    \($0.span.map { "\($0.location): " } ?? "")\($0.message)\n"
            }
            .joined()
        }.joined()
    }.joined()
  }

  /// The same for programs.
  var json: JSONValue {
    .array(
      fates.map { fate in
        [
          "node": .string(fate.path), "fate": .string(fate.kind.rawValue),
          "path": fate.kind == .dropped ? .null : .string(fate.newPath ?? fate.path),
          "reasons": .array(
            fate.reasons.map { reason in
              [
                "message": .string(reason.message),
                "claims": .array(
                  claims(reason).map { claim in
                    [
                      "message": .string(claim.message),
                      "place": claim.span.map { .string($0.location) } ?? .null,
                    ]
                  }),
              ]
            }),
        ]
      })
  }

  /// What the plan says; the lines of it that have a place come of themselves.
  private func claims(_ reason: NodeFate.Reason) -> [Note] {
    reason.object.map { self.reason($0).facts } ?? []
  }
}
