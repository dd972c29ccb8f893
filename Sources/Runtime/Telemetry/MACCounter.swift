import DPAAPortal

/// What a MAC counts of the frames of one direction, by the names of its registers without their first
/// letter, which is R for received and T for transmitted (Linux 6.1, `fman_memac.c`, `struct memac_regs`).
public enum MACCounter: Int, Sendable, CaseIterable {
  /// Bytes of all frames, with their check sequences.
  case octets
  /// Frames to one station, to a group, to all; none that is too short or too long.
  case unicast
  case multicast
  case broadcast
  /// Those with a VLAN tag.
  case vlan
  /// Frames that are too short.
  case undersize
  /// Frames with their check sequences by length; a frame of 1518 bytes at most is the longest without tag.
  case upTo64
  case upTo127
  case upTo255
  case upTo511
  case upTo1023
  case upTo1518
  case longer
  /// Frames that are longer than the interface's longest.
  case oversize

  /// The register's name without its first letter.
  public var name: String {
    switch self {
    case .octets: "EOCT"
    case .unicast: "UCA"
    case .multicast: "MCA"
    case .broadcast: "BCA"
    case .vlan: "VLAN"
    case .undersize: "UND"
    case .upTo64: "64"
    case .upTo127: "127"
    case .upTo255: "255"
    case .upTo511: "511"
    case .upTo1023: "1023"
    case .upTo1518: "1518"
    case .longer: "1519X"
    case .oversize: "OVR"
    }
  }

  /// Which of the counters from ``upTo64`` on counts frames of a length with check sequence. A number, since
  /// to make a counter of it costs a call for each frame.
  @inline(__always)
  static func sizeClass(_ length: Int) -> Int {
    guard length > 64 else { return 0 }
    let power = min(6, 58 &- length.leadingZeroBitCount)
    return power == 5 && length > 1518 ? 6 : power
  }

  // SAFETY: the frame has at least six bytes.
  /// The counter of frames to whom this one is for.
  @inline(__always)
  static func address(_ frame: UnsafeRawBufferPointer) -> MACCounter {
    guard frame[0] & 1 != 0 else { return .unicast }
    return frame.prefix(6).allSatisfy { $0 == 0xff } ? .broadcast : .multicast
  }
}

/// A direction of a MAC.
public enum MACDirection: Int, Sendable, CaseIterable {
  /// From the wire.
  case receive
  /// To the wire.
  case transmit

  /// The first letter of its registers' names.
  public var letter: String { self == .receive ? "R" : "T" }

  /// Whether it has a counter: nothing leaves that is too long.
  func counts(_ counter: MACCounter) -> Bool { self == .receive || counter != .oversize }
}

// SAFETY: the memory covers a direction's counters.
/// The counters of a direction of a MAC. Who counts many frames looks their place up once.
struct MACCounters: BitwiseCopyable {
  let memory: UnsafeMutableRawPointer

  /// Counts on a counter, or on the one so many behind it.
  @inline(__always)
  func add(_ counter: MACCounter, _ amount: UInt64 = 1, behind distance: Int = 0) {
    memory.addCounter(8 &* (counter.rawValue &+ distance), amount)
  }

  /// How many octets frames had on the wire, with their check sequences.
  @inline(__always)
  static func octets(_ bytes: Int, frames: Int = 1) -> UInt64 {
    UInt64(truncatingIfNeeded: bytes &+ 4 &* frames)
  }

  // SAFETY: the frame has at least 14 bytes.
  /// Counts a frame, which is without its check sequence, but for its octets: whoever counts many adds those up. A
  /// capture may show frames without the padding that they had on the wire: they count as the shortest.
  @inline(__always)
  func count(_ frame: UnsafeRawBufferPointer, isOversize: Bool = false) {
    let length = frame.count &+ 4
    add(.upTo64, behind: MACCounter.sizeClass(length))
    if isOversize { return add(.oversize) }
    add(MACCounter.address(frame))
    if frame[12] == 0x81, frame[13] == 0 { add(.vlan) }
  }
}
