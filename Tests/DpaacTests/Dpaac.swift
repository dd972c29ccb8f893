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

  /// The frames of a capture in this machine's byte order.
  static func frames(_ path: String) throws -> [[UInt8]] {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    var frames: [[UInt8]] = []
    var place = 24
    while place + 16 <= bytes.count {
      let count = bytes[place + 8..<place + 12].reversed().reduce(0) { $0 << 8 | Int($1) }
      try #require(place + 16 + count <= bytes.count)
      frames.append(Array(bytes[place + 16..<place + 16 + count]))
      place += 16 + count
    }
    return frames
  }

  /// A guest's program that runs, or ends with code 3 while there is a file at `marker`.
  ///
  /// - Parameters:
  ///   - directory: Where both are.
  ///   - isOnce: Whether the program takes the file away.
  /// - Returns: The program, and the marker's path.
  /// - Throws: When it cannot be written.
  static func failingProgram(
    in directory: TemporaryDirectory, once isOnce: Bool = false
  ) throws -> (program: String, marker: String) {
    let marker = "\(directory.path)/fails"
    let end = isOnce ? "{ rm \(marker); exit 3; }" : "exit 3"
    let program = try program(
      "[ -e \(marker) ] && \(end)\nexec \(products)/dpaac-guest", in: directory)
    return (program, marker)
  }

  /// A program of a shell's words.
  static func program(_ words: String, in directory: TemporaryDirectory) throws -> String {
    let program = try directory.write("program", Data("#!/bin/sh\n\(words)\n".utf8))
    try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: program)
    return program
  }

  /// Waits until a run of the example has started the processes of its four partitions, and names them.
  static func startedGuests(of run: ChildProcess) throws -> [Int32] {
    let deadline = ContinuousClock.now + .seconds(120)
    while run.isRunning {
      let guests = (try? Self.guests(of: run.processIdentifier)) ?? []
      if guests.count >= 4 { return guests }
      try #require(ContinuousClock.now < deadline, "its guests do not start")
      usleep(1000)
    }
    return []
  }

  /// The child processes of a run, in the order of its partitions.
  static func guests(of run: Int32) throws -> [Int32] {
    let children = try String(
      contentsOfFile: "/proc/\(run)/task/\(run)/children", encoding: .utf8)
    return children.split(separator: " ").compactMap { Int32($0) }
  }
}
