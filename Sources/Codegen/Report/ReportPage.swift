import Diagnostics
import Documents
import Partitioning
import QorIQ

/// The report's page: who has what, where frames go, what was proved and what was chosen.
struct ReportPage {
  let partition: Partition
  /// What the checks found that is no error.
  var findings: [Diagnostic] = []

  var board: Board { partition.board }

  func element() -> XMLElement {
    XMLElement(
      "html", ["lang": "en"],
      [
        .element(
          "head", [:],
          [
            .element("meta", ["charset": "utf-8"]),
            .element(
              "meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
            .element("title", text: "\(partition.name) on \(board.name)"),
            .element("style", text: ReportStyle.text),
          ]),
        .element("body", [:], [.element("main", [:], content())]),
      ])
  }

  private func content() -> [XMLNode] {
    let guests = partition.owners.count { !$0.isHost }
    var nodes: [XMLNode] = [
      .element("h1", text: partition.name),
      .element(
        "p", ["class": "lead"],
        text: "\(board.model), \(board.cpus.count) CPUs \(board.core), shared by "
          + "\(partition.owners.first(where: \.isHost)?.name ?? "the host") and "
          + "\(guests) \(guests == 1 ? "guest" : "guests")"),
      legend(), verdicts(), .element("h2", text: "Who has what"), owners(),
    ]
    let plan = FloorPlan(partition: partition)
    nodes.append(.element("h2", text: "Floor plan"))
    for (title, note, picture) in plan.pictures() {
      nodes.append(
        .element(
          "figure", [:],
          [
            .element(
              "figcaption", [:],
              [.element("strong", text: title), .text(" \(note)")]),
            picture,
          ]))
    }
    if !partition.interfaces.isEmpty {
      nodes.append(.element("h2", text: "Where frames go"))
      for interface in partition.interfaces {
        nodes.append(
          .element(
            "figure", [:],
            [
              .element(
                "figcaption", [:],
                [
                  .element("strong", text: interface.name),
                  .text(" The first rule that matches decides. " + delivery(of: interface)),
                ]),
              FlowDiagram(partition: partition, interface: interface).picture(),
            ]))
      }
    }
    if !partition.links.isEmpty { nodes += [.element("h2", text: "Links"), links()] }
    nodes.append(.element("h2", text: "Who could reach whom"))
    nodes += isolation.content()
    nodes.append(.element("h2", text: "What was checked"))
    nodes += ReportChecks(findings: findings).content()
    if !partition.decisions.isEmpty {
      nodes += [.element("h2", text: "What the planner chose"), decisions()]
    }
    return nodes
  }

  private func legend() -> XMLNode {
    .element(
      "p", ["class": "legend"],
      partition.owners.indices.map { index in
        .element(
          "span", ["class": "key \(Self.colour(index))"], text: partition.owners[index].name)
      })
  }

  /// The class of an owner's colour; colours come again after eight.
  static func colour(_ owner: Int) -> String { "c\(owner % 8)" }

  private var isolation: IsolationFigure { IsolationFigure(partition: partition) }

  /// The page in a few words, for who reads no further.
  private func verdicts() -> XMLNode {
    let matrix = isolation.matrix
    let open = matrix.count(.nobody)
    let runtime = IsolationMatrix(IsolationProof(partition, on: .runtime))
    let warnings = findings.count { $0.severity == .warning }
    let verdicts = [
      (
        "checks", "sound",
        "\(PartitionCheck.catalogue.count) rules hold, "
          + "\(warnings) \(warnings == 1 ? "warning" : "warnings")"
      ),
      (
        "chip", open == 0 ? "no way is open" : "\(open) of \(matrix.pathCount) ways are open",
        "on the chip: \(matrix.count(.hardware)) guarded by hardware, \(matrix.count(.program)) "
          + "kept by guests' own programs"
      ),
      (
        "runtime",
        runtime.count(.nobody) == 0
          ? "no way is open" : "\(runtime.count(.nobody)) of \(runtime.pathCount) ways are open",
        "under dpaac run: \(runtime.count(.hardware)) guarded by hardware, "
          + "\(runtime.count(.software)) by the engine"
      ),
    ]
    return .element(
      "ul", ["class": "verdicts"],
      verdicts.map { name, verdict, detail in
        .element(
          "li", ["data-verdict": name],
          [.element("strong", text: verdict), .element("span", text: detail)])
      })
  }

  // MARK: tables

  private func owners() -> XMLNode {
    Self.table(
      ["partition", "CPUs", "memory", "portals", "frame queues", "pools", "LIODN offset"],
      partition.owners.map { owner in
        let pools = owner.pools.map { "\($0.bpid) (\($0.bufferCount) × \($0.bufferSize))" }
        return Row(
          owner.name,
          [
            Self.runs(owner.cpus.map { Int($0.rawValue) }), Self.size(owner.memory.size),
            Self.runs(owner.portals.map { Int($0.rawValue) }),
            owner.queues.map(\.description).joined(separator: ", "),
            pools.joined(separator: ", "), "\(owner.liodnOffset)",
          ], data: ("data-owner", owner.name))
      })
  }

  private func links() -> XMLNode {
    Self.table(
      ["from", "to", "transmit queue", "offline port", "receive queue"],
      partition.links.map { link in
        Row(
          partition.owners[link.from].name,
          [
            partition.owners[link.to].name, "\(link.transmit)",
            "fm\(link.fman + 1)-oh\(link.port.port)", "\(link.receive)",
          ], data: ("data-link", "\(link.from)-\(link.to)"))
      })
  }

  private func decisions() -> XMLNode {
    Self.table(
      ["about", "choice"],
      partition.decisions.map { Row($0.subject, [$0.message], data: ("data-decision", $0.subject)) }
    )
  }

  /// A row of a table: its head, its cells, and an attribute by which tests find it.
  struct Row {
    var head: String
    var cells: [String]
    var data: (String, String)

    init(_ head: String, _ cells: [String], data: (String, String)) {
      self.head = head
      self.cells = cells
      self.data = data
    }
  }

  static func table(_ titles: [String], _ rows: [Row]) -> XMLNode {
    .element(
      "div", ["class": "wide"],
      [
        .element(
          "table", [:],
          [
            .element(
              "thead", [:],
              [.element("tr", [:], titles.map { .element("th", ["scope": "col"], text: $0) })]),
            .element(
              "tbody", [:],
              rows.map { row in
                .element(
                  XMLElement(
                    "tr", data: row.data,
                    [.element("th", ["scope": "row"], text: row.head)]
                      + row.cells.map { .element("td", text: $0.isEmpty ? "–" : $0) }))
              }),
          ])
      ])
  }

  private func delivery(of interface: SharedInterface) -> String {
    switch interface.delivery {
    case .offlineHop(let hop):
      "The port receives into \(partition.owners[hop.receivingOwner].name)'s pools; frames for "
        + "others pass over queue \(hop.queue) and offline port fm\(hop.fman + 1)-oh\(hop.port.port), "
        + "which copies them."
    case .storageProfiles: "Each frame is received straight into its owner's pools."
    case .sharedPool(let pool): "All frames are received into pool \(pool), which all share."
    }
  }

  // MARK: numbers

  /// `0-3, 6`
  static func runs(_ numbers: [Int]) -> String {
    var runs: [ClosedRange<Int>] = []
    for number in numbers {
      if let last = runs.last, last.upperBound + 1 == number {
        runs[runs.count - 1] = last.lowerBound...number
      } else {
        runs.append(number...number)
      }
    }
    return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ", ")
  }

  /// `512 MiB`
  static func size(_ bytes: UInt64) -> String {
    for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)]
    where bytes >= 1 << shift && bytes & (1 << shift - 1) == 0 {
      return "\(bytes >> shift) \(unit)"
    }
    return "\(bytes) bytes"
  }
}

extension XMLElement {
  /// An element with one attribute whose name is not known beforehand.
  fileprivate init(_ name: String, data: (String, String), _ children: [XMLNode]) {
    self.init(name, [:], children)
    attributes = [XMLAttribute(data.0, data.1)]
  }
}
