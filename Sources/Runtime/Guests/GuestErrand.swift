/// What a guest was told over the control socket, and how far it has come with that: a run does not stand still
/// meanwhile.
struct GuestErrand {
  /// Who waits for it.
  let request: ControlRequest
  /// The guest's place among those of the run.
  let guest: Int
  /// Whether it is to run in the end.
  let startsAgain: Bool
  var step: Step
  /// When it is given up, in nanoseconds.
  var deadline: UInt64

  /// What is waited for.
  enum Step {
    /// The end of the process.
    case ending
    /// That the engine has taken back what the guest held.
    case reclaiming
    /// That all which it sent has left, and its owner is in service again.
    case returning
    /// That the new process has attached to its portals.
    case starting
  }
}
