import DPAAPortal
import QorIQ

/// Follows frames through their queues, one of each flow at a time, and counts how long they took: from
/// where the engine takes them, off the wire or off their sender's ring, to where it puts them, on the wire
/// or on their receiver's ring.
///
/// A frame is known by its place in its queue, so that nothing is written beside it and the queues know
/// nothing of it. Which frame is followed is decided once for each portal and port in a round: the last of
/// those that it gave, if none of its flow is under way.
struct FlowProbes: ~Copyable {
  /// A frame that is under way.
  struct Probe: BitwiseCopyable {
    var isUnderWay = false
    /// The queue that it is in; how many frames have left that when it has.
    var queue: UInt32 = 0
    var place: UInt64 = 0
    /// Where it goes from there, if that is an offline port.
    var next: UInt32 = 0
    var start: UInt64 = 0
  }

  /// A queue that an owner sends to, and what flow that is.
  struct Source: BitwiseCopyable {
    var owner: Int
    var queue: UInt32
    var flow: Int
    var last: UInt32
  }

  /// Whether anything is followed at all.
  let isOn: Bool
  let probes: FlatTable<Probe>
  private let sources: FlatTable<Source>
  /// The flow of frames from each interface to each owner; -1 for none.
  private let received: FlatTable<Int>
  /// The owner that each flow ends at; -1 for the wire.
  private let receivers: FlatTable<Int>
  private let ownerCount: Int
  private let clock: @Sendable () -> UInt64
  private let histograms: UnsafeMutableRawPointer

  // SAFETY: the memory covers a histogram for each flow and outlives the probes.
  init(
    _ configuration: RuntimeConfiguration, isOn: Bool, histograms: UnsafeMutableRawPointer,
    clock: @escaping @Sendable () -> UInt64
  ) throws(EngineError) {
    self.isOn = isOn
    self.clock = clock
    self.histograms = histograms
    ownerCount = configuration.owners.count
    let flows = configuration.flows()
    let fromGuests = flows.enumerated().compactMap { number, flow in
      flow.source.map {
        Source(owner: $0.owner, queue: $0.queue, flow: number, last: flow.last)
      }
    }
    let probes = try FlatTable<Probe>(count: flows.count)
    let sources = try FlatTable<Source>(count: fromGuests.count)
    let received = try FlatTable<Int>(
      count: configuration.interfaces.count * configuration.owners.count)
    let receivers = try FlatTable<Int>(count: flows.count)
    for (index, flow) in flows.enumerated() {
      probes.base[index] = Probe()
      receivers.base[index] = flow.isReceived ? flow.owner : -1
    }
    for (index, source) in fromGuests.enumerated() { sources.base[index] = source }
    for index in 0..<received.count { received.base[index] = -1 }
    for (number, flow) in flows.enumerated() {
      guard let interface = flow.interface else { continue }
      received.base[interface * configuration.owners.count + flow.owner] = number
    }
    self.probes = probes
    self.sources = sources
    self.received = received
    self.receivers = receivers
  }

  private func histogram(_ flow: Int) -> LatencyHistogram {
    LatencyHistogram(memory: histograms + flow * LatencyHistogram.byteCount)
  }

  /// Follows the frame that an owner put last into one of its queues.
  func follow(from owner: Int, in queue: UInt32, _ qman: borrowing QueueManager) {
    for index in 0..<sources.count
    where sources.base[index].queue == queue && sources.base[index].owner == owner {
      begin(sources.base[index].flow, in: queue, then: sources.base[index].last, qman)
    }
  }

  /// Follows the frame that came last from an interface, for an owner.
  func follow(
    from interface: Int, to owner: Int, in queue: UInt32, then next: UInt32,
    _ qman: borrowing QueueManager
  ) {
    let flow = received.base[interface &* ownerCount &+ owner]
    if flow >= 0 { begin(flow, in: queue, then: next, qman) }
  }

  private func begin(
    _ flow: Int, in queue: UInt32, then next: UInt32, _ qman: borrowing QueueManager
  ) {
    guard !probes.base[flow].isUnderWay, qman.queues.base[Int(queue)].count > 0 else { return }
    probes.base[flow] = Probe(
      isUnderWay: true, queue: queue, place: qman.queues.base[Int(queue)].enqueued, next: next,
      start: clock())
  }

  /// Looks which frames have left their queues. `gone` names owners that have ended, one bit each.
  func look(_ qman: borrowing QueueManager, gone: UInt64) {
    for flow in 0..<probes.count where probes.base[flow].isUnderWay {
      let probe = probes.base + flow
      let queue = qman.queues.base[Int(probe.pointee.queue)]
      let receiver = receivers.base[flow]
      let isReceiverGone = receiver >= 0 && gone & 1 &<< UInt64(receiver) != 0
      guard queue.enqueued >= probe.pointee.place, !isReceiverGone else {
        // The queue was taken out of service, and its frame with it.
        probe.pointee.isUnderWay = false
        continue
      }
      let left = queue.enqueued &- UInt64(queue.count)
      guard left >= probe.pointee.place else { continue }
      guard probe.pointee.next == 0 else {
        // As many behind it as have left since went the same way.
        let arrived = qman.queues.base[Int(probe.pointee.next)].enqueued
        let behind = min(left &- probe.pointee.place, arrived)
        probe.pointee.place = arrived &- behind
        probe.pointee.queue = probe.pointee.next
        probe.pointee.next = 0
        if probe.pointee.place == 0 { probe.pointee.isUnderWay = false }
        continue
      }
      histogram(flow).add(clock() &- probe.pointee.start)
      probe.pointee.isUnderWay = false
    }
  }
}
