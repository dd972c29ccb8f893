import Partitioning

/// What KeyGen hashes under a rule, flat: some fields, and a run of a classifier's extractions.
struct KeySelection: BitwiseCopyable {
  /// The bits of its fields.
  var fields: UInt16 = 0
  var firstExtraction = 0
  var extractionCount = 0
  /// Which keys have code of their own.
  var kind = Kind.chosen

  /// The plan's names for keys, and all others.
  enum Kind: BitwiseCopyable {
    case fiveTuple
    case addressPair
    case chosen
  }

  init(_ spread: FlowRule.Spread, firstExtraction: Int = 0) {
    switch spread {
    case .fiveTuple: kind = .fiveTuple
    case .addressPair: kind = .addressPair
    case .key: kind = .chosen
    }
    let key = spread.hashKey
    for field in key.fields { fields |= Self.bit(field) }
    self.firstExtraction = firstExtraction
    extractionCount = key.bytes.count
  }

  /// The bit of a field.
  static func bit(_ field: HashKey.Field) -> UInt16 {
    switch field {
    case .ethernetDestination: 1 << 0
    case .ethernetSource: 1 << 1
    case .vlanTag: 1 << 2
    case .etherType: 1 << 3
    case .ipSource: 1 << 4
    case .ipDestination: 1 << 5
    case .ipProtocol: 1 << 6
    case .ipService: 1 << 7
    case .securityIndex: 1 << 8
    case .l4Source: 1 << 9
    case .l4Destination: 1 << 10
    }
  }
}

extension KeyGen {
  // What stands for a field that a frame lacks: Linux gives a scheme bytes 0x0a for IP addresses and 0x0b
  // for ports (`fman_keygen.c`, `keygen_scheme_setup`). For everything else it leaves the global defaults,
  // which `keygen_init` sets to 0.
  private static let defaultAddresses: UInt64 = 0x0a0a_0a0a_0a0a_0a0a
  private static let defaultPort: UInt64 = 0x0b0b

  // SAFETY: the frame is the one that was parsed; `extractions` covers what the selection names.
  /// The hash of any key of a frame: fields in the hardware's order, then extractions.
  @inline(never)
  func hash(
    _ frame: UnsafePointer<ParsedFrame>, _ bytes: UnsafeRawBufferPointer, key: KeySelection,
    extractions: UnsafePointer<FrameBytes>
  ) -> UInt64 {
    var register = UInt64.max
    let flags = frame.pointee.words[7]
    let hasEthernet = flags & ParsedFrame.Presence.ethernet != 0
    func isHashed(_ field: HashKey.Field) -> Bool { key.fields & KeySelection.bit(field) != 0 }
    if isHashed(.ethernetDestination) {
      feed(hasEthernet ? frame.pointee.words[0] &>> 16 : 0, count: 6, &register)
    }
    if isHashed(.ethernetSource) {
      feed(hasEthernet ? frame.pointee.words[1] &>> 16 : 0, count: 6, &register)
    }
    if isHashed(.vlanTag) {
      let tag = frame.extract(FrameBytes(.vlan, at: 0, count: 2), of: bytes)
      feed(tag ?? 0, count: 2, &register)
    }
    if isHashed(.etherType) { feed(frame.pointee.words[0] & 0xffff, count: 2, &register) }
    feedAddresses(frame, isHashed(.ipSource), isHashed(.ipDestination), &register)
    if isHashed(.ipProtocol) { feed(flags &>> 32, count: 1, &register) }
    if isHashed(.ipService) { feed(service(frame, bytes), count: 1, &register) }
    if isHashed(.securityIndex) { feed(securityIndex(frame, bytes), count: 4, &register) }
    let hasPorts = flags & ParsedFrame.Presence.layer4 != 0
    if isHashed(.l4Source) {
      feed(hasPorts ? flags &>> 16 : Self.defaultPort, count: 2, &register)
    }
    if isHashed(.l4Destination) { feed(hasPorts ? flags : Self.defaultPort, count: 2, &register) }
    for place in key.firstExtraction..<key.firstExtraction &+ key.extractionCount {
      let extraction = extractions[place]
      let value = frame.extract(extraction, of: bytes) ?? 0
      feed(value, count: Int(extraction.count), &register)
    }
    return register
  }

  private func feedAddresses(
    _ frame: UnsafePointer<ParsedFrame>, _ source: Bool, _ destination: Bool,
    _ register: inout UInt64
  ) {
    if frame.pointee.words[7] & ParsedFrame.Presence.ipv6 != 0 {
      if source {
        feed(frame.pointee.words[3], count: 8, &register)
        feed(frame.pointee.words[4], count: 8, &register)
      }
      if destination {
        feed(frame.pointee.words[5], count: 8, &register)
        feed(frame.pointee.words[6], count: 8, &register)
      }
      return
    }
    let hasAddresses = frame.pointee.words[7] & ParsedFrame.Presence.ipv4 != 0
    let pair = hasAddresses ? frame.pointee.words[2] : Self.defaultAddresses
    if source { feed(pair &>> 32, count: 4, &register) }
    if destination { feed(pair, count: 4, &register) }
  }

  /// IPv4's type of service, IPv6's traffic class.
  private func service(_ frame: UnsafePointer<ParsedFrame>, _ bytes: UnsafeRawBufferPointer)
    -> UInt64
  {
    guard let word = frame.extract(FrameBytes(.ip, at: 0, count: 2), of: bytes) else {
      return 0
    }
    return frame.pointee.words[7] & ParsedFrame.Presence.ipv6 != 0 ? word &>> 4 : word
  }

  /// The first word of ESP, the second of AH.
  private func securityIndex(
    _ frame: UnsafePointer<ParsedFrame>, _ bytes: UnsafeRawBufferPointer
  ) -> UInt64 {
    let kind = frame.pointee.result.layer4 & ~ParseResult.Layer4.error
    let offset: UInt8
    switch kind {
    case ParseResult.Layer4.esp: offset = 0
    case ParseResult.Layer4.authentication: offset = 4
    default: return 0
    }
    return frame.extract(FrameBytes(.layer4, at: offset, count: 4), of: bytes) ?? 0
  }
}
