import Foundation
import Glibc
import TestSupport
import Testing

@testable import DPAARuntime

/// Lines through AF_XDP, on a wire between two interfaces in a namespace of its own; the other end speaks
/// AF_PACKET, so that each is the other's judge.
@Suite(
  .serialized, .timeLimit(.minutes(5)),
  .enabled(if: TestNamespace.ip.isPresent, Comment(rawValue: TestNamespace.ip.skipReason)),
  .enabled(if: TestNamespace.isAllowed, TestNamespace.skipReason),
  .enabled(if: TestNamespace.hasXDP, "needs a kernel with AF_XDP"))
struct XDPLineTests {
  private static func fault(_ address: PortAddress) -> String {
    do {
      _ = try LineRig(address)
      return "\(address) was opened"
    } catch {
      return "\(error)".replacingOccurrences(of: "fm1-10g0=\(address): ", with: "")
    }
  }

  @Test func `frames come and go unchanged, more than its rings have places`() throws {
    let namespace = try TestNamespace.wire()
    let xdp = try LineRig(.xdp(namespace.device("v0")))
    let kernel = try LineRig(.packet(namespace.device("v1")))
    xdp.exchange(LineRig.frames(4000), with: kernel, by: 100)
    let tagged = [
      Frame.ethernet(.vlan(7, priority: 5, .raw(0x88b5, [1, 2, 3]))),
      Frame.ethernet(.vlan(9, type: 0x88a8, .vlan(7, .raw(0x88b5, [4, 5])))),
    ]
    func isTagged(_ frame: [UInt8]) -> Bool {
      frame[12...13] == [0x81, 0] || frame[12...13] == [0x88, 0xa8]
    }
    kernel.send(tagged)
    #expect(xdp.take(2, where: isTagged) == tagged)
    xdp.send(tagged)
    #expect(kernel.take(2, where: isTagged) == tagged)
    #expect(xdp.line.account == PortLine.Account(missed: 0))
    #expect((xdp.refused, kernel.refused) == (0, 0))
  }

  @Test func `the kernel sees no frame while the line is open, and all of them afterwards`() throws
  {
    let namespace = try TestNamespace.wire()
    let sender = try LineRig(.packet(namespace.device("v1")))
    let listener = try LineRig(.packet(namespace.device("v0")))
    let frames = LineRig.frames(20)
    do {
      let xdp = try LineRig(.xdp(namespace.device("v0")))
      sender.send(frames)
      #expect(xdp.take(20, where: LineRig.isOurs) == frames)
      #expect(listener.take() == nil)
    }
    sender.send(frames)
    #expect(listener.take(20, where: LineRig.isOurs) == frames)
    // And it can be opened again.
    let again = try LineRig(.xdp(namespace.device("v0")))
    sender.send(frames)
    #expect(again.take(20, where: LineRig.isOurs) == frames)
  }

  @Test func `frames that nobody reads in time are told by the kernel's own count`() throws {
    let namespace = try TestNamespace.wire()
    let xdp = try LineRig(.xdp(namespace.device("v0")))
    let kernel = try LineRig(.packet(namespace.device("v1")))
    kernel.send(LineRig.frames(3000))
    // The rings hold 1,024; those behind them find no place.
    var numbers: [[UInt8]] = []
    while let frame = xdp.take() { numbers.append(frame) }
    #expect(numbers == LineRig.frames(1024))
    #expect(xdp.wait { xdp.line.account.missed == UInt64(3000 - 1024) })
    kernel.send(LineRig.frames(5))
    #expect(xdp.take(5) == LineRig.frames(5))
  }

  @Test func `a frame that is longer than the device takes is refused, not lost in silence`() throws
  {
    let namespace = try TestNamespace.wire()
    let xdp = try LineRig(.xdp(namespace.device("v0")))
    let kernel = try LineRig(.packet(namespace.device("v1")))
    let frames = [1500, 1501, 5000].flatMap { count in
      let body = [UInt8](repeating: 7, count: count)
      return [
        Frame.ethernet(.raw(0x88b5, body)), Frame.ethernet(.vlan(7, .raw(0x88b5, body))),
      ]
    }
    #expect(xdp.send(frames + [[1, 2, 3]]) == Array(frames[..<2]))
    #expect(xdp.refused == 5)
    let arrived = kernel.take(2) { LineRig.isOurs($0) || $0[12...13] == [0x81, 0] }
    #expect(arrived == Array(frames[..<2]))
  }

  @Test
  func `a device that is down or gone loses no frame in silence, and one that comes up goes on`()
    throws
  {
    let namespace = try TestNamespace.wire()
    let xdp = try LineRig(.xdp(namespace.device("v0")))
    try namespace.ip(["link", "set", "v0", "down"])
    xdp.send(LineRig.frames(3))
    #expect(xdp.line.account.errorNumber == ENETDOWN)
    try namespace.ip(["link", "set", "v0", "up"])
    let kernel = try LineRig(.packet(namespace.device("v1")))
    xdp.send(LineRig.frames(2, from: 3))
    #expect(kernel.take(5, where: LineRig.isOurs) == LineRig.frames(5))
    #expect(xdp.line.account.errorNumber == 0)
    try namespace.ip(["link", "del", "v0"])
    xdp.send(LineRig.frames(600))
    // As many as it has buffers; those are lost, the others refused.
    #expect(xdp.refused == 600 - 512)
    #expect(xdp.take() == nil)
    #expect(xdp.line.account.lost == 512)
    #expect(xdp.line.account.errorNumber != 0)
  }

  @Test func `what cannot be opened is told with what would help`() throws {
    let namespace = try TestNamespace.wire()
    #expect(Self.fault(.xdp(namespace.device("eth9"))) == "no interface eth9")
    try namespace.ip(["link", "set", "v1", "mtu", "9000"])
    #expect(
      Self.fault(.xdp(namespace.device("v1")))
        == "v1 has an MTU of 9000, and AF_XDP's buffers are for 3822 "
        + "(ip link set dev v1 mtu 1500, or packet:v1)")
    let first = try LineRig(.xdp(namespace.device("v0")))
    let second = Self.fault(.xdp(namespace.device("v0")))
    #expect(second.contains("another program has its frames through AF_XDP"), "\(second)")
    _ = first
    try namespace.ip([
      "link", "add", "w0", "numrxqueues", "3", "type", "veth", "peer", "name", "w1",
    ])
    #expect(
      Self.fault(.xdp(namespace.device("w0")))
        == "w0 receives in 3 queues, and an XDP socket has the frames of one "
        + "(ethtool -L w0 combined 1, or rx 1)")
  }

  @Test func `what a device without a carrier drops is told as lost`() throws {
    let namespace = try TestNamespace.wire()
    let xdp = try LineRig(.xdp(namespace.device("v0")))
    try namespace.ip(["link", "set", "v1", "down"])
    xdp.send(LineRig.frames(20))
    for _ in 0..<100 { xdp.line.push() }
    #expect(xdp.line.account.lost == 20)
    try namespace.ip(["link", "set", "v1", "up"])
    let kernel = try LineRig(.packet(namespace.device("v1")))
    #expect(
      xdp.wait {
        xdp.send(LineRig.frames(1, from: 99))
        return kernel.take().map(LineRig.isOurs) == true
      })
  }
}
