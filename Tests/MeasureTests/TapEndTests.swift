import Glibc
import Testing

@testable import Measure

/// The host's end of a bridge, with a pair of sockets in a TAP device's place, which hand over whole frames, too.
@Suite struct TapEndTests {
  @Test func `a late answer and a frame of somebody else's are passed over`() throws {
    var ends: [Int32] = [-1, -1]
    #expect(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | O_NONBLOCK, 0, &ends) == 0)
    defer { for end in ends { close(end) } }
    let size = try #require(TrafficSize("64"))
    let end = TapEnd(ends[0], size: size, to: Station.guest(0))
    var frames: [[UInt8]] = []
    for number in [1, 2, 3] as [UInt32] {
      end.send(numbered: number)
      var frame = [UInt8](repeating: 0, count: 100)
      let count = read(ends[1], &frame, frame.count)
      #expect(count == size.stored)
      frames.append(Array(frame.prefix(max(0, count))))
    }
    func answer(_ frame: [UInt8]) { #expect(write(ends[1], frame, frame.count) == frame.count) }
    func takes(_ number: UInt32) -> Bool { end.takes(number) }
    answer(frames[0])
    #expect(!takes(2), "the first one comes late")
    // Another type, another length.
    var foreign = frames[1]
    foreign[13] ^= 1
    answer(foreign)
    answer(frames[1] + [0])
    #expect(!takes(2))
    answer(frames[0])
    answer(frames[1])
    answer(frames[2])
    #expect(takes(2))
    #expect(takes(3), "what comes behind the one that is waited for is left for the next look")
    let rest = end.take()
    #expect(rest == 0)
  }
}
