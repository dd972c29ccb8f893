import ArgumentParser
import Diagnostics
import Lowering
import Partitioning
import QorIQ

/// `dpaac plan`: what the planner made of the plan.
struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Show who gets what, and what the planner chose by itself.",
    discussion: """
        dpaac plan office.yaml
        dpaac plan office.yaml --format json
      """)

  @OptionGroup var arguments: PlanArguments

  @Option(help: "Output for people or for programs.")
  var format: OutputFormat = .text

  func run() throws {
    let (partition, result) = try arguments.load(format.findings)
    arguments.warn(result.diagnostics)
    switch format {
    case .text: Terminal.print(PartitionSummary(partition).text)
    case .json: Terminal.print(PartitionSummary(partition).json.text + "\n")
    }
  }
}

/// A partition as tables and as JSON.
struct PartitionSummary {
  private let partition: Partition

  init(_ partition: Partition) { self.partition = partition }

  var text: String {
    var owners = TextTable([
      ("partition", .left), ("cpus", .left), ("memory", .right), ("portals", .left),
      ("queues", .left), ("pools", .left), ("liodn offset", .right),
    ])
    for owner in partition.owners {
      owners.add([
        owner.name, list(owner.cpus.map { UInt32($0.rawValue) }), size(owner.memory.size),
        list(owner.portals.map { UInt32($0.rawValue) }),
        owner.queues.map(\.description).joined(separator: ","),
        owner.pools.map { "\($0.bpid) (\($0.bufferCount) x \($0.bufferSize))" }
          .joined(separator: ", "),
        "\(owner.liodnOffset)",
      ])
    }
    var paths = TextTable([
      ("path", .left), ("receive", .left), ("channels", .left), ("transmit", .right),
    ])
    for owner in partition.owners {
      for path in owner.paths {
        paths.add([
          "\(owner.name) <-> \(path.name)", path.receive.description,
          path.channels.map(\.description).joined(separator: ","), "\(path.transmit)",
        ])
      }
    }
    var text = "\(partition.name) on \(partition.board.name)\n\n\(owners.text)\n\(paths.text)"
    if !partition.decisions.isEmpty { text += "\nThe planner chose:\n" }
    for decision in partition.decisions { text += "  \(decision.subject): \(decision.message)\n" }
    return text
  }

  var json: JSONValue {
    [
      "plan": .string(partition.name), "board": .string(partition.board.name),
      "partitions": .array(partition.owners.map(json)),
      "decisions": .array(
        partition.decisions.map {
          ["subject": .string($0.subject), "message": .string($0.message)]
        }),
    ]
  }

  private func json(_ owner: Owner) -> JSONValue {
    func range(_ range: QueueRange) -> JSONValue {
      ["first": JSONValue(range.first.rawValue), "last": JSONValue(range.last.rawValue)]
    }
    return [
      "name": .string(owner.name), "cpus": .array(owner.cpus.map { JSONValue($0.rawValue) }),
      "memory": ["base": JSONValue(owner.memory.base), "size": JSONValue(owner.memory.size)],
      "portals": .array(owner.portals.map { JSONValue($0.rawValue) }),
      "liodnOffset": JSONValue(owner.liodnOffset), "queues": .array(owner.queues.map(range)),
      "pools": .array(
        owner.pools.map {
          [
            "bpid": JSONValue($0.bpid.rawValue), "buffers": JSONValue($0.bufferCount),
            "size": JSONValue($0.bufferSize), "base": JSONValue($0.base),
          ]
        }),
      "paths": .array(
        owner.paths.map {
          [
            "name": .string($0.name), "link": .bool($0.isLink), "receive": range($0.receive),
            "channels": .array($0.channels.map { JSONValue($0.rawValue) }),
            "transmit": JSONValue($0.transmit.rawValue),
          ]
        }),
    ]
  }

  /// `0-3,6`
  private func list(_ numbers: [UInt32]) -> String {
    var runs: [ClosedRange<UInt32>] = []
    for number in numbers {
      if let last = runs.last, last.upperBound + 1 == number {
        runs[runs.count - 1] = last.lowerBound...number
      } else {
        runs.append(number...number)
      }
    }
    return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ",")
  }

  private func size(_ bytes: UInt64) -> String {
    for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)]
    where bytes >= 1 << shift && bytes & (1 << shift - 1) == 0 {
      return "\(bytes >> shift) \(unit)"
    }
    return "\(bytes)"
  }
}
