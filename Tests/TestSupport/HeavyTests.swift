import Foundation

/// Whether tests that take long run too: `DPAAC_HEAVY_TESTS` is 1, as `scripts/test --all` sets it.
public let isHeavy = ProcessInfo.processInfo.environment["DPAAC_HEAVY_TESTS"] == "1"

/// The device trees of Linux 6.1, which `scripts/boards` fetches.
public enum LinuxTrees {
  /// The cache of `scripts/boards`.
  public static let directory: String = {
    let environment = ProcessInfo.processInfo.environment
    let cache = environment["XDG_CACHE_HOME"] ?? "\(environment["HOME"] ?? "")/.cache"
    return "\(cache)/dpaac/linux-6.1"
  }()

  /// Whether tests with these trees run: they are heavy, and nothing is fetched for them.
  public static let areThere =
    isHeavy && FileManager.default.fileExists(atPath: "\(directory)/complete")
}
