import DPAAPortal
import Partitioning

/// Why a frame, or what a guest wrote, came to nothing.
public enum DropReason: Int, Sendable, CaseIterable {
  /// No free buffer in any pool of the owner that would hold the frame.
  case poolDepleted
  /// The frame is larger than what 16 of the owner's largest buffers hold, less their headroom.
  case frameTooLarge
  /// The frame is shorter than an Ethernet header.
  case frameTooShort
  /// The capture holds less of the frame than was on the wire.
  case frameCut
  /// A port's frame for a queue that is out of service, full or congested.
  case queueRefused
  /// The owner has ended or was killed.
  case ownerGone
  /// A policer drops frames of this one's colour.
  case policed
  /// The plan's rule for the frame drops it; the host is charged with it.
  case byRule
  /// It waited in a queue that a new plan sets up anew, and was not taken in time.
  case planChanged
  /// A guest enqueued to a queue that is not its own.
  case foreignQueue
  /// A guest enqueued a buffer that it does not hold.
  case foreignBuffer
  /// A guest enqueued a descriptor whose format, offset or length is impossible.
  case badDescriptor
  /// A guest wrote an enqueue verb that does not exist.
  case unknownVerb
  /// A guest enqueued to a queue that is longer than its threshold.
  case tailDrop
  /// A guest enqueued to a queue whose congestion group is congested.
  case congestion
  /// A guest's frame was chosen by its congestion group's random early discard.
  case earlyDiscard
  /// A guest's frame named an order-restoration point that does not take it.
  case outOfOrder
  /// A guest enqueued a frame in several buffers whose table is not one.
  case badPieces
  /// A frame from the wire is longer than the interface's longest, and its owner has no error queue.
  case sizeError
  /// A port does not bring on a frame of this length or format, and its owner has no error queue.
  case lengthError
  /// A request to an accelerator whose queue names no queue of its owner's for the answer.
  case foreignResponse
  /// A frame for SEC in which the parser found no sound IP packet.
  case noPacket
  /// An accelerator answered with an error to a port, and its owner has no error queue.
  case acceleratorError

  /// The reason as tables and JSON print it.
  public var name: String {
    switch self {
    case .poolDepleted: "pool-depleted"
    case .frameTooLarge: "frame-too-large"
    case .frameTooShort: "frame-too-short"
    case .frameCut: "frame-cut"
    case .queueRefused: "queue-refused"
    case .ownerGone: "owner-gone"
    case .policed: "policed"
    case .byRule: "by-rule"
    case .planChanged: "plan-changed"
    case .foreignQueue: "foreign-queue"
    case .foreignBuffer: "foreign-buffer"
    case .badDescriptor: "bad-descriptor"
    case .unknownVerb: "unknown-verb"
    case .tailDrop: "tail-drop"
    case .congestion: "congestion"
    case .earlyDiscard: "early-discard"
    case .outOfOrder: "out-of-order"
    case .badPieces: "bad-pieces"
    case .sizeError: "size-error"
    case .lengthError: "length-error"
    case .foreignResponse: "foreign-response"
    case .noPacket: "no-packet"
    case .acceleratorError: "accelerator-error"
    }
  }

  /// Whether the frame went back to the guest that wrote it, as an enqueue rejection.
  public var isRejection: Bool {
    switch self {
    case .foreignQueue, .foreignBuffer, .badDescriptor, .unknownVerb, .tailDrop, .congestion,
      .earlyDiscard, .outOfOrder, .badPieces:
      true
    default: false
    }
  }
}

// SAFETY: offsets are computed from the counts that sized the region; the region outlives the
// counters.
/// The engine's counters, in a page of their own that other threads and processes may read while
/// it runs. Each has one writer, the engine.
struct Counters {
  private let memory: UnsafeMutableRawPointer
  private let ownerCount: Int
  /// How many counters an owner has, here as what the type has is looked up by a call each time.
  private let ownerSize: Int

  /// A counter of an owner.
  enum Owner: Int, CaseIterable {
    /// Frames put on its dequeue rings.
    case delivered
    /// Enqueue entries taken from its portals.
    case taken
    /// Those of them that bore no frame: they told something to an order-restoration point.
    case frameless
    /// Buffers it released that it did not hold, and commands for pools that are not its own.
    case strayBuffers
    /// Buffers taken back after it ended.
    case reclaimed
    /// Frames that left on the wire and came back as confirmations.
    case confirmed
    /// Interrupts of its portals that were passed on to it.
    case interrupts
  }

  /// A counter of a network port.
  enum Port: Int, CaseIterable {
    case received
    case receivedBytes
    case transmitted
    case transmittedBytes
    /// Frames to be sent that the line did not take.
    case refused
    /// Received frames with an error in the headers of layer 2, 3 or 4; they go where frames
    /// without those headers go.
    case layer2Errors
    case layer3Errors
    case layer4Errors
    /// Copies of received frames, for further receivers of a rule; delivered or dropped each.
    case copies
    /// Received frames that were for an error queue, delivered there or dropped, and frames that could not
    /// be sent.
    case receiveErrors
    case transmitErrors
  }

