import CTwin
import Diagnostics
import Glibc
import RuntimeKernels

extension Benchmark {
  /// Sizes of longest-prefix tables, and how much more than in the smallest a lookup in the largest may
  /// take.
  static let routeCounts = [100, 1000, 10_000, 100_000]
  static let routeGrowth = 2.0

  /// Lookups in small and large tables of routes, by turns, and a C twin's in the same tables.
  mutating func measureRoutes() throws {
    guard isWanted("routes") else { return }
    var table = TextTable([
      ("routes", .left), ("IPv4 lookup, ns", .right), ("of 100", .right), ("C, ns", .right),
      ("of C", .right), ("KiB", .right), ("IPv6 lookup, ns", .right), ("of 100", .right),
      ("KiB", .right), ("promised", .right), ("verdict", .left),
    ])
    let kernels = try Self.routeCounts.map { Box(try RouteKernel(routes: $0)) }
    var times = [(ours: [Double], theirs: [Double], wide: [Double])](
      repeating: ([], [], []), count: kernels.count)
    var sums: (ours: UInt64, theirs: UInt64) = (0, 0)
    // The first turn touches everything and is not counted.
    for turn in 0...Contest.runs {
      for (place, kernel) in kernels.enumerated() {
        sums = (0, 0)
        // Each has the caches to itself when its time begins.
        let ours = Self.time { kernel.value.lookUp($0, &sums.ours) }
        let theirs = Self.time { Self.twinLookUp(kernel.value, $0, &sums.theirs) }
        precondition(sums.ours == sums.theirs, "both find the same routes")
        let wide = Self.time { kernel.value.lookUpWide($0, &sums.ours) }
        guard turn > 0 else { continue }
        times[place].ours.append(ours)
        times[place].theirs.append(theirs)
        times[place].wide.append(wide)
      }
    }
    let medians = times.map { (median($0.ours), median($0.theirs), median($0.wide)) }
    for (place, kernel) in kernels.enumerated() {
      let (ours, theirs, wide) = medians[place]
      let growth = (ours / medians[0].0, wide / medians[0].2)
      let isKept = max(growth.0, growth.1) <= Self.routeGrowth && ours <= theirs * Self.limit
      if !isKept {
        broken.append(
          "lookups among \(Self.routeCounts[place]) routes take \(Self.two(growth.0)) and "
            + "\(Self.two(growth.1)) of 100 routes' time, \(Self.two(ours / theirs)) of C's")
      }
      let bytes = kernel.value.byteCounts
      table.add([
        "\(Self.routeCounts[place])", Self.two(ours), Self.two(growth.0), Self.two(theirs),
        Self.two(ours / theirs), "\(bytes.ipv4 >> 10)", Self.two(wide), Self.two(growth.1),
        "\(bytes.ipv6 >> 10)", Self.two(Self.routeGrowth), isKept ? "kept" : "not kept",
      ])
    }
    print(table.text)
    fflush(nil)
  }

  private static func time(_ body: (Int) -> Int) -> Double {
    _ = body(2 * RouteKernel.addressCount)
    return Contest.time(body, 1_048_576)
  }

  private func median(_ times: [Double]) -> Double { times.sorted()[times.count / 2] }

  private static func twinLookUp(
    _ kernel: borrowing RouteKernel, _ count: Int, _ sum: inout UInt64
  ) -> Int {
    var found: UInt64 = 0
    let done = kernel.withMemory { table, addresses in
      Int(
        twin_routes(
          table, addresses, UInt64(RouteKernel.addressCount), UInt64(count), kernel.isLarge,
          &found))
    }
    sum &+= found
    return done ?? 0
  }
}
