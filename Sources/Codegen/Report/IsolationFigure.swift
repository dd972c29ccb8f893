import Documents
import Partitioning

/// Who could reach whom, and who answers for each way: a table of pairs with a letter for each way,
/// and below it every way in words.
struct IsolationFigure {
  let partition: Partition
  let proof: IsolationProof
  let matrix: IsolationMatrix

  init(partition: Partition) {
    self.partition = partition
    proof = IsolationProof(partition, on: .hardware)
    matrix = IsolationMatrix(proof)
  }

  func content() -> [XMLNode] {
    guard matrix.pathCount > 0 else {
      return [.element("p", text: "There is no guest that could reach anybody.")]
    }
    return [
      .element(
        "p", ["class": "note"],
        text: "Each square is a way: "
          + IsolationPath.Way.allCases.map(\.rawValue).joined(separator: ", ")
          + ", in this order, where there is such a thing to reach. The host is trusted with "
          + "everything and is no row."),
      legend(), .element("div", ["class": "wide"], [pairs()]), ways(),
    ]
  }

  private func legend() -> XMLNode {
    .element(
      "ul", ["class": "keepers"],
      IsolationMatrix.Keeper.allCases.filter { matrix.count($0) > 0 }.map { keeper in
        .element(
          "li", ["data-keeper": "\(keeper.rawValue) \(matrix.count(keeper))"],
          [
            .element(
              "span", ["class": "way \(Self.style(keeper))"], text: String(keeper.rawValue)),
            .text(" \(keeper.meaning): \(matrix.count(keeper))"),
          ])
      })
  }

  private func pairs() -> XMLNode {
    .element(
      "table", ["class": "pairs"],
      [
        .element(
          "thead", [:],
          [
            .element(
              "tr", [:],
              [.element("th", ["scope": "col"], text: "from \\ to")]
                + matrix.victims.map {
                  .element("th", ["scope": "col"], text: partition.owners[$0].name)
                })
          ]),
        .element(
          "tbody", [:],
          matrix.actors.map { actor in
            .element(
              "tr", [:],
              [.element("th", ["scope": "row"], text: partition.owners[actor].name)]
                + matrix.victims.map { cell(actor, $0) })
          }),
      ])
  }

  private func cell(_ actor: Int, _ victim: Int) -> XMLNode {
    guard actor != victim else { return .element("td", ["class": "self"], text: "itself") }
    let names = [actor, victim].map { partition.owners[$0].name }
    let squares = matrix.paths(from: actor, to: victim).map { path in
      let keeper = path.barrier.keeper
      return XMLNode.element(
        "span",
        [
          "class": "way \(Self.style(keeper))",
          "title": "\(path.way.rawValue), \(path.what): \(path.barrier.reason)",
        ], text: String(keeper.rawValue))
    }
    return .element(
      "td", [:],
      [
        .element(
          "div",
          [
            "class": "ways",
            "data-pair": "\(names[0]) \(names[1]) \(matrix.summary(from: actor, to: victim))",
          ], squares)
      ])
  }

  private func ways() -> XMLNode {
    .element(
      "details", [:],
      [
        .element("summary", text: "All \(matrix.pathCount) ways in words"),
        ReportPage.table(
          ["from", "to", "way", "what", "guard", "why"],
          proof.paths.map { path in
            ReportPage.Row(
              partition.owners[path.actor].name,
              [
                partition.owners[path.victim].name, path.way.rawValue, path.what,
                path.barrier.keeper.name, path.barrier.reason,
              ], data: ("data-way", path.way.rawValue))
          }),
      ])
  }

  /// The style of a keeper's letter: not by colour alone, but filled, framed or struck.
  private static func style(_ keeper: IsolationMatrix.Keeper) -> String {
    switch keeper {
    case .hardware: "hardware"
    case .software: "software"
    case .program: "program"
    case .wanted: "wanted"
    case .nobody: "nobody"
    }
  }
}
