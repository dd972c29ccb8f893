import Diagnostics
import QorIQ

/// Portals in as few rows as their regularity allows.
extension BoardText {
  /// A table of portals: a row for each run whose numbers are evenly apart.
  func portalTable(_ portals: [SoftwarePortal], withDMA: Bool) -> String {
    var columns: [(String, TextTable.Alignment)] = [
      ("portals", .left), ("cache-enabled", .left), ("cache-inhibited", .left),
      ("interrupt", .left),
    ]
    if withDMA {
      columns += [
        ("ring LIODN", .left), ("frame LIODN", .left), ("offset", .left), ("stash to", .left),
      ]
    }
    var table = TextTable(columns)
    for run in runs(portals) {
      guard let first = run.first, let last = run.last else { continue }
      var row = [
        run.count == 1 ? "\(first.index)" : "\(first.index)-\(last.index)",
        window(run, \.cacheEnabled), window(run, \.cacheInhibited),
        counting(run.map { UInt64($0.interrupt.rawValue) }),
      ]
      if withDMA { row += dma(run.compactMap(\.dma)) }
      table.add(row)
    }
    return table.text
  }

  /// The numbers of a portal that count evenly within a run.
  private func numbers(_ portal: SoftwarePortal) -> [UInt64] {
    [
      UInt64(portal.index.rawValue), portal.cacheEnabled.base, portal.cacheEnabled.size,
      portal.cacheInhibited.base, portal.cacheInhibited.size, UInt64(portal.interrupt.rawValue),
    ]
      + (portal.dma.map {
        [
          UInt64($0.dequeueRing.rawValue), UInt64($0.frame.rawValue), UInt64($0.offset.rawValue),
        ]
      } ?? [])
  }

  private func runs(_ portals: [SoftwarePortal]) -> [[SoftwarePortal]] {
    var runs: [[SoftwarePortal]] = []
    var steps: [UInt64] = []
    for portal in portals {
      guard let previous = runs.last?.last else {
        runs.append([portal])
        continue
      }
      let before = numbers(previous)
      let now = numbers(portal)
      let step = zip(now, before).map { $0 &- $1 }
      let length = runs[runs.count - 1].count
      if now.count == before.count, step.first == 1, length == 1 || step == steps {
        steps = step
        runs[runs.count - 1].append(portal)
      } else {
        runs.append([portal])
      }
    }
    return runs
  }

  private func window(
    _ run: [SoftwarePortal], _ path: KeyPath<SoftwarePortal, QorIQ.AddressRange>
  ) -> String {
    guard let first = run.first else { return "" }
    let range = first[keyPath: path]
    let step = run.count > 1 ? run[1][keyPath: path].base &- range.base : 0
    let size = bytes(range.size)
    return "\(hex(range.base)), \(size)"
      + (step == 0 || step == range.size ? "" : " every \(bytes(step))")
  }

  private func dma(_ run: [PortalDMA]) -> [String] {
    guard let first = run.first else { return ["-", "-", "-", "-"] }
    let stashes = Set(run.map(\.stashDestination)).sorted()
    return [
      counting(run.map { UInt64($0.dequeueRing.rawValue) }),
      counting(run.map { UInt64($0.frame.rawValue) }),
      counting(run.map { UInt64($0.offset.rawValue) }),
      stashes.count == 1
        ? "\(first.stashDestination)" : "\(stashes[0])-\(stashes[stashes.count - 1])",
    ]
  }

  /// `104, 106 … 174`.
  private func counting(_ numbers: [UInt64]) -> String {
    guard let first = numbers.first, let last = numbers.last else { return "-" }
    if first == last { return "\(first)" }
    return numbers.count == 2 ? "\(first), \(last)" : "\(first), \(numbers[1]) … \(last)"
  }

  func hex(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }

  func bytes(_ count: UInt64) -> String {
    for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)]
    where count >= 1 << shift && count & (1 << shift - 1) == 0 {
      return "\(count >> shift) \(unit)"
    }
    return "\(count) bytes"
  }
}
