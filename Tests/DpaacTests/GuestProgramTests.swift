import Foundation
import TestSupport
import Testing

/// Programs of a user's own as guests, by the example in `examples/guest-program`.
@Suite(.timeLimit(.minutes(5))) struct GuestProgramTests {
  private static let asker: UInt64 = 0x0200_0000_0009
  private static let address: UInt32 = 0xc0a8_010b

  private static func plan(_ capture: String) -> String {
    """
    board: p4080ds
    partitions:
      host: { cpus: [0], memory: 512 MiB, portals: 1, queues: 1-100,
        pools: [ {id: 1, buffers: 256, size: 2 KiB} ] }
      guest1: { cpus: [1], memory: 512 MiB, portals: 1, queues: 101-200,
        pools: [ {id: 2, buffers: 256, size: 2 KiB} ] }
    interfaces:
      fm1-gb0:
        replay: \(capture)
        otherwise: guest1

    """
  }

  @Test func `a program of one's own answers in a guest's place, as tcpdump sees it`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let ping = Frame.Segment.icmp(Array(0..<40))
    let questions = (0..<100).map { number in
      number % 3 == 0
        ? Frame.ethernet(from: Self.asker, .arp(for: Self.address))
        : Frame.ethernet(
          from: Self.asker, .ipv4(to: Self.address, from: 0xc0a8_0101 + UInt32(number), ping))
    }
    let others = (0..<30).map { _ in
      Frame.ethernet(from: Self.asker, .ipv4(to: Self.address, .udp(to: 2)))
    }
    let capture = try directory.write(
      "in.pcap", Data(Frame.capture((questions + others).shuffled().map { ($0, $0.count) })))
    let plan = try directory.write("plan.yaml", Data(Self.plan(capture).utf8))
    let program = Checkout.product("pong")
    let outcome = try Dpaac.tool.run([
      "run", plan, "--program", "guest1=\(program)", "-o", directory.path, "--format", "json",
    ])
    try #require(outcome.status == 0, "\(outcome.errorText)\(outcome.text)")
    let report = try Dpaac.report(outcome.text)
    #expect(report["conserved"] as? Bool == true)
    for pool in try #require(report["pools"] as? [[String: Any]]) {
      #expect(pool["inUse"] as? Int == 0)
    }
    let flows = try #require(report["flows"] as? [[String: Any]])
    #expect(flows.compactMap { $0["frames"] as? Int } == [130, 100])
    let sent = "\(directory.path)/fm1-gb0.pcap"
    guard RunTests.tcpdump.isPresent else { return }
    #expect(try RunTests.count(sent, nil) == 100)
    #expect(try RunTests.count("\(directory.path)/guest1.pcap", nil) == 130)
    #expect(
      try RunTests.count(sent, "arp[6:2] = 2 and ether src 02:00:c0:a8:01:0b") == 34)
    #expect(try RunTests.count(sent, "icmp[0] = 0 and ether dst 02:00:00:00:00:09") == 66)
    let text = try RunTests.tcpdump.run(["-vnr", sent]).text
    #expect(text.contains("192.168.1.11 is-at 02:00:c0:a8:01:0b"))
    #expect(!text.contains("wrong icmp cksum"))
  }

  @Test(arguments: [
    ("guest1", "write it as partition=file"), ("guest9=/bin/true", "the plan has no guest9"),
    ("guest1=/nowhere/pong", "no program that can be executed"),
    ("guest1=/tmp", "no program that can be executed"),
  ])
  func `a program that cannot run is told before anything runs`(
    assignment: String, message: String
  ) throws {
    let outcome = try Dpaac.tool.run(["run", Dpaac.p4080Example, "--program", assignment])
    #expect(outcome.status == 64)
    #expect(outcome.errorText.contains(message), "\(outcome.errorText)")
  }

  @Test func `a program that is no guest is told with its partition`() throws {
    let outcome = try Dpaac.tool.run([
      "run", Dpaac.p4080Example, "--program", "guest1=/bin/true",
    ])
    #expect(outcome.status == 1)
    #expect(outcome.errorText.contains("guest1"), "\(outcome.errorText)")
    #expect(outcome.errorText.contains("before it attached"), "\(outcome.errorText)")
  }
}
