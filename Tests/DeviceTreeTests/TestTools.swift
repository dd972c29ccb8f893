import DeviceTree
import Diagnostics
import Foundation
import class TestSupport.ChildProcess

/// Whether tests run that take more than a few seconds.
let isHeavy = ProcessInfo.processInfo.environment["DPAAC_HEAVY_TESTS"] == "1"

/// Programs that tests compare against; tests that need a missing one are skipped by name.
enum Tool {
  static func path(_ name: String) -> String? {
    ["/usr/bin/", "/usr/local/bin/", "/bin/"].map { $0 + name }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  static var hasDTC: Bool { path("dtc") != nil && path("fdtget") != nil }

  /// Runs a program on input and gives its output and exit code.
  static func run(_ name: String, _ arguments: [String], input: [UInt8] = []) throws -> (
    output: [UInt8], status: Int32
  ) {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let inputPath = try directory.write("input", input)
    let outputPath = try directory.write("output", [])
    let process = try ChildProcess(
      path(name) ?? name, arguments, input: FileHandle(forReadingAtPath: inputPath),
      output: FileHandle(forWritingAtPath: outputPath))
    process.waitUntilExit()
    let data = FileManager.default.contents(atPath: outputPath) ?? Data()
    return (Array(data), process.terminationStatus)
  }

  /// dtc's output for a source on its standard input.
  static func dtc(_ arguments: [String], _ input: [UInt8]) throws -> [UInt8] {
    try run("dtc", ["-q"] + arguments + ["-"], input: input).output
  }
}

/// A directory that a test writes in and removes.
struct TemporaryDirectory {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpaac-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    let file = path + "/" + name
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }

  @discardableResult
  func write(_ name: String, text: String) throws -> String { try write(name, Array(text.utf8)) }

  func remove() { try? FileManager.default.removeItem(atPath: path) }
}

/// The blob of a tree that has no errors.
func blob(_ tree: Tree, _ writer: BlobWriter = BlobWriter()) -> [UInt8] {
  var bag = DiagnosticBag()
  return writer.write(tree, into: &bag) ?? []
}

/// A small tree with every kind of value, made by hand.
func sampleTree() -> Tree {
  var tree = Tree { root in
    root.set("#address-cells", 2)
    root.set("#size-cells", 2)
    root.set("compatible", .strings(["fsl,P4080DS", "fsl,p4080"]))
    root.set("interrupt-parent", .reference("mpic"))
    root.add("cpus") { cpus in
      cpus.set("#address-cells", 1)
      cpus.set("#size-cells", 0)
      for number in 0..<2 as Range<UInt32> {
        cpus.add("cpu@\(number)", labels: ["cpu\(number)"]) {
          $0.set("device_type", "cpu")
          $0.set("reg", number)
          $0.set("fsl,portal", .cells([.reference("mpic"), 5]) + .string("x") + .bytes([1, 2, 3]))
        }
      }
    }
    root.add("soc@ffe000000", labels: ["soc"]) { soc in
      soc.set("#address-cells", 1)
      soc.set("#size-cells", 1)
      soc.set("ranges", .cells([0, 0xF, 0xFE00_0000, 0x100_0000]))
      soc.add("pic@40000", labels: ["mpic"]) {
        $0.set("reg", .cells([0x40000, 0x40000]))
        $0.set("interrupt-controller")
      }
      soc.add("serial@11c500", labels: ["serial0"]) {
        $0.set("reg", .cells([0x11C500, 0x100]))
        $0.set("wide", .integers([1, 0x1234], width: .bits16) + .u64(1 << 40))
      }
    }
    root.add("aliases") { $0.set("serial0", .path("serial0")) }
    root.add("chosen") { $0.set("stdout-path", .path("/soc@ffe000000/serial@11c500")) }
  }
  tree.reservations = [MemoryReservation(address: 0x1000, size: 0x2000)]
  return tree
}
