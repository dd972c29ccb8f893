import Foundation
import Security
import TestSupport
import Testing

/// The gateway of `examples/ipsec` under `dpaac run`, between a station and a peer that scapy and Linux are.
@Suite(
  .serialized, .timeLimit(.minutes(30)),
  .enabled(
    if: SecurityLibrary.allCases.allSatisfy { $0.problem == nil },
    "needs package libipsec-mb-dev"))
struct TunnelRunTests {
  private static let plan = "\(Checkout.path)/examples/ipsec/p4080ds.yaml"
  private static let python = Tool("/usr/bin/python3", package: "python3-scapy")

  @Test(.enabled(if: python.isPresent, "needs package python3-scapy"))
  func `scapy gets from the gateway what it should, in clear and out of the tunnels`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let script = "\(Checkout.path)/examples/ipsec/captures.py"
    let made = try Self.python.run([script, "make", directory.path])
    #expect(made.status == 0, "\(made.errorText)")
    let outcome = try Dpaac.tool.run([
      "run", Self.plan, "--format", "json", "-o", "\(directory.path)/out",
      "--port", "fm1-10g0=\(directory.path)/clear.pcap",
      "--port", "fm2-10g0=\(directory.path)/cipher.pcap",
    ])
    #expect(outcome.status == 0, "\(outcome.text)\(outcome.errorText)")
    let judged = try Self.python.run([script, "check", "\(directory.path)/out"])
    #expect(judged.status == 0, "\(judged.errorText)")
    #expect(judged.text == "scapy agrees\n")
    let report = try Dpaac.report(outcome.text)
    #expect(report["conserved"] as? Bool == true)
    let partitions = try #require(report["partitions"] as? [[String: Any]])
    let gateway = try #require(partitions.first { $0["name"] as? String == "gateway" })
    let counts = try #require(gateway["counts"] as? [String: Int])
    for (name, count) in [
      ("into tunnels", 40), ("out of tunnels", 40), ("replayed", 2), ("not authentic", 2),
      ("unprotected", 1),
    ] {
      #expect(counts[name] == count, "\(name): \(counts)")
    }
    let tunnels = try #require(report["tunnels"] as? [[String: Any]])
    #expect(tunnels.compactMap { $0["peer"] as? String } == ["192.0.2.2", "2001:db8::2"])
    for tunnel in tunnels {
      let (out, back) = (tunnel["out"] as? [String: Int], tunnel["in"] as? [String: Int])
      #expect([out?["packets"], out?["refused"]] == [20, 0])
      #expect(
        ["packets", "notAuthentic", "replayed", "refused"].map { back?[$0] } == [20, 1, 1, 0])
    }
  }

  @Test(
    .enabled(if: isHeavy, "heavy: 30 s of traffic"),
    .enabled(if: GuestImage.emulator.isPresent, "needs package qemu-system-x86"),
    .enabled(if: GatewayPeer.isPresent, "needs what scripts/esp-guest makes"))
  func `heavy: ping and iperf3 go through the gateway's tunnels to Linux's xfrm, both ways`() throws
  {
    let script = Tool("\(Checkout.path)/scripts/tunnel-traffic", package: "")
    let outcome = try script.run(["--seconds", "30", "--dpaac", Dpaac.tool.name])
    #expect(outcome.status == 0, "\(outcome.text)\(outcome.errorText)")
    #expect(outcome.text.contains("both sides agree"))
  }
}
