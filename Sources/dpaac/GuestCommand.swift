import ArgumentParser
import DPAAPortal

/// `dpaac guest`: the process of a built-in guest, for a `dpaac` that was copied without its
/// `dpaac-guest`. Only `dpaac run` starts it.
struct GuestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "guest", abstract: "A guest's process, started by `dpaac run`.",
    shouldDisplay: false)

  func run() throws {
    GuestMain.run { (session: inout GuestSession) throws(GuestError) in
      try session.run()
    }
  }
}
