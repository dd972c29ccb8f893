/// A board and plans of any size.
///
/// No board has a thousand CPUs; the one here has the T4240's blocks with as many portals as QMan 3
/// has channels for, every queue that 24 bits can number, and CPUs and memory to go with them. Each
/// partition has a CPU, a portal and memory of its own. BMan's 64 pools and FMan's profiles let 60
/// guests receive, so all rules are for them; the others own queues and get nothing.
struct PlanText {
  /// How the queue ranges of a plan lie.
  enum Clash: String, CaseIterable {
    case none = "sound"
    case ten = "10 clash"
    case thousand = "1,000 clash"
    case everything = "all clash"

    /// How many ranges reach into the one before them.
    var count: Int {
      switch self {
      case .none, .everything: 0
      case .ten: 10
      case .thousand: 1000
      }
    }
  }

  private static let receivers = 60
  private static let interfaces = (1...2).flatMap { fman in (0..<4).map { "fm\(fman)-gb\($0)" } }

  let partitions: Int
  let ranges: Int
  let rules: Int
  let clash: Clash

  static let board = """
    name: wide
    model: dpaac,wide
    soc: t4240
    memory: 63 GiB
    cpus:
      0-1023: {core: n, cluster: n / 8}
    qman:
      queues: 0x1000000
      portals:
        0-1023:
          ce: 0x2000000000 + 16 KiB * n
          ce-size: 16 KiB
          ci: 0x2100000000 + 4 KiB * n
          ci-size: 4 KiB
          interrupt: 1024 + 2 * n
          dqrr-liodn: 1
          frame-liodn: 2
          liodn-offset: 1
          stash: 0
    bman:
      portals:
        0-1023:
          ce: 0x2200000000 + 16 KiB * n
          ce-size: 16 KiB
          ci: 0x2300000000 + 4 KiB * n
          ci-size: 4 KiB
          interrupt: 1025 + 2 * n
    every-fman:
      storage-profiles: 256
      schemes: 256

    """

  func write(_ put: (String) -> Void) {
    put("board: board.yaml\npartitions:\n")
    for index in 0..<partitions { writePartition(index, put) }
    put("interfaces:\n")
    for (index, name) in Self.interfaces.enumerated() {
      put("  \(name):\n    otherwise: host\n    rules:\n")
      for item in stride(from: index, to: rules, by: Self.interfaces.count) {
        // Each address once: what a rule takes no other one does.
        let address = "10.\(item >> 16 & 255).\(item >> 8 & 255).\(item & 255)"
        let ports = item % 3 == 0 ? ", ip.proto: tcp, l4.dst: \(item % 1024)" : ""
        put(
          "      - { when: {ipv4.dst: \(address)\(ports)}, to: guest\(1 + item % Self.receivers) }\n"
        )
      }
    }
  }

  private func writePartition(_ index: Int, _ put: (String) -> Void) {
    let receives = index <= Self.receivers
    put(
      """
        \(index == 0 ? "host" : "guest\(index)"):
          cpus: [\(index)]
          portals: [\(index)]
          memory: {size: 64 MiB, address: \(index << 26)}

      """)
    if receives { put("    pools: [ {buffers: 64, size: 2 KiB} ]\n") }
    // A role's queues are the partition's own, which somebody has to look up among all.
    if receives, index > 0 { put("    roles: {confirm: [\(range(index))]}\n") }
    put("    queues: [")
    // Neighbours belong to different partitions.
    for (item, number) in stride(from: index, to: ranges, by: partitions).enumerated() {
      put(item == 0 ? "" : item % 8 == 0 ? ",\n      " : ", ")
      put(range(number))
    }
    put("]\n")
  }

  /// The range of a number: eight of each sixteen queues, so that no two ranges touch.
  private func range(_ number: Int) -> String {
    if clash == .everything { return "\(16 + number)-\(8_000_000 + number)" }
    var first = 16 * number + 8
    if clash.count > 0, number > 0 {
      // One of so many, each time the next of them, so that it is not always the same partition's.
      let (turn, place) = number.quotientAndRemainder(dividingBy: ranges / clash.count)
      if place == turn % (ranges / clash.count) { first -= 12 }
    }
    return "\(first)-\(first + 7)"
  }
}