  /// A counter of an owner's use of an accelerator, beside the answers with each fault.
  enum Accelerator: Int, CaseIterable {
    /// Requests that were done.
    case done
    /// Bytes of their input.
    case bytes
  }

  private static let perAccelerator = Accelerator.allCases.count + AcceleratorFault.allCases.count
  private static let firstAccelerator = Owner.allCases.count + DropReason.allCases.count
  private static let perOwner =
    firstAccelerator + AcceleratorKind.allCases.count * perAccelerator
  private static let perDirection = MACCounter.allCases.count
  private static let perPort = Port.allCases.count + MACDirection.allCases.count * perDirection

  /// Bytes of the page: counters first, then a histogram for each flow that is measured.
  static func size(owners: Int, ports: Int, flows: Int = 0) -> Int {
    histograms(owners: owners, ports: ports) + flows * LatencyHistogram.byteCount
  }
  /// Where the histograms begin.
  static func histograms(owners: Int, ports: Int) -> Int {
    8 * (owners * perOwner + ports * perPort)
  }

  init(memory: UnsafeMutableRawPointer, owners: Int) {
    self.memory = memory
    ownerCount = owners
    ownerSize = Self.perOwner
  }

  // SAFETY: both regions were sized for no fewer owners and ports than they are said to have.
  /// Goes on from where other counters are: the owners and ports of those have the same places here.
  func takeOver(from other: Counters, ports: Int) {
    let owners = 8 * other.ownerCount * Self.perOwner
    memory.copyMemory(from: other.memory, byteCount: owners)
    (memory + 8 * ownerCount * Self.perOwner).copyMemory(
      from: other.memory + owners, byteCount: 8 * ports * Self.perPort)
  }

  @inline(__always)
  func add(_ counter: Owner, _ owner: Int, _ amount: UInt64 = 1) {
    memory.addCounter(8 &* (owner &* ownerSize &+ counter.rawValue), amount)
  }
  @inline(__always)
  func drop(_ reason: DropReason, _ owner: Int, _ amount: UInt64 = 1) {
    memory.addCounter(
      8 &* (owner &* ownerSize &+ Owner.allCases.count &+ reason.rawValue), amount)
  }
  @inline(__always)
  func add(
    _ counter: Accelerator, _ kind: Int, _ owner: Int, _ amount: UInt64 = 1
  ) {
    memory.addCounter(place(kind, owner) &+ 8 &* counter.rawValue, amount)
  }
  func fail(_ fault: AcceleratorFault, _ kind: Int, _ owner: Int) {
    memory.addCounter(
      place(kind, owner) + 8 * (Accelerator.allCases.count + fault.rawValue), 1)
  }
  @inline(__always)
  private func place(_ kind: Int, _ owner: Int) -> Int {
    8 &* (owner &* ownerSize &+ Self.firstAccelerator &+ kind &* Self.perAccelerator)
  }
  @inline(__always)
  func add(_ counter: Port, _ port: Int, _ amount: UInt64 = 1) {
    memory.addCounter(
      8 &* (ownerCount &* ownerSize &+ port &* Self.perPort &+ counter.rawValue), amount)
  }

  /// The counters of a direction of a port's MAC.
  @inline(__always)
  func mac(_ direction: MACDirection, _ port: Int) -> MACCounters {
    let first = ownerCount &* ownerSize &+ port &* Self.perPort &+ Port.allCases.count
    return MACCounters(memory: memory + 8 &* (first &+ direction.rawValue &* Self.perDirection))
  }

  /// A number that grows whenever any frame moves.
  func progress(_ configuration: RuntimeConfiguration) -> UInt64 {
    var total: UInt64 = 0
    for owner in configuration.owners.indices {
      total &+= value(.delivered, owner) &+ value(.taken, owner)
      for reason in DropReason.allCases { total &+= dropped(reason, owner) }
    }
    for port in configuration.interfaces.indices {
      total &+=
        value(.received, port) &+ value(.transmitted, port)
        &+ value(.refused, port)
    }
    return total
  }

  func value(_ counter: Owner, _ owner: Int) -> UInt64 {
    memory.counter(8 * (owner * ownerSize + counter.rawValue))
  }
  func dropped(_ reason: DropReason, _ owner: Int) -> UInt64 {
    memory.counter(8 * (owner * ownerSize + Owner.allCases.count + reason.rawValue))
  }
  func value(_ counter: Accelerator, _ kind: Int, _ owner: Int) -> UInt64 {
    memory.counter(place(kind, owner) + 8 * counter.rawValue)
  }
  func failed(_ fault: AcceleratorFault, _ kind: Int, _ owner: Int) -> UInt64 {
    memory.counter(
      place(kind, owner) + 8 * (Accelerator.allCases.count + fault.rawValue))
  }
  func value(_ counter: Port, _ port: Int) -> UInt64 {
    memory.counter(8 * (ownerCount * ownerSize + port * Self.perPort + counter.rawValue))
  }
  func value(_ counter: MACCounter, _ direction: MACDirection, _ port: Int) -> UInt64 {
    mac(direction, port).memory.counter(8 * counter.rawValue)
  }
}
