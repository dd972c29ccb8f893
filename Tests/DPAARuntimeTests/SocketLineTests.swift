import DPAAPortal
import Foundation
import Glibc
import Partitioning
import Synchronization
import TestSupport
import Testing

@testable import DPAARuntime

/// Lines over sockets, with peers in this test and with QEMU.
@Suite(.serialized, .timeLimit(.minutes(5))) struct SocketLineTests {
  /// A peer that writes what it likes: the other end of a stream line, in raw bytes.
  private final class Peer: Sendable {
    let descriptor: Int32

    /// Calls a Unix socket, as often as it needs to until somebody listens.
    init(calling path: String) throws {
      descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      let address = try SocketAddress(.path(path), type: Int32(SOCK_STREAM.rawValue))
      defer { address.deallocate() }
      let result = connect(descriptor, address.pointer, address.length)
      try #require(result == 0, "\(String(cString: strerror(errno)))")
      var limit = timeval(tv_sec: Int(LineRig.patience), tv_usec: 0)
      setsockopt(
        descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
      setsockopt(
        descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
    deinit { close(descriptor) }

    func write(_ bytes: [UInt8]) {
      #expect(send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
    }

    /// Reads exactly so many bytes; fewer at the end or when time is over.
    func read(_ count: Int) -> [UInt8] {
      var bytes = [UInt8](repeating: 0, count: count)
      var done = 0
      while done < count {
        let room = count - done
        let got = bytes.withUnsafeMutableBytes { buffer in
          recv(descriptor, buffer.baseAddress.map { $0 + done }, room, 0)
        }
        guard got > 0 else { break }
        done += got
      }
      return Array(bytes[..<done])
    }
  }

  /// What a peer's thread tells.
  private final class Reading: Sendable {
    let frames = Atomic<UInt64>(0)
    let isDone = Atomic<Bool>(false)
  }

  private static func framed(_ frame: [UInt8]) -> [UInt8] { Frame.big(UInt32(frame.count)) + frame }

  private static func server(_ directory: TemporaryDirectory) throws -> (LineRig, String) {
    let path = "\(directory.path)/line"
    return (try LineRig(.stream(.path(path), isServer: true)), path)
  }

  @Test func `a stream's frames have their length in front, four bytes in network order`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let (line, path) = try Self.server(directory)
    let peer = try Peer(calling: path)
    let frames = LineRig.frames(50)
    for frame in frames { peer.write(Self.framed(frame)) }
    #expect(line.take(50) == frames)
    line.send(frames)
    let all = frames.flatMap(Self.framed)
    #expect(peer.read(all.count) == all)
    #expect(line.line.account.connections == 1)
    #expect(line.refused == 0)
  }

  @Test func `a frame that comes byte by byte is one frame`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let (line, path) = try Self.server(directory)
    let peer = try Peer(calling: path)
    let frame = LineRig.frames(1)[0]
    let bytes = Self.framed(frame)
    for byte in bytes.dropLast() {
      peer.write([byte])
      #expect(line.take() == nil)
    }
    peer.write([bytes[bytes.count - 1]])
    #expect(line.take(1) == [frame])
  }

  @Test func `frames of QEMU's greatest length pass, and an empty one is a frame`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let (line, path) = try Self.server(directory)
    let peer = try Peer(calling: path)
    let longest = [UInt8](repeating: 7, count: StreamLine.longestFrame)
    let writer = Thread {
      for _ in 0..<5 { peer.write(Self.framed(longest)) }
      peer.write(Self.framed([]) + Self.framed([1]))
    }
    writer.start()
    #expect(line.take(7) == [[UInt8]](repeating: longest, count: 5) + [[], [1]])
    #expect(line.line.account.violations == 0)
  }

  @Test(arguments: [UInt32(StreamLine.longestFrame) + 1, 0x8000_0000, .max])
  func `a peer that announces what is no frame is sent away, and the next one is served`(
    length: UInt32
  ) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let (line, path) = try Self.server(directory)
    let frames = LineRig.frames(2)
    let bad = try Peer(calling: path)
    bad.write(Self.framed(frames[0]) + Frame.big(length) + [1, 2, 3])
    #expect(line.take(1) == [frames[0]])
    #expect(line.wait { line.line.account.violations == 1 })
    #expect(bad.read(1) == [])
    let good = try Peer(calling: path)
    good.write(Self.framed(frames[1]))
    #expect(line.take(1) == [frames[1]])
    #expect(line.line.account.connections == 2)
  }

  @Test func `a peer that goes in the midst of a frame takes that frame with it only`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let (line, path) = try Self.server(directory)
    let frames = LineRig.frames(3)
    do {
      let peer = try Peer(calling: path)
      peer.write(Self.framed(frames[0]) + Self.framed(frames[1]).dropLast(5))
      #expect(line.take(1) == [frames[0]])
    }
    let next = try Peer(calling: path)
    next.write(Self.framed(frames[2]))
    #expect(line.take(1) == [frames[2]])
    #expect(line.line.account.violations == 0)
  }

  @Test func `a peer that reads nothing does not hold up the line for ever`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let (line, path) = try Self.server(directory)
    let peer = try Peer(calling: path)
    #expect(line.wait { line.line.account.connections == 1 })
    let frames = LineRig.frames(3000)
    let taken = line.send(frames)
    #expect(line.refused > 0)
    #expect(taken.count + line.refused == frames.count)
    // What was taken arrives whole and in order as soon as the peer reads.
    var arrived = 0
    while arrived < taken.count {
      line.line.push()
      let length = peer.read(4)
      guard length.count == 4 else { break }
      let count = length.reduce(0) { $0 << 8 | Int($1) }
      guard peer.read(count) == taken[arrived] else { break }
      arrived += 1
    }
    #expect(arrived == taken.count)
    line.send([frames[0]])
    #expect(peer.read(4 + frames[0].count) == Self.framed(frames[0]))
  }

  @Test func `while a peer is slow its frames wait in their queue, and none is lost uncounted`()
    throws
  {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let path = "\(directory.path)/line"
    let count: UInt64 = 4000
    let simulation = try Simulation(
      Talk.configuration(
        programs: [.source(.init(path: Talk.wire, frames: count, size: 1000)), .reflect, .sink]),
      lines: [Talk.wire: .stream(.path(path), isServer: true)])
    let peer = try Peer(calling: path)
    let reading = Reading()
    simulation.engine.control.setInput(true)
    // Connected before the first frame comes.
    for _ in 0..<100 { simulation.engine.round() }
    try withExtendedLifetime(peer) {
      let reader = Thread {
        while peer.read(1004).count == 1004 {
          let number = reading.frames.wrappingAdd(1, ordering: .relaxed).newValue
          if number % 300 == 0 { usleep(20_000) }
        }
        reading.isDone.store(true, ordering: .releasing)
      }
      reader.start()
      let counters = simulation.engine.counters
      let deadline = monotonicNanoseconds() + UInt64(2 * LineRig.patience * 1e9)
      func sent() -> UInt64 { counters.value(.transmitted, 0) }
      while sent() + counters.value(.refused, 0) < count
        || reading.frames.load(ordering: .relaxed) < sent()
      {
        try #require(monotonicNanoseconds() < deadline, "\(sent()) of \(count) frames were sent")
        simulation.engine.round()
        _ = simulation.guests[0].step()
      }
      #expect(sent() > 500)
      shutdown(peer.descriptor, Int32(SHUT_RDWR))
      while !reading.isDone.load(ordering: .acquiring), monotonicNanoseconds() < deadline {
        usleep(1000)
      }
      #expect(reading.frames.load(ordering: .relaxed) == sent())
      #expect(simulation.freeBuffers == [64, 64, 64])
    }
  }

  @Test func `frames for a peer that went are told as lost, and without a peer as refused`() throws
  {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let (line, path) = try Self.server(directory)
    line.send(LineRig.frames(3))
    #expect(line.refused == 3)
    do {
      let peer = try Peer(calling: path)
      #expect(line.wait { line.line.account.connections == 1 })
      // More than the socket holds, so that some wait here.
      line.send(LineRig.frames(1000))
      _ = peer
    }
    let waiting = line.line.account.lost
    #expect(waiting > 0)
    #expect(
      line.wait {
        line.line.push()
        return line.line.account.errorNumber != 0
      })
    #expect(line.line.account.lost == waiting)
  }

  @Test func `a line that calls finds its peer later, and again when that comes back`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let path = "\(directory.path)/line"
    let caller = try LineRig(.stream(.path(path), isServer: false))
    #expect(caller.take() == nil)
    for number in 1...2 {
      let (server, _) = try Self.server(directory)
      let frames = LineRig.frames(20, from: number)
      #expect(caller.wait { caller.line.account.connections == UInt64(number) })
      caller.send(frames)
      #expect(server.take(20) == frames)
      server.send(frames)
      #expect(caller.take(20) == frames)
    }
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func `over TCP it is the same`() throws {
    let port = UInt16.random(in: 20_000..<60_000)
    let server = try LineRig(.stream(.host("127.0.0.1", port), isServer: true))
    let caller = try LineRig(.stream(.host("127.0.0.1", port), isServer: false))
    #expect(caller.wait { caller.take() == nil && caller.line.account.connections == 1 })
    let frames = LineRig.frames(200)
    caller.send(frames)
    #expect(server.take(200) == frames)
  }

  @Test func `a TCP call that is refused is no connection`() throws {
    // Bound, so that the port is nobody else's, and without listening.
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(listener) }
    let address = try SocketAddress(.host("127.0.0.1", 0), type: Int32(SOCK_STREAM.rawValue))
    #expect(bind(listener, address.pointer, address.length) == 0)
    var length = address.length
    getsockname(listener, address.bytes.assumingMemoryBound(to: sockaddr.self), &length)
    let port = UInt16(
      bigEndian: address.bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
    address.deallocate()
    let caller = try LineRig(.stream(.host("127.0.0.1", port), isServer: false))
    #expect(caller.wait { caller.line.account.errorNumber == ECONNREFUSED })
    caller.send(LineRig.frames(1))
    #expect(caller.refused == 1)
    #expect(caller.line.account.connections == 0)
    #expect(listen(listener, 1) == 0)
    #expect(caller.wait { caller.line.account.connections == 1 })
    #expect(caller.line.account.errorNumber == 0)
  }

  @Test func `a server whose callers queue lives, and its place is not taken`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let (server, path) = try Self.server(directory)
    // Nobody looks at the line meanwhile: they fill its queue.
    let callers = [try Peer(calling: path), try Peer(calling: path)]
    #expect(throws: EngineError.self) {
      _ = try LineRig(.stream(.path(path), isServer: true))
    }
    callers[0].write(Self.framed(LineRig.frames(1)[0]))
    #expect(server.take(1) == LineRig.frames(1))
  }

  @Test func `ends of two address families are no datagram line`() throws {
    let error = #expect(throws: EngineError.self) {
      _ = try LineRig(.datagram(local: .host("127.0.0.1", 20_001), remote: .host("::1", 20_002)))
    }
    #expect(error.map { "\($0)".contains("have no addresses of one family") } == true)
  }

  @Test func `a socket that somebody left behind is used again, a living one is not`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let (_, path) = try Self.server(directory)
    let (server, _) = try Self.server(directory)
    #expect(throws: EngineError.self) {
      _ = try LineRig(.stream(.path(path), isServer: true))
    }
    let file = try directory.write("file", Data())
    #expect(throws: EngineError.self) {
      _ = try LineRig(.stream(.path(file), isServer: true))
    }
    #expect(FileManager.default.fileExists(atPath: file))
    _ = server
  }

  @Test(arguments: [true, false])
  func `each datagram is a frame, either way`(isPath: Bool) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let port = UInt16.random(in: 20_000..<60_000)
    let ends: [PortAddress.Endpoint] =
      isPath
      ? [.path("\(directory.path)/a"), .path("\(directory.path)/b")]
      : [.host("127.0.0.1", port), .host("127.0.0.1", port + 1)]
    let left = try LineRig(.datagram(local: ends[0], remote: ends[1]))
    // Nobody is there yet: what is sent is lost or refused, and no harm is done.
    left.send(LineRig.frames(3))
    #expect(left.take() == nil)
    let right = try LineRig(.datagram(local: ends[1], remote: ends[0]))
    let frames = LineRig.frames(30)
    for frame in frames {
      left.send([frame])
      #expect(right.take(1) == [frame])
      right.send([frame])
      #expect(left.take(1) == [frame])
    }
  }

  @Test func `a datagram socket whose peer reads nothing refuses in the end, and goes on`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let paths = ["a", "b"].map { PortAddress.Endpoint.path("\(directory.path)/\($0)") }
    let left = try LineRig(.datagram(local: paths[0], remote: paths[1]))
    let right = try LineRig(.datagram(local: paths[1], remote: paths[0]))
    let frames = LineRig.frames(2000)
    let taken = left.send(frames)
    #expect(left.refused > 0)
    #expect(right.take(taken.count) == taken)
    left.send([frames[7]])
    #expect(right.take(1) == [frames[7]])
  }

  private static let qemu = Tool.qemuPPC

  @Test(.enabled(if: qemu.isPresent, Comment(rawValue: qemu.skipReason)), arguments: [true, false])
  func `QEMU passes frames between a stream and a datagram line`(isServer: Bool) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let path = { (name: String) in "\(directory.path)/\(name)" }
    let stream = try LineRig(.stream(.path(path("s")), isServer: isServer))
    let datagram = try LineRig(.datagram(local: .path(path("ours")), remote: .path(path("theirs"))))
    // No machine: a hub that connects the two.
    let arguments = [
      "-M", "none", "-display", "none", "-nodefaults", "-monitor", "none", "-netdev",
      "stream,id=s,server=\(isServer ? "off" : "on"),addr.type=unix,addr.path=\(path("s"))",
      "-netdev",
      "dgram,id=d,local.type=unix,local.path=\(path("theirs")),remote.type=unix,"
        + "remote.path=\(path("ours"))",
      "-netdev", "hubport,id=hs,hubid=0,netdev=s", "-netdev", "hubport,id=hd,hubid=0,netdev=d",
    ]
    let process = try ChildProcess(try #require(Self.qemu.path), arguments)
    defer { process.stop() }
    try #require(stream.wait { stream.line.account.connections == 1 })
    try #require(stream.wait { access(path("theirs"), F_OK) == 0 })
    for frame in LineRig.frames(200) {
      stream.send([frame])
      try #require(datagram.take(1) == [frame])
      datagram.send([frame])
      try #require(stream.take(1) == [frame])
    }
  }

  @Test func `a call that has reached itself is no peer`() throws {
    let itself = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(itself) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isConnected = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(itself, $0, size) == 0 && getsockname(itself, $0, &size) == 0
          && connect(itself, $0, size) == 0
      }
    }
    try #require(isConnected)
    #expect(StreamLine.isItself(itself))
    var pair: [Int32] = [-1, -1]
    #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
    #expect(!StreamLine.isItself(pair[0]))
    for end in pair { close(end) }
  }
}
