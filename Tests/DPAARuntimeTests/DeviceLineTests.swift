import DPAAPortal
import Foundation
import Glibc
import TestSupport
import Testing

@testable import DPAARuntime

/// Lines to devices of this machine's kernel, in network namespaces of their own.
@Suite(
  .serialized, .timeLimit(.minutes(5)),
  .enabled(if: TestNamespace.ip.isPresent, Comment(rawValue: TestNamespace.ip.skipReason)),
  .enabled(if: TestNamespace.isAllowed, TestNamespace.skipReason))
struct DeviceLineTests {
  @Test
  func `what the kernel sends to a TAP device arrives, and what is sent there the kernel gets`()
    throws
  {
    let namespace = try TestNamespace.quiet()
    let tap = try LineRig(.tap(namespace.device("t0")))
    try namespace.ip(["link", "set", "t0", "up"])
    // The kernel's side, through rings: each of the two is the other's judge.
    let kernel = try LineRig(.packet(namespace.device("t0")))
    tap.exchange(LineRig.frames(400), with: kernel, by: 40)
    #expect(tap.line.account == PortLine.Account(missed: 0))
    #expect(kernel.line.account == PortLine.Account(missed: 0))
  }

  @Test func `frames that nobody reads in time are told by the kernel's own count`() throws {
    let namespace = try TestNamespace.quiet()
    let tap = try LineRig(.tap(namespace.device("t0")))
    try namespace.ip(["link", "set", "t0", "txqueuelen", "10", "up"])
    let kernel = try LineRig(.packet(namespace.device("t0")))
    kernel.send(LineRig.frames(2000))
    var read = 0
    while tap.take() != nil { read += 1 }
    #expect(read > 0)
    #expect(tap.line.account.missed == UInt64(2000 - read))
  }

  @Test func `a device that is down or gone refuses frames, and one that comes up goes on`() throws
  {
    let namespace = try TestNamespace.quiet()
    let tap = try LineRig(.tap(namespace.device("t0")))
    tap.send(LineRig.frames(3))
    #expect(tap.refused == 3)
    #expect(tap.take() == nil)
    try namespace.ip(["link", "set", "t0", "up"])
    tap.send(LineRig.frames(3))
    #expect(tap.refused == 3)
    try namespace.ip(["link", "del", "t0"])
    tap.send(LineRig.frames(3))
    #expect(tap.refused == 6)
    #expect(tap.wait { tap.line.account.errorNumber != 0 })
    #expect(tap.take() == nil)
  }

  @Test func `frames cross a wire between two interfaces with their tags`() throws {
    let namespace = try TestNamespace.wire()
    let left = try LineRig(.packet(namespace.device("v0")))
    let right = try LineRig(.packet(namespace.device("v1")))
    // More than the rings have slots, so that each is used again.
    let frames = LineRig.frames(1200)
    for part in stride(from: 0, to: 1200, by: 100) {
      let some = Array(frames[part..<part + 100])
      left.send(some)
      #expect(right.take(100, where: LineRig.isOurs) == some)
    }
    let tagged = [
      Frame.ethernet(.vlan(7, priority: 5, .raw(0x88b5, [1, 2, 3]))),
      Frame.ethernet(.vlan(9, type: 0x88a8, .vlan(7, .raw(0x88b5, [4, 5])))),
    ]
    right.send(tagged)
    let arrived = left.take(2) { $0[12...13] == [0x81, 0] || $0[12...13] == [0x88, 0xa8] }
    #expect(arrived == tagged)
    #expect(right.line.account == PortLine.Account(missed: 0))
  }

  @Test func `a frame that is longer than the device takes is refused, not lost in silence`() throws
  {
    let namespace = try TestNamespace.wire()
    let left = try LineRig(.packet(namespace.device("v0")))
    let right = try LineRig(.packet(namespace.device("v1")))
    let frames = [1500, 1501].flatMap { count in
      let body = [UInt8](repeating: 7, count: count)
      return [
        Frame.ethernet(.raw(0x88b5, body)), Frame.ethernet(.vlan(7, .raw(0x88b5, body))),
      ]
    }
    #expect(left.send(frames) == Array(frames[..<2]))
    #expect(left.refused == 2)
    let arrived = right.take(2) { LineRig.isOurs($0) || $0[12...13] == [0x81, 0] }
    #expect(arrived == Array(frames[..<2]))
  }

  @Test func `a burst leaves whole, also where the device takes part of it at a time`() throws {
    let namespace = try TestNamespace.wire()
    // What holds packets has the socket's memory be full before the ring is.
    try namespace.tc([
      "qdisc", "replace", "dev", "v0", "root", "tbf", "rate", "50mbit", "burst", "5kb", "latency",
      "10s",
    ])
    let left = try LineRig(.packet(namespace.device("v0")))
    let right = try LineRig(.packet(namespace.device("v1")))
    let frames = (0..<250).map { number in
      Frame.ethernet(
        .raw(0x88b5, Frame.big(UInt64(number)) + [UInt8](repeating: 0xa5, count: 1480)))
    }
    left.send(frames)
    #expect(left.refused == 0)
    // Nothing more is sent: the line itself tries again.
    #expect(right.take(frames.count, pushing: left, where: LineRig.isOurs) == frames)
    #expect(left.line.account == PortLine.Account(missed: 0))
  }

  @Test func `what waits for a device that is down leaves when it is up`() throws {
    let namespace = try TestNamespace.wire()
    let left = try LineRig(.packet(namespace.device("v0")))
    try namespace.ip(["link", "set", "v0", "down"])
    left.send(LineRig.frames(5))
    #expect(left.line.account.errorNumber == ENETDOWN)
    try namespace.ip(["link", "set", "v0", "up"])
    let right = try LineRig(.packet(namespace.device("v1")))
    #expect(right.take(5, pushing: left, where: LineRig.isOurs) == LineRig.frames(5))
    #expect(left.line.account.errorNumber == 0)
  }

  @Test func `an interface that goes does not end the line`() throws {
    let namespace = try TestNamespace.wire()
    let left = try LineRig(.packet(namespace.device("v0")))
    left.send(LineRig.frames(5))
    try namespace.ip(["link", "del", "v0"])
    left.send(LineRig.frames(600))
    // The ring takes as many as it has slots; the others are refused, those in it are lost.
    #expect(left.refused > 0)
    #expect(left.take() == nil)
    let account = left.line.account
    #expect(account.errorNumber != 0)
    #expect(account.lost == UInt64(600 - left.refused))
  }

  @Test func `what cannot be opened is told with what would help`() throws {
    let namespace = try TestNamespace.quiet()
    func says(_ address: PortAddress, _ sentence: String) {
      do {
        _ = try LineRig(address)
        Issue.record("\(address) was opened")
      } catch {
        #expect("\(error)" == "fm1-10g0=\(address): \(sentence)")
      }
    }
    says(.packet(namespace.device("eth9")), "no interface eth9")
    says(
      .packet(.init(name: "eth9", namespace: "no-such")),
      "no namespace no-such: No such file or directory (ip netns add no-such makes one)")
    try namespace.ip(["link", "add", "v0", "type", "veth", "peer", "name", "v1"])
    says(
      .tap(namespace.device("v0")),
      "no TAP device v0: Invalid argument (there is a device of this name that is no TAP, "
        + "or a TAP with several queues)")
    let tap = try LineRig(.tap(namespace.device("t0")))
    says(
      .tap(namespace.device("t0")),
      "no TAP device t0: Device or resource busy (another program has it)")
    _ = tap
  }
}
