import CTwin
import RuntimeKernels

extension Benchmark {
  /// Every hot function and its twin.
  func functions() throws -> [Contest] {
    guard let twin = twin_make(64, 512), let large = twin_make(64, 512),
      let rings = twin_make(64, 512), let manager = twin_manager_make(1024, 64)
    else { preconditionFailure("no memory for the C twin") }
    twin_fill(twin, 32, 64)
    twin_fill(large, 32, 1518)
    twin_fill(rings, 32, 64)
    let ours = Box(try Kernels(ring: 64, buffers: 512, inFlight: 32, length: 64))
    let oursLarge = Box(try Kernels(ring: 64, buffers: 512, inFlight: 32, length: 1518))
    let queues = Box(try QueueKernel(queues: 1024, frames: 64))
    ours.value.fillRing(frames: 32)
    var wires: [Contest] = []
    for length in [64, 1518] { wires.append(try receive(length)) }
    let random = Box((ours: seed, theirs: seed))
    return [
      Contest(
        name: "rings: write, check, read, both ways", ours: { ours.value.rings($0) },
        theirs: { Int(twin_rings(rings, UInt64($0))) }),
      Contest(
        name: "pool: acquire, checked release", ours: { ours.value.pools($0) },
        theirs: { Int(twin_pools(rings, UInt64($0))) }),
      Contest(
        name: "queue: enqueue, schedule, dequeue",
        ours: { queues.value.run($0, &random.value.ours) },
        theirs: { Int(twin_queues(manager, UInt64($0), &random.value.theirs)) }),
      Contest(
        name: "copy 64 B", ours: { ours.value.copies($0, length: 64) },
        theirs: { Int(twin_copies(rings, UInt64($0), 64)) }),
      Contest(
        name: "copy 1518 B", ours: { ours.value.copies($0, length: 1518) },
        theirs: { Int(twin_copies(rings, UInt64($0), 1518)) }),
      Contest(
        name: "guest to guest 64 B", ours: { ours.value.path($0) },
        theirs: { Int(twin_path(twin, UInt64($0))) }),
      Contest(
        name: "guest to guest 1518 B", ours: { oursLarge.value.path($0) },
        theirs: { Int(twin_path(large, UInt64($0))) }),
    ] + wires
  }

  /// From the wire to a guest: 64 flows of one address, spread over eight queues.
  private func receive(_ length: Int) throws -> Contest {
    let frames = (0..<64).map { WireFrame.udp(flow: $0, length: length) }
    let ours = Box(try ReceiveKernel(frames))
    guard let twin = twin_make(64, 512),
      let wire = twin_receiver_make(
        twin, WireFrame.permanent(frames.flatMap { $0 }), frames.map { UInt32($0.count) },
        UInt32(frames.count))
    else { preconditionFailure("no memory for the C twin") }
    return Contest(
      name: "wire to guest \(length) B", ours: { ours.value.run($0) },
      theirs: { Int(twin_receive_frames(wire, UInt64($0))) })
  }

  private var seed: UInt64 { 0x2545_f491_4f6c_dd1d }
}

/// A value that closures share.
final class Box<Value: ~Copyable> {
  var value: Value
  init(_ value: consuming Value) { self.value = value }
}
