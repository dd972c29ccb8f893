import Documents
import Partitioning
import QorIQ

/// The board's memory from its first byte to its last, with its holders and the buffers of pools.
struct MemoryStrip {
  let partition: Partition

  private static let height = 60

  func picture() -> XMLNode {
    var nodes = [FloorPlan.free(height: 44)]
    for region in MemoryMap(partition).regions { nodes += block(region) }
    return FloorPlan.svg(height: Self.height, label: "Memory by owner", nodes)
  }

  private func block(_ region: MemoryMap.Region) -> [XMLNode] {
    let (name, colour): (String, String) =
      switch region.holder {
      case .owner(let index): (partition.owners[index].name, ReportPage.colour(index))
      case .shared(let name): ("\(name), shared", "common")
      case .reserved(let holder): ("\(holder), reserved", "common")
      case .reached(let index):
        ("nobody, but \(partition.owners[index].name)'s DMA reaches it", "free")
      case .free: ("free", "free")
      }
    let x = scale(region.range.base)
    let width = max(scale(region.range.base &+ region.range.size) - x, 2)
    let size = ReportPage.size(region.range.size)
    var nodes: [XMLNode] = [
      .element(
        "rect",
        [
          "class": colour, "x": "\(x)", "y": "0", "width": "\(width)", "height": "44",
          "data-memory": "\(name): \(size) at 0x\(String(region.range.base, radix: 16))",
        ],
        [
          .element(
            "title", text: "\(name): \(size) at 0x\(String(region.range.base, radix: 16))")
        ])
    ]
    if width > 8 * size.count + 8 {
      nodes.append(
        .element(
          "text",
          ["class": colour == "free" ? "soft" : "on", "x": "\(x + 6)", "y": "20"],
          text: size))
    }
    let address = "0x\(String(region.range.base, radix: 16))"
    if width > 8 * address.count {
      nodes.append(
        .element(
          "text", ["class": "soft", "x": "\(x + (x == 0 ? 0 : 2))", "y": "58"], text: address))
    }
    for pool in region.buffers {
      let start = scale(pool.range.base)
      let width = max(scale(pool.range.base &+ pool.range.size) - start, 3)
      nodes.append(
        .element(
          "rect",
          [
            "class": "buffers", "x": "\(min(start, FloorPlan.width - width))", "y": "28",
            "width": "\(width)", "height": "12", "data-buffers": "\(pool.bpid) \(name)",
          ], [.element("title", text: "buffers of pool \(pool.bpid)")]))
    }
    return nodes
  }

  /// An address's place, in MiB so that no product leaves 64 bits.
  private func scale(_ address: UInt64) -> Int {
    let total = max(partition.board.memorySize >> 20, 1)
    return Int(min(address >> 20, total) * UInt64(FloorPlan.width) / total)
  }
}
