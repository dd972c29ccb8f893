import Foundation
import Glibc
import TestSupport
import Testing

@testable import DPAARuntime

/// The parser against tshark, on frames that scapy makes on the spot and on mutations of them.
@Suite struct ParserJudgeTests {
  private static let tshark = Tool("tshark", package: "tshark")
  private static let python = Tool("/usr/bin/python3", package: "python3-scapy")
  private static let hasScapy =
    (try? python.run(["-c", "import scapy"]).status == 0) ?? false

  @Test(
    .enabled(if: tshark.isPresent, "needs package tshark"),
    .enabled(if: hasScapy, "needs package python3-scapy"))
  func `tshark finds in frames of every protocol what the parser finds`() throws {
    try Self.compare(Self.frames(seed: 1, count: 500))
  }

  @Test(
    .enabled(if: tshark.isPresent, "needs package tshark"),
    .enabled(if: hasScapy, "needs package python3-scapy"), arguments: [1, 2] as [UInt64])
  func `tshark finds in mutated frames what the parser finds`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let frames = try Self.frames(seed: seed + 100, count: 150)
    try Self.compare(Self.mutations(of: frames, count: 3000, &random))
  }

  @Test(
    .enabled(if: isHeavy, "heavy: 400,000 frames through tshark"),
    .enabled(if: tshark.isPresent, "needs package tshark"),
    .enabled(if: hasScapy, "needs package python3-scapy"), arguments: 1...8 as ClosedRange<UInt64>)
  func `heavy: tshark finds in many frames what the parser finds`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let frames = try Self.frames(seed: seed + 1000, count: 5000)
    try Self.compare(frames)
    try Self.compare(Self.mutations(of: frames, count: 45_000, &random))
  }

  // MARK: Frames

  private static func frames(seed: UInt64, count: Int) throws -> [[UInt8]] {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../Fixtures/parser/make-frames").path
    let path = "\(directory.path)/frames.pcap"
    let outcome = try python.run([script, "\(seed)", "\(count)", path])
    try #require(outcome.status == 0, "\(outcome.errorText)")
    let frames = try Simulation.frames(ofFile: path)
    #expect(frames.count == count)
    return frames
  }

  /// Frames with some bytes of their headers changed, or their ends cut.
  private static func mutations(
    of frames: [[UInt8]], count: Int, _ random: inout SeededGenerator
  ) -> [[UInt8]] {
    (0..<count).map { number in
      var frame = frames[number % frames.count]
      for _ in 0..<random.below(3) {
        let place = random.below(min(frame.count, 100))
        frame[place] =
          random.below(2) == 0 ? random.byte() : frame[place] ^ 1 << UInt8(random.below(8))
      }
      if random.below(4) == 0 { frame = Array(frame.prefix(14 + random.below(frame.count - 13))) }
      return frame
    }
  }

  // MARK: Comparison

  /// Compares what both find in each frame.
  private static func compare(_ frames: [[UInt8]]) throws {
    let theirs = try judge(frames)
    try #require(theirs.count == frames.count)
    var clean = 0
    var differences: [String] = []
    for (number, frame) in frames.enumerated() {
      let parsed = ParsedFrame(frame)
      var ours = Facts(parsed, of: frame)
      var theirs = theirs[number]
      let mayBeSilent = allow(parsed.result, &ours, &theirs)
      let hex = frame.map { String(format: "%02x", $0) }.joined()
      if !parsed.result.hasError {
        clean += 1
        if ours.values != theirs.facts.values {
          differences.append(
            "\(theirs.protocols) differs in \(ours.difference(from: theirs.facts)): \(hex)")
        }
      } else {
        // What we found before the fault tshark found too, and it complains as well.
        let wrong = ours.values.filter { theirs.facts.values[$0.key] != $0.value }
        if !wrong.isEmpty {
          differences.append("\(theirs.protocols) differs in \(wrong): \(hex)")
        } else if !theirs.hasFault, !mayBeSilent {
          differences.append("\(theirs.protocols) has no fault for tshark: \(hex)")
        }
      }
    }
    #expect(differences.isEmpty, "\(differences.prefix(10).joined(separator: "\n"))")
    #expect(clean > frames.count / 10)
  }

  /// Takes out of both what tshark does differently on purpose.
  ///
  /// - Returns: Whether tshark says nothing of a fault that we find.
  private static func allow(
    _ result: ParseResult, _ ours: inout Facts, _ theirs: inout Verdict
  ) -> Bool {
    let behindIP = ["ip.last", "gre", "layer4", "ports", "spi", "checksum", "icmp"]
    // With addresses left in a routing header we leave the checksum to the last node.
    if result.validity & 0x80 != 0, !result.isChecksumVerified { theirs.facts.drop(["checksum"]) }
    // We do not look into options; tshark does, and gives up when they are wrong.
    if theirs.last.hasPrefix("ipv6.") {
      let unseen = behindIP + ["ip.protocol", "ip.checksum"]
      ours.drop(unseen)
      theirs.facts.drop(unseen)
    }
    // GRE of another version or with a source route we do not follow.
    if result[.gre] != nil, result.nextHeader == 47, !result.hasError {
      ours.drop(behindIP)
      theirs.facts.drop(behindIP + ["ip.checksum"])
    }
    // IP on an access point of its own instead of SNAP.
    if result[.llcSnap] != nil, result[.etherType] == nil {
      theirs.facts.drop(behindIP + ["ip.first", "ip.protocol", "ip.checksum"])
    }
    // Fields of the header at which it gave up; and it reads RARP as ARP.
    if theirs.protocols.contains("Malformed") {
      ours.drop(["arp", "icmp", "spi"])
      theirs.facts.drop(["arp", "icmp", "spi"])
    }
    if result.nextHeader == 0x8035 { theirs.facts.drop(["arp"]) }
    // Compressed PPP protocols (RFC 1661, section 6.5) we do not know, as RFC 2516 advises.
    if result[.pppoe] != nil, result.layer3 == 0, result.nextHeader & 0x100 != 0 {
      theirs.facts.drop(behindIP + ["ip.first", "ip.protocol", "ip.checksum"])
    }
    guard result.hasError else { return false }
    // tshark reads on behind a fault: in a tag that is cut, in extension headers, in tunnels; but
    // not in a header whose packet is shorter than itself.
    ours.drop(["vlan.last", "mpls.last", "ip.protocol", "gre"])
    if let last = ours.values["ip.last"], theirs.addresses.contains(last) { ours.drop(["ip.last"]) }
    if theirs.protocols.contains("Bogus IP length") { ours.drop(["ip.first", "ip.last"]) }
    // Of PPPoE's fields, of lengths in the place of a type, of too many labels and of AH's length
    // it says nothing, nor of a header that a first fragment is too short for.
    if result.hasLayer4Error, theirs.protocols.contains("Unreassembled fragment") { return true }
    return result.hasLayer2Error && [0, 0x8847, 0x8848, 0x8864].contains(result.nextHeader)
      || result.hasLayer4Error && result.layer4 & ~0x10 == ParseResult.Layer4.authentication
  }

  /// What is compared of a frame, by name.
  struct Facts {
    var values: [String: String] = [:]

    mutating func drop(_ names: [String]) {
      for name in names { values[name] = nil }
    }

    func difference(from other: Facts) -> String {
      Set(values.keys).union(other.values.keys).sorted()
        .filter { values[$0] != other.values[$0] }
        .map { "\($0): \(values[$0] ?? "nothing"), for tshark \(other.values[$0] ?? "nothing")" }
        .joined(separator: "; ")
    }
  }

  // MARK: tshark

  struct Verdict {
    /// The chain of protocols, with what tshark complains about.
    var protocols: String
    /// The last protocol of the chain.
    var last: String
    var facts: Facts
    /// The addresses of all IP headers.
    var addresses: [String]
    var hasFault: Bool
  }

  private static let fields = [
    "frame.protocols", "vlan.id", "mpls.label", "pppoe.session_id", "ip.src",
    "ip.dst", "ip.proto", "ip.checksum.status", "ipv6.src", "ipv6.dst", "ipv6.nxt",
    "ipv6.hopopts.nxt", "ipv6.dstopts.nxt", "ipv6.routing.nxt", "ipv6.fraghdr.nxt", "gre.proto",
    "tcp.srcport", "tcp.dstport", "tcp.checksum.status", "udp.srcport", "udp.dstport",
    "udp.checksum.status", "sctp.srcport", "sctp.dstport", "esp.spi", "ah.spi", "arp.opcode",
    "icmp.type", "icmpv6.type", "_ws.expert.severity", "_ws.expert.message",
  ]

  private static func judge(_ frames: [[UInt8]]) throws -> [Verdict] {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let path = try directory.write(
      "frames.pcap", Data(Frame.capture(frames.map { ($0, $0.count) })))
    let preferences = [
      "ip.defragment:FALSE", "ipv6.defragment:FALSE", "ip.check_checksum:TRUE",
      "tcp.check_checksum:TRUE", "udp.check_checksum:TRUE", "tcp.desegment_tcp_streams:FALSE",
      "tcp.analyze_sequence_numbers:FALSE",
    ]
    let outcome = try tshark.run(
      [
        "-r", path, "-n", "-d", "ethertype==0x88a8,vlan", "-T", "fields", "-E", "separator=|", "-E",
        "aggregator=;",
      ]
        + preferences.flatMap { ["-o", $0] }
        + fields.flatMap { ["-e", $0] })
    try #require(outcome.status == 0, "\(outcome.errorText)")
    return outcome.text.split(separator: "\n", omittingEmptySubsequences: true).map { line in
      var values: [String: [String]] = [:]
      for (name, value) in zip(fields, line.split(separator: "|", omittingEmptySubsequences: false))
      {
        values[name] = value.split(separator: ";").map(String.init)
      }
      return verdict(values)
    }
  }

  /// Walks through tshark's chain of protocols; each takes the next of its fields' values.
  private static func verdict(_ values: [String: [String]]) -> Verdict {
    var left = values
    func take(_ name: String) -> String? {
      guard let first = left[name]?.first else { return nil }
      left[name]?.removeFirst()
      return first
    }
    var facts = Facts()
    func set(_ name: String, _ value: String?) { if let value { facts.values[name] = value } }
    let chain = (values["frame.protocols"]?.first ?? "").split(separator: ":").map(String.init)
    var addresses: [String] = []
    func address(_ source: String?, _ destination: String?) {
      guard source != nil || destination != nil else { return }
      let pair = "\(bytes(source)) \(bytes(destination))"
      set(addresses.isEmpty ? "ip.first" : "ip.last", pair)
      addresses.append(pair)
    }
    walk: for name in chain {
      switch name {
      case "vlan":
        let identifier = take("vlan.id")
        if facts.values["vlan.first"] == nil { set("vlan.first", identifier) }
        set("vlan.last", identifier)
      case "mpls" where addresses.isEmpty:
        set("mpls.first", values["mpls.label"]?.first)
        set("mpls.last", values["mpls.label"]?.last)
      case "pppoes": set("pppoe", take("pppoe.session_id").map { "\(number($0))" })
      case "ip":
        if addresses.isEmpty { set("ip.protocol", values["ip.proto"]?.first) }
        address(take("ip.src"), take("ip.dst"))
        if take("ip.checksum.status") == "0" { set("ip.checksum", "bad") }
      case "ipv6":
        let next = take("ipv6.nxt")
        if addresses.isEmpty { set("ip.protocol", next) }
        address(take("ipv6.src"), take("ipv6.dst"))
      case "ipv6.hopopts", "ipv6.dstopts", "ipv6.routing", "ipv6.fraghdr":
        let next = take("\(name).nxt")
        if addresses.count == 1 { set("ip.protocol", next) }
      case "gre": set("gre", take("gre.proto").map { "\(number($0))" })
      case "tcp", "udp":
        set(
          "ports",
          take("\(name).srcport").flatMap { source in
            take("\(name).dstport").map { "\(source) \($0)" }
          })
        set("layer4", name)
        switch take("\(name).checksum.status") {
        case "1": set("checksum", "good")
        case "0", "4": set("checksum", "bad")
        default: break
        }
        break walk
      case "sctp":
        set(
          "ports",
          take("sctp.srcport").flatMap { source in
            take("sctp.dstport").map { "\(source) \($0)" }
          })
        set("layer4", name)
        break walk
      case "esp", "ah":
        set("layer4", name)
        set("spi", take("\(name).spi").map { "\(number($0))" })
        break walk
      case "arp":
        set("arp", take("arp.opcode"))
        break walk
      case "icmp", "icmpv6":
        set("icmp", take("\(name).type"))
        break walk
      case "eth", "ethertype", "ppp", "llc": break
      default: break walk
      }
    }
    let isFaulty =
      (values["_ws.expert.severity"] ?? []).contains { number($0) >= 0x60_0000 }
      || facts.values["ip.checksum"] == "bad" || facts.values["checksum"] == "bad"
      || chain.contains { $0.hasPrefix("_ws") }
    return Verdict(
      protocols: chain.joined(separator: ":") + " \(values["_ws.expert.message"] ?? [])",
      last: chain.last { !$0.hasPrefix("_ws") } ?? "", facts: facts, addresses: addresses,
      hasFault: isFaulty)
  }

  private static func number(_ text: String) -> UInt64 {
    text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) ?? 0 : UInt64(text) ?? 0
  }

  /// An address's bytes in hexadecimal digits.
  private static func bytes(_ address: String?) -> String {
    guard let address else { return "nothing" }
    var bytes = [UInt8](repeating: 0, count: 16)
    let family = address.contains(":") ? AF_INET6 : AF_INET
    guard inet_pton(family, address, &bytes) == 1 else { return address }
    return bytes.prefix(family == AF_INET6 ? 16 : 4).map { String(format: "%02x", $0) }.joined()
  }
}

