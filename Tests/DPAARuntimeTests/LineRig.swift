import DPAAPortal
import Foundation
import Glibc
import TestSupport
import Testing

@testable import DPAARuntime

/// A line, and the frames that a test sends and takes there. Nothing waits longer than `patience`.
final class LineRig {
  let line: PortLine
  private(set) var refused = 0
  /// Seconds after which a test has failed: as long as a busy machine may need.
  static let patience = 20.0

  init(_ address: PortAddress) throws { line = try PortLine(address, of: "fm1-10g0") }
  init(loop: LoopLine) { line = PortLine(loop: loop, address: .loop("fm1-10g0")) }

  /// Sends frames; what the line does not take is counted.
  ///
  /// - Returns: Those that it took: where a long one has no room, a short one behind it may have.
  @discardableResult
  func send(_ frames: [[UInt8]]) -> [[UInt8]] {
    var taken: [[UInt8]] = []
    for frame in frames {
      let deadline = monotonicNanoseconds() + UInt64(Self.patience * 1e9)
      sending: while monotonicNanoseconds() < deadline {
        switch frame.withUnsafeBytes({ line.transmit($0, now: monotonicNanoseconds()) }) {
        case .sent:
          taken.append(frame)
          break sending
        case .later:
          line.push()
          usleep(100)
        case .refused:
          refused += 1
          break sending
        }
      }
    }
    line.push()
    return taken
  }

  /// The frame that waits, if any.
  func take() -> [UInt8]? {
    guard let frame = line.peek(now: monotonicNanoseconds()) else {
      line.push()
      return nil
    }
    let bytes = Array(frame.bytes)
    #expect(frame.wireLength == bytes.count)
    line.advance()
    return bytes
  }

  /// Takes as many frames as are expected, or what came until the patience was at an end. Meanwhile another line's
  /// engine goes on, if there is one, and sends nothing more.
  func take(
    _ count: Int, pushing other: LineRig? = nil, where isWanted: ([UInt8]) -> Bool = { _ in true }
  ) -> [[UInt8]] {
    var frames: [[UInt8]] = []
    let deadline = monotonicNanoseconds() + UInt64(Self.patience * 1e9)
    while frames.count < count, monotonicNanoseconds() < deadline {
      guard let frame = take() else {
        other?.line.push()
        usleep(200)
        continue
      }
      if isWanted(frame) { frames.append(frame) }
    }
    return frames
  }

  /// Sends frames to another line and back, a part at a time: what comes is what went.
  func exchange(
    _ frames: [[UInt8]], with other: LineRig, by part: Int,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for first in stride(from: 0, to: frames.count, by: part) {
      let some = Array(frames[first..<min(first + part, frames.count)])
      other.send(some)
      #expect(take(some.count, where: Self.isOurs) == some, sourceLocation: sourceLocation)
      send(some)
      #expect(other.take(some.count, where: Self.isOurs) == some, sourceLocation: sourceLocation)
    }
  }

  /// Waits until something holds; `false` when it does not in time.
  func wait(_ condition: () -> Bool) -> Bool {
    let deadline = monotonicNanoseconds() + UInt64(Self.patience * 1e9)
    while !condition() {
      guard monotonicNanoseconds() < deadline else { return false }
      _ = line.peek(now: monotonicNanoseconds())
      usleep(200)
    }
    return true
  }

  /// Numbered frames of different lengths, which no protocol stack answers.
  static func frames(_ count: Int, from first: Int = 0) -> [[UInt8]] {
    (first..<first + count).map { number in
      Frame.ethernet(
        .raw(
          0x88b5,  // for experiments (IEEE 802)
          Frame.big(UInt64(number)) + [UInt8](repeating: 0xa5, count: number * 37 % 1480)))
    }
  }

  static func isOurs(_ frame: [UInt8]) -> Bool {
    frame.count >= 14 && frame[12...13] == [0x88, 0xb5]
  }
}

/// A network namespace of its own, for tests that make devices.
final class TestNamespace {
  static let ip = Tool("ip", package: "iproute2")
  private static let tc = Tool("tc", package: "iproute2")
  /// Whether this user may make namespaces and devices in them.
  static let isAllowed: Bool = {
    guard geteuid() == 0, ip.isPresent, access("/dev/net/tun", R_OK | W_OK) == 0 else {
      return false
    }
    let name = "dpaac-probe-\(getpid())"
    defer { _ = try? ip.run(["netns", "del", name]) }
    return (try? ip.run(["netns", "add", name]))?.status == 0
      && (try? ip.run(["-n", name, "tuntap", "add", "t0", "mode", "tap"]))?.status == 0
  }()
  /// Whether the kernel has AF_XDP, and lets this user have it.
  static let hasXDP: Bool = {
    let probe = socket(44, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    if probe >= 0 { close(probe) }
    return probe >= 0
  }()
  static let skipReason: Comment = "needs root, network namespaces and /dev/net/tun"

  let name: String

  init() throws {
    name = "dpaac-\(getpid())-\(UInt32.random(in: 0 ..< .max))"
    try Self.run(["netns", "add", name])
  }

  deinit { _ = try? Self.ip.run(["netns", "del", name]) }

  /// A namespace in which nothing speaks unasked.
  static func quiet() throws -> TestNamespace {
    let namespace = try TestNamespace()
    try run([
      "netns", "exec", namespace.name, "sh", "-c",
      "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; "
        + "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6",
    ])
    return namespace
  }

  /// Two interfaces, v0 and v1, with a wire between them, on which nobody speaks unasked.
  static func wire() throws -> TestNamespace {
    let namespace = try quiet()
    try namespace.ip(["link", "add", "v0", "type", "veth", "peer", "name", "v1"])
    for name in ["v0", "v1"] { try namespace.ip(["link", "set", name, "up"]) }
    return namespace
  }

  /// Runs `ip` in it.
  func ip(_ arguments: [String]) throws { try Self.run(["-n", name] + arguments) }

  /// Has packets be queued otherwise.
  func tc(_ arguments: [String]) throws {
    let outcome = try Self.tc.run(["-n", name] + arguments)
    try #require(outcome.status == 0, "tc \(arguments): \(outcome.errorText)")
  }

  private static func run(_ arguments: [String]) throws {
    let outcome = try ip.run(arguments)
    try #require(outcome.status == 0, "ip \(arguments): \(outcome.errorText)")
  }

  func device(_ device: String) -> PortAddress.Device {
    PortAddress.Device(name: device, namespace: name)
  }
}
