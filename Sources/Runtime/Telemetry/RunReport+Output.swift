public import Diagnostics
import Partitioning
import QorIQ

extension RunReport {
  /// The report for people: tables for partitions, flows, interfaces, pools and queues, the sum.
  public var text: String {
    var text = "\(name)\n\n"
    var partitions = TextTable([
      ("partition", .left), ("program", .left), ("received", .right), ("sent", .right),
      ("dropped", .right), ("reasons", .left),
    ])
    for owner in owners {
      let dropped = owner.drops.reduce(0) { $0 + $1.count }
      var reasons = owner.drops.map { "\($0.count) \($0.reason.name)" }
      if owner.lost > 0 { reasons.append("\(owner.lost) lost with it") }
      if owner.strayBuffers > 0 { reasons.append("\(owner.strayBuffers) stray buffers refused") }
      if owner.reclaimed > 0 { reasons.append("\(owner.reclaimed) buffers taken back") }
      if owner.starts > 1 { reasons.append("started \(owner.starts) times") }
      if let ending = owner.ending { reasons.append(ending) }
      partitions.add([
        owner.name, owner.program, "\(owner.received)", "\(owner.sent)", "\(dropped)",
        reasons.joined(separator: ", "),
      ])
    }
    text += partitions.text
    for owner in owners where !owner.counts.isEmpty {
      text +=
        "\(owner.name): " + owner.counts.map { "\($0.count) \($0.name)" }.joined(separator: ", ")
        + "\n"
    }
    text += "\n"

    text += flowText + "\n"

    var ports = TextTable([
      ("interface", .left), ("in", .right), ("bytes", .right), ("out", .right), ("bytes", .right),
    ])
    for port in interfaces {
      ports.add([
        port.name, "\(port.received)", "\(port.receivedBytes)", "\(port.transmitted)",
        "\(port.transmittedBytes)",
      ])
    }
    text += ports.text
    for port in interfaces where port.headerErrors.contains(where: { $0 > 0 }) {
      let layers = zip(2...4, port.headerErrors).filter { $0.1 > 0 }
        .map { "\($0.1) in layer \($0.0)" }.joined(separator: ", ")
      text += "frames into \(port.name) with wrong headers: \(layers)\n"
    }
    for port in interfaces where port.portErrors != (0, 0) {
      text += "frames of \(port.name) in error: \(port.portErrors.receive) received, "
      text += "\(port.portErrors.transmit) not sent\n"
    }
    for port in interfaces { text += port.lineText }
    if !interfaces.isEmpty { text += "\n" + statisticsText }
    text += "\n"

    if !policers.isEmpty {
      var policerTable = TextTable([
        ("policer", .left), ("interface", .left), ("green", .right), ("yellow", .right),
        ("red", .right),
      ])
      for policer in policers {
        policerTable.add(
          [policer.name, policer.interfaces.joined(separator: ", ")]
            + policer.counts.map { "\($0)" })
      }
      text += policerTable.text + "\n"
    }

    text += acceleratorText
    if !tunnels.isEmpty { text += TunnelReport.table(tunnels) + "\n" }

    var poolTable = TextTable([
      ("pool", .right), ("owner", .left), ("buffers", .right), ("in use", .right),
    ])
    for pool in pools {
      poolTable.add(["\(pool.bpid)", pool.owner, "\(pool.buffers)", "\(pool.inUse)"])
    }
    text += poolTable.text + "\n"

    var queueTable = TextTable([
      ("queues", .left), ("owner", .left), ("role", .left), ("used", .right), ("frames", .right),
      ("queued", .right),
    ])
    for group in queueGroups {
      let range = QueueRange(
        first: group[0].fqid,
        count: group[group.count - 1].fqid.rawValue - group[0].fqid.rawValue + 1)
      queueTable.add([
        "\(range)", group[0].owner, group[0].role, "\(group.count)",
        "\(group.reduce(0) { $0 + $1.frames })", "\(group.reduce(0) { $0 + UInt64($1.queued) })",
      ])
    }
    text += queueTable.text + "\n" + balanceText
    return text
  }

