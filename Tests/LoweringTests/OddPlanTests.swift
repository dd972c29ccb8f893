import Diagnostics
import Foundation
import Lowering
import TestSupport
import Testing

/// Plans as nobody means them. Each mistake is told once, at its exact place, and does not echo.
@Suite struct OddPlanTests {
  static let host =
    "{ cpus: 0-3, memory: 1 GiB, portals: 4, queues: 256-511, pools: [ {buffers: 256, size: 2 KiB} ] }"
  static let guest =
    "{ cpus: 4-5, memory: 512 MiB, portals: 2, queues: 512-767, pools: [ {buffers: 256, size: 2 KiB} ] }"
  static let sound = """
    board: p4080ds
    partitions:
      host: \(host)
      guest1: \(guest)
    links: [ [host, guest1] ]

    """

  private func load(_ text: String) -> PlanLoader.Result {
    PlanLoader.load(SourceFile(name: "p.yaml", text: text))
  }

  private func found(_ text: String) -> [String] {
    load(text).diagnostics.sorted.map { finding in
      let place = finding.span.map { "\($0.start.line):\($0.start.column) " } ?? ""
      return "\(place)\(finding.code)"
    }
  }

  /// The sound plan with one text in the place of another.
  private func found(_ old: String, _ new: String) -> [String] {
    let parts = Self.sound.components(separatedBy: old)
    #expect(parts.count > 1, "\(old) is not in the plan")
    return found(parts.joined(separator: new))
  }

  @Test(arguments: [
    ("", ["1:1 yaml-empty"]), ("# nothing\n", ["2:1 yaml-empty"]), ("~\n", ["1:1 wrong-kind"]),
    ("- a\n", ["1:1 wrong-kind"]), ("text\n", ["1:1 wrong-kind"]),
    ("{}\n", ["1:1 missing-key", "1:1 missing-key"]),
    ("board: p4080ds\n", ["1:1 missing-key"]),
    ("board: p4080ds\npartitions:\n", ["2:12 wrong-kind"]),
    ("board: p4080ds\npartitions: {}\n", ["2:13 host-missing"]),
    (
      "board: p4080ds\npartitions: { host: , guest1: ~ }\n", ["2:21 wrong-kind", "2:31 wrong-kind"]
    ),
    ("board: p4080ds\npartitions: [host]\n", ["2:13 wrong-kind"]),
    ("board: p4080ds\npartitions: &p\n  host: *p\n", ["3:9 yaml-alias"]),
    (
      "board: \(String(repeating: "[", count: 100))\(String(repeating: "]", count: 100))\n",
      ["1:71 yaml-nesting"]
    ),
  ]) func `what is no plan is told in one finding for each thing`(text: String, codes: [String]) {
    #expect(found(text) == codes)
  }

  @Test(arguments: [
    ("portals: 2", "portals: -2", "4:50 bad-range"),
    ("portals: 2", "portals: +2", "4:50 bad-number"),
    ("portals: 2", "portals: 2.5", "4:50 bad-number"),
    ("portals: 2", "portals: yes", "4:50 bad-number"),
    ("portals: 2", "portals: ٢", "4:50 bad-number"),
    ("portals: 2", "portals: 02", "4:50 bad-number"),
    ("portals: 2", "portals: !!int 2", "4:50 yaml-tag"),
    ("portals: 2", "portals: {a: b}", "4:50 wrong-kind"),
    ("512-767", "99999999999999999999999", "4:61 bad-number"),
    ("512-767", "0-18446744073709551615", "4:61 bad-number"),
    ("512-767", "[600, -5]", "4:67 bad-range"), ("512-767", "01000-1777", "4:61 bad-number"),
    ("cpus: 4-5", "cpus: 18446744073709551615", "4:19 bad-number"),
    ("512 MiB", "16777215 TiB", "4:32 memory-exhausted"),
    ("512 MiB", "18446744073709551615", "4:32 memory-exhausted"),
    ("512 MiB", "99999999999 TiB", "4:32 bad-size"), ("512 MiB", "true", "4:32 bad-size"),
    ("guest1: {", "guest1: { count: 0,", "4:20 bad-number"),
    ("guest1: {", "guest1: { count: -1,", "4:20 bad-number"),
    ("guest1: {", "guest1: { like: guest1,", "4:19 like-cycle"),
    ("guest1: {", "guest1: { like: gust,", "4:19 unknown-partition"),
    ("links: [ [host, guest1] ]", "links: {host: guest1}", "5:8 wrong-kind"),
    ("[host, guest1]", "[host, guest1, host]", "5:10 wrong-kind"),
    ("[host, guest1]", "[host, [guest1]]", "5:17 wrong-kind"),
    (
      "links",
      "policers: { p: {committed-rate: x} }\ninterfaces: { fm1-gb0: {otherwise: host, policer: p}"
        + " }\nlinks", "5:33 bad-number"
    ),
    ("links", "interfaces: { fm1-gb0: }\nlinks", "5:15 otherwise-missing"),
    ("links", "interfaces: [fm1-gb0]\nlinks", "5:13 wrong-kind"),
    (
      "links", "shared-memory: { \"\": {size: 4 KiB, between: [host, guest1]} }\nlinks",
      "5:18 bad-name"
    ),
    ("links", "allow: {a: b}\nlinks", "5:8 wrong-kind"),
    ("links", "reserved: { v: {} }\nlinks", "5:13 reservation-empty"),
    (
      "links", "reserved: { v: {memory: {address: 0xffffffffffffffff, size: 2}} }\nlinks",
      "5:25 bad-size"
    ),
    ("board: p4080ds", "board: [p4080ds]", "1:8 wrong-kind"),
    ("board: p4080ds", "board: 5", "1:8 unknown-board"),
    ("portals: 2", "portals: 2, portals: 3", "4:53 yaml-duplicate-key"),
  ]) func `a value that cannot be is told once, where it stands`(
    old: String, new: String, finding: String
  ) {
    #expect(found(old, new).filter { !$0.hasSuffix(" missing-key") } == [finding])
  }

