import Diagnostics
import Lowering
import QorIQ
import TestSupport
import Testing

/// What the Frame Manager Configuration tool was seen to take without a word (FMC 0.9.34, its host
/// build run on such files, or its sources): each is a mistake, and each is found.
@Suite struct FMCSilenceTests {
  /// One mistake in files that are sound without it.
  struct Mistake: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// The file that has it.
    var file = "policy"
    var old: String
    var new: String
    var code: DiagnosticCode
    var board: String?

    init(
      _ name: String, _ old: String, _ new: String, _ code: DiagnosticCode,
      in file: String = "policy",
      board: String? = nil
    ) {
      testDescription = name
      self.old = old
      self.new = new
      self.code = code
      self.file = file
      self.board = board
    }
  }

  private static let entry = """
        <entry>
          <data>0xc0a8010b</data>
          <mask>0xffffffff</mask>
          <action type="distribution" name="to_guest1"/>
        </entry>
    """
  private static let classification = """
      <classification name="address" max="4" masks="yes" statistics="none">
        <key>
          <fieldref name="ipv4.dst"/>
        </key>
    \(entry)
    """
  private static let shape = "base=\"0x80\" count=\"64\""
  private static let spread = "<fieldref name=\"ipv4.dst\"/>\n    </key>\n    <vsp"
  private static let miss = "<action condition=\"on-miss\" type=\"distribution\" name=\"rest\"/>"
  private static let protocols = "<protocolref name=\"ipv4\"/>"

  static let mistakes: [Mistake] = [
    // Numbers, by strtol(…, 0).
    Mistake(
      "a base with a leading zero is octal", shape, "base=\"0100\" count=\"64\"", "fmc-octal"),
    Mistake("a base that is no number is 0", shape, "base=\"abc\" count=\"64\"", "fmc-number"),
    Mistake("a negative base", shape, "base=\"-1\" count=\"64\"", "fmc-number"),
    Mistake("a number with junk behind it", shape, "base=\"128x\" count=\"64\"", "fmc-number"),
    // Queues.
    Mistake(
      "a base that is not aligned", shape, "base=\"101\" count=\"64\"", "fmc-queue-alignment"),
    Mistake("a base over 24 bits", shape, "base=\"0x1000400\" count=\"64\"", "fmc-queue-range"),
    Mistake(
      "base and count over 24 bits", shape, "base=\"0xffffff\" count=\"64\"", "fmc-queue-range"),
    Mistake(
      "a count that is no power of two", shape, "base=\"0x80\" count=\"100\"", "fmc-queue-count"),
    Mistake(
      "ranges that overlap between distributions",
      "<queue base=\"1\"/>\n    <vsp", "<queue base=\"0x81\"/>\n    <vsp", "fmc-queue-overlap"),
    Mistake(
      "a count without a key", "<queue base=\"1\"/>\n    <vsp name=\"host\"/>",
      "<queue base=\"0x40\" count=\"8\"/>\n    <vsp name=\"host\"/>", "fmc-no-key"),
    // Names.
    Mistake(
      "two distributions of one name", "<distribution name=\"rest\">",
      "<distribution name=\"to_guest1\"><queue base=\"9\"/></distribution>\n  <distribution "
        + "name=\"rest\">", "fmc-duplicate-name"),
    Mistake(
      "two policies of one name", "<distribution name=\"rest\">",
      "<policy name=\"office\"><dist_order><distributionref name=\"rest\"/></dist_order></policy>\n"
        + "  <distribution name=\"rest\">", "fmc-duplicate-name"),
    Mistake(
      "a name over 63 characters", "name=\"address\"",
      "name=\"\(String(repeating: "address_", count: 10))\"", "fmc-name-length"),
    // What is misspelt.
    Mistake("protcolref", protocols, "<protcolref name=\"ipv4\"/>", "fmc-unknown-element"),
    Mistake(
      "a misspelt field of a key", spread, "<fieldreff name=\"ipv4.dst\"/>\n    </key>\n    <vsp",
      "fmc-unknown-element"),
    Mistake(
      "a misspelt block", "<protocols>\n      <protocolref name=\"ipv4\"/>\n    </protocols>",
      "<protocol>\n      <protocolref name=\"ipv4\"/>\n    </protocol>", "fmc-unknown-element"),
    Mistake("a misspelt attribute", shape, "base=\"0x80\" cuont=\"64\"", "fmc-unknown-attribute"),
    Mistake(
      "symmetric that is not `true`", "<key>\n      <fieldref name=\"ipv4.src\"/>",
      "<key symmetric=\"yes\">\n      <fieldref name=\"ipv4.src\"/>", "fmc-flag"),
    Mistake(
      "bypass that is not `true`", shape, "\(shape) bypass=\"yes\"", "fmc-flag"),
    Mistake(
      "alloc that is not `yes`", "<vsp name=\"guest1\" base=\"1\"/>",
      "<vsp name=\"guest1\" base=\"1\" alloc=\"true\"/>", "fmc-flag"),
    Mistake(
      "portid=`no`, which switches it on", "<vsp name=\"guest1\"/>",
      "<combine portid=\"no\" offset=\"8\" mask=\"0x0f\"/>\n    <vsp name=\"guest1\"/>", "fmc-flag"),
    // Distributions.
    Mistake(
      "a distribution for every frame that is not the last",
      "<distributionref name=\"by_address\"/>\n      <distributionref name=\"rest\"/>",
      "<distributionref name=\"rest\"/>\n      <distributionref name=\"by_address\"/>", "fmc-order"),
    Mistake(
      "a policy without distributions",
      "<distributionref name=\"by_address\"/>\n      <distributionref name=\"rest\"/>", "",
      "fmc-empty-policy"),
    Mistake(
      "a symmetric hash of one side",
      "<key>\n      <fieldref name=\"ipv4.src\"/>\n      <fieldref name=\"ipv4.dst\"/>",
      "<key symmetric=\"true\">\n      <fieldref name=\"ipv4.dst\"/>", "fmc-symmetric"),
    Mistake(
      "a header index that is not heeded", "<fieldref name=\"ipv4.src\"/>",
      "<fieldref name=\"tcp.sport\" header_index=\"2\"/>", "fmc-header-index"),
    Mistake(
      "five combines", "<vsp name=\"guest1\"/>",
      String(repeating: "<combine frame=\"0\" offset=\"8\" mask=\"0x01\"/>\n    ", count: 5)
        + "<vsp name=\"guest1\"/>", "fmc-combine"),
    // Classifications.
    Mistake(
      "no action on a miss", miss, "", "fmc-on-miss"),
    Mistake("a key twice", entry, entry + "\n" + entry, "fmc-entry-unreachable"),
    Mistake(
      "data that is longer than the key", "<data>0xc0a8010b</data>", "<data>0x01c0a8010b</data>",
      "fmc-entry-data"),
    Mistake("more entries than max", entry, entries(5), "fmc-entry-limit"),
    Mistake(
      "more than 256 entries", classification,
      classification.replacing("max=\"4\"", with: "max=\"400\"")
        .replacing(entry, with: entries(303)), "fmc-entry-limit"),
    Mistake("masks that are not switched on", " masks=\"yes\"", "", "fmc-entry-mask"),
    Mistake(
      "a policer's algorithm that is not known", "<distribution name=\"rest\">",
      policer("<algorithm>rfc1234</algorithm>"), "fmc-choice"),
    Mistake(
      "a policer's colours that are not known", "<distribution name=\"rest\">",
      policer("<color_mode>aware</color_mode>"), "fmc-choice"),
    // Storage profiles.
    Mistake(
      "a profile's number out of range", "name=\"guest1\" base=\"1\"",
      "name=\"guest1\" base=\"64\"", "fmc-profile-number", board: "t4240qds"),
    Mistake(
      "two profiles of one number", "name=\"guest1\" base=\"1\"", "name=\"guest1\" base=\"0\"",
      "fmc-profile-twice"),
    Mistake(
      "a window that is no power of two", "<vsp name=\"guest1\" base=\"1\"/>",
      "<vsp name=\"guest1\" fqshift=\"3\" vspoffset=\"0\" vspcount=\"3\" type=\"indirect\"/>",
      "fmc-profile-count"),
    Mistake(
      "storage profiles on FMan v2", "base=\"0\"/>", "base=\"0\"/>", "fmc-fman-v2",
      board: "p4080ds"),
    Mistake(
      "a replicator on FMan v2", "<distribution name=\"rest\">",
      "<replicator name=\"copies\" max=\"2\"><entry><queue base=\"5\"/></entry></replicator>\n"
        + "  <distribution name=\"rest\">", "fmc-fman-v2", board: "p4080ds"),
    Mistake(
      "frame-length statistics on FMan v2", "statistics=\"none\"", "statistics=\"rmon\"",
      "fmc-fman-v2", board: "p4080ds"),
    // Ports.
    Mistake("a port's type that is not known", "MAC", "100G", "fmc-port-type", in: "config"),
    Mistake(
      "a MAC that there is not", "number=\"9\"", "number=\"11\"", "fmc-port-number", in: "config"),
    Mistake(
      "a 10G port that there is not", "type=\"MAC\" number=\"9\"", "type=\"10G\" number=\"7\"",
      "fmc-port-number", in: "config"),
    Mistake(
      "a port twice", "<port type=\"MAC\" number=\"9\" policy=\"office\"/>",
      "<port type=\"MAC\" number=\"9\" policy=\"office\"/>\n      "
        + "<port type=\"MAC\" number=\"9\" policy=\"office\"/>", "fmc-port-twice", in: "config"),
  ]

  /// So many entries in place of the one, each for an address of its own.
  private static func entries(_ count: Int) -> String {
    (0..<count).map {
      entry.replacing("0xc0a8010b", with: "0xc0a8\(String(0x1000 + $0, radix: 16))")
    }.joined(separator: "\n")
  }

  private static func policer(_ line: String) -> String {
    "<policer name=\"gold\">\(line)<CIR>1000</CIR><EIR>2000</EIR><CBS>4096</CBS><EBS>8192</EBS>"
      + "</policer>\n  <distribution name=\"rest\">"
  }

  @Test(arguments: mistakes)
  func `what FMC passes over in silence is found where it stands`(mistake: Mistake) throws {
    var bag = DiagnosticBag()
    var files: [String: String] = [:]
    for kind in ["config", "policy"] {
      let path = "\(FMCLintTests.directory)/sound-\(kind).xml"
      let file = try #require(TextFile.read(path, into: &bag))
      files[kind] = String(decoding: file.bytes, as: UTF8.self)
    }
    let sound = try #require(files[mistake.file])
    try #require(sound.contains(mistake.old), "the sound \(mistake.file) has no \(mistake.old)")
    files[mistake.file] = sound.replacing(mistake.old, with: mistake.new)
    let board = mistake.board.flatMap { BoardSource.load($0, into: &bag)?.board }
    #expect(bag.isEmpty)
    FMCLint(board: board).check(
      configuration: SourceFile(name: "config", text: files["config"] ?? ""),
      policy: SourceFile(name: "policy", text: files["policy"] ?? ""), into: &bag)
    let found = bag.diagnostics.filter { $0.code == mistake.code }
    #expect(!found.isEmpty, "\(DiagnosticRenderer().render(bag))")
    // On the lines that are wrong, and not elsewhere in the file.
    #expect(found.allSatisfy { $0.span?.file.name == mistake.file })
    #expect(found.contains { $0.severity == .error })
  }
}
