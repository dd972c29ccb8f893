import Foundation
import Security
import TestSupport
import Testing

/// `examples/chains`: frames that go through SEC from NIC to NIC, and through PME to their guest, judged by scapy.
@Suite(
  .serialized, .timeLimit(.minutes(5)),
  .enabled(if: PatternHost.isReady, Comment(rawValue: PatternHost.need)),
  .enabled(
    if: SecurityLibrary.allCases.allSatisfy { $0.problem == nil },
    "needs package libipsec-mb-dev"))
struct ChainExampleTests {
  private static let directory = "\(Checkout.path)/examples/chains"
  private static let python = Tool("/usr/bin/python3", package: "python3-scapy")
  /// Each plan, and its NIC towards the peer.
  private static let plans = [("p4080ds", "fm2-10g0"), ("t4240qds", "fm1-10g1")]

  @Test(.enabled(if: python.isPresent, "needs package python3-scapy"), arguments: plans)
  func `scapy gets from both NICs what it should, and the gateway's portals see nothing of it`(
    plan: String, far: String
  ) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let script = "\(Self.directory)/captures.py"
    let made = try Self.python.run([script, "make", directory.path])
    #expect(made.status == 0, "\(made.errorText)")
    let outcome = try Dpaac.tool.run([
      "run", "\(Self.directory)/\(plan).yaml", "--format", "json", "-o", "\(directory.path)/out",
      "--port", "fm1-10g0=\(directory.path)/near.pcap", "--port",
      "\(far)=\(directory.path)/far.pcap",
    ])
    #expect(outcome.status == 0, "\(outcome.text)\(outcome.errorText)")
    let judged = try Self.python.run([script, "check", "\(directory.path)/out", far])
    #expect(judged.status == 0, "\(judged.errorText)")
    #expect(judged.text == "scapy agrees\n")
    let report = try Dpaac.report(outcome.text)
    #expect(report["conserved"] as? Bool == true)
    let gateway = try Dpaac.partition("gateway", of: report)
    #expect(gateway["received"] as? Int == 0)
    #expect(gateway["sent"] as? Int == 0)
    // One came twice, and one was changed.
    #expect(gateway["drops"] as? [String: Int] == ["accelerator-error": 2])
    let filter = try Dpaac.partition("filter", of: report)
    // 30 that PME has looked through on their way, 10 that it has not, and its answers to those.
    #expect(filter["received"] as? Int == 50)
    #expect(filter["counts"] as? [String: Int] == ["forwarded": 22, "matched": 18])
  }

  @Test(arguments: plans)
  func `a trace shows the chain that a frame goes into`(plan: String, far: String) throws {
    for (interface, file, place, chain) in [
      ("fm1-10g0", "near", 0, "out: its IP packet to sec"),
      (far, "far", 0, "in: its IP packet to sec"),
      ("fm1-10g0", "near", 40, "look: all of it to pme, set 0"),
    ] {
      let frame = try Self.frame(place, of: "\(Self.directory)/\(file).pcap")
      let outcome = try Dpaac.tool.run([
        "trace", "\(Self.directory)/\(plan).yaml", frame, "--interface", interface,
      ])
      #expect(outcome.status == 0, "\(outcome.errorText)")
      #expect(outcome.text.contains(chain), "\(outcome.text)")
    }
  }

  /// A frame of a capture that scapy has written, in hexadecimal.
  private static func frame(_ place: Int, of path: String) throws -> String {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    var start = 24
    for number in 0... {
      try #require(start + 16 <= bytes.count)
      let length = (0..<4).reduce(0) { $0 | Int(bytes[start + 8 + $1]) << (8 * $1) }
      guard number == place else {
        start += 16 + length
        continue
      }
      return bytes[start + 16..<start + 16 + length].map { String(format: "%02x", $0) }.joined()
    }
    return ""
  }
}