  @Test(arguments: [
    ("512-767", "0x200-0X2fF"), ("512-767", "\"512-767\""), ("512-767", "512 - 767"),
    ("512-767", "[512, 513-767]"), ("portals: 2", "portals: \"2\""),
  ]) func `odd spellings of what is sound are sound`(old: String, new: String) {
    #expect(found(old, new) == [])
  }

  @Test func `line ends and a mark at the beginning make no difference`() {
    #expect(found(Self.sound.replacing("\n", with: "\r\n")) == [])
    #expect(found("\u{FEFF}" + Self.sound) == [])
  }

  @Test func `a merge key is one mistake, with another way to say it`() throws {
    let text = """
      board: p4080ds
      templates: { t: &t \(Self.guest) }
      partitions:
        host: \(Self.host)
        guest1: { <<: *t, portals: 1 }
      links: [ [host, guest1] ]
      """
    #expect(found(text) == ["5:13 unknown-key"])
    let repair = try #require(load(text).diagnostics.diagnostics.first?.fixIts.first)
    #expect(repair.message.contains("like"))
  }

  @Test func `links without brackets of their own are shown how to be written`() throws {
    let text = Self.sound.replacing("[ [host, guest1] ]", with: "[host, guest1]")
    #expect(found(text) == ["5:9 wrong-kind", "5:15 wrong-kind"])
    let repair = try #require(load(text).diagnostics.sorted.first?.fixIts.first)
    #expect(repair.message.contains("[ [host, …] ]"))
  }

  @Test func `what one line makes a thousand times is told eight times and counted`() throws {
    let text = Self.sound.replacing("guest1: {", with: "guest: { count: 1000,")
      .replacing("cpus: 4-5", with: "cpus: 0").replacing("[host, guest1]", with: "[host, guest7]")
    let idle = load(text).diagnostics.diagnostics.filter { $0.code == "partition-idle" }
    #expect(idle.count == 8)
    #expect(
      idle.last?.notes.last?.message == "991 more findings of this kind at this very place")
  }

  @Test func `a shortage that thousands share names sixteen places`() throws {
    let guests = (0..<3000).map { "  g\($0): \(Self.guest.replacing("512-767", with: "4"))" }
    let text =
      "board: p4080ds\npartitions:\n  host: \(Self.host)\n\(guests.joined(separator: "\n"))\n"
    let short = try #require(
      load(text).diagnostics.diagnostics.first { $0.code == "pools-exhausted" })
    #expect(short.notes.count == 16)
    #expect(short.notes.last?.message == "and 2986 more places")
  }

  @Test func `of three who claim one thing, the third is told of both others`() throws {
    let text = """
      board: p4080ds
      partitions:
        host:   \(Self.host.replacing("portals: 4", with: "portals: [0, 3]"))
        guest1: \(Self.guest.replacing("portals: 2", with: "portals: [3, 4]"))
        guest2: { cpus: 6, memory: 256 MiB, portals: [3], queues: 768-800, pools: [] }
      links: [ [host, guest1] ]
      """
    let clashes = load(text).diagnostics.sorted.filter { $0.code == "portal-overlap" }
    #expect(
      clashes.map(\.message) == [
        "guest1 claims portal 3, but host already has it",
        "guest2 claims portal 3, but host already has it",
      ])
    #expect(
      clashes.last?.notes.map(\.message) == [
        "host claims portal 3 here", "guest1 claims portal 3 too",
      ])
    #expect(clashes.last?.notes.last?.span?.start.line == 4)
  }

  @Test func `what a name holds does not move a terminal's cursor`() {
    let text =
      "board: p4080ds\npartitions:\n  \"a\\e[31m\\u202eb\": { cpus: 1 }\n  host: \(Self.host)\n"
    let shown = DiagnosticRenderer().render(load(text).diagnostics)
    #expect(shown.contains("cannot be called a\u{FFFD}[31m\u{FFFD}b"))
    #expect(!shown.unicodeScalars.contains { $0 == "\u{1b}" || $0 == "\u{202e}" })
    // JSON keeps the name as it is, in escapes.
    #expect(DiagnosticFormat.json.render(load(text).diagnostics).contains("a\\u001b[31m"))
  }
}
