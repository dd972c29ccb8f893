public import Diagnostics

extension PartitionDifference {
  /// What happens to whom and why, for people.
  public static func table(_ changes: [Change]) -> String {
    var table = TextTable([("partition", .left), ("what happens", .left), ("why", .left)])
    for change in changes {
      table.add([change.name, change.fate.rawValue, change.reasons.first ?? ""])
      for reason in change.reasons.dropFirst() { table.add(["", "", reason]) }
    }
    return table.text
  }

  /// The same for programs.
  public static func json(_ changes: [Change]) -> JSONValue {
    .array(
      changes.map { change in
        [
          "name": .string(change.name), "fate": .string(change.fate.rawValue),
          "reasons": .array(change.reasons.map { .string($0) }),
        ]
      })
  }

  /// What happens to whom, why, and the steps, for people.
  public var text: String {
    let table = Self.table(changes)
    guard !steps.isEmpty else { return "\(table)\nNothing is to be done.\n" }
    var text = "\(table)\nSteps:\n"
    for (number, step) in steps.enumerated() {
      text += "  \(number + 1). \(step.subject): \(step.action)\n"
    }
    return text
  }

  /// The same for programs.
  public var json: JSONValue {
    [
      "partitions": Self.json(changes),
      "steps": .array(
        steps.map { ["subject": .string($0.subject), "action": .string($0.action)] }),
    ]
  }
}
