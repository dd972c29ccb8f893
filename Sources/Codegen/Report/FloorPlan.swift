import Documents
import Partitioning
import QorIQ

/// Pictures of the board's resources with their owners: strips for what has a length, cells for
/// what is counted.
struct FloorPlan {
  let partition: Partition

  private static let width = 1000

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
    return [
      (
        "Frame queues",
        "1 to \(last) of \(partition.board.qman.usableQueues.last); dashed: over these a hash "
          + "spreads frames", strip(queues, last: last)
      ),
      ("Buffer pools", "\(partition.board.bman.poolCount) pools", pools),
      (
        "Portals", "each is QMan's and BMan's portal of its number, and a channel of that number",
        portals
      ),
      ("CPUs", "\(partition.board.cpus.count)", cpus),
      ("Memory", ReportPage.size(partition.board.memorySize), memory()),
    ]
  }

  // MARK: strips

  private func strip(_ queues: [(Int, QueueRange)], last: UInt32) -> XMLNode {
    let scale = { (queue: UInt32) in Int(UInt64(queue - 1) * UInt64(Self.width) / UInt64(last)) }
    var nodes = [free(height: 44)]
    for (owner, range) in queues {
      let x = scale(range.first.rawValue)
      let width = max(scale(range.last.rawValue + 1) - x, 2)
      nodes += block(
        owner, x: x, width: width, label: range.description,
        title: "\(partition.owners[owner].name): queues \(range)", kind: "queues")
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
    return svg(height: 44, label: "Frame queues by owner", nodes)
  }

  private func memory() -> XMLNode {
    let total = max(partition.board.memorySize, 1)
    // In MiB, so that no product leaves 64 bits.
    let scale = { (address: UInt64) in
      Int(min(address >> 20, total >> 20) * UInt64(Self.width) / max(total >> 20, 1))
    }
    var nodes = [free(height: 44)]
    for (index, owner) in partition.owners.enumerated() {
      let x = scale(owner.memory.base)
      nodes += block(
        index, x: x, width: max(scale(owner.memory.base + owner.memory.size) - x, 2),
        label: ReportPage.size(owner.memory.size),
        title: "\(owner.name): \(ReportPage.size(owner.memory.size)) at "
          + "0x\(String(owner.memory.base, radix: 16))", kind: "memory")
    }
    return svg(height: 44, label: "Memory by owner", nodes)
  }

  private func free(height: Int) -> XMLNode {
    .element(
      "rect",
      ["class": "free", "x": "0", "y": "0", "width": "\(Self.width)", "height": "\(height)"])
  }

  /// A coloured part of a strip, with its text when there is room.
  private func block(
    _ owner: Int, x: Int, width: Int, label: String, title: String, kind: String
  ) -> [XMLNode] {
    var nodes: [XMLNode] = [
      .element(
        "rect",
        [
          "class": ReportPage.colour(owner), "x": "\(x)", "y": "0", "width": "\(width)",
          "height": "44", "data-\(kind)": title,
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
            "width": "\(pitch - 4)", "height": "28",
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
    return svg(height: rows * 32 - 4, label: "\(kind)s by owner", nodes)
  }

  private func svg(height: Int, label: String, _ nodes: [XMLNode]) -> XMLNode {
    .element(
      "svg",
      ["viewBox": "0 0 \(Self.width) \(height)", "role": "img", "aria-label": label], nodes)
  }
}
