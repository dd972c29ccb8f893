import Foundation
import TestSupport
import Testing

/// Who could reach whom, and where frames go, as a user asks it.
@Suite struct QuestionTests {
  private func paths(_ arguments: [String]) throws -> (status: Int32, paths: [[String: Any]]) {
    let outcome = try Dpaac.tool.run(["prove", Dpaac.example, "--format", "json"] + arguments)
    return (outcome.status, try #require(Dpaac.report(outcome.text)["paths"] as? [[String: Any]]))
  }

  @Test func `every way between guests has its guard, and DMA is PAMU's`() throws {
    let (status, paths) = try paths(["--guest", "guest2", "--from", "guestN"])
    #expect(status == 0)
    #expect(
      paths.allSatisfy { $0["from"] as? String == "guestN" && $0["to"] as? String == "guest2" })
    let guards = Dictionary(
      paths.map { ($0["way"] as? String ?? "", $0["guard"] as? String ?? "") },
      uniquingKeysWith: { first, _ in first })
    #expect(guards["frame's DMA"] == "hardware")
    #expect(guards["cpu to memory"] == "hardware")
    // DPAA1 lets any portal enqueue to any queue: no hardware stands there.
    #expect(guards["enqueue"] == "its own software")
  }

  @Test func `a guest that breaks its word is stopped by the engine, not by the chip`() throws {
    #expect(try paths(["--hostile"]).status == 1)
    #expect(try paths(["--hostile", "--on", "runtime"]).status == 0)
  }