  /// What accelerators did; nothing when no owner uses one.
  private var acceleratorText: String {
    guard !accelerators.isEmpty else { return "" }
    var table = TextTable([
      ("accelerator", .left), ("owner", .left), ("done", .right), ("bytes", .right),
      ("errors", .right), ("reasons", .left),
    ])
    for use in accelerators {
      table.add([
        use.kind.rawValue, use.owner, "\(use.done)", "\(use.bytes)",
        "\(use.errors.reduce(0) { $0 + $1.count })",
        use.errors.map { "\($0.count) \($0.reason)" }.joined(separator: ", "),
      ])
    }
    return table.text + "\n"
  }

  /// The flows, with what was measured of them.
  private var flowText: String {
    let isMeasured = flows.contains { $0.latency != nil }
    var table = TextTable(
      [("flow", .left), ("kind", .left), ("frames", .right)]
        + (isMeasured
          ? [("measured", .right), ("p50", .right), ("p99", .right), ("max", .right)] : []))
    for flow in flows {
      var row = ["\(flow.from) -> \(flow.to)", flow.kind.rawValue, "\(flow.frames)"]
      if let latency = flow.latency {
        row.append("\(latency.measured)")
        row += latency.texts
      }
      table.add(row)
    }
    return table.text
  }

  /// What the MACs counted, by the names of their registers.
  private var statisticsText: String {
    var table = TextTable(
      [("MAC", .left), ("", .left)] + MACCounter.allCases.map { ($0.name, .right) }
        + [("XPF", .right)])
    for port in interfaces {
      for (direction, counts) in zip(MACDirection.allCases, port.statistics) {
        // No MAC sends pause frames here, and none hears any.
        let shown = zip(MACCounter.allCases, counts).map { counter, count in
          direction.counts(counter) ? "\(count)" : ""
        }
        table.add([port.name, direction.letter] + shown + ["0"])
      }
    }
    return table.text
  }

  /// The sum in words, and what does not add up.
  private var balanceText: String {
    var parts = ["\(balance.toWire) to the wire", "\(balance.toGuests) to guests"]
    for (count, what) in [
      (balance.dropped, "dropped"), (balance.rejected, "sent back"),
      (balance.lost, "lost with guests"),
      (balance.queued, "still queued"),
    ] where count > 0 || what == "dropped" {
      parts.append("\(count) \(what)")
    }
    let copies = balance.copies == 0 ? "" : " + \(balance.copies) copies"
    var text = "\(balance.fromWire) from the wire\(copies) + \(balance.fromGuests) from guests"
    if balance.confirmed > 0 { text += " + \(balance.confirmed) confirmed" }
    text += " = " + parts.joined(separator: " + ") + "\n"
    for discrepancy in discrepancies { text += "not accounted for: \(discrepancy)\n" }
    return text + "conserved: \(isConserved ? "yes" : "no")\n"
  }

  /// Neighbouring queues of one owner and role.
  private var queueGroups: [[QueueReport]] {
    queues.reduce(into: []) { groups, queue in
      if let last = groups.last?.last, last.owner == queue.owner, last.role == queue.role {
        groups[groups.count - 1].append(queue)
      } else {
        groups.append([queue])
      }
    }
  }

