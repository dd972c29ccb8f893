import Glibc
import Partitioning
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// How soon a guest hears what its host asks.
@Suite(.timeLimit(.minutes(10))) struct DrainTests {
  @Test func `a busy source stops sending soon after it is asked to`() throws {
    var configuration = Talk.configuration()
    configuration.owners[2].program = .source(
      GuestProgram.SourceProgram(path: Talk.wire, frames: 1_000_000, size: 64))
    let engine = try Engine(configuration)
    var pair: [Int32] = [-1, -1]
    #expect(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &pair) == 0)
    defer { close(pair[0]) }
    var guest = GuestSession(
      grant: try configuration.grant(ofOwner: 2),
      window: engine.memory[2].window.memory, status: engine.memory[2].status.memory,
      poolMemory: engine.memory[2].pools.map(\.memory), control: pair[0],
      runEngine: { engine.round() })
    #expect(ControlSocket.send([1], descriptors: [], over: pair[1]))
    close(pair[1])
    try guest.run()
    for _ in 0..<10 { engine.round() }
    let sent = engine.memory[2].status.memory.counter(GuestStatus.Counter.sent.offset)
    #expect(sent > 0)
    #expect(sent <= 1024)
    #expect(engine.counters.value(.transmitted, 0) == sent)
  }
}
