import CPortalShims
import Glibc

/// Why an engine could not be made or a run could not begin.
public enum EngineError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kernel refused memory for a region or table; with the error number.
  case noMemory(String, Int32)
  /// The configuration contradicts itself, so it did not come from a checked partition.
  case badConfiguration(String)
  /// A file is shorter than what lies in it: bytes there are, bytes needed.
  case fileTooShort(path: String, size: Int, needed: Int)
  /// An interface is to be connected, or have a capture played, that there is not; with those that there
  /// are.
  case noInterface(String, [String])
  /// A port cannot be connected: the interface, with what, and why.
  case line(String, String, String)
  /// Two ways of a guest are to be connected, of which it has one not; with those that it has.
  case noSuchWay(String, [String])
  /// A way is to be connected with more than one other.
  case connectedTwice(String)
  /// No run listens at a control socket.
  case noRun(String)
  /// A file cannot be read or written; with the error number.
  case file(String, Int32)
  /// A capture that is to be played would be written by the same run.
  case overwritesInput(String)
  /// A capture is not what it should be: what and where.
  case badCapture(path: String, offset: Int, problem: String)
  /// The plan's patterns cannot be looked for: the code of what is wrong, and a sentence.
  case patterns(String, String)
  /// A new configuration cannot be put in the place of the one that runs: why, and what to do.
  case transition(String)
  /// A run was asked to end before something.
  case ended(String)
  /// A guest could not be started or did not attach.
  case guest(String, String)

  /// A sentence for people.
  public var description: String {
    switch self {
    case .noMemory(let what, let error):
      "no memory for the \(what) region: \(String(cString: strerror(error)))"
    case .badConfiguration(let what): "the configuration contradicts itself: \(what)"
    case .noInterface(let name, let known):
      "the plan has no interface \(name) to connect; "
        + (known.isEmpty ? "it has none" : "it has \(known.joined(separator: ", "))")
    case .line(let interface, let address, let problem): "\(interface)=\(address): \(problem)"
    case .noSuchWay(let name, let known):
      "the guest has no network interface for \(name); "
        + (known.isEmpty ? "it has none" : "it has \(known.joined(separator: ", "))")
    case .connectedTwice(let name): "\(name) can be connected with one other way only"
    case .noRun(let path):
      "\(path): no run listens there; start one with dpaac run PLAN --control \(path)"
    case .file(let path, let error): "\(path): \(String(cString: strerror(error)))"
    case .fileTooShort(let path, let size, let needed):
      "\(path): it is \(size) bytes long and must be at least \(needed)"
    case .overwritesInput(let path):
      "\(path): the run would overwrite the capture that it plays; choose another folder for -o"
    case .badCapture(let path, let offset, let problem): "\(path): byte \(offset): \(problem)"
    case .patterns(let code, let problem): "\(problem) [\(code)]"
    case .transition(let problem): problem
    case .ended(let moment): "the run was ended before \(moment)"
    case .guest(let name, let problem): "\(name): \(problem)"
    }
  }
}
