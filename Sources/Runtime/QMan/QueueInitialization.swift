import DPAAPortal

/// How far an `INITFQ` of many queues has come: nobody's round is to last as long as all of them take.
struct QueueInitialization: BitwiseCopyable {
  /// How many queues a round looks at or writes.
  static let stepsPerRound: UInt32 = 128

  let command: CommandImage
  /// Whether all queues have been found fit, so that they are being written.
  var writes = false
  /// The next queue to look at or to write, behind the first.
  var next: UInt32 = 0

  init(_ command: CommandImage) { self.command = command }
}

extension CommandImage {
  /// Whether an `INITFQ` is to schedule its queues.
  var isScheduling: Bool { byte(0) & 0x7f == ManagementVerb.initializeScheduled }
}
