import Partitioning
import Security

extension RuntimeConfiguration {
  /// The kinds of accelerators that the configuration uses.
  var usedAccelerators: Set<AcceleratorKind> {
    Set(queueing.values.flatMap(\.accelerators).map(\.kind))
  }

  /// The accelerators that the configuration uses, of what the host has.
  func usualDevices() throws(EngineError) -> [AcceleratorKind: AcceleratorDevice] {
    var devices: [AcceleratorKind: AcceleratorDevice] = [:]
    for kind in usedAccelerators { devices[kind] = try usualDevice(kind) }
    return devices
  }

  /// An accelerator for this configuration; `nil` when the host has none.
  ///
  /// - Parameters:
  ///   - kind: Which.
  ///   - patterns: PME's patterns, when they have been compiled.
  /// - Returns: The accelerator.
  /// - Throws: ``EngineError/patterns(_:_:)``.
  func usualDevice(
    _ kind: AcceleratorKind, patterns: PatternSets? = nil
  ) throws(EngineError) -> AcceleratorDevice? {
    switch kind {
    case .sec: SecurityDevice(SecurityChoice())
    case .pme: try patternMatcher(patterns)
    }
  }
}

extension AcceleratorKind {
  /// Why a run has no such accelerator; `nil` when it has.
  var problem: String? {
    switch self {
    case .sec:
      let problems = SecurityLibrary.allCases.compactMap(\.problem)
      return problems.count < SecurityLibrary.allCases.count
        ? nil : "this host has no library for it: \(problems.joined(separator: "; "))"
    // Without a library a run with patterns does not begin.
    case .pme: return nil
    }
  }
}
