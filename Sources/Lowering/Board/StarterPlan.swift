public import QorIQ

/// A plan to start from: a host and a guest that share a board's first network interface.
public enum StarterPlan {
  /// The plan's text, with comments on what there is to choose from.
  ///
  /// - Parameters:
  ///   - board: The board.
  ///   - name: How the plan names the board: a known name, or a path seen from the plan's file.
  /// - Returns: The text, which is sound for the board; where nobody says how much memory that has, no
  ///   plan is, and the text says so.
  public static func text(for board: Board, named name: String) -> String {
    let cpus = board.cpus.map(\.index.rawValue)
    let split = max(1, cpus.count / 2)
    let portals = board.sharedPortals.count
    let share = max(1, min(split, portals / 2))
    let isMemoryKnown = board.memorySize > 0
    let half = isMemoryKnown ? max(1, min(1024, (board.memorySize >> 20) / 2)) : 512
    let queues = board.qman.usableQueues
    let last = min(queues.last.rawValue, 8191)
    let middle = last / 2
    var lines = [
      "# Who owns what of \(board.name), and which packets go to whom. dpaac check says whether it is",
      "# sound, dpaac plan what the planner chose for what is left open.",
    ]
    if !isMemoryKnown {
      lines += [
        "# Nobody says how much memory this board has, so that dpaac check refuses every plan for it: say",
        "# it in the board's file (memory: 4 GiB), or in its tree's memory node. What stands here is a",
        "# guess.",
      ]
    }
    lines += [
      "board: \(name)",
      "partitions:",
      "  # CPUs \(range(cpus[...])); \(portals) portals: one for each CPU that works on packets;",
      "  # frame queues \(queues); buffer pools 0-\(board.bman.poolCount - 1); "
        + (isMemoryKnown ? "\(board.memorySize >> 20) MiB of memory." : "memory unknown."),
    ]
    lines += partition("host", cpus.prefix(split), half, share, 1...max(1, middle), pool: 1)
    // A board of one CPU has nothing to share.
    guard cpus.count > 1, portals > 1 else { return lines.joined(separator: "\n") + "\n" }
    lines += partition(
      "guest1", cpus.dropFirst(split), half, share, (middle + 1)...last, pool: 2)
    if let interface = board.interfaceNames.first {
      lines += [
        "interfaces:",
        "  # Of \(board.interfaceNames.joined(separator: ", ")). What no rule wants goes to the host.",
        "  \(interface):",
        "    rules:",
        "      - { when: {ipv4.dst: 192.168.1.11}, to: guest1 }",
        "    otherwise: host",
      ]
    }
    if board.fmans.contains(where: { $0.enabledOfflinePorts.count > 1 }) {
      lines += [
        "# Messages between partitions, over an offline port each way.",
        "links: [ [host, guest1] ]",
      ]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func partition(
    _ name: String, _ cpus: ArraySlice<UInt16>, _ memory: UInt64, _ portals: Int,
    _ queues: ClosedRange<UInt32>, pool: Int
  ) -> [String] {
    [
      "  \(name):",
      "    cpus: \(range(cpus))",
      "    memory: \(memory) MiB",
      "    portals: \(portals)",
      "    queues: \(queues.lowerBound)-\(queues.upperBound)",
      "    pools: [ {id: \(pool), buffers: 1024, size: 2 KiB} ]",
    ]
  }

  /// `0-3`, or a list where numbers are missing.
  private static func range(_ numbers: ArraySlice<UInt16>) -> String {
    guard let first = numbers.first, let last = numbers.last else { return "[]" }
    let isRun = Int(last) - Int(first) == numbers.count - 1
    return isRun
      ? "\(first)-\(last)" : "[\(numbers.map(\.description).joined(separator: ", "))]"
  }
}