  @Test func `a mainline kernel, which knows no ranges, leaves ways open on the chip`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let pools = "pools: [ {buffers: 256, size: 2 KiB} ]"
    let text = """
      board: p4080ds
      partitions:
        host:   { cpus: 0-3, memory: 1 GiB, portals: 4, queues: 256-511, \(pools) }
        guest1: { cpus: 4-5, memory: 512 MiB, portals: 4, queues: 1024-2047, \(pools), os: linux-mainline, congestion-groups: 4, pool-channels: 1 }
        guest2: { cpus: 6-7, memory: 512 MiB, portals: 2, queues: 512-767, \(pools) }
      interfaces:
        fm1-10g0: { rules: [ {when: {vlan.id: 7}, to: guest1} ], otherwise: host }
      links: [ [host, guest2] ]
      """
    let plan = try directory.write("plan.yaml", Data(text.utf8))
    let outcome = try Dpaac.tool.run(["prove", plan, "--from", "guest1", "--guest", "guest2"])
    #expect(outcome.status == 1)
    #expect(outcome.text.contains("nobody"))
    let unknown = try Dpaac.tool.run(["prove", plan, "--from", "gest1"])
    #expect(unknown.status == 64)
    #expect(unknown.errorText.contains("did you mean guest1?"))
  }

  @Test func `a frame is followed to its guest by address, and the rest to the host`() throws {
    func frame(to address: UInt32) -> String {
      Frame.ethernet(.ipv4(to: address, from: 0x0a09_0807, .udp(to: 53)))
        .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
    let guest2 = try Dpaac.tool.run(
      ["trace", Dpaac.example, frame(to: 0xc0a8_0209), "--format", "json"])
    #expect(guest2.status == 0, "\(guest2.errorText)")
    let frames = try #require(Dpaac.report(guest2.text)["frames"] as? [[String: Any]])
    #expect(frames.first?["guest"] as? String == "guest2")
    #expect((frames.first?["fields"] as? [String: Any])?["l4.dst"] as? String == "53")
    let stranger = try Dpaac.tool.run(["trace", Dpaac.example, frame(to: 0xc0a8_6309)])
    #expect(stranger.text.contains("otherwise"))
    #expect(stranger.text.contains("host"))
  }

  @Test func `the frames of a capture go where a run counts them`() throws {
    let capture = "\(Checkout.path)/examples/kvm-forum/traffic.pcap"
    let outcome = try Dpaac.tool.run(["trace", Dpaac.example, capture, "--format", "json"])
    #expect(outcome.status == 0, "\(outcome.errorText)")
    let frames = try #require(Dpaac.report(outcome.text)["frames"] as? [[String: Any]])
    let guests = Set(frames.compactMap { $0["guest"] as? String })
    #expect(guests == ["host", "guest1", "guest2", "guestN"])
    let spread = Set(
      frames.filter { $0["guest"] as? String == "guest1" }.compactMap { $0["queue"] as? Int })
    #expect(spread.count > 1 && spread.allSatisfy { (101...200).contains($0) })
    // Queue by queue, and pool by pool, what the engine did with them.
    let run = try Dpaac.tool.run(["run", Dpaac.example, "--format", "json"])
    let counted = try #require(Dpaac.report(run.text)["queues"] as? [[String: Any]])
    var played: [Int: Int] = [:]
    for queue in counted where queue["role"] as? String == "receive fm1-10g0" {
      played[queue["fqid"] as? Int ?? 0] = queue["frames"] as? Int
    }
    var followed: [Int: Int] = [:]
    for frame in frames { followed[frame["queue"] as? Int ?? -1, default: 0] += 1 }
    #expect(followed == played.filter { $0.value > 0 })
    let broken = try Dpaac.tool.run(["trace", Dpaac.example, "no-such.pcap"])
    #expect(broken.status == 1)
  }

  @Test func `a frame that lacks a digit is no file, and what drops a frame is said`() throws {
    let odd = try Dpaac.tool.run(["trace", Dpaac.example, "02000000000102000000000208004"])
    #expect(odd.status == 64)
    #expect(odd.errorText.contains("29"))
    let short = try Dpaac.tool.run(["trace", Dpaac.example, "0200"])
    #expect(short.text.contains("dropped: shorter than an Ethernet header"))
    // 1,990 bytes are more than an MTU of 1,500 lets through.
    let frame = "ffffffffffff0200000000020806" + String(repeating: "00", count: 1976)
    let long = try Dpaac.tool.run(["trace", Dpaac.example, frame])
    #expect(long.text.contains("dropped, longer than the interface's MTU allows"))
    let arp = try Dpaac.tool.run(
      ["trace", Dpaac.example, "0200000000010200000000020806" + String(repeating: "00", count: 46)])
    #expect(arp.status == 0 && arp.text.contains("9 of 9: otherwise"))
  }

  @Test func `a rule is shown with what it asks for`() throws {
    let frame =
      "0200000000010200000000020800" + "4500001c00000000401100000a090807" + "c0a80209"
      + "04d2003500080000"
    let outcome = try Dpaac.tool.run(["trace", Dpaac.example, frame])
    #expect(outcome.text.contains(" of 9: ipv4.dst 192.168.2.0/24"), "\(outcome.text)")
  }

  @Test(arguments: [
    ("interrupt", "112", ["guest1", "QMan portal 4"]),
    ("interrupt", "96", ["nobody", "FMan 1"]),
    ("interrupt", "203", ["nobody", "no portal and no block"]),
    ("interrupt", "0xaf", ["nobody", "BMan portal 35, which nobody has"]),
    ("channel", "0x401", ["nobody", "pool channel, there and free"]),
    ("pool", "2", ["guest1", "hold what arrives from fm1-10g0", "hold what arrives from host"]),
  ])
  func `why says whose an interrupt, a channel and a pool are, and what for`(
    kind: String, number: String, says: [String]
  ) throws {
    let outcome = try Dpaac.tool.run(["why", Dpaac.example, kind, number])
    #expect(outcome.status == 0, "\(outcome.errorText)")
    for text in says { #expect(outcome.text.contains(text), "\(outcome.text)") }
  }

  @Test func `a kind of object that there is not is answered with those there are`() throws {
    let outcome = try Dpaac.tool.run(["why", Dpaac.example, "thing", "1"])
    #expect(outcome.status == 64)
    #expect(outcome.errorText.contains("choose one of queue, portal,"))
  }

  /// Whatever a program may read has the same bytes each time.
  @Test(arguments: [
    ["check"], ["plan"], ["free"], ["prove"], ["why", "queue", "150"], ["why", "channel", "4"],
    ["trace", "0200000000010200000000020806" + String(repeating: "00", count: 46)],
  ])
  func `what is printed as JSON is printed alike each time`(arguments: [String]) throws {
    let command = arguments[..<1] + [Dpaac.example] + arguments[1...] + ["--format", "json"]
    let first = try Dpaac.tool.run(Array(command))
    #expect(first.status == 0, "\(first.errorText)")
    #expect(try JSONSerialization.jsonObject(with: Data(first.text.utf8)) is [String: Any])
    for _ in 0..<3 { #expect(try Dpaac.tool.run(Array(command)).text == first.text) }
  }

  @Test func `a node of the board is kept or dropped by a line of the plan`() throws {
    func why(_ arguments: String...) throws -> Tool.Outcome {
      try Dpaac.tool.run(["why", Dpaac.example] + arguments)
    }
    let kept = try why("--guest", "guest1", "/qman-portals/qman-portal@10000")
    #expect(kept.status == 0, "\(kept.errorText)")
    #expect(kept.text.contains("qman-portal@10000: rewritten"))
    #expect(kept.text.contains("t4240qds.yaml:"))
    let dropped = try why("--guest", "guest2", "/qman-portals/qman-portal@10000")
    #expect(dropped.text.contains("dropped\n  portal 4 is guest1's\n"))
    let all = try why("--guest", "guest1", "--format", "json")
    let fates = try #require(
      JSONSerialization.jsonObject(with: Data(all.text.utf8)) as? [[String: Any]])
    let kinds = Set(fates.compactMap { $0["fate"] as? String })
    #expect(kinds == ["kept", "rewritten", "dropped", "added"])
    let near = try why("--guest", "guest1", "/reserved-memry")
    #expect(near.status == 1)
    #expect(near.errorText.contains("did you mean /reserved-memory?"))
    #expect(try why("--guest", "gest1").errorText.contains("did you mean guest1?"))
    #expect(try why("--guest", "guest1", "queue", "4").status == 64)
    #expect(try why("queue").status == 64)
  }

  @Test func `a base is for a guest of the plan`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let outcome = try Dpaac.tool.run([
      "generate", Dpaac.example, "-o", "\(directory.path)/out", "--base", "gest1=x.dtb",
    ])
    #expect(outcome.status == 1)
    #expect(outcome.errorText.contains("did you mean guest1?"))
    #expect(!FileManager.default.fileExists(atPath: "\(directory.path)/out"))
  }
}
