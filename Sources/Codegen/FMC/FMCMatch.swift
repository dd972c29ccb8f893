import Partitioning

/// A field of FMC's classifier with the value and the bits that count.
struct FMCMatchField: Hashable {
  /// FMC's name, such as `ipv4.dst`.
  var name: String
  /// The value, in network order.
  var data: [UInt8]
  /// The bits that count.
  var mask: [UInt8]

  /// A field of which all bits count.
  init(_ name: String, _ value: some FixedWidthInteger, bytes: Int) {
    self.init(name, value, bytes: bytes, prefix: 8 * bytes)
  }

  /// A field of which the first bits count.
  init(_ name: String, _ value: some FixedWidthInteger, bytes: Int, prefix: Int) {
    self.name = name
    data = Self.bytes(value, bytes)
    mask = (0..<bytes).map { byte in
      let bits = min(max(prefix - 8 * byte, 0), 8)
      return bits == 0 ? 0 : 0xff << (8 - UInt8(bits))
    }
  }

  private static func bytes(_ value: some FixedWidthInteger, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * (count - 1 - $0))) }
  }

  /// An IPv6 address, which is wider than any integer of Swift 5's.
  private init(_ name: String, _ prefix: IPv6Prefix) {
    self.name = name
    data = Self.bytes(prefix.high, 8) + Self.bytes(prefix.low, 8)
    mask = FMCMatchField(name, UInt8(0), bytes: 16, prefix: Int(prefix.length)).mask
  }

  /// The fields that a rule compares in frames with certain headers; empty when having the headers
  /// is all that the rule asks for.
  ///
  /// The transport's number is not compared where the ports are: the header itself says it.
  static func fields(
    of conditions: [MatchCondition], in headers: Set<FrameHeader>
  ) -> [FMCMatchField] {
    let transport = FrameHeader.transports.first { headers.contains($0) }
    let hasPorts = conditions.contains {
      switch $0 {
      case .l4Source, .l4Destination: true
      default: false
      }
    }
    return conditions.compactMap { condition -> FMCMatchField? in
      switch condition {
      case .ethernetDestination(let address): FMCMatchField("ethernet.dst", address, bytes: 6)
      case .ethernetSource(let address): FMCMatchField("ethernet.src", address, bytes: 6)
      case .etherType(let type): FMCMatchField("ethernet.type", type, bytes: 2)
      case .vlan(let id):
        // The identifier is the lower twelve bits of the tag's control information.
        FMCMatchField(name: "vlan.tci", data: bytes(id, 2), mask: [0x0f, 0xff])
      case .ipv4Source(let prefix): field("ipv4.src", prefix)
      case .ipv4Destination(let prefix): field("ipv4.dst", prefix)
      case .ipv6Source(let prefix):
        prefix.length == 0 ? nil : FMCMatchField("ipv6.src", prefix)
      case .ipv6Destination(let prefix):
        prefix.length == 0 ? nil : FMCMatchField("ipv6.dst", prefix)
      case .ipProtocol(let number):
        hasPorts
          ? nil
          : FMCMatchField(
            headers.contains(.ipv6) ? "ipv6.nexthdr" : "ipv4.nextp", number, bytes: 1)
      case .l4Source(let port):
        transport.map { FMCMatchField("\($0.rawValue).sport", port, bytes: 2) }
      case .l4Destination(let port):
        transport.map { FMCMatchField("\($0.rawValue).dport", port, bytes: 2) }
      case .masked(let masked): field(masked, in: headers, transport, hasPorts: hasPorts)
      case .bytes(let bytes, let value):
        FMCMatchField(
          name: name(bytes), data: Self.bytes(value, Int(bytes.count)),
          mask: Self.bytes(bytes.mask, Int(bytes.count)))
      }
    }
  }

  private static func field(
    _ masked: MaskedField, in headers: Set<FrameHeader>, _ transport: FrameHeader?, hasPorts: Bool
  ) -> FMCMatchField? {
    let name: String? =
      switch masked.field {
      case .ethernetDestination: "ethernet.dst"
      case .ethernetSource: "ethernet.src"
      case .etherType: "ethernet.type"
      case .vlan: "vlan.tci"
      case .ipProtocol:
        hasPorts ? nil : headers.contains(.ipv6) ? "ipv6.nexthdr" : "ipv4.nextp"
      case .l4Source: transport.map { "\($0.rawValue).sport" }
      case .l4Destination: transport.map { "\($0.rawValue).dport" }
      }
    let count = (masked.field.bits + 7) / 8
    return name.map {
      FMCMatchField(name: $0, data: bytes(masked.value, count), mask: bytes(masked.mask, count))
    }
  }

  // MARK: Bytes

  /// What stands for bytes from the frame's start on where other keys have a field's name.
  static func name(_ bytes: FrameBytes) -> String { "\(bytesPrefix)\(bytes.offset):\(bytes.count)" }

  private static let bytesPrefix = "frame_start+"

  /// Offset and size of such bytes; `nil` for a field.
  static func place(_ name: String) -> (offset: Substring, size: Substring)? {
    guard name.hasPrefix(bytesPrefix) else { return nil }
    let parts = name.dropFirst(bytesPrefix.count).split(separator: ":")
    return parts.count == 2 ? (parts[0], parts[1]) : nil
  }

  /// Whether this is bytes of the frame: a node compares either those or fields.
  var isBytes: Bool { Self.place(name) != nil }

  private init(name: String, data: [UInt8], mask: [UInt8]) {
    self.name = name
    self.data = data
    self.mask = mask
  }

  private static func field(_ name: String, _ prefix: IPv4Prefix) -> FMCMatchField? {
    prefix.length == 0
      ? nil : FMCMatchField(name, prefix.address, bytes: 4, prefix: Int(prefix.length))
  }
}

/// The sets of headers that frames are told apart by, most headers first, so that the first set
/// that a frame has all of is the right one.
///
/// KeyGen picks a scheme by the headers that are there and cannot ask for one that is not, so every
/// union of sets that rules need is a set of its own.
func headerClasses(of rules: [[MatchCondition]]) -> [Set<FrameHeader>] {
  let needed = Set(rules.flatMap(\.headerAlternatives))
  var classes: Set<Set<FrameHeader>> = [[]]
  for set in needed {
    for known in classes {
      let union = known.union(set)
      if FrameHeader.areCompatible(union) { classes.insert(union) }
    }
  }
  return classes.sorted { left, right in
    (-left.count, left.sorted().map(\.rawValue).joined())
      < (-right.count, right.sorted().map(\.rawValue).joined())
  }
}
