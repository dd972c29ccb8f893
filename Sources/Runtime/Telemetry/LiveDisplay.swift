import CPortalShims
import DPAAPortal
import Diagnostics
import Glibc
import Partitioning

/// A table on standard error that is redrawn in place while a run goes on.
final class LiveDisplay {
  private let isShown: Bool
  private var lines = 0
  private var lastDrawn: UInt64 = 0
  private var lastFrames: [UInt64] = []
  private var lastFlows: [UInt64] = []

  /// Half a second between pictures: fast enough to watch, slow enough to read.
  private static let interval: UInt64 = 500_000_000

  init(isShown: Bool) { self.isShown = isShown }

  /// Draws the table if it is time.
  ///
  /// - Parameters:
  ///   - engine: Whose counters it shows.
  ///   - expected: How many frames are to be played into each interface.
  ///   - now: The time.
  func draw(_ engine: Engine, expected: [String: UInt64], now: UInt64) {
    guard isShown, lastDrawn == 0 || now - lastDrawn >= Self.interval else { return }
    let configuration = engine.configuration
    let seconds = Double(now - lastDrawn) / 1e9
    var frames: [UInt64] = []
    var table = TextTable([
      ("partition", .left), ("delivered", .right), ("taken", .right), ("dropped", .right),
      ("frames/s", .right),
    ])
    for (index, owner) in configuration.owners.enumerated() {
      let delivered = engine.counters.value(.delivered, index)
      let taken = engine.counters.value(.taken, index)
      let dropped = DropReason.allCases.reduce(0) { $0 + engine.counters.dropped($1, index) }
      frames.append(delivered + taken)
      let rate =
        lastFrames.indices.contains(index)
        ? Self.rate(frames[index], since: lastFrames[index], in: seconds) : 0
      table.add([owner.name, "\(delivered)", "\(taken)", "\(dropped)", "\(rate)"])
    }
    for row in configuration.accelerators({ kind, number, index in
      let errors = AcceleratorFault.allCases.reduce(0) {
        $0 + engine.counters.failed($1, number, index)
      }
      return [
        "\(kind.rawValue) for \(configuration.owners[index].name)",
        "\(engine.counters.value(.done, number, index))", "", "\(errors)", "",
      ]
    }) {
      table.add(row)
    }
    for (index, interface) in configuration.interfaces.enumerated() {
      let received = engine.counters.value(.received, index)
      var progress = ""
      if let total = expected[interface.name], total > 0 {
        progress = "\(Int(100 * Double(received) / Double(total))) % of \(total)"
      }
      table.add([
        interface.name, "\(engine.counters.value(.transmitted, index))", "\(received)", "",
        progress,
      ])
    }
    clear()
    let tunnels = Self.tunnelTable(engine)
    let text = table.text + "\n" + flowTable(engine, seconds: seconds) + tunnels
    lines = text.count { $0 == "\n" }
    show(text)
    lastFrames = frames
    lastDrawn = now
  }

  /// The six ways, each with all of its flows.
  private func flowTable(_ engine: Engine, seconds: Double) -> String {
    var table = TextTable([
      ("flow", .left), ("frames", .right), ("frames/s", .right), ("p50", .right), ("p99", .right),
      ("max", .right),
    ])
    let latencies = engine.latenciesByKind()
    var frames: [UInt64] = []
    for (place, kind) in FlowKind.allCases.enumerated() {
      let count = engine.flows.filter { $0.kind == kind }.reduce(0) {
        $0 &+ engine.memory[$1.owner].status.memory.counter($1.counter)
      }
      frames.append(count)
      let before = lastFlows.indices.contains(place) ? lastFlows[place] : count
      let rate = Self.rate(count, since: before, in: seconds)
      table.add([kind.rawValue, "\(count)", "\(rate)"] + (latencies[kind]?.texts ?? ["", "", ""]))
    }
    lastFlows = frames
    return table.text
  }

  /// The first tunnels of gateways, as the picture must not be higher than a terminal; empty when there are none.
  static func tunnelTable(_ engine: Engine) -> String {
    let table = RunReport.TunnelReport.table(RunReport.TunnelReport.all(engine), most: 4)
    return table.isEmpty ? "" : "\n" + table
  }

  /// How much a counter grew in a second. A guest's numbers are whatever it wrote: one may fall, or grow
  /// faster than 64 bits can say.
  static func rate(_ count: UInt64, since before: UInt64, in seconds: Double) -> UInt64 {
    let rate = (Double(count >= before ? count - before : 0) / seconds).rounded(.down)
    return UInt64(exactly: rate) ?? .max
  }

  /// Removes the table, so that the final one stands alone.
  func clear() {
    guard isShown, lines > 0 else { return }
    show("\u{1B}[\(lines)A\u{1B}[J")
    lines = 0
  }

  private func show(_ text: String) {
    var text = text
    text.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
  }
}
