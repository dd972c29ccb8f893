import Documents
import Partitioning
import QorIQ

/// An interface's rules as a picture: the port at the left, the rules in order, the owners at the
/// right.
struct FlowDiagram {
  let partition: Partition
  let interface: SharedInterface

  private static let width = 1000
  private static let rowHeight = 40

  func picture() -> XMLNode {
    let rules = interface.rules
    let owners = partition.owners.indices.filter { owner in
      rules.contains { $0.receivers.contains(owner) }
    }
    let rows = max(rules.count, owners.count)
    let height = rows * Self.rowHeight
    let centre = { (row: Int, of: Int) in
      height * (2 * row + 1) / (2 * of)
    }
    var lines: [XMLNode] = []
    var boxes: [XMLNode] = [
      .element(
        "rect",
        ["class": "box", "x": "1", "y": "\(height / 2 - 16)", "width": "120", "height": "32"]),
      .element("text", ["x": "12", "y": "\(height / 2 + 4)"], text: interface.name),
    ]
    for (row, rule) in rules.enumerated() {
      let y = centre(row, rules.count)
      let colour = ReportPage.colour(rule.owner)
      lines.append(line(colour, from: (121, height / 2), to: (200, y)))
      for owner in rule.receivers {
        guard let place = owners.firstIndex(of: owner) else { continue }
        lines.append(line(colour, from: (800, y), to: (880, centre(place, owners.count))))
      }
      let owner = partition.owners[rule.owner].name
      boxes += [
        .element(
          "rect",
          [
            "class": "box", "x": "200", "y": "\(y - 16)", "width": "600", "height": "32",
            "data-rule": "\(interface.name) \(row) \(owner) \(rule.receive)",
          ]),
        .element("text", ["x": "212", "y": "\(y + 4)"], text: condition(of: rule)),
        .element(
          "text", ["class": "soft", "x": "788", "y": "\(y + 4)", "text-anchor": "end"],
          text: destination(of: rule)),
      ]
    }
    for (place, owner) in owners.enumerated() {
      let y = centre(place, owners.count)
      boxes += [
        .element(
          "rect",
          [
            "class": ReportPage.colour(owner), "x": "880", "y": "\(y - 16)", "width": "119",
            "height": "32",
          ]),
        .element(
          "text", ["class": "on", "x": "892", "y": "\(y + 4)"],
          text: Self.cut(partition.owners[owner].name, to: 14)),
      ]
    }
    return .element(
      "svg",
      [
        "viewBox": "0 0 \(Self.width) \(height)", "role": "img",
        "aria-label": "From \(interface.name) through rules to owners",
      ], lines + boxes)
  }

  private func line(_ colour: String, from: (x: Int, y: Int), to: (x: Int, y: Int)) -> XMLNode {
    let middle = (from.x + to.x) / 2
    return .element(
      "path",
      [
        "class": colour,
        "d": "M\(from.x) \(from.y) C\(middle) \(from.y) \(middle) \(to.y) \(to.x) \(to.y)",
      ])
  }

  private func condition(of rule: FlowRule) -> String {
    rule.conditions.isEmpty
      ? "everything else"
      : Self.cut(rule.conditions.map(\.planText).joined(separator: ", "), to: 46)
  }

  private func destination(of rule: FlowRule) -> String {
    if rule.isDropped { return "dropped" }
    var text = rule.receive.count == 1 ? "queue \(rule.receive)" : "queues \(rule.receive)"
    if let spread = rule.spread { text += ", \(spread.planText)" }
    if let chain = rule.chain { text += ", through \(chain)" }
    if let profile = rule.storageProfile { text += ", profile \(profile)" }
    if let hop = interface.hop, rule.owner != hop.receivingOwner {
      text += ", copied by fm\(hop.fman + 1)-oh\(hop.port.port)"
    }
    for copy in rule.copies { text += ", and \(copy.receive)" }
    return text
  }

  private static func cut(_ text: String, to length: Int) -> String {
    text.count <= length ? text : text.prefix(length - 1) + "…"
  }
}
