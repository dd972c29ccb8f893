import CPatterns

/// The library that finds patterns: Hyperscan, or Vectorscan, which has the same interface.
///
/// It is opened at run time. A host without it runs all that needs no patterns.
public struct PatternLibrary: Sendable {
  /// The library's version, as it tells it.
  public let version: String

  /// Opens the library.
  ///
  /// - Throws: ``PatternError/noLibrary(_:)``.
  public init() throws(PatternError) {
    if let reason = dpaac_patterns_open() { throw .noLibrary(String(cString: reason)) }
    version = String(cString: dpaac_patterns_version())
  }
}

/// Why patterns cannot be looked for.
public enum PatternError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The library is not on this host, or the program was built without it.
  case noLibrary(String)
  /// The library does not take a pattern, the one of this number if it is one alone.
  case refused(pattern: Int?, String)
  /// Compiling took more time than it may.
  case tooSlow
  /// Compiling took more memory than it may, or its outcome is too large.
  case tooLarge
  /// The compiler ended by a fault of its own.
  case crashed
  /// A system call or the library failed.
  case failed(String)

  /// What is wrong, in one sentence without a full stop.
  public var description: String {
    switch self {
    case .noLibrary(let reason): reason
    case .refused(let pattern, let reason):
      "the pattern compiler refuses \(pattern.map { "pattern \($0)" } ?? "the patterns"): \(reason)"
    case .tooSlow: "the patterns take the compiler more time than it is given"
    case .tooLarge: "the patterns take the compiler more memory than it is given"
    case .crashed: "the pattern compiler crashed over the patterns"
    case .failed(let reason): reason.isEmpty ? "the pattern library failed" : reason
    }
  }

  /// What a call came to, when that is an error.
  init?(_ result: dpaac_patterns_result, _ error: dpaac_pattern_error? = nil) {
    guard result != dpaac_patterns_ok else { return nil }
    let message = error.map(Self.message) ?? ""
    switch result {
    case dpaac_patterns_refused:
      let number = error.map { Int($0.expression) } ?? -1
      self = .refused(pattern: number < 0 ? nil : number, message)
    case dpaac_patterns_slow: self = .tooSlow
    case dpaac_patterns_large: self = .tooLarge
    case dpaac_patterns_crashed: self = .crashed
    default: self = .failed(message)
    }
  }

  private static func message(of error: dpaac_pattern_error) -> String {
    withUnsafeBytes(of: error.message) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
