/// The bytes that KeyGen hashes to spread frames: some of a frame's fields, then extractions.
public struct HashKey: Sendable, Hashable {
  /// The fields, in the order in which hardware puts them into the key, whatever the plan's order.
  public let fields: [Field]
  /// Bytes behind the fields, in the plan's order.
  public let bytes: [FrameBytes]

  /// Creates a key; a field that is named twice is in it once.
  public init(_ fields: [Field], bytes: [FrameBytes] = []) {
    self.fields = Field.allCases.filter(fields.contains)
    self.bytes = bytes
  }

  /// How many extractions a scheme has, and how many bytes its key (NXP SDK kernel,
  /// `fman/Peripherals/FM/Pcd/fm_kg.h`).
  public static let extractionLimit = 8
  /// How many bytes a key has at most.
  public static let byteLimit = 56

  /// How many bytes it has at most: with IPv6 addresses.
  public var byteCount: Int {
    fields.reduce(0) { $0 + $1.byteCount } + bytes.reduce(0) { $0 + Int($1.count) }
  }

  /// A field of a frame that KeyGen knows by itself.
  ///
  /// The cases stand in the hardware's order: that of their bits in a scheme's register EKFC, the
  /// highest first (Linux 6.1, `drivers/net/ethernet/freescale/fman/fman_keygen.c`).
  public enum Field: String, Sendable, Hashable, CaseIterable, BitwiseCopyable {
    /// The destination's MAC address.
    case ethernetDestination = "eth.dst"
    /// The source's MAC address.
    case ethernetSource = "eth.src"
    /// The outermost tag behind its type: priority, drop eligibility and VLAN.
    case vlanTag = "vlan.tci"
    /// The EtherType behind any tags.
    case etherType = "eth.type"
    /// The first IP header's source.
    case ipSource = "ip.src"
    /// The first IP header's destination.
    case ipDestination = "ip.dst"
    /// The first IP header's protocol.
    case ipProtocol = "ip.proto"
    /// IPv4's type of service or IPv6's traffic class.
    case ipService = "ip.tos"
    /// The security parameters' index of ESP or AH.
    case securityIndex = "ipsec.spi"
    /// The source port.
    case l4Source = "l4.src"
    /// The destination port.
    case l4Destination = "l4.dst"

    /// Bytes in a key; of an IP address those of IPv6.
    public var byteCount: Int {
      switch self {
      case .ethernetDestination, .ethernetSource: 6
      case .vlanTag, .etherType, .l4Source, .l4Destination: 2
      case .ipSource, .ipDestination: 16
      case .ipProtocol, .ipService: 1
      case .securityIndex: 4
      }
    }
  }
}

extension FlowRule.Spread {
  /// What it hashes, in the plan's words: `5-tuple`, or `[ip.src, ipsec.spi, frame+23:1]`.
  public var planText: String {
    switch self {
    case .fiveTuple: "5-tuple"
    case .addressPair: "ip-pair"
    case .key(let key):
      "[\((key.fields.map(\.rawValue) + key.bytes.map(\.planText)).joined(separator: ", "))]"
    }
  }

  /// Those with a name, as plans write it.
  public static let named: [(name: String, spread: FlowRule.Spread)] =
    [.fiveTuple, .addressPair].map { ($0.planText, $0) }

  /// The fields and bytes.
  public var hashKey: HashKey {
    switch self {
    case .fiveTuple: HashKey([.ipSource, .ipDestination, .ipProtocol, .l4Source, .l4Destination])
    case .addressPair: HashKey([.ipSource, .ipDestination])
    case .key(let key): key
    }
  }
}
