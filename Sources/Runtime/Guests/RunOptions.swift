import CPortalShims
import Glibc

/// How a configuration is run.
public struct RunOptions: Sendable {
  /// What relative capture paths are relative to.
  public var directory: String
  /// The program that each guest's process executes; it is given nothing but descriptor 3.
  public var guestProgram: [String]
  /// Where captures of every guest and interface are left; `nil` for none.
  public var outputDirectory: String?
  /// Captures to play instead of the plan's, by interface.
  public var replays: [String: String] = [:]
  /// How often each capture is played.
  public var repeats: UInt64 = 1
  /// Frames per second and interface; 0 for no limit.
  public var rate: UInt64 = 0
  /// Whether a table is drawn to standard error while it runs.
  public var isLive = false
  /// How long, in milliseconds, a run whose input has ended may stand still before it is ended.
  public var patience: UInt64 = 2000

  /// Creates options.
  public init(directory: String, guestProgram: [String]) {
    self.directory = directory
    self.guestProgram = guestProgram
  }

  /// The program and arguments of a built-in guest: `dpaac-guest` beside an executable, or that
  /// very executable when there is none, as for a `dpaac` that was copied alone.
  public static func builtInGuest(beside executable: String) -> [String] {
    let directory = executable.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    let companion = (directory + ["dpaac-guest"]).joined(separator: "/")
    return access(companion, X_OK) == 0 ? [companion] : [executable, "guest"]
  }

  /// A capture's path, seen from ``directory``.
  func resolve(_ path: String) -> String {
    path.hasPrefix("/") || directory.isEmpty ? path : "\(directory)/\(path)"
  }
}
