import Documents
import Partitioning
import QorIQ

/// Pictures of the board's resources with their owners: strips for what has a length, cells for
/// what is counted.
struct FloorPlan {
  let partition: Partition

  static let width = 1000

  /// Each with its title and what to read in it.
  func pictures() -> [(String, String, XMLNode)] {
    let queues = partition.owners.enumerated().flatMap { index, owner in
      owner.queues.map { (index, $0) }
    }
    let last = queues.map(\.1.last.rawValue).max() ?? 1
    let pools = cells(
      "pool", (0..<partition.board.bman.poolCount).map { UInt32($0) },
      owners: partition.owners.map { $0.pools.map { UInt32($0.bpid.rawValue) } })
    let portals = cells(
      "portal", partition.board.qman.portals.map { UInt32($0.index.rawValue) },
      owners: partition.owners.map { $0.portals.map { UInt32($0.rawValue) } })
    let cpus = cells(
      "CPU", partition.board.cpus.map { UInt32($0.index.rawValue) },
      owners: partition.owners.map { $0.cpus.map { UInt32($0.rawValue) } })
    var pictures = [
      (
        "Memory", "\(ReportPage.size(partition.board.memorySize)); pale: buffers of pools",
        MemoryStrip(partition: partition).picture()
      ),
      (
        "Frame queues",
        "1 to \(last) of \(partition.board.qman.usableQueues.last); dashed: over these a hash "
          + "spreads frames", strip(queues, last: last)
      ),
      ("CPUs", "\(partition.board.cpus.count)", cpus),
      (
        "Portals", "each is QMan's and BMan's portal of its number, and a channel of that number",
        portals
      ),
      ("Buffer pools", "\(partition.board.bman.poolCount) pools", pools),
    ]
    let channels = partition.resources.map { $0.poolChannels.map { UInt32($0.rawValue) } }
    if channels.contains(where: { !$0.isEmpty }) {
      pictures.append(
        (
          "Pool channels", "each served by all portals of its partition",
          cells(
            "channel", partition.board.qman.poolChannels.map { UInt32($0.rawValue) },
            owners: channels)
        ))
    }
    let groups = partition.resources.map { $0.congestionGroups.map { UInt32($0.id.rawValue) } }
    if let highest = groups.joined().max() {
      pictures.append(
        (
          "Congestion groups",
          "0 to \(highest) of \(partition.board.qman.congestionGroupCount)",
          cells("group", Array(0...highest), owners: groups)
        ))
    }
    return pictures
  }

  // MARK: strips

  private func strip(_ queues: [(Int, QueueRange)], last: UInt32) -> XMLNode {
    let scale = { (queue: UInt32) in Int(UInt64(queue - 1) * UInt64(Self.width) / UInt64(last)) }
    var nodes = [Self.free(height: 44)]
    for (owner, range) in queues {
      let x = scale(range.first.rawValue)
      let width = max(scale(range.last.rawValue + 1) - x, 2)
      nodes += block(
        owner, x: x, width: width, label: range.description,
        title: "\(partition.owners[owner].name): queues \(range)")
    }
    for path in partition.owners.flatMap(\.paths) where path.receive.count > 1 {
      let x = scale(path.receive.first.rawValue)
      let width = max(scale(path.receive.last.rawValue + 1) - x, 2)
      nodes.append(
        .element(
          "rect",
          [
            "class": "mark", "x": "\(x + 1)", "y": "29", "width": "\(max(width - 2, 1))",
            "height": "12",
          ]))
    }
    return Self.svg(height: 44, label: "Frame queues by owner", nodes)
  }

  static func free(height: Int) -> XMLNode {
    .element(
      "rect",
      ["class": "free", "x": "0", "y": "0", "width": "\(width)", "height": "\(height)"])
  }

  /// A coloured part of a strip, with its text when there is room.
  private func block(
    _ owner: Int, x: Int, width: Int, label: String, title: String
  ) -> [XMLNode] {
    var nodes: [XMLNode] = [
      .element(
        "rect",
        [
          "class": ReportPage.colour(owner), "x": "\(x)", "y": "0", "width": "\(width)",
          "height": "44", "data-queues": title,
        ], [.element("title", text: title)])
    ]
    if width > 8 * label.count + 8 {
      nodes.append(
        .element("text", ["class": "on", "x": "\(x + 6)", "y": "20"], text: label))
    }
    return nodes
  }

  // MARK: cells

  private func cells(_ kind: String, _ numbers: [UInt32], owners: [[UInt32]]) -> XMLNode {
    var ownerOf: [UInt32: Int] = [:]
    for (owner, own) in owners.enumerated() {
      for number in own { ownerOf[number] = owner }
    }
    let columns = 25
    let pitch = Self.width / columns
    var nodes: [XMLNode] = []
    for (place, number) in numbers.enumerated() {
      let owner = ownerOf[number]
      let x = place % columns * pitch
      let y = place / columns * 32
      let who = owner.map { partition.owners[$0].name } ?? "nobody"
      nodes.append(
        .element(
          "rect",
          [
            "class": owner.map(ReportPage.colour) ?? "free", "x": "\(x)", "y": "\(y)",
            "width": "\(pitch - 4)", "height": "28", "rx": "3",
            "data-\(kind.lowercased())": "\(number) \(who)",
          ], [.element("title", text: "\(kind) \(number): \(who)")]))
      nodes.append(
        .element(
          "text",
          [
            "class": owner == nil ? "soft" : "on", "x": "\(x + (pitch - 4) / 2)", "y": "\(y + 18)",
            "text-anchor": "middle",
          ], text: "\(number)"))
    }
    let rows = max((numbers.count + columns - 1) / columns, 1)
    return Self.svg(height: rows * 32 - 4, label: "\(kind)s by owner", nodes)
  }

  static func svg(height: Int, label: String, _ nodes: [XMLNode]) -> XMLNode {
    .element(
      "svg", ["viewBox": "0 0 \(width) \(height)", "role": "img", "aria-label": label], nodes)
  }
}
