import BenchmarkTools
import Glibc

/// The runs of one case, ours and theirs by turns.
struct Comparison {
  private let item: Case
  private let size: Int
  private let ours: Series
  private let theirs: Series
  private let agreement: Agreement

  /// How alike the outputs are.
  private enum Agreement: Int, Comparable {
    case bytes
    /// libfdt lays out names in another order; dtc prints the same source of both, sorted.
    case tree
    case none

    var text: String { ["same bytes", "same tree", "DIFFERS"][rawValue] }

    static func < (left: Agreement, right: Agreement) -> Bool { left.rawValue < right.rawValue }
  }

  /// The runs of one program.
  private struct Series {
    var runs: [ProcessTimer.Run] = []

    var seconds: Double {
      let sorted = runs.map(\.seconds).sorted()
      return sorted.isEmpty ? .nan : sorted[sorted.count / 2]
    }
    var processor: Double {
      let sorted = runs.map(\.processor).sorted()
      return sorted.isEmpty ? .nan : sorted[sorted.count / 2]
    }
    var memory: Int { runs.map(\.memory).max() ?? 0 }
    var isStopped: Bool { runs.contains { $0.isStopped } }
    var hasFailed: Bool { runs.isEmpty || runs.contains { $0.status != 0 } }
    /// Enough once three seconds are spent or the median can no longer move much.
    var isEnough: Bool {
      let total = runs.reduce(0) { $0 + $1.seconds }
      return hasFailed && !runs.isEmpty || runs.count >= 101 || total > 10
        || total > 3 && runs.count >= 3
    }
  }

  init(_ item: Case, _ prepared: Prepared, _ timer: ProcessTimer) {
    self.item = item
    size = prepared.inputs.reduce(0) { $0 + FileTools.size($1) }
    var ours = Series()
    var theirs = Series()
    while !ours.isEnough || !theirs.isEnough {
      let before = ours.runs.count + theirs.runs.count
      if !ours.isEnough, let run = timer.run(prepared.ours.commands) { ours.runs.append(run) }
      if !theirs.isEnough, let run = timer.run(prepared.theirs.commands) { theirs.runs.append(run) }
      if ours.runs.count + theirs.runs.count == before { break }
    }
    self.ours = ours
    self.theirs = theirs
    agreement = zip(prepared.ours.outputs, prepared.theirs.outputs).reduce(.bytes) { worst, pair in
      max(worst, Self.compare(pair.0, pair.1, timer))
    }
  }

  private static func compare(_ left: String, _ right: String, _ timer: ProcessTimer) -> Agreement {
    if FileTools.areEqual(left, right) { return .bytes }
    let sources = [left, right].map { blob in
      let source = blob + ".dts"
      _ = timer.run(["dtc", "-q", "-s", "-I", "dtb", "-O", "dts", "-o", source, blob])
      return source
    }
    defer { for source in sources { unlink(source) } }
    return FileTools.areEqual(sources[0], sources[1]) ? .tree : .none
  }

  private var ratio: Double { theirs.seconds / ours.seconds }
  private var isSmallEnough: Bool { !item.isSmaller || ours.memory < theirs.memory }

  /// What ours took.
  var ownSeconds: Double { ours.seconds }
  var ownMemory: Int { ours.memory }

  /// Whether ours did the work, gave the same bytes where theirs did it, and kept its promise.
  var isKept: Bool {
    guard !ours.hasFailed else { return false }
    if theirs.hasFailed { return !theirs.isStopped || ratio >= item.promise }
    return agreement != .none && ratio >= item.promise && isSmallEnough
  }

  private var verdict: String {
    if ours.hasFailed { return "WE FAIL" }
    if theirs.isStopped { return "theirs was stopped" }
    if theirs.hasFailed { return "theirs refuses" }
    if agreement != .none && !isSmallEnough { return "TOO MUCH MEMORY" }
    return agreement.text
  }

  private var ratioText: String {
    if theirs.hasFailed && !theirs.isStopped { return "-" }
    return (theirs.isStopped ? "> " : "") + Self.text(ratio, 1) + "x"
  }

  /// The case in a line.
  var summary: String {
    "\(Self.time(ours.seconds)) against \(Self.time(theirs.seconds)), \(ratioText), \(verdict) "
      + "(\(ours.runs.count) and \(theirs.runs.count) runs)"
  }

  /// The case as a row of the table.
  var row: [String] {
    [
      item.name, Self.bytes(size), Self.time(ours.seconds),
      (theirs.isStopped ? "> " : "") + Self.time(theirs.seconds), ratioText,
      theirs.hasFailed ? "-" : Self.text(theirs.processor / ours.processor, 1) + "x",
      item.promise > 0 ? (isKept ? "" : "NOT ") + Self.text(item.promise, 2) + "x" : "works",
      "\(ours.memory >> 20)", "\(theirs.memory >> 20)", verdict,
    ]
  }

  private static func time(_ seconds: Double) -> String {
    seconds < 1 ? text(seconds * 1000, 2) + " ms" : text(seconds, 2) + " s"
  }

  private static func bytes(_ count: Int) -> String {
    count < 1 << 20 ? "\((count + 1023) >> 10) KB" : "\((count + 1 << 19) >> 20) MB"
  }

  private static func text(_ number: Double, _ digits: Int) -> String {
    guard number.isFinite else { return "-" }
    let scale = digits == 1 ? 10 : 100
    let rounded = Int((number * Double(scale)).rounded())
    let fraction = String(rounded % scale)
    return "\(rounded / scale)."
      + String(repeating: "0", count: digits - fraction.count) + fraction
  }
}
