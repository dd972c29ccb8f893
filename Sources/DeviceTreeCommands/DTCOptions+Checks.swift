import DeviceTree
import Diagnostics

extension DTCOptions {
  /// Applies `-W name`, `-W no-name`, `-E name` or `-E no-name`.
  ///
  /// Turning a warning off leaves an error alone, and `-E no-name` turns an error into a warning.
  mutating func configure(_ argument: String, _ severity: Severity) throws(OptionParser.Failure) {
    let isOff = argument.hasPrefix("no-") || argument.hasPrefix("no_")
    let name = isOff ? String(argument.dropFirst(3)) : argument
    let code = DiagnosticCode(String(name.map { $0 == "_" ? "-" : $0 }))
    let current = checker.severity(of: code)
    let wanted: Severity? =
      switch (severity, isOff) {
      case (.warning, true): current == .error ? .error : nil
      case (.error, true): current == .error ? .warning : current
      case (.warning, false): current == .error ? .error : .warning
      default: .error
      }
    guard checker.configure(name, wanted) else {
      throw OptionParser.Failure(message: "there is no check \"\(name)\"")
    }
  }
}