  /// The report for programs.
  public var json: JSONValue {
    [
      "plan": .string(name), "conserved": .bool(isConserved),
      "partitions": .array(
        owners.map { owner in
          [
            "name": .string(owner.name), "program": .string(owner.program),
            "starts": JSONValue(UInt64(owner.starts)),
            "received": JSONValue(owner.received), "sent": JSONValue(owner.sent),
            "drops": .object(owner.drops.map { .init($0.reason.name, JSONValue($0.count)) }),
            "lost": JSONValue(owner.lost), "strayBuffers": JSONValue(owner.strayBuffers),
            "reclaimed": JSONValue(owner.reclaimed),
            "ending": owner.ending.map { .string($0) } ?? .null,
            "counts": .object(owner.counts.map { .init($0.name, JSONValue($0.count)) }),
          ]
        }),
      "flows": .array(
        flows.map { flow in
          [
            "from": .string(flow.from), "to": .string(flow.to),
            "kind": .string(flow.kind.rawValue), "frames": JSONValue(flow.frames),
            "latency": flow.latency.map {
              [
                "measured": JSONValue($0.measured), "p50": JSONValue($0.median),
                "p99": JSONValue($0.percentile99), "max": JSONValue($0.longest),
              ]
            } ?? .null,
          ]
        }),
      "interfaces": .array(
        interfaces.map {
          [
            "name": .string($0.name), "received": JSONValue($0.received),
            "receivedBytes": JSONValue($0.receivedBytes),
            "transmitted": JSONValue($0.transmitted),
            "transmittedBytes": JSONValue($0.transmittedBytes),
            "headerErrors": .array($0.headerErrors.map { JSONValue($0) }),
            "receiveErrors": JSONValue($0.portErrors.receive),
            "transmitErrors": JSONValue($0.portErrors.transmit),
            "statistics": .object(
              zip(MACDirection.allCases, $0.statistics).flatMap { direction, counts in
                zip(MACCounter.allCases, counts).filter { direction.counts($0.0) }.map {
                  .init(direction.letter + $0.name, JSONValue($1))
                } + [.init(direction.letter + "XPF", JSONValue(0))]
              }),
            "refused": JSONValue($0.refused), "line": $0.line?.json ?? .null,
          ]
        }),
      "policers": .array(
        policers.map {
          [
            "name": .string($0.name), "interfaces": .array($0.interfaces.map { .string($0) }),
            "green": JSONValue($0.counts[0]), "yellow": JSONValue($0.counts[1]),
            "red": JSONValue($0.counts[2]),
          ]
        }),
      "accelerators": .array(
        accelerators.map { use in
          [
            "kind": .string(use.kind.rawValue), "owner": .string(use.owner),
            "done": JSONValue(use.done), "bytes": JSONValue(use.bytes),
            "errors": .object(use.errors.map { .init($0.reason, JSONValue($0.count)) }),
          ]
        }),
      "tunnels": .array(tunnels.map(\.json)),
      "pools": .array(
        pools.map {
          [
            "bpid": JSONValue($0.bpid.rawValue), "owner": .string($0.owner),
            "buffers": JSONValue($0.buffers), "inUse": JSONValue($0.inUse),
            "lowestFree": JSONValue($0.lowestFree),
          ]
        }),
      "queues": .array(
        queues.map {
          [
            "fqid": JSONValue($0.fqid.rawValue), "owner": .string($0.owner),
            "role": .string($0.role), "frames": JSONValue($0.frames),
            "queued": JSONValue($0.queued),
          ]
        }),
      "balance": [
        "fromWire": JSONValue(balance.fromWire), "copies": JSONValue(balance.copies),
        "fromGuests": JSONValue(balance.fromGuests), "confirmed": JSONValue(balance.confirmed),
        "toWire": JSONValue(balance.toWire), "toGuests": JSONValue(balance.toGuests),
        "dropped": JSONValue(balance.dropped), "rejected": JSONValue(balance.rejected),
        "lost": JSONValue(balance.lost), "queued": JSONValue(balance.queued),
      ],
      "discrepancies": .array(discrepancies.map { .string($0) }),
    ]
  }
}

extension RunReport.InterfaceReport {
  /// What became of frames on the line and of the line itself, for people; empty when all is well.
  fileprivate var lineText: String {
    guard let line else { return "" }
    var parts: [String] = []
    if let connections = line.connections {
      parts.append(connections == 1 ? "1 connection" : "\(connections) connections")
    }
    if refused > 0 { parts.append("\(refused) frames refused") }
    if line.lost > 0 { parts.append("\(line.lost) lost with a peer") }
    if let missed = line.missed, missed > 0 { parts.append("\(missed) not read in time") }
    if line.violations > 0 {
      parts.append("\(line.violations) peers sent away for bytes that are no frames")
    }
    if let problem = line.problem { parts.append("at a stand: \(problem)") }
    return "\(name) is \(line.address)"
      + (parts.isEmpty ? "" : ": " + parts.joined(separator: ", ")) + "\n"
  }
}

extension RunReport.LineReport {
  fileprivate var json: JSONValue {
    [
      "address": .string(address), "lost": JSONValue(lost),
      "missed": missed.map { JSONValue($0) } ?? .null,
      "connections": connections.map { JSONValue($0) } ?? .null,
      "violations": JSONValue(violations), "problem": problem.map { .string($0) } ?? .null,
    ]
  }
}
