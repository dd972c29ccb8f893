import DPAAPortal

/// A way of frames that is measured.
public enum TrafficFlow: String, Sendable, CaseIterable {
  /// From the wire to a guest.
  case receive = "rx"
  /// From a guest to the wire.
  case transmit = "tx"
  /// From the host to a guest.
  case hostToGuest = "host-guest"
  /// From a guest to the host.
  case guestToHost = "guest-host"
  /// From a guest to another.
  case guestToGuest = "guest-guest"
  /// From the host to a guest and back, one frame at a time: how long it takes.
  case roundTrip = "round-trip"
  /// The same after a pause in which the guest went to sleep.
  case wake = "wake"
  /// The guest's interrupt without a frame, after a pause, and its word that it came.
  case doorbell = "doorbell"
  /// From a guest to SEC, which puts it into an ESP tunnel, and back.
  case security = "sec"
  /// From a guest to PME, which looks through it, and back.
  case patterns = "pme"

  /// As the table calls it.
  public var title: String {
    switch self {
    case .receive: "wire to guest"
    case .transmit: "guest to wire"
    case .hostToGuest: "host to guest"
    case .guestToHost: "guest to host"
    case .guestToGuest: "guest to guest"
    case .roundTrip: "host to guest and back"
    case .wake: "host to sleeping guest, and back"
    case .doorbell: "interrupt to sleeping guest, word back"
    case .security: "guest to SEC and back"
    case .patterns: "guest to PME and back"
    }
  }

  /// Whether it is timed, one by one.
  public var isTimed: Bool { self == .roundTrip || sleeps }

  /// Whether the guest sleeps until its interrupt each time.
  var sleeps: Bool { self == .wake || self == .doorbell }

  /// Whether an accelerator is asked.
  public var isAccelerated: Bool { self == .security || self == .patterns }
}

/// How long a frame is, or that it is one of a mixture.
public struct TrafficSize: Sendable, Hashable, CustomStringConvertible {
  /// Bytes with Ethernet's check sequence; 0 for the mixture.
  public let bytes: Int

  /// Reads `64`, `1518`, or `imix`; `nil` when frames are never so long.
  public init?(_ text: some StringProtocol) {
    if text == "imix" {
      bytes = 0
    } else {
      guard let bytes = Int(text), (64...1518).contains(bytes) else { return nil }
      self.bytes = bytes
    }
  }

  /// Bytes of a frame in the middle, in memory.
  var mean: Double {
    guard bytes == 0 else { return Double(stored) }
    return Double(TrafficOrder.mixture.reduce(0, +)) / Double(TrafficOrder.mixture.count)
  }

  /// Bytes in memory, where no check sequence is; 0 for the mixture.
  var stored: Int { bytes == 0 ? 0 : bytes - 4 }

  /// `64 B`, or `IMIX`.
  public var description: String { bytes == 0 ? "IMIX" : "\(bytes) B" }
}

/// What carries the frames.
public enum Contestant: String, Sendable, CaseIterable {
  /// Our queues, between processes that poll.
  case process
  /// Our queues, between processes that sleep until an interrupt.
  case processInterrupt = "process-interrupt"
  /// Our queues, between virtual machines that poll and the host.
  case machine = "vm"
  /// Our queues, between virtual machines that sleep until an interrupt and the host.
  case machineInterrupt = "vm-interrupt"
  /// The accelerators' libraries, called directly: what SEC and PME have at most.
  case library
  /// Two TAP devices on a Linux bridge, with no guest: what the kernel carries at most.
  case bridge
  /// virtio interfaces of virtual machines, over TAP devices and a Linux bridge.
  case virtioBridge = "virtio-bridge"
  /// The same, with rings that the kernel's vhost serves.
  case virtioKernel = "virtio-vhost-net"
  /// The same, with rings that DPDK's vhost serves.
  case virtioVhost = "virtio-vhost-user"

  /// As the table calls it.
  public var title: String {
    switch self {
    case .process: "portals, processes, polled"
    case .processInterrupt: "portals, processes, interrupts"
    case .machine: "portals, machines, polled"
    case .machineInterrupt: "portals, machines, interrupts"
    case .library: "library, called directly"
    case .bridge: "TAP, bridge, TAP, no guest"
    case .virtioBridge: "virtio-net, TAP, bridge"
    case .virtioKernel: "virtio-net, vhost-net, bridge"
    case .virtioVhost: "virtio-net, vhost-user"
    }
  }

  /// Whether it has virtual machines.
  public var hasMachines: Bool { hasPortalMachines || isVirtio }
  /// Whether its machines have portals.
  var hasPortalMachines: Bool { self == .machine || self == .machineInterrupt }
  /// Whether its machines have virtio interfaces.
  var isVirtio: Bool { hasVirtioTaps || self == .virtioVhost }
  /// Whether those lead to TAP devices.
  private var hasVirtioTaps: Bool { self == .virtioBridge || self == .virtioKernel }
  /// Whether it has TAP devices, which want root.
  public var hasTaps: Bool { self == .bridge || hasVirtioTaps }
  /// Whether it has accelerators, and whether it has anything else.
  func carries(_ flow: TrafficFlow) -> Bool {
    switch self {
    case .processInterrupt, .machineInterrupt: true
    case .process, .machine: !flow.sleeps
    case .library: flow.isAccelerated
    case .bridge, .virtioBridge, .virtioKernel, .virtioVhost: !flow.isAccelerated && !flow.sleeps
    }
  }

  /// Whom our figures are compared with: a bridge, and vhost, the kernel's where the host has it; the libraries, where
  /// accelerators are asked.
  func opponents(_ flow: TrafficFlow) -> [[Contestant]] {
    if flow.isAccelerated { return self == .library ? [[], []] : [[.library], []] }
    return switch self {
    case .process, .processInterrupt: [[.bridge], []]
    case .machine, .machineInterrupt: [[.virtioBridge], [.virtioKernel, .virtioVhost]]
    case .library, .bridge, .virtioBridge, .virtioKernel, .virtioVhost: [[], []]
    }
  }
}
