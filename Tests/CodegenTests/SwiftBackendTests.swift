import DPAARuntime
import Diagnostics
import Foundation
import Lowering
import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import Codegen

@Suite struct SwiftBackendTests {
  @Test func `users name queues by what they are for`() throws {
    let source = try text("swift/Sources/Configuration/guest1.swift", of: Sample.t4240)
    #expect(source.contains("public enum guest1 {"))
    #expect(source.contains("public enum queues {"))
    #expect(source.contains("public static let receive = fm1_10g0.receive"))
    #expect(source.contains("public static let receive = QueueRange(first: 128, count: 64)"))
  }

  @Test func `a plan's pool channels, groups and thresholds reach names and runtime`() throws {
    let plan = """
      board: t4240qds
      partitions:
        host: { cpus: 0-3, memory: 1 GiB, portals: 2, queues: 1-100, pools: [ {id: 1, buffers: 64, size: 2 KiB} ] }
        guest1:
          cpus: 4-5
          memory: 512 MiB
          portals: 2
          queues: 101-200
          pools:
            - {id: 2, buffers: 512, size: 256}
            - {id: 7, buffers: 256, size: 2 KiB, thresholds: {software: [64, 128], hardware: [32, 48]}}
          pool-channels: [0x402, 0x405]
          congestion-groups: [ {id: 40, tail-drop: 64 KiB}, {id: 7, tail-drop: 64 KiB} ]
      interfaces:
        fm1-10g0:
          rules: [ { when: {ipv4.dst: 192.168.1.11}, to: guest1, congestion-group: 0 } ]
          otherwise: host

      """
    let result = PlanLoader.load(SourceFile(name: "plan.yaml", text: plan), board: nil)
    let partition = try #require(
      result.partition, "\(DiagnosticRenderer().render(result.diagnostics))")
    let configuration = RuntimeConfiguration(partition)
    let usual = PathQuality(receive: 6, transmit: 6)
    #expect(configuration.queueing[0] == .init(pathQualities: [usual]))
    #expect(
      configuration.queueing[1]
        == .init(
          poolChannels: [0x402, 0x405], congestionGroups: [40, 7],
          poolThresholds: [
            PoolThresholds(),
            PoolThresholds(
              softwareEnter: 64, softwareExit: 128, hardwareEnter: 32, hardwareExit: 48),
          ],
          groupSettings: [40, 7].map {
            CongestionGroup(
              id: CGRID($0), settings: .init(id: UInt32($0), tailDrop: 65_536), notified: [])
          }, pathQualities: [PathQuality(receive: 6, transmit: 6, congestionGroup: 40)]))
    #expect(configuration.ports == [PortSettings(mtu: 1500, headroom: 64)])
    _ = try Engine(configuration)
    let names = try text("swift/Sources/Configuration/guest1.swift", of: partition)
    #expect(names.contains("let poolChannels: [ChannelID] = [0x402, 0x405]"))
    #expect(names.contains("let congestionGroups: [UInt8] = [40, 7]"))
    #expect(
      names.contains(
        "PoolThresholds(softwareEnter: 64, softwareExit: 128, hardwareEnter: 32, hardwareExit: 48)")
    )
    #expect(
      names.contains(
        "id: 40, settings: .init(id: 40, counting: .bytes, tailDrop: 65536, notify: [])"))
    #expect(names.contains("PathQuality(receive: 6, transmit: 6, congestionGroup: 40),"))
    let value = try text("swift/Sources/Configuration/Configuration.swift", of: partition)
    #expect(value.contains("1: .init(\n      poolChannels: guest1.poolChannels,"))
  }

  @Test func `a partition's file names come from its Swift name`() throws {
    #expect(
      try text("swift/Sources/Configuration/bare_metal.swift", of: Sample.lonely)
        .contains("public enum bare_metal {"))
    #expect(
      try text("swift/Guest/Sources/guest/main.swift", of: Sample.lonely)
        .contains("case \"bare-metal\": try runBare_metal(&session)"))
  }

  @Test func `manifests find dpaac, and the host its plan, from where they are`() throws {
    #expect(
      try text("swift/Package.swift", of: Sample.t4240)
        .contains(#".package(name: "dpaac", path: "../../../dpaac")"#))
    #expect(
      try text("swift/Guest/Package.swift", of: Sample.t4240)
        .contains(#".package(name: "dpaac", path: "../../../../dpaac")"#))
    #expect(
      try text("swift/Sources/host/main.swift", of: Sample.t4240).contains(#"let plan = "../..""#))
  }

  @Test(arguments: [
    ("/a/b/c", "/a/d", "../../d"), ("/a/b", "/a/b/c/d", "c/d"), ("/a/b", "/a/b", "."),
    ("/a/b", "/c/d", "/c/d"), ("/a/./b/../x/", "/a//y", "../y"),
  ])
  func `a path is relative when anything is shared`(base: String, target: String, result: String) {
    #expect(relativePath(from: base, to: target) == result)
  }

  @Test func `a path through a symbolic link is where it leads`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    try FileManager.default.createSymbolicLink(
      atPath: "\(directory.path)/link", withDestinationPath: "/usr/bin")
    #expect(canonicalPath("\(directory.path)/link/../new/file") == "\(directory.path)/new/file")
    #expect(canonicalPath("\(directory.path)/link/new/file") == "/usr/bin/new/file")
    #expect(canonicalPath("/no/such/thing") == "/no/such/thing")
  }

  @Test(arguments: [
    (["guest1", "fm1-10g0"], ["guest1", "fm1_10g0"]),
    (["a-b", "a_b", "a_b_"], ["a_b", "a_b_", "a_b__"]),
    (["class", "Owner", "main", "self"], ["class_", "Owner_", "main_", "self_"]),
    (["10g", ""], ["_10g", "__"]),
  ])
  func `names become identifiers that differ`(names: [String], identifiers: [String]) {
    var scope = SwiftNames()
    #expect(names.map { scope.identifier(for: $0) } == identifiers)
  }

  @Test func `a rule is cited as plans write it`() {
    #expect(MatchCondition.ethernetSource(0x0200_0a0b_0c0d).planText == "eth.src 02:00:0a:0b:0c:0d")
    #expect(
      MatchCondition.ipv4Source(IPv4Prefix(address: 0x0a00_0000, length: 8)).planText
        == "ipv4.src 10.0.0.0/8")
  }

  @Test func `text becomes a literal of the same text`() {
    #expect(swiftLiteral("a\"b\\(c)\n\u{1}ü") == #""a\"b\\(c)\n\u{1}ü""#)
    #expect(swiftHexLiteral(UInt64(0xf_e000_0000)) == "0xf_e000_0000")
    #expect(swiftHexLiteral(UInt16(0)) == "0x0")
  }
}
