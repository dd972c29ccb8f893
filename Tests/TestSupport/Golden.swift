import Foundation

/// Files under `Tests/Fixtures/golden` that hold what generated output must be.
///
/// `DPAAC_RENEW_GOLDEN=1 swift test --filter golden` writes them anew; look at the difference before
/// committing it. Each has `.golden` behind its name, so that no formatter or build takes it for its
/// own.
public enum Golden {
  /// Whether this run renews the files and compares nothing.
  public static let isRenewing = ProcessInfo.processInfo.environment["DPAAC_RENEW_GOLDEN"] == "1"

  /// Compares with a golden file, or renews it.
  ///
  /// - Returns: `nil` when the content is the file's, otherwise where they part.
  /// - Throws: When a file cannot be renewed.
  public static func difference(_ bytes: [UInt8], from name: String) throws -> String? {
    let path = "\(Checkout.fixtures)/golden/\(name).golden"
    if isRenewing {
      let url = URL(fileURLWithPath: path)
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(bytes).write(to: url)
      return nil
    }
    guard let data = FileManager.default.contents(atPath: path) else { return "\(name): missing" }
    guard !data.elementsEqual(bytes) else { return nil }
    let expected = lines(data)
    let actual = lines(bytes)
    for (number, pair) in zip(expected, actual).enumerated() where pair.0 != pair.1 {
      return "\(name):\(number + 1):\n  golden    \(pair.0)\n  generated \(pair.1)"
    }
    return "\(name): \(expected.count) lines, but \(actual.count) were generated"
  }

  private static func lines(_ bytes: some Collection<UInt8>) -> [Substring] {
    String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
  }
}