extension ParserJudgeTests.Facts {
  /// What the parser found, read from the frame at the offsets of its result.
  init(_ parsed: ParsedFrame, of frame: [UInt8]) {
    let result = parsed.result
    func hex(_ offset: Int, _ count: Int) -> String {
      frame[offset..<offset + count].map { String(format: "%02x", $0) }.joined()
    }
    func number(_ offset: Int, _ count: Int) -> UInt64 {
      frame[offset..<offset + count].reduce(0) { $0 << 8 | UInt64($1) }
    }
    func set(_ name: String, _ value: String) { values[name] = value }
    if let first = result[.firstVLAN], let last = result[.lastVLAN] {
      set("vlan.first", "\(parsed.words[1] & 0xfff)")
      set("vlan.last", "\(number(last, 2) & 0xfff)")
      #expect(number(first, 2) & 0xfff == parsed.words[1] & 0xfff)
    }
    if let first = result[.firstMPLS], let last = result[.lastMPLS] {
      set("mpls.first", "\(number(first, 4) >> 12)")
      set("mpls.last", "\(number(last, 4) >> 12)")
    }
    if let offset = result[.pppoe] { set("pppoe", "\(number(offset + 2, 2))") }
    func addresses(_ offset: Int) -> String {
      frame[offset] >> 4 == 4
        ? "\(hex(offset + 12, 4)) \(hex(offset + 16, 4))"
        : "\(hex(offset + 8, 16)) \(hex(offset + 24, 16))"
    }
    if let offset = result[.firstIP] {
      set("ip.first", addresses(offset))
      set("ip.protocol", "\(parsed.words[7] >> 32 & 0xff)")
    }
    if let offset = result[.lastIP] { set("ip.last", addresses(offset)) }
    let layer3 = ParseResult.Layer3.self
    if result.layer3 & 0x03f0 == layer3.checksumError
      || result.layer3 & 0xf == layer3.lastChecksumError
    {
      set("ip.checksum", "bad")
    }
    if let offset = result[.gre] { set("gre", "\(number(offset + 2, 2))") }
    let kind = result.layer4 & ~ParseResult.Layer4.error
    if let offset = result[.layer4] {
      let names: [UInt8: String] = [
        0x20: "tcp", 0x40: "udp", 0x80: "sctp", 0x61: "esp", 0x62: "ah",
      ]
      set("layer4", names[kind] ?? "unknown")
      if parsed.words[7] & ParsedFrame.Presence.layer4 != 0 {
        set("ports", "\(parsed.words[7] >> 16 & 0xffff) \(parsed.words[7] & 0xffff)")
        #expect(number(offset, 4) == parsed.words[7] & 0xffff_ffff)
      }
      if kind == 0x61, offset + 4 <= frame.count { set("spi", "\(number(offset, 4))") }
      if kind == 0x62, offset + 8 <= frame.count { set("spi", "\(number(offset + 4, 4))") }
      if result.isChecksumVerified {
        set("checksum", result.hasLayer4Error ? "bad" : "good")
      }
    }
    guard let next = result[.next], !result.hasError else { return }
    let last = result[.lastIP] ?? result[.firstIP]
    let isLater = result.fragment & (last.map { frame[$0] >> 4 } == 4 ? 0x1fff : 0xfff8) != 0
    switch result.nextHeader {
    case 0x0806 where result.layer3 == 0 && frame.count >= next + 8:
      set("arp", "\(number(next + 6, 2))")
    case 1 where !isLater && frame.count > next && result.layer3 != 0:
      set("icmp", "\(number(next, 1))")
    case 58 where !isLater && frame.count > next && result.layer3 != 0:
      set("icmp", "\(number(next, 1))")
    default: break
    }
  }
}
