/// A header that a frame may have and that conditions look into.
public enum FrameHeader: String, Sendable, Hashable, CaseIterable, Comparable {
  /// A VLAN tag.
  case vlan
  /// IPv4.
  case ipv4
  /// IPv6.
  case ipv6
  /// TCP.
  case tcp
  /// UDP.
  case udp
  /// SCTP.
  case sctp

  /// Order of the layers.
  public static func < (left: FrameHeader, right: FrameHeader) -> Bool { left.rank < right.rank }

  private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }

  /// The transport's number in the IP header (IANA protocol numbers).
  public var ipProtocol: UInt8? {
    switch self {
    case .tcp: 6
    case .udp: 17
    case .sctp: 132
    default: nil
    }
  }

  /// The transports, which never come together in one frame.
  public static let transports: [FrameHeader] = [.tcp, .udp, .sctp]

  /// Whether one frame may have all of these as its outermost ones.
  public static func areCompatible(_ headers: Set<FrameHeader>) -> Bool {
    headers.intersection(transports).count <= 1 && !headers.isSuperset(of: [.ipv4, .ipv6])
  }
}

extension Collection<MatchCondition> {
  /// The sets of headers of which a frame must have one for all conditions to be able to hold.
  ///
  /// Ports are in any of three transports, and a protocol number is in either IP header, so there
  /// may be several; there is none when the conditions contradict each other.
  public var headerAlternatives: [Set<FrameHeader>] {
    var fixed: Set<FrameHeader> = []
    var hasPorts = false
    var hasIP = false
    var number: UInt8?
    var parts: [MaskedField] = []
    for condition in self {
      switch condition {
      case .vlan: fixed.insert(.vlan)
      case .masked(let masked):
        switch masked.field {
        case .vlan: fixed.insert(.vlan)
        case .l4Source, .l4Destination: hasPorts = true
        case .ipProtocol:
          hasIP = true
          parts.append(masked)
        case .ethernetDestination, .ethernetSource, .etherType: break
        }
      case .bytes(let bytes, _):
        switch bytes.start {
        case .vlan: fixed.insert(.vlan)
        case .ip, .layer4: hasIP = true
        case .frame: break
        }
      case .ipv4Source, .ipv4Destination: fixed.insert(.ipv4)
      case .ipv6Source, .ipv6Destination: fixed.insert(.ipv6)
      case .l4Source, .l4Destination: hasPorts = true
      case .ipProtocol(let value):
        guard number ?? value == value else { return [] }
        number = value
      case .ethernetDestination, .ethernetSource, .etherType: break
      }
    }
    var alternatives = [fixed]
    if hasPorts {
      alternatives = FrameHeader.transports
        .filter { number == nil || $0.ipProtocol == number }
        .filter { transport in
          parts.allSatisfy { UInt64(transport.ipProtocol ?? 0) & $0.mask == $0.value }
        }.map { fixed.union([$0]) }
    } else if number != nil || hasIP, fixed.isDisjoint(with: [.ipv4, .ipv6]) {
      alternatives = [FrameHeader.ipv4, .ipv6].map { fixed.union([$0]) }
    }
    return alternatives.filter(FrameHeader.areCompatible)
  }
}
