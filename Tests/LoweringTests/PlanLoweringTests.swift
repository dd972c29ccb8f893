import Diagnostics
import Documents
import Lowering
import Partitioning
import QorIQ
import Testing

@Suite struct PlanLoweringTests {
  private func lower(_ text: String) throws -> (plan: Plan, bag: DiagnosticBag) {
    var bag = DiagnosticBag()
    let node = try #require(
      YAMLReader().read(SourceFile(name: "p.yaml", text: text), into: &bag))
    let result = try #require(PlanLowering.lower(node, name: "p", into: &bag))
    return (result.plan, bag)
  }

  private func partition(_ facts: String) throws -> (wish: PartitionWish, bag: DiagnosticBag) {
    let (plan, bag) = try lower(
      "board: p4080ds\npartitions:\n  g: {cpus: 1, memory: 1 MiB, portals: 1, queues: 9, \(facts)}\n"
    )
    return (try #require(plan.partitions.first), bag)
  }

  private func condition(_ text: String) throws -> (condition: MatchCondition?, bag: DiagnosticBag)
  {
    let (plan, bag) = try lower(
      """
      board: p4080ds
      partitions: {}
      interfaces: {i: {rules: [ {when: {\(text)}, to: host} ], otherwise: host}}
      """)
    return (plan.interfaces.first?.rules.first?.conditions?.first, bag)
  }

  @Test(arguments: [
    ("2048", 2048), ("0x800", 2048), ("2 KiB", 2048), ("2KiB", 2048), ("512 MiB", 512 << 20),
    ("2 GiB", 2 << 30), ("1 TiB", 1 << 40), ("17 bytes", 17), ("1 byte", 1), ("10 B", 10),
  ]) func `sizes are bytes with or without a unit`(text: String, bytes: UInt64) throws {
    let (wish, bag) = try partition("pools: [ {buffers: 1, size: \(text)} ]")
    #expect(bag.isEmpty)
    #expect(wish.pools?.first?.bufferSize == bytes)
  }

  @Test(arguments: [
    "2 KB", "2G", "2 gib", "KiB", "-1", "1.5 GiB", "2 2 KiB", "0x", "99999999999999999999",
    "99999999999 TiB", "[ ]", "~",
  ]) func `what is no size is refused`(text: String) throws {
    let (wish, bag) = try partition("pools: [ {buffers: 1, size: \(text)} ]")
    #expect(wish.pools == nil)
    #expect(bag.diagnostics.count == 1)
  }

  @Test func `a bare number counts, a range or a list chooses`() throws {
    let text = { (portals: String) in
      """
      board: p4080ds
      partitions: {g: {cpus: 1, memory: 1 MiB, portals: \(portals), queues: 9}}
      """
    }
    #expect(try lower(text("4")).plan.partitions[0].portals == .count(4))
    #expect(try lower(text("4-6")).plan.partitions[0].portals == .exactly([4, 5, 6]))
    #expect(try lower(text("[ 4 ]")).plan.partitions[0].portals == .exactly([4]))
    #expect(try lower(text("[ 4, 7-8 ]")).plan.partitions[0].portals == .exactly([4, 7, 8]))
    #expect(try lower(text("'4, 7-8'")).plan.partitions[0].portals == .exactly([4, 7, 8]))
  }

  @Test(arguments: [
    ("eth.dst: 02:00:00:00:00:0a", MatchCondition.ethernetDestination(0x0200_0000_000a)),
    ("eth.src: FF:ff:00:00:00:01", .ethernetSource(0xffff_0000_0001)),
    ("eth.type: arp", .etherType(0x806)), ("eth.type: 0x88f7", .etherType(0x88f7)),
    ("vlan.id: 100", .vlan(100)),
    ("ipv4.src: 10.0.0.0/8", .ipv4Source(IPv4Prefix(address: 0x0a00_0000, length: 8))),
    ("ipv4.dst: 0.0.0.0/0", .ipv4Destination(IPv4Prefix(address: 0, length: 0))),
    ("ipv6.src: \"::1\"", .ipv6Source(IPv6Prefix(high: 0, low: 1, length: 128))),
    ("ipv6.dst: \"::\"", .ipv6Destination(IPv6Prefix(high: 0, low: 0, length: 128))),
    (
      "ipv6.dst: \"fd00:2::/64\"",
      .ipv6Destination(IPv6Prefix(high: 0xfd00_0002_0000_0000, low: 0, length: 64))
    ),
    (
      "ipv6.dst: \"1:2:3:4:5:6:7:8\"",
      .ipv6Destination(
        IPv6Prefix(high: 0x0001_0002_0003_0004, low: 0x0005_0006_0007_0008, length: 128))
    ),
    (
      "ipv6.dst: \"::ffff:192.168.1.1\"",
      .ipv6Destination(IPv6Prefix(high: 0, low: 0xffff_c0a8_0101, length: 128))
    ),
    ("ip.proto: udp", .ipProtocol(17)), ("ip.proto: 50", .ipProtocol(50)),
    ("l4.src: 53", .l4Source(53)), ("l4.dst: 65535", .l4Destination(65535)),
    (
      "eth.dst: \"02:00:00:00:01:00/ff:ff:ff:ff:ff:00\"",
      .masked(
        MaskedField(.ethernetDestination, value: 0x0200_0000_0100, mask: 0xffff_ffff_ff00))
    ),
    ("l4.dst: 0x1f80/0xfff0", .masked(MaskedField(.l4Destination, value: 0x1f80, mask: 0xfff0))),
    ("l4.src: 1/1", .masked(MaskedField(.l4Source, value: 1, mask: 1))),
    ("vlan.id: 256/3840", .masked(MaskedField(.vlan, value: 0x100, mask: 0xf00))),
    ("ip.proto: tcp/6", .masked(MaskedField(.ipProtocol, value: 6, mask: 6))),
    ("bytes: {at: 12, is: 8}", .bytes(FrameBytes(.frame, at: 12, count: 1), 8)),
    (
      "bytes: {from: ip, at: 1, is: 0xb8, mask: 0xfc}",
      .bytes(FrameBytes(.ip, at: 1, count: 1, mask: 0xfc), 0xb8)
    ),
    (
      "bytes: [ {from: l4, at: 255, size: 8, is: 0xffffffffffffffff} ]",
      .bytes(FrameBytes(.layer4, at: 255, count: 8), .max)
    ),
  ]) func `conditions are read as the field's own notation`(text: String, expected: MatchCondition)
    throws
  {
    let (condition, bag) = try condition(text)
    #expect(bag.isEmpty)
    #expect(condition == expected)
  }

  @Test(arguments: [
    "eth.dst: 02:00:00:00:00", "eth.dst: 02-00-00-00-00-01", "eth.type: 0x10000", "eth.type: ipx",
    "vlan.id: 4096", "ipv4.src: 10.0.0", "ipv4.src: 10.0.0.256", "ipv4.src: 010.0.0.1",
    "ipv4.src: 10.0.0.1/33", "ipv4.src: 10.0.0.1/24", "ipv4.src: 10.0.0.0/", "ipv6.dst: \"1:2\"",
    "ipv6.dst: \":::\"", "ipv6.dst: \"1::2::3\"", "ipv6.dst: \"12345::\"", "ipv6.dst: \"1:\"",
    "ipv6.dst: \":1\"", "ipv6.dst: \"1:2:3:4:5:6:7:8:9\"", "ipv6.dst: \"1:2:3:4:5:6:7::8\"",
    "ipv6.dst: \"fd00::/129\"", "ipv6.dst: \"fd00::1/64\"", "ipv6.dst: \"\"", "ip.proto: 256",
    "ip.proto: upd", "l4.src: 65536", "l4.src: http", "ipv4.dts: 10.0.0.1", "l4.src: 1/0",
    "l4.src: 3/2",
    "vlan.id: 1/0x1000", "eth.dst: \"02:00:00:00:00:00/24\"", "ip.proto: tcp/all", "l4.dst: 80/",
    "bytes: {is: 8}", "bytes: {at: 12}", "bytes: {at: 256, is: 8}", "bytes: {at: 1, is: 256}",
    "bytes: {at: 1, size: 9, is: 1}", "bytes: {at: 1, size: 0, is: 1}", "bytes: 8",
    "bytes: {from: tcp, at: 1, is: 1}", "bytes: {at: 1, is: 3, mask: 2}",
    "bytes: {at: 1, is: 0, mask: 0}", "bytes: {at: 1, is: 0, mask: 256}",
  ]) func `conditions that say nothing sensible are refused once`(text: String) throws {
    let (condition, bag) = try condition(text)
    #expect(condition == nil)
    #expect(bag.diagnostics.count == 1)
    #expect(bag.diagnostics.first?.span != nil)
  }

  @Test(arguments: [
    ("reflect", GuestProgram.reflect), ("sink", .sink),
    (
      "{source: {to: host, frames: 5}}",
      .source(GuestProgram.SourceProgram(path: "host", frames: 5, size: 128))
    ),
    (
      "{source: {to: host, frames: 5, size: 1514}}",
      .source(GuestProgram.SourceProgram(path: "host", frames: 5, size: 1514))
    ),
    (
      "{source: {to: host, frames: 5, rate: 100}}",
      .source(GuestProgram.SourceProgram(path: "host", frames: 5, size: 128, rate: 100))
    ),
    (
      "{forward: {ways: [ {over: host, addresses: [10.1.0.1/24, \"fd00:1::1/64\"]} ], "
        + "routes: [ {to: 0.0.0.0/0, via: 10.1.0.254}, {to: \"fd00::/16\", via: \"fd00:1::2\"} ]}}",
      .forward(
        .init(
          ways: [
            .init(
              path: "host",
              addresses: [
                NetworkPrefix(ipv4: 0x0a01_0001, length: 24),
                NetworkPrefix(
                  address: NetworkAddress(high: 0xfd00_0001 << 32, low: 1), length: 64),
              ])
          ],
          routes: [
            .init(
              to: NetworkPrefix(ipv4: 0, length: 0), via: NetworkAddress(ipv4: 0x0a01_00fe)),
            .init(
              to: NetworkPrefix(
                address: NetworkAddress(high: 0xfd00 << 48, low: 0), length: 16),
              via: NetworkAddress(high: 0xfd00_0001 << 32, low: 2)),
          ]))
    ),
    (
      "{scan: {between: [fm1-10g0, host], groups: [ {group: a}, {group: b, then: count} ]}}",
      .scan(
        .init(
          ways: ["fm1-10g0", "host"],
          groups: [.init(name: "a", action: .drop), .init(name: "b", action: .count)]))
    ),
    (
      "{scan: {between: [a, b], groups: [ {group: a, then: divert} ], from: frame, idle: 300, "
        + "fail: open, divert-to: c}}",
      .scan(
        .init(
          ways: ["a", "b"], groups: [.init(name: "a", action: .divert)], startsAtPayload: false,
          idleSeconds: 300, failsOpen: true, divert: "c"))
    ),
  ]) func `programs are words or have settings`(text: String, expected: GuestProgram)
    throws
  {
    let (wish, bag) = try partition("program: \(text)")
    #expect(bag.isEmpty)
    #expect(wish.program == expected)
  }

  @Test(arguments: [
    "program: {forward: {}}", "program: {}",
    "program: {source: {to: host, frames: 5}, forward: {ways: []}}",
    "program: {forward: {ways: [ {over: host, addresses: [10.1.0.1]} ]}}",
    "program: {forward: {ways: [ {over: host, addresses: [10.1.0.1/33]} ]}}",
    "program: {forward: {ways: [ {over: host, addresses: [\"fd00::1/129\"]} ]}}",
    "program: {forward: {ways: [ {over: host, addresses: [\"::ffff:10.1.0.1/64\"]} ]}}",
    "program: {forward: {ways: [ {over: host} ]}}", "program: {forward: {ways: host}}",
    "program: {forward: {ways: [], routes: [ {to: 10.0.0.1/8, via: 10.1.0.254} ]}}",
    "program: {forward: {ways: [], routes: [ {to: 10.0.0.0/8, via: 10.1.0.0/24} ]}}",
    "program: {source: {to: host, frames: 5, rate: 0}}",
    "program: {scan: {}}", "program: {scan: {between: [a, b], groups: [ {then: drop} ]}}",
    "program: {scan: {between: [a, b], groups: [ {group: web, then: burn} ]}}",
    "program: {scan: {between: [a, b], groups: [ {group: web} ], from: frame, streams: yes}}",
    "program: {scan: {between: [a, b], groups: [ {group: web} ], fail: maybe, idle: 5}}",
    "program: {scan: {between: [a, b], groups: [ {group: web} ], idle: 0}}",
    "program: {scan: {between: [a, b], groups: []}, forward: {ways: []}}",
    "program: source", "program: reflct", "program: {source: {frames: 5}}", "program: {sink: 5}",
    "os: linux", "rings: {enqueue: many}", "rings: 64", "cpu: 4", "pools: {id: 1}",
    "pools: [ {id: 1} ]",
  ]) func `facts that cannot be meant are refused`(text: String) throws {
    let (_, bag) = try partition(text)
    #expect(bag.hasErrors)
    #expect(bag.diagnostics.allSatisfy { $0.span != nil })
  }

  @Test func `a router has so many addresses and routes together`() throws {
    func errors(addresses: Int, routes: Int) throws -> Int {
      let own = (0..<addresses).map { "10.1.\($0 / 250).\($0 % 250 + 1)/16" }
      let ways = (0..<routes).map { "{to: 10.2.\($0 / 250).\($0 % 250)/32, via: 10.1.0.9}" }
      return try partition(
        "program: {forward: {ways: [ {over: host, addresses: [\(own.joined(separator: ", "))]} ], "
          + "routes: [\(ways.joined(separator: ", "))]}}"
      ).bag.diagnostics.count { $0.span != nil }
    }
    #expect(try errors(addresses: 600, routes: 400) == 0)
    #expect(try errors(addresses: 600, routes: 401) == 1)
  }

  @Test(arguments: ["5-tuple", "ipv4-5-tuple", "ipv6-5-tuple"])
  func `a spread may name the IP version`(text: String) throws {
    let (plan, bag) = try lower(
      """
      board: p4080ds
      partitions: {}
      interfaces: {i: {rules: [ {when: {vlan.id: 1}, to: host, spread: \(text)} ], otherwise: host}}
      """)
    #expect(bag.isEmpty)
    #expect(plan.interfaces.first?.rules.first?.spread == .fiveTuple)
  }

  /// The first rule of a plan with these keys.
  private func rule(_ keys: String) throws -> (RuleWish?, DiagnosticBag) {
    let (plan, bag) = try lower(
      """
      board: p4080ds
      partitions: {}
      interfaces: {i: {rules: [ {when: {vlan.id: 1}, \(keys)} ], otherwise: host}}
      """)
    return (plan.interfaces.first?.rules.first, bag)
  }

  @Test func `a spread may name its fields and bytes`() throws {
    let (wish, bag) = try rule(
      "to: host, spread: {fields: [l4.dst, ip.src, ip.src], bytes: [ {from: ip, at: 9}, "
        + "{at: 0, size: 6, mask: 0xff} ]}")
    #expect(bag.isEmpty)
    let bytes = [
      FrameBytes(.ip, at: 9, count: 1), FrameBytes(.frame, at: 0, count: 6, mask: 0xff),
    ]
    #expect(wish?.spread == .key(HashKey([.ipSource, .l4Destination], bytes: bytes)))
    guard case .key(let key) = wish?.spread else { return }
    #expect(key.fields == [.ipSource, .l4Destination])
    #expect(key.byteCount == 16 + 2 + 1 + 6)
  }

  @Test(arguments: [
    "spread: {fields: [ip.from]}", "spread: {fields: ip.src}", "spread: {key: 5-tuple}",
    "spread: {bytes: [ {size: 1} ]}", "spread: {bytes: [ {at: 1, is: 2} ]}", "spread: [ip.src]",
  ]) func `a spread that cannot be meant is refused once`(text: String) throws {
    let (wish, bag) = try rule("to: host, \(text)")
    #expect(wish?.spread == nil)
    #expect(bag.diagnostics.count == 1)
    #expect(bag.diagnostics.first?.span != nil)
  }

  @Test func `frames may be for nobody, or for several`() throws {
    var (wish, bag) = try rule("to: drop")
    #expect(bag.isEmpty)
    #expect(wish?.drops == true && wish?.to == nil && wish?.copies == [])
    (wish, bag) = try rule("to: [a, b, c]")
    #expect(bag.isEmpty)
    #expect(wish?.drops == false && wish?.to == "a" && wish?.copies == ["b", "c"])
    (wish, bag) = try rule("to: [a]")
    #expect(wish?.to == "a" && wish?.copies == [])
    let (plan, _) = try lower("board: p4080ds\npartitions: {}\ninterfaces: {i: {otherwise: drop}}")
    #expect(plan.interfaces.first?.dropsOtherwise == true)
    #expect(plan.interfaces.first?.otherwise == nil)
  }

  @Test(arguments: ["to: []", "to: [a, drop]", "to: {a: b}", "to: [a, [b]]"])
  func `receivers that cannot be meant are refused once`(text: String) throws {
    let (wish, bag) = try rule(text)
    #expect(wish?.to == nil && wish?.drops == false)
    #expect(bag.diagnostics.count == 1)
    #expect(bag.diagnostics.first?.span != nil)
  }
}
