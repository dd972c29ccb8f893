public import ArgumentParser
import Diagnostics
import Lowering
public import Partitioning
import QorIQ

/// `dpaac prove`: who could reach whom, and what stops it.
struct ProveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prove",
    abstract: "Show every way between guests, and whether hardware or software guards it.",
    discussion: """
      For each pair of partitions: memory, portals, DMA, reception, enqueues, dequeues, commands, \
      pools, congestion groups and interrupts. DPAA1 lets any portal enqueue to any queue; what the \
      hardware does not stop is said to be software's. Exits 1 when a way is guarded by nobody, \
      with --hostile also when only the guest's own software stands in it.

        dpaac prove office.yaml
        dpaac prove office.yaml --guest guest1 --from guest2 --on runtime
        dpaac prove office.yaml --format json | jq '.paths[] | select(.holds | not)'
      """)

  @OptionGroup var arguments: PlanArguments

  @Option(help: "The partition that could be reached; all without it.")
  var guest: String?

  @Option(name: .customLong("from"), help: "The partition that could reach; all guests without it.")
  var source: String?

  @Option(help: "Where the plan runs: the chip itself (hardware), or `dpaac run` (runtime).")
  var on: IsolationGround = .hardware

  @Flag(help: "Let a guest's own software guard nothing.")
  var hostile = false

  @Option(help: "Output for people or for programs.")
  var format: OutputFormat = .text

  func run() throws {
    let (partition, result) = try arguments.load(format.findings)
    arguments.warn(result.diagnostics)
    let proof = IsolationProof(
      partition, on: on, victims: try index(guest, in: partition).map { [$0] },
      actors: try index(source, in: partition).map { [$0] })
    switch format {
    case .text: Terminal.print(text(proof, partition))
    case .json: Terminal.print(json(proof, partition).text + "\n")
    }
    guard proof.paths.allSatisfy(holds) else { throw ExitCode(1) }
  }

  private func holds(_ path: IsolationPath) -> Bool {
    hostile ? path.barrier.holdsAgainstActor : path.barrier.holds
  }

  private func index(_ name: String?, in partition: Partition) throws -> Int? {
    guard let name else { return nil }
    if let index = partition.ownerIndex(named: name) { return index }
    let hint =
      nearestName(to: name, in: partition.owners.map(\.name))
      .map { "; did you mean \($0)?" } ?? ""
    throw ValidationError("the plan has no partition \(name)\(hint)")
  }

  private func text(_ proof: IsolationProof, _ partition: Partition) -> String {
    var table = TextTable([
      ("from", .left), ("to", .left), ("way", .left), ("what", .left), ("guard", .left),
      ("holds", .left), ("why", .left),
    ])
    for path in proof.paths {
      table.add([
        partition.owners[path.actor].name, partition.owners[path.victim].name, path.way.rawValue,
        path.what, path.barrier.keeper.name, holds(path) ? "yes" : "NO", path.barrier.reason,
      ])
    }
    let open = proof.paths.count { !holds($0) }
    let own = proof.paths.count { $0.barrier.keeper == .program }
    return "\(partition.name) on \(partition.board.name), \(on.rawValue)\n\n"
      + "\(matrix(IsolationMatrix(proof), partition))\n\(table.text)\n"
      + "\(proof.paths.count) ways: \(open) open, \(own) guarded by the guest's own software only\n"
  }

  /// The pairs with a letter for who answers, and how many ways each answers for.
  private func matrix(_ matrix: IsolationMatrix, _ partition: Partition) -> String {
    var table = TextTable(
      [("from \\ to", .left)] + matrix.victims.map { (partition.owners[$0].name, .left) })
    for actor in matrix.actors {
      table.add(
        [partition.owners[actor].name]
          + matrix.victims.map { $0 == actor ? "-" : matrix.summary(from: actor, to: $0) })
    }
    let legend = IsolationMatrix.Keeper.allCases.filter { matrix.count($0) > 0 }
    return table.text + "\n" + legend.map { "\($0.rawValue) \($0.meaning)\n" }.joined()
  }

  private func json(_ proof: IsolationProof, _ partition: Partition) -> JSONValue {
    [
      "plan": .string(partition.name), "on": .string(on.rawValue),
      "paths": .array(
        proof.paths.map { path in
          [
            "from": .string(partition.owners[path.actor].name),
            "to": .string(partition.owners[path.victim].name),
            "way": .string(path.way.rawValue), "what": .string(path.what),
            "guard": .string(path.barrier.keeper.name), "why": .string(path.barrier.reason),
            "holds": .bool(holds(path)),
          ]
        }),
    ]
  }
}

extension IsolationGround: ExpressibleByArgument {}
