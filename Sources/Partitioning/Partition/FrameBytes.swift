/// Consecutive bytes of a frame, from the start of a header on: what FMan calls a generic extraction.
///
/// A frame that lacks the header, or ends in front of the last byte, does not have them.
public struct FrameBytes: Sendable, Hashable, BitwiseCopyable {
  /// Where counting begins.
  public var start: Start
  /// How many bytes behind that, 0 to 255.
  public var offset: UInt8
  /// How many bytes, 1 to 8.
  public var count: UInt8
  /// The bits that count, in the lowest bytes.
  public var mask: UInt64

  /// Creates an extraction; without a mask all bits count.
  public init(_ start: Start, at offset: UInt8, count: UInt8, mask: UInt64 = .max) {
    precondition((1...8).contains(count), "an extraction has one byte to eight")
    self.start = start
    self.offset = offset
    self.count = count
    self.mask = mask & Self.all(count)
  }

  /// A mask of so many bytes.
  public static func all(_ count: UInt8) -> UInt64 { UInt64.max >> UInt64(64 - 8 * count) }

  /// Where counting begins.
  public enum Start: String, Sendable, Hashable, CaseIterable, BitwiseCopyable {
    /// The frame's first byte.
    case frame
    /// The outermost tag, behind its type.
    case vlan
    /// The first IP header.
    case ip
    /// The header behind the last IP header.
    case layer4 = "l4"
  }

  /// Where they are, in the plan's words: `frame+23:1`, with the mask where some bits do not count.
  public var planText: String {
    let place = "\(start.rawValue)+\(offset):\(count)"
    return mask == Self.all(count) ? place : "\(place)/0x\(String(mask, radix: 16))"
  }
}

/// A field with a value of which some bits count.
public struct MaskedField: Sendable, Hashable {
  /// The field.
  public var field: Field
  /// What the bits must be; the others are 0.
  public var value: UInt64
  /// The bits that count.
  public var mask: UInt64

  /// Creates a masked field.
  public init(_ field: Field, value: UInt64, mask: UInt64) {
    self.field = field
    self.value = value & mask
    self.mask = mask
  }

  /// The fields that are numbers, as a plan writes them. Addresses of IP have prefixes instead.
  public enum Field: String, Sendable, Hashable, CaseIterable {
    /// The destination's MAC address.
    case ethernetDestination = "eth.dst"
    /// The source's MAC address.
    case ethernetSource = "eth.src"
    /// The EtherType behind any tags.
    case etherType = "eth.type"
    /// The outermost tag's VLAN.
    case vlan = "vlan.id"
    /// The IP protocol.
    case ipProtocol = "ip.proto"
    /// The source port.
    case l4Source = "l4.src"
    /// The destination port.
    case l4Destination = "l4.dst"

    /// How many bits it has.
    public var bits: Int {
      switch self {
      case .ethernetDestination, .ethernetSource: 48
      case .vlan: 12
      case .ipProtocol: 8
      case .etherType, .l4Source, .l4Destination: 16
      }
    }
  }
}
