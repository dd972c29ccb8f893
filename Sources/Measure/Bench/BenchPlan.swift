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
  /// - Parameters:
  ///   - guestKind: What the plan says of what its guests are.
  ///   - flows: What is measured: the first guest has queues into accelerators that are asked.
  /// - Returns: The plan.
  static func text(guestKind: String, asking flows: [TrafficFlow] = []) -> String {
    var accelerators: [String] = []
    if flows.contains(.security) { accelerators.append("sec: {}") }
    if flows.contains(.patterns) {
      let found = patterns.map { "{regex: '\($0)'}" }.joined(separator: ", ")
      accelerators.append(
        "pme: {patterns: {requests: {set: \(TrafficOrder.patternSet), find: [\(found)]}}}")
    }
    let use =
      accelerators.isEmpty ? "" : ", accelerators: {\(accelerators.joined(separator: ", "))}"
    return """
      board: t4240qds
      partitions:
        host:   { cpus: 1, memory: 256 MiB, portals: 1, queues: 1-100, rings: {enqueue: 64, dequeue: 64},
                  pools: [ {id: 1, buffers: 2048, size: 2 KiB} ] }
        guest1: { cpus: 1, memory: 256 MiB, portals: 1, queues: 101-200, rings: {enqueue: 64, dequeue: 64},
                  pools: [ {id: 2, buffers: 2048, size: 2 KiB} ]\(guestKind)\(use) }
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

  /// What intrusion detection looks for in requests, in kind; none of it stands in what is sent.
  static let patterns = [
    "/etc/(passwd|shadow)", "union[ +]select", "<script", "/bin/(ba|k|c)?sh", "wget http",
    "powershell", "eval\\(", "User-Agent: [a-z]{3,9}bot", "Authorization: Basic [A-Za-z0-9]{40}",
    "/wp-login",
    "select .{1,40} from", "document\\.cookie", "/cgi-bin/",
  ]

  /// What a run takes.
  static func configuration(
    guestKind: String, _ options: BenchOptions, asking flows: [TrafficFlow] = []
  ) throws(BenchError) -> RuntimeConfiguration {
    guard var configuration = options.load(text(guestKind: guestKind, asking: flows)) else {
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
