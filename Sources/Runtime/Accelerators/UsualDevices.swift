import Partitioning
import Security

extension RuntimeConfiguration {
  /// The accelerators that the configuration uses, of what the host has.
  func usualDevices() throws(EngineError) -> [AcceleratorKind: AcceleratorDevice] {
    var devices: [AcceleratorKind: AcceleratorDevice] = [:]
    for kind in Set(queueing.values.flatMap(\.accelerators).map(\.kind)) {
      devices[kind] =
        switch kind {
        case .sec: SecurityDevice(SecurityChoice())
        case .pme: try patternMatcher()
        }
    }
    return devices
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
