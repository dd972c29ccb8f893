import Diagnostics
import Foundation
import Lowering
import TestSupport
import Testing

/// What is found in the tunnels of a plan's gateways.
@Suite struct TunnelPlanTests {
  /// Two keys, and one that is the first with another salt.
  private static let one = String(repeating: "a1", count: 20)
  private static let other = String(repeating: "5e", count: 20)
  private static let salted = String(repeating: "a1", count: 16) + "00000000"
  /// Files with keys, two of them with the same, though not in the same digits.
  private static let files = [
    "one.key": one + "\n", "again.key": "0x" + one.uppercased(), "other.key": other,
  ]

  private static let kept = "pools: [ {buffers: 256, size: 2 KiB} ]"

  /// A direction with the text of a key in the plan or, if there is a dot in it, in a file.
  private static func direction(_ spi: Int, _ key: String, chain: String? = nil) -> String {
    let place = key.contains(".") ? "key-file: \(key)" : "key: \(key)"
    return "{spi: \(spi), \(place)\(chain.map { ", through: \($0)" } ?? "")}"
  }

  /// Findings of a kind in a plan with a link between two partitions that are gateways, or of which the first is.
  ///
  /// - Parameters:
  ///   - code: The kind.
  ///   - tunnels: Each gateway's.
  ///   - rules: The rules of an interface whose frames are else the host's.
  ///   - type: What the chains' Ethernet headers say, if that interface sends their answers.
  /// - Returns: The findings.
  /// - Throws: When the plan cannot be written.
  private func findings(
    of code: DiagnosticCode, _ tunnels: [[String]], rules: [String] = [], type: String? = nil
  ) throws -> [Diagnostic] {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    for (name, text) in Self.files { try directory.write(name, Data(text.utf8)) }
    var lines = [
      "board: p4080ds", "partitions:",
      "  host: { cpus: 0-3, memory: 1 GiB, portals: 4, queues: 256-511, \(Self.kept) }",
    ]
    for (index, own) in tunnels.enumerated() {
      let (name, peer) = index == 0 ? ("guest1", "guest2") : ("guest2", "guest1")
      lines += [
        "  \(name):", "    cpus: \([4 + index])", "    memory: 512 MiB", "    portals: 1",
        "    queues: \(512 + 256 * index)-\(767 + 256 * index)", "    \(Self.kept)",
        "    accelerators: {sec: {pairs: 8}}",
      ]
      if index == 0, !rules.isEmpty {
        let addresses = "dst: \"02:00:00:00:00:01\", src: \"02:00:00:00:00:02\""
        let answers =
          type.map { ", answers: fm1-10g0, ethernet: {\(addresses), type: \($0)}" } ?? ""
        lines.append("    chains: { out: {by: sec\(answers)}, in: {by: sec\(answers)} }")
      }
      let addresses = "[10.1.0.\(index + 1)/24, \"fd00:1::\(index + 1)/64\"]"
      lines += [
        "    program:", "      ipsec:",
        "        ways: [ {over: \(peer), addresses: \(addresses)} ]",
        "        cipher: \(peer)", "        tunnels:",
      ]
      lines += own.map { "          - \($0)" }
    }
    if tunnels.count == 1 {
      lines.append(
        "  guest2: { cpus: [5], memory: 512 MiB, portals: 1, queues: 768-1023, \(Self.kept) }")
    }
    if !rules.isEmpty { lines += ["interfaces:", "  fm1-10g0:", "    rules:"] }
    lines += rules.map { "      - \($0)" }
    if !rules.isEmpty { lines.append("    otherwise: host") }
    lines.append("links: [ [host, guest1], [guest1, guest2] ]")
    let text = lines.joined(separator: "\n") + "\n"
    let path = try directory.write("plan.yaml", Data(text.utf8))
    let diagnostics = PlanLoader.load(path).diagnostics.diagnostics
    // What else is wrong would have kept the check from being run.
    #expect(
      diagnostics.allSatisfy { $0.severity != .error || $0.code == code },
      "\(diagnostics.map { "\($0.code): \($0.message)" })")
    return diagnostics.filter { $0.code == code }
  }

  private static func tunnel(
    to peer: String, _ out: String, _ into: String, networks: String = "10.2.0.0/24",
    transform: String = "aes-gcm"
  ) -> String {
    "{peer: \(peer), networks: [\(networks)], transform: \(transform), out: \(out), in: \(into)}"
  }

  // MARK: keys

  @Test(arguments: [
    (one, other, false), (one, one, true), (one, one.uppercased(), true), (one, salted, false),
    ("one.key", "other.key", false), ("one.key", "one.key", true), ("one.key", "again.key", true),
    (one, "again.key", true), ("again.key", one, true), ("other.key", one, false),
  ]) func `two directions with one key are told, wherever that stands`(
    out: String, into: String, isTold: Bool
  ) throws {
    let found = try findings(
      of: "tunnel-key-shared",
      [
        [
          Self.tunnel(
            to: "10.1.0.2", Self.direction(0x1001, out), Self.direction(0x1002, into))
        ]
      ])
    #expect(found.count == (isTold ? 1 : 0))
    for finding in found {
      #expect(finding.severity == .warning)
      let tunnel = "guest1's tunnel to 10.1.0.2"
      #expect(
        finding.message
          == "the way out of \(tunnel) has the same key of AES-GCM as the way into \(tunnel)")
      // Where each stands, and nothing of what it is.
      #expect(finding.span?.text == into)
      #expect(finding.notes.map { $0.span?.text } == [out])
      let words = ([finding.message] + finding.notes.map(\.message) + finding.fixIts.map(\.message))
        .joined(separator: " ")
      #expect(!words.lowercased().contains("a1a1") && words.contains("openssl rand -hex 20"))
    }
  }

  @Test func `a key of AES-CBC with HMAC may be that of both directions`() throws {
    let key = String(repeating: "a1", count: 48)
    let tunnel = Self.tunnel(
      to: "10.1.0.2", Self.direction(0x1001, key), Self.direction(0x1002, key),
      transform: "aes-cbc-hmac-sha256")
    #expect(try findings(of: "tunnel-key-shared", [[tunnel]]).isEmpty)
  }

  @Test func `a key that another tunnel has is told there`() throws {
    let third = String(repeating: "3c", count: 20)
    let found = try findings(
      of: "tunnel-key-shared",
      [
        [
          Self.tunnel(
            to: "10.1.0.2", Self.direction(0x1001, Self.one), Self.direction(0x1002, Self.other)),
          Self.tunnel(
            to: "10.1.0.3", Self.direction(0x1001, Self.one), Self.direction(0x1003, third),
            networks: "10.3.0.0/24"),
        ]
      ])
    #expect(
      found.map(\.message) == [
        "the way into guest1's tunnel to 10.1.0.3 has the same key of AES-GCM as the way into "
          + "guest1's tunnel to 10.1.0.2"
      ])
  }

  /// The two ends of a tunnel, each a gateway of the plan's.
  private static func ends(_ first: String, _ second: String, spi: Int = 0x1001) -> [[String]] {
    [
      [tunnel(to: "10.1.0.2", direction(spi, first), direction(0x1002, second))],
      [
        tunnel(
          to: "10.1.0.1", direction(0x1002, second), direction(0x1001, first),
          networks: "10.4.0.0/24")
      ],
    ]
  }

  @Test func `both ends of a tunnel have its keys, which nobody else has`() throws {
    func count(_ tunnels: [[String]]) throws -> Int {
      try findings(of: "tunnel-key-shared", tunnels).count
    }
    #expect(try count(Self.ends(Self.one, Self.other)) == 0)
    // With one key there are two directions that have it, at either end the same two.
    #expect(try count(Self.ends(Self.one, Self.one)) == 1)
    // Two that have one key, but not one index, are not each other's ends.
    #expect(try count(Self.ends(Self.one, Self.other, spi: 0x1003)) == 1)
  }

  // MARK: families

  @Test(arguments: [
    ("out", "ipv6.dst: \"fd00::1\"", "10.2.0.0/24", true),
    ("out", "ipv6.src: \"fd00::/64\"", "10.2.0.0/24", true),
    ("out", "eth.type: 0x86dd, ip.proto: udp", "10.2.0.0/24", true),
    ("out", "ipv4.dst: 10.2.0.1", "10.2.0.0/24", false),
    ("out", "eth.type: 0x0800, ip.proto: udp", "10.2.0.0/24", false),
    // Packets of both families.
    ("out", "ip.proto: udp", "10.2.0.0/24", false),
    ("out", "ipv4.dst: 10.2.0.1", "\"fd00:2::/64\"", true),
    ("out", "ipv6.dst: \"fd00:2::1\"", "\"fd00:2::/64\"", false),
    // What comes out of a tunnel is between its ends, whatever networks are behind them.
    ("in", "ipv6.dst: \"fd00:1::1\", ip.proto: 50", "\"fd00:2::/64\"", true),
    ("in", "ipv4.dst: 10.1.0.1, ip.proto: 50", "\"fd00:2::/64\"", false),
    ("in", "ip.proto: 50", "10.2.0.0/24", false),
  ]) func `a rule leads packets of a tunnel's family into its chain`(
    chain: String, conditions: String, networks: String, isTold: Bool
  ) throws {
    let found = try findings(
      of: "tunnel-family",
      [
        [
          Self.tunnel(
            to: "10.1.0.2", Self.direction(0x1001, Self.one, chain: "out"),
            Self.direction(0x1002, Self.other, chain: "in"), networks: networks)
        ]
      ],
      rules: ["{ when: {\(conditions)}, to: guest1, through: \(chain) }"])
    #expect(found.count == (isTold ? 1 : 0))
    for finding in found {
      #expect(finding.severity == .error)
      #expect(finding.span?.text == "{\(conditions)}")
      #expect(
        finding.notes.map { $0.span?.text }
          == [chain == "out" ? "[\(networks)]" : "10.1.0.2"])
    }
  }

  /// A tunnel's peer and networks, and the types that leave it on the way out and on the way in.
  private static let families = [
    (peer: "10.1.0.2", networks: "10.2.0.0/24", out: "ipv4", into: "ipv4"),
    (peer: "10.1.0.2", networks: "\"fd00:2::/64\"", out: "ipv4", into: "ipv6"),
    (peer: "\"fd00:1::2\"", networks: "10.2.0.0/24", out: "ipv6", into: "ipv4"),
    (peer: "\"fd00:1::2\"", networks: "\"fd00:2::/64\"", out: "ipv6", into: "ipv6"),
  ]

  @Test(arguments: families, ["ipv4", "ipv6"])
  func `a chain's Ethernet header is for what leaves its tunnel`(
    family: (peer: String, networks: String, out: String, into: String), type: String
  ) throws {
    let found = try findings(
      of: "tunnel-header",
      [
        [
          Self.tunnel(
            to: family.peer, Self.direction(0x1001, Self.one, chain: "out"),
            Self.direction(0x1002, Self.other, chain: "in"), networks: family.networks)
        ]
      ],
      rules: [
        "{ when: {ip.proto: udp}, to: guest1, through: out }",
        "{ when: {ip.proto: 50}, to: guest1, through: in }",
      ], type: type)
    let wrong = [("out", family.out), ("in", family.into)].filter { $0.1 != type }
    #expect(found.count == wrong.count)
    for (finding, (chain, wanted)) in zip(found, wrong) {
      #expect(finding.severity == .error)
      #expect(finding.message.contains("chain \(chain) has \(type)"), "\(finding.message)")
      #expect(finding.fixIts.map(\.message) == ["write type: \(wanted)"])
      #expect(
        finding.notes.map { $0.span?.text }
          == [chain == "out" ? family.peer : "[\(family.networks)]"])
    }
  }
}
