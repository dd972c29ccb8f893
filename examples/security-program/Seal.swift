import DPAAPortal
import Glibc

/// A guest that has SEC put packets into an ESP tunnel, over queues of its own:
///
/// ```
/// seal [COUNT [FILE]]
/// ```
///
/// It asks COUNT times, a million without it, and writes a byte into FILE for every 100,000 answers.
@main
enum Seal {
  static func main() {
    let arguments = CommandLine.arguments.dropFirst()
    let count = arguments.first.flatMap { UInt64($0) } ?? 1_000_000
    let file = arguments.dropFirst().first.map { open($0, O_WRONLY | O_CREAT | O_APPEND, 0o600) }
    GuestMain.run { (session: inout GuestSession) throws(GuestError) in
      let pair = session.grant.accelerators.first { $0.kind == .security }
      guard let pair, let pool = session.grant.pools.first?.bpid else {
        throw .missingResource("pair of queues into SEC, and pool")
      }
      // What SEC is to do stands in a buffer of this guest's, for as long as the queue is open.
      let descriptor = SharedDescriptor(
        encapsulating: .gcm(key: [UInt8](0..<16), salt: 7), spi: 0x1001, outerHeader: outerHeader,
        outputPool: pool)
      guard let queue = session.portals[0].open(pair, descriptor, from: pool) else {
        throw .missingResource("buffer for SEC's descriptor")
      }
      session.report(.running)
      var sealed: UInt64 = 0
      var asked: UInt64 = 0
      var refused: UInt64 = 0
      while sealed < count, session.takeRequest() == .none {
        while asked < count, asked - sealed < 32,
          var packet = session.portals[0].acquire(from: pool)
        {
          packet.setLength(500)
          packet.frame.copyBytes(from: outerHeader)
          session.portals[0].enqueue(waitingForRoom: packet, to: queue.request)
          asked += 1
        }
        while let answer = session.portals[0].dequeue() {
          // A status that is not 0 says what SEC did not like; then the packet itself comes back.
          if answer.descriptor.command == 0 { sealed += 1 } else { refused += 1 }
          session.portals[0].giveBack(answer)
          if let file, sealed % 100_000 == 0 { _ = write(file, ".", 1) }
        }
        if refused > 0 { break }
        while let rejection = session.portals[0].takeRejection() {
          session.portals[0].giveBack(rejection.takeBuffer())
          asked -= 1
        }
      }
      // With it goes the descriptor, and its key; but first come the answers that are still due.
      var remaining: SecurityQueue? = queue
      while let last = remaining.take() {
        remaining = session.portals[0].close(last)
        while let answer = session.portals[0].dequeue() { session.portals[0].giveBack(answer) }
        while let rejection = session.portals[0].takeRejection() {
          session.portals[0].giveBack(rejection.takeBuffer())
        }
        session.portals[0].letEngineRun()
      }
      guard refused == 0 else { throw .missingResource("packet that SEC takes") }
      session.report(.quiet)
      while session.takeRequest() != .end { session.waitForWork() }
      session.report(.ended)
    }
  }

  /// The IPv4 header in front of each packet in the tunnel; SEC fills in length and checksum.
  private static let outerHeader: [UInt8] = [
    0x45, 0, 0, 0, 0, 1, 0, 0, 64, 50, 0, 0, 192, 0, 2, 1, 198, 51, 100, 1,
  ]
}
