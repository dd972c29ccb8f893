import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import DPAARuntime

/// What carries interrupts to clients that listen on sockets.
@Suite(.timeLimit(.minutes(5))) struct InterruptRelayTests {
  /// A socket that listens, so that who calls is connected before anybody answers.
  private static func listener(at path: String) throws -> Int32 {
    let socket = ControlSocketAddress.socket(isWaiting: true)
    let isBound = try ControlSocketAddress(path).with { bind(socket, $0, $1) } == 0
    try #require(isBound && listen(socket, 2) == 0)
    return socket
  }

  private final class Watch: Sendable {
    let isDone = Atomic(false)
    let hasHelped = Atomic(false)
  }

  @Test func `who listens and does not read loses his connection, and nobody waits for him`() throws
  {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let path = "\(directory.path)/lines"
    let listener = try Self.listener(at: path)
    let relay = try #require(InterruptRelay(.socket(path), lines: [("qman", 0, 0)]))
    // What would wait for ever is ended after a while, so that this can fail.
    let watch = Watch()
    Thread.detachNewThread {
      for _ in 0..<300 where !watch.isDone.load(ordering: .relaxed) { usleep(100_000) }
      guard !watch.isDone.load(ordering: .relaxed) else { return }
      watch.hasHelped.store(true, ordering: .relaxed)
      // With it goes every connection that nobody has accepted.
      close(listener)
    }
    for step in 0..<20_000 as Range<UInt64> {
      relay.update(now: step * 1_000_000) { _ in step % 2 == 0 }
    }
    watch.isDone.store(true, ordering: .relaxed)
    let hasHelped = watch.hasHelped.load(ordering: .relaxed)
    try #require(!hasHelped)
    defer { close(listener) }
    let first = accept(listener, nil, nil)
    defer { close(first) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    var count = 0
    while case let got = read(first, &bytes[count], bytes.count - count), got > 0 { count += got }
    // All that was said until then, and the end.
    #expect(bytes[..<count].starts(with: Array("qman 0 1\nqman 0 0\nqman 0 1\n".utf8)))
    #expect(count < 20_000 * 9)
  }
}
