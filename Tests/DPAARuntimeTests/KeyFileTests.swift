import DPAAPortal
import Diagnostics
import Foundation
import Lowering
import Partitioning
import TestSupport
import Testing

@testable import DPAARuntime

/// Where a gateway's keys are read from, and when.
@Suite struct KeyFileTests {
  @Test func `files of keys are seen from the plan, as captures are`() throws {
    let directory = "\(Checkout.path)/examples/ipsec"
    let result = PlanLoader.load("\(directory)/p4080ds.yaml")
    let partition = try #require(
      result.partition, "\(DiagnosticRenderer().render(result.diagnostics))")
    let configuration = RuntimeConfiguration(partition)
    // A generated program has them as the plan does.
    let written = configuration.findingKeys { path in
      "keys/\(path.split(separator: "/").last ?? "")"
    }
    #expect(throws: EngineError.self) { _ = try written.grant(ofOwner: 1) }
    let options = RunOptions(directory: directory, guestProgram: [])
    let found = written.findingKeys(options.resolve)
    #expect(try found.grant(ofOwner: 1) == configuration.grant(ofOwner: 1))
    #expect(configuration.findingKeys(options.resolve) == configuration)
  }

  /// The example's plan in a directory of its own, so that its keys can be changed.
  private struct Gateway {
    let directory: TemporaryDirectory
    let partition: Partition

    init() throws {
      directory = try TemporaryDirectory()
      try FileManager.default.copyItem(
        atPath: "\(Checkout.path)/examples/ipsec", toPath: "\(directory.path)/ipsec")
      let result = PlanLoader.load("\(directory.path)/ipsec/p4080ds.yaml")
      partition = try #require(
        result.partition, "\(DiagnosticRenderer().render(result.diagnostics))")
    }

    /// Has another key in a file, or none.
    func put(_ digits: String?, into name: String) throws {
      let path = "\(directory.path)/ipsec/keys/\(name).key"
      if let digits {
        try Data(digits.utf8).write(to: URL(fileURLWithPath: path))
      } else {
        try FileManager.default.removeItem(atPath: path)
      }
    }

    /// The partition with the keys that are there now.
    func held() throws -> Partition { try partition.holdingKeys { $0 } }
  }

  private static let digits = "000102030405060708090a0b0c0d0e0f10111213"

  @Test func `a plan holds the keys that it came with, and another key is a change of its tunnel`()
    throws
  {
    let gateway = try Gateway()
    defer { gateway.directory.remove() }
    let before = try gateway.held()
    let told = try RuntimeConfiguration(gateway.partition).grant(ofOwner: 1)
    #expect(try RuntimeConfiguration(before).grant(ofOwner: 1) == told)
    #expect(try gateway.held() == before)
    try gateway.put(Self.digits, into: "ipv4-out")
    try gateway.put("0x" + String(repeating: "7f", count: 48), into: "ipv6-in")
    let after = try gateway.held()
    #expect(try RuntimeConfiguration(before).grant(ofOwner: 1) == told)
    #expect(try RuntimeConfiguration(after).grant(ofOwner: 1) != told)
    let changes = PartitionDifference(from: before, to: after).changes
    #expect(changes.map(\.name) == ["host", "gateway"])
    #expect(changes.map(\.fate) == [.untouched, .restarted])
    #expect(
      changes.map(\.reasons) == [
        [], ["the key out to 192.0.2.2 is another", "the key in from 2001:db8::2 is another"],
      ])
    // Whoever changes more than keys is not told of keys alone.
    var other = RuntimeConfiguration(after)
    guard case .ipsec(var program) = other.owners[1].program else {
      Issue.record("\(other.owners[1].program)")
      return
    }
    program.bypasses = true
    other.owners[1].program = .ipsec(program)
    #expect(
      PartitionDifference(from: before, to: after.withKeys(of: other)).changes[1].reasons == [
        "its program has changed"
      ])
    // A run that has nothing but the two configurations sees it, too.
    let change = try ConfigurationChange(
      from: RuntimeConfiguration(before), to: RuntimeConfiguration(after))
    #expect(change.fates == [.untouched, .restarted("what its program was told is another")])
    // Back again, whatever has become of the file.
    try gateway.put(nil, into: "ipv4-out")
    let back = try ConfigurationChange(from: change.new, to: change.old)
    #expect(try back.new.grant(ofOwner: 1) == told)
    #expect(throws: EngineError.self) { _ = try gateway.held() }
  }

  @Test func `a key that no transform takes is refused as it is read`() throws {
    let gateway = try Gateway()
    defer { gateway.directory.remove() }
    try gateway.put("0102", into: "ipv4-in")
    #expect(
      throws: EngineError.badConfiguration("gateway has a key of 2 bytes for aes-gcm")
    ) { _ = try gateway.held() }
    try gateway.put("secret", into: "ipv4-in")
    let error = #expect(throws: EngineError.self) { _ = try gateway.held() }
    #expect(error?.description.contains("gateway's key cannot be read from") == true)
    // No file of a key is so long, and nobody reads on.
    try gateway.put(Self.digits + String(repeating: " ", count: 4096), into: "ipv4-in")
    #expect(throws: EngineError.self) { _ = try gateway.held() }
    try gateway.put(Self.digits, into: "ipv4-in")
    _ = try gateway.held()
  }

  @Test func `a key's digits may have white space between them and 0x in front`() {
    func bytes(_ text: String) -> [UInt8]? { TunnelKey.bytes(ofDigits: text.utf8) }
    #expect(bytes(" 0x0a fF\n") == [0x0a, 0xff])
    #expect(bytes("00\t1 1") == [0, 0x11])
    #expect(bytes("") == [] && bytes("0x") == [])
    for text in ["0x0x00", "000x11", "x00", "123", "12g4", "1x22", "0x1", "00 0x"] {
      #expect(bytes(text) == nil, "\(text)")
    }
  }
}
