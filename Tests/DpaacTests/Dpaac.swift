import Foundation
import TestSupport
import Testing

/// The built programs, and small things that tests of them need.
enum Dpaac {
  /// Where SwiftPM put the products: beside the test runner.
  static let products = URL(fileURLWithPath: CommandLine.arguments[0])
    .resolvingSymlinksInPath().deletingLastPathComponent().path

  static let tool = Tool("\(products)/dpaac", package: "dpaac itself")
  static let example = "\(Checkout.path)/examples/kvm-forum/t4240qds.yaml"
  static let p4080Example = "\(Checkout.path)/examples/kvm-forum/p4080ds.yaml"

  /// The example with one text replaced by another, in a folder with its capture.
  static func variant(
    of path: String = example, in directory: TemporaryDirectory,
    replacing old: String, with new: String
  ) throws -> String {
    let text = try String(contentsOfFile: path, encoding: .utf8)
    try #require(text.contains(old), "the example no longer has \(old)")
    let capture = "\(Checkout.path)/examples/kvm-forum/traffic.pcap"
    try FileManager.default.copyItem(atPath: capture, toPath: "\(directory.path)/traffic.pcap")
    return try directory.write(
      "plan.yaml", Data(text.replacingOccurrences(of: old, with: new).utf8))
  }

  /// The final table of a run as JSON.
  static func report(_ output: String) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
  }

  /// A member of the report's list by name.
  static func partition(_ name: String, of report: [String: Any]) throws -> [String: Any] {
    let partitions = try #require(report["partitions"] as? [[String: Any]])
    return try #require(partitions.first { $0["name"] as? String == name })
  }

  /// The child processes of a run, in the order of its partitions.
  static func guests(of run: Int32) throws -> [Int32] {
    let children = try String(
      contentsOfFile: "/proc/\(run)/task/\(run)/children", encoding: .utf8)
    return children.split(separator: " ").compactMap { Int32($0) }
  }
}
