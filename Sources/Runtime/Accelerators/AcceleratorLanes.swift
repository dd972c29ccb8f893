import DPAAPortal
import Partitioning

/// One owner's way into an accelerator.
///
/// Hardware has one channel for each accelerator, and all queues on it share its eight work queues. Here
/// each owner has a channel of its own behind the same number: whatever it puts there, others are
/// served in turn.
struct AcceleratorLane: BitwiseCopyable {
  let owner: Int
  /// The lane's place among QMan's channels.
  let channel: Int
  /// What it may take in a turn, in bytes.
  let quantum: Int
  /// What it may still take in this turn, in bytes; less than 0 when a request took more than was left.
  var credit = 0
}

/// An accelerator that a configuration uses: its lanes, and whose turn it is.
struct AcceleratorEntry: BitwiseCopyable {
  /// The kind's place among all kinds.
  let kind: Int
  let firstLane: Int
  let laneCount: Int
  let device: Unmanaged<AcceleratorDevice>
  /// The first of its jobs, of which it has ``AcceleratorLanes/batch``.
  let firstJob: Int
  var turn = 0
  /// How many jobs an ``AcceleratorWorker`` has, and how often the engine has looked for their end.
  var handedOver = 0
  var looks = 0
}

/// The lanes of all owners into the accelerators that there are devices for, and the jobs of a batch.
struct AcceleratorLanes: ~Copyable {
  /// How many jobs a batch has at most, and how many bytes of input start the last one.
  static let batch = 32
  static let batchBytes = 1 << 17
  /// What a lane of weight 1 may take in a turn, in bytes, and what a job costs beside its input.
  static let quantum = 4096
  static let jobCost = 128

  let lanes: FlatTable<AcceleratorLane>
  let entries: FlatTable<AcceleratorEntry>
  let jobs: FlatTable<AcceleratorJob>
  /// For each job the one piece of its output and that of its input, as nearly all have: side by side, as places
  /// for many pieces are so far from each other that they would drive one another out of the cache.
  let whole: FlatTable<AcceleratorJob.Piece>
  /// For each job ``FragmentEntry/chainLimit`` pieces of its output and as many of its input, where there are more.
  let pieces: FlatTable<AcceleratorJob.Piece>
  /// Keeps the devices alive.
  private let devices: [AcceleratorDevice]
  /// The place of the first lane among QMan's channels, which all others follow.
  let firstChannel: Int

  init(
    _ configuration: RuntimeConfiguration, _ layout: ChannelLayout,
    _ devices: [AcceleratorKind: AcceleratorDevice]
  ) throws(EngineError) {
    var lanes: [AcceleratorLane] = []
    var entries: [AcceleratorEntry] = []
    for (number, kind) in AcceleratorKind.allCases.enumerated() {
      guard let device = devices[kind] else { continue }
      let first = lanes.count
      for lane in layout.lanes where lane.kind == kind {
        lanes.append(
          AcceleratorLane(
            owner: lane.owner, channel: lane.index, quantum: Int(lane.weight) * Self.quantum))
      }
      guard lanes.count > first else { continue }
      entries.append(
        AcceleratorEntry(
          kind: number, firstLane: first, laneCount: lanes.count - first,
          device: Unmanaged.passUnretained(device), firstJob: entries.count * Self.batch))
    }
    // Locals first: a value that cannot be copied must not be half made when something throws.
    let laneTable = try FlatTable<AcceleratorLane>(count: lanes.count)
    let entryTable = try FlatTable<AcceleratorEntry>(count: entries.count)
    let jobs = try FlatTable<AcceleratorJob>(count: entries.count * Self.batch)
    let whole = try FlatTable<AcceleratorJob.Piece>(count: entries.count * Self.batch * 2)
    let pieces = try FlatTable<AcceleratorJob.Piece>(
      count: entries.count * Self.batch * 2 * FragmentEntry.chainLimit)
    for (index, lane) in lanes.enumerated() { laneTable.base[index] = lane }
    for (index, entry) in entries.enumerated() { entryTable.base[index] = entry }
    self.devices = Array(devices.values)
    firstChannel = layout.lanes.map(\.index).min() ?? Int.max
    self.lanes = laneTable
    self.entries = entryTable
    self.jobs = jobs
    self.whole = whole
    self.pieces = pieces
  }
}
