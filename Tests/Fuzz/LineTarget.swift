import Glibc

@testable import DPAARuntime

/// What a fuzzer does with bytes that somebody sends to a socket of a port: they come in parts, and the frames
/// of them are compared with those that a look at all the bytes finds.
///
/// The first byte chooses stream or datagrams, the second how long the parts are.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 2 else { return 0 }
  // SAFETY: the fuzzer keeps `count` bytes at `start` for the length of this call.
  let bytes = Array(UnsafeBufferPointer(start: start + 2, count: count - 2))
  let parts = stride(from: 0, to: bytes.count, by: Int(start[1]) + 1).map {
    bytes[$0..<min(bytes.count, $0 + Int(start[1]) + 1)]
  }
  if start[0] & 1 == 0 {
    stream(bytes, parts)
  } else {
    datagrams(parts)
  }
  return 0
}

private let place = "/tmp/dpaac-fuzz-\(getpid())"

/// A socket that calls, or sends to, a path.
private func open(_ type: __socket_type, to path: String) -> Int32 {
  guard let address = try? SocketAddress(.path(path), type: Int32(type.rawValue)) else { return -1 }
  defer { address.deallocate() }
  let descriptor = socket(AF_UNIX, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
  precondition(
    connect(descriptor, address.pointer, address.length) == 0, "the line listens at its path")
  return descriptor
}

private func send(_ part: ArraySlice<UInt8>, over descriptor: Int32) {
  part.withUnsafeBytes {
    _ = Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
  }
}

/// The frames that a line has, until it has none.
private func drain(_ line: borrowing PortLine, _ now: inout UInt64) -> [[UInt8]] {
  var frames: [[UInt8]] = []
  // A call without a frame may have read a part of one.
  var empty = 0
  while empty < 3 {
    now += 100_000_000
    guard let frame = line.peek(now: now) else {
      empty += 1
      continue
    }
    empty = 0
    precondition(frame.wireLength == frame.bytes.count, "a frame that was cut")
    frames.append(Array(frame.bytes))
    line.advance()
    _ = line.transmit(frame.bytes, now: now)
    line.push()
  }
  return frames
}

/// The frames in a stream, and whether it ends in what is none.
private func read(_ bytes: [UInt8]) -> (frames: [[UInt8]], isViolation: Bool) {
  var frames: [[UInt8]] = []
  var rest = bytes[...]
  while rest.count >= 4 {
    let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
    guard length <= 69_632 else { return (frames, true) }
    guard rest.count - 4 >= length else { break }
    frames.append(Array(rest.dropFirst(4).prefix(length)))
    rest = rest.dropFirst(4 + length)
  }
  return (frames, false)
}

private func stream(_ bytes: [UInt8], _ parts: [ArraySlice<UInt8>]) {
  guard let line = try? PortLine(.stream(.path(place), isServer: true), of: "fuzz") else {
    preconditionFailure("no line")
  }
  let peer = open(SOCK_STREAM, to: place)
  var now: UInt64 = 1
  var frames: [[UInt8]] = []
  for part in parts {
    send(part, over: peer)
    frames += drain(line, &now)
  }
  close(peer)
  frames += drain(line, &now)
  let expected = read(bytes)
  precondition(frames == expected.frames, "other frames than were sent")
  let account = line.account
  precondition(account.violations == (expected.isViolation ? 1 : 0), "no word of what is no frame")
  precondition(account.connections == 1, "who came once")
}

private func datagrams(_ parts: [ArraySlice<UInt8>]) {
  let peerPlace = place + "-peer"
  guard
    let line = try? PortLine(
      .datagram(local: .path(place), remote: .path(peerPlace)), of: "fuzz")
  else { preconditionFailure("no line") }
  let peer = open(SOCK_DGRAM, to: place)
  var now: UInt64 = 1
  for part in parts {
    send(part, over: peer)
    precondition(drain(line, &now) == [Array(part)], "another frame than was sent")
  }
  close(peer)
}
