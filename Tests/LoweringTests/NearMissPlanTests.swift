import Diagnostics
import Lowering
import Testing

/// Beside each plan that breaks a rule, one that only just keeps it: the same plan with the repair, or
/// with the least change that makes it sound.
@Suite struct NearMissPlanTests {
  @Test(
    arguments: [
      ("liodn-collision", "11", "10"), ("liodn-meeting", "40", "41"),
      ("portal-stash", "[ 4, 6 ]", "[ 4, 5 ]"), ("portal-stash", "cpus: 4-5", "cpus: 4,6"),
      ("dma-window-registers", "0xffe000000", "0xfe8000000"),
      ("dma-window-nowhere", "0x100000000", "0xff000000"),
      ("mainline-pattern", "pme", "sec"), ("mainline-pattern", "linux-mainline", "linux-sdk"),
      ("delivery-idle", "delivery: offline-hop", "mtu: 1500"),
      ("delivery-poorer", "offline-hop", "storage-profiles"),
      ("schemes-exhausted", "  fm1-gb3: *shared\n", ""),
      ("schemes-exhausted", "fm1-gb3", "fm2-gb0"),
      ("headroom-range", "512", "496"), ("headroom-aligned", "100", "112"),
      ("headroom-pool", "size: 256}", "size: 316}"), ("mtu-ipv6", "1000", "1280"),
      ("mtu-ipv6", "ipv6.dst: \"fd00::1\"", "ipv4.dst: 10.0.0.1"),
      ("kernel-max-frame", "console=ttyS0", "fsl_fm_max_frm=9022 console=ttyS0"),
      ("kernel-max-frame", "linux-sdk", "bare"), ("kernel-max-frame", "9000", "1500"),
      ("source-mtu", "1400", "1014"),
      ("rule-unspecified", "0.0.0.0", "0.0.0.1"), ("rule-unspecified", "0.0.0.0", "0.0.0.0/8"),
      ("rule-mac-control", "0x8808", "0x88cc"), ("rule-type-length", "0x0100", "0x0600"),
      ("rule-type-tag", "0x8100", "0x88e5"),
      ("rule-self-addressed", "ipv4.dst: 10.0.0.1", "ipv4.dst: 10.0.0.2"),
      ("rule-self-addressed", "10.0.0.1", "10.0.0.0/24"),
      ("spread-narrow", "10.0.0.0/30", "10.0.0.0/28"), ("spread-narrow", "ip-pair", "5-tuple"),
      ("spread-few", "portals: 4\n    queues: 512", "portals: 2\n    queues: 512"),
      ("spread-few", "queues: 2 ", "queues: 4 "),
      ("rule-redundant", "to: host }", "to: host, work-queue: 3 }"),
      ("rule-redundant", "otherwise: host", "otherwise: guest1"),
      ("rule-covered", "10.0.0.128/25", "10.0.0.128/26"),
      ("rule-broadcast", "ff:ff:ff:ff:ff:ff", "02:ff:ff:ff:ff:ff"),
      ("rule-broadcast", "otherwise: host", "otherwise: guest1"),
      (
        "rule-broadcast", "{eth.dst: \"ff:ff:ff:ff:ff:ff\"}",
        "{eth.dst: \"ff:ff:ff:ff:ff:ff\"}, to: host }\n      - { when: {eth.dst: \"ff:ff:ff:ff:ff:ff\"}"
      ),
      (
        "neighbours-elsewhere", "{eth.type: arp}",
        "{eth.type: arp}, to: host }\n      - { when: {eth.type: arp}"
      ),
      ("neighbours-elsewhere", "ipv4.dst", "ipv4.src"),
      ("neighbours-elsewhere", "{eth.type: arp}", "{eth.type: arp, vlan.id: 3}"),
      ("mainline-host", "linux-mainline", "linux-sdk"),
      ("discovery-unheard", "linux-mainline", "linux-sdk"),
      ("discovery-unheard", "otherwise: host", "otherwise: guest1"),
      ("discovery-unheard", "ipv6.dst: \"fd00::1\"", "ipv4.dst: 10.0.0.1"),
      ("arp-unheard", "linux-mainline", "linux-sdk"),
      ("arp-unheard", "otherwise: host", "otherwise: guest1"),
      ("rule-address-divided", "to: guest2", "to: guest1"),
      ("rule-address-divided", "10.0.0.1}, to: guest2", "10.0.0.2}, to: guest2"),
      ("policer-range", "8 GiB", "4194303 KiB"),
      ("policer-burst-long", "committed-burst: 65536", "committed-burst: 59999"),
      ("policer-excess-idle", "excess-rate: 200", "excess-rate: 100"),
      ("policer-drop-order", "[yellow]", "[yellow, red]"),
      ("policer-sum", "committed-rate: 500 Mbit/s", "committed-rate: 400 Mbit/s"),
      ("policer-sum", "policer: silver", "policer: gold"),
      ("tail-drop-frame", "1 KiB", "1514"), ("tail-drop-burst", "32 KiB", "64 KiB"),
      ("notify-unmarked", "notify: [host]", "notify: [host], tail-drop: 64 KiB"),
      ("wred-range", "600 GiB", "500 GiB"), ("wred-unreached", "from: 1 MiB", "from: 512 KiB"),
      ("wred-colour-gone", "excess-burst: 128 KiB", "excess-burst: 128 KiB, drop: [yellow]"),
      ("pool-share-idle", "[host, guest2] ]", "[host, guest2], [guest1, guest2] ]"),
      ("pool-lines", "2000", "1984"), ("buffers-exhausted", "3500000", "3354000"),
      ("pool-never-chosen", "to: guest1 }", "to: guest1 }\n    mtu: 3000"),
      ("pool-never-chosen", "size: 2 KiB}, {", "size: 1 KiB}, {"),
      ("shared-pool-small", "size: 1 KiB", "size: 1600"),
      ("shared-pool-few", "buffers: 80", "buffers: 90"),
      ("pool-seeded-few", "seeded: 16", "seeded: 30"),
      ("pool-threshold-seeded", "seeded: 128", "seeded: 161"),
      ("pool-threshold-zero", "[0, 64]", "[1, 64]"),
      ("pool-threshold-unheard", "software", "hardware"),
      ("work-queue-unpoliced", "work-queue: 0", "work-queue: 2"),
      ("link-strict", "work-queue: 0", "work-queue: 2"),
      ("work-queue-response", "sec-response: 7", "sec-response: 6"),
      ("work-queue-error", "error: 0", "error: 2"),
    ].map { ($0.0, $0.1, $0.2) })
  func `a plan that only just keeps a rule is not told to break it`(
    code: String, mistake: String, repair: String
  ) throws {
    let entry = try #require(DiagnosticCatalogue.entries.first { $0.code.description == code })
    let broken = try #require(entry.explanation).example
    let parts = broken.split(separator: mistake, omittingEmptySubsequences: false)
    #expect(parts.count > 1, "\(mistake) is not in the example")
    let text = parts.joined(separator: repair)
    let codes = { (text: String) in
      PlanLoader.load(SourceFile(name: "p.yaml", text: text)).diagnostics.diagnostics.map(\.code)
    }
    #expect(codes(broken).contains(entry.code))
    #expect(!codes(text).contains(entry.code), "\(text)")
    // A repair that cannot be read proves nothing.
    let reading = [
      "unknown-key", "bad-number", "bad-size", "bad-choice", "yaml-syntax", "wrong-kind",
    ]
    #expect(codes(text).allSatisfy { !reading.contains($0.description) })
  }
}
