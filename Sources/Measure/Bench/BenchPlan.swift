import DPAAPortal
import DPAARuntime
import Glibc

/// The plan that our queues are measured with: the host and two guests, a wire, and a link between each.
enum BenchPlan {
  static let wire = "fm1-10g0"
  /// 198.18.1.1, of the block for benchmarks (RFC 2544): what the wire sends to the first guest.
  static let guestAddress: UInt32 = 0xc612_0101

  /// The plan's text.
  ///
  /// - Parameter guestKind: What the plan says of what its guests are.
  /// - Returns: The plan.
  static func text(guestKind: String) -> String {
    """
    board: t4240qds
    partitions:
      host:   { cpus: 1, memory: 256 MiB, portals: 1, queues: 1-100, rings: {enqueue: 64, dequeue: 64},
                pools: [ {id: 1, buffers: 2048, size: 2 KiB} ] }
      guest1: { cpus: 1, memory: 256 MiB, portals: 1, queues: 101-200, rings: {enqueue: 64, dequeue: 64},
                pools: [ {id: 2, buffers: 2048, size: 2 KiB} ]\(guestKind) }
      guest2: { cpus: 1, memory: 256 MiB, portals: 1, queues: 201-300, rings: {enqueue: 64, dequeue: 64},
                pools: [ {id: 3, buffers: 2048, size: 2 KiB} ]\(guestKind) }
    interfaces:
      \(wire):
        rules:
          - { when: {ipv4.dst: 198.18.1.1}, to: guest1 }
        otherwise: host
    links: [ [host, guest1], [guest1, guest2] ]

    """
  }

  /// What a run takes.
  static func configuration(
    guestKind: String, _ options: BenchOptions
  ) throws(BenchError) -> RuntimeConfiguration {
    guard var configuration = options.load(text(guestKind: guestKind)) else {
      throw BenchError("the plan is not sound")
    }
    configuration.isMeasured = true
    return configuration
  }

  /// Writes what the wire sends.
  static func writeCapture(_ path: String, size: TrafficSize) throws(BenchError) {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw BenchError(errno: path) }
    var writer = CaptureWriter(descriptor: file)
    for number in 0..<1020 {
      let length =
        size.stored == 0
        ? TrafficOrder.mixture[number % TrafficOrder.mixture.count] : size.stored
      TrafficOrder.frame(length, to: guestAddress).withUnsafeBytes {
        writer.write($0, nanoseconds: 0)
      }
    }
    writer.flush()
  }
}
