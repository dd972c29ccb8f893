import Foundation

extension Tool {
  /// A CPU of this machine that a test may run on.
  public static let usableCPU: Int = {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }
    return line?.split { !$0.isNumber }.first.flatMap { Int($0) } ?? 0
  }()
}
