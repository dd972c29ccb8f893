import DPAAPortal

/// A virtual frame manager's KeyGen: schemes that a driver writes through the window of indirect
/// access, and the queue that they give a frame (Linux 6.1,
/// `drivers/net/ethernet/freescale/fman/fman_keygen.c`).
///
/// Generic extractions, masks and match vectors are not modelled: such a scheme is never chosen.
struct VirtualKeyGen {
  private var schemes = [Scheme](repeating: Scheme(repeating: 0), count: 32)
  /// The schemes that a port may choose from, scheme 0 in the highest bit, and its part of the
  /// classification plan; by the port's number.
  private var partitions = [(schemes: UInt32, plan: UInt32)](repeating: (0, 0), count: 64)

  /// A scheme's registers, as they stand in the window.
  private typealias Scheme = InlineArray<23, UInt32>

  private enum Offset {
    static let window = 0x100
    static let action = 0x1fc
  }
  /// A scheme's registers by their place in it.
  private enum Place {
    static let mode = 0
    static let fields = 1
    static let defaults = 2
    static let masks = 3...4
    static let base = 5
    static let hash = 6
    static let extractions = 8...15
    static let default0 = 17
    static let default1 = 18
    static let match = 20
  }
  private enum Action {
    static let go: UInt32 = 0x8000_0000
    static let reads: UInt32 = 0x4000_0000
    static let failed: UInt32 = 0x2000_0000
    static let selection: UInt32 = 0x0300_0000
    static let port: UInt32 = 0x0200_0000
    static let schemePartition: UInt32 = 0x8000
    static let planPartition: UInt32 = 0x4000
  }
  /// The known fields that are modelled, as one bit each, and their order in the key.
  enum Field {
    static let source: UInt32 = 0x10_0000
    static let destination: UInt32 = 0x08_0000
    static let protocolNumber: UInt32 = 0x04_0000
    static let securityIndex: UInt32 = 0x200
    static let sourcePort: UInt32 = 0x4
    static let destinationPort: UInt32 = 0x2
    static let all =
      source | destination | protocolNumber | securityIndex | sourcePort
      | destinationPort
  }

  /// Carries out the action that the driver has written.
  ///
  /// - Parameter registers: KeyGen's own.
  /// - Returns: Whether there was one.
  mutating func update(_ registers: UnsafeMutableRawPointer) -> Bool {
    let action = registers.acquire32(Offset.action)
    guard action & Action.go != 0 else { return false }
    let isDone =
      switch action & Action.selection {
      case 0: accessScheme(action, registers)
      case Action.port: accessPort(action, registers)
      default: false
      }
    registers.release32(
      Offset.action, action & ~(Action.go | Action.failed) | (isDone ? 0 : Action.failed))
    return true
  }

  private mutating func accessScheme(
    _ action: UInt32, _ registers: UnsafeMutableRawPointer
  ) -> Bool {
    let number = Int(action >> 16 & 0xff)
    guard number < schemes.count else { return false }
    for place in 0..<23 {
      let offset = Offset.window + 4 * place
      if action & Action.reads != 0 {
        registers.release32(offset, schemes[number][place])
      } else {
        schemes[number][place] = registers.acquire32(offset)
      }
    }
    return true
  }

  private mutating func accessPort(
    _ action: UInt32, _ registers: UnsafeMutableRawPointer
  ) -> Bool {
    let number = Int(action & 0xff)
    guard number < partitions.count else { return false }
    if action & Action.reads != 0 {
      registers.release32(Offset.window, partitions[number].schemes)
      registers.release32(Offset.window + 4, partitions[number].plan)
      return true
    }
    if action & Action.schemePartition != 0 {
      partitions[number].schemes = registers.acquire32(Offset.window)
    }
    if action & Action.planPartition != 0 {
      partitions[number].plan = registers.acquire32(Offset.window + 4)
    }
    return true
  }

  /// The queue that a port's schemes give a frame, and the hash; `nil` when there is no scheme for it.
  func queue(
    of frame: ParsedFrame, on port: UInt8, _ keyGen: KeyGen
  ) -> (queue: UInt32, hash: UInt64)? {
    let allowed = partitions[Int(port & 63)].schemes
    for (number, scheme) in schemes.enumerated()
    where allowed << UInt32(number) & 0x8000_0000 != 0 && Self.isModelled(scheme) {
      let hash = keyGen.hash(Self.key(of: frame, scheme))
      let command = scheme[Place.hash]
      // The bit says that the hash gives no queue.
      let count = command & 0x8000_0000 != 0 ? 0 : command & 0xff_ffff
      let spread = UInt32(truncatingIfNeeded: hash >> UInt64(command >> 24 & 0x3f)) & count
      return ((scheme[Place.base] & 0xff_ffff) | spread, hash)
    }
    return nil
  }

  /// Whether a scheme is enabled, and does nothing that is not modelled.
  private static func isModelled(_ scheme: Scheme) -> Bool {
    scheme[Place.mode] & 0x8000_0000 != 0 && scheme[Place.match] == 0
      && scheme[Place.fields] & ~Field.all == 0
      && (Array(Place.masks) + Array(Place.extractions)).allSatisfy { scheme[$0] == 0 }
  }

  /// The bytes that are hashed: known fields in the order of their bits, the highest first. What a
  /// frame lacks is as long as in IPv4, and its bytes are a default value's: register 0's for addresses
  /// and register 1's for ports if the scheme says so, 0 otherwise.
  private static func key(of frame: ParsedFrame, _ scheme: Scheme) -> [UInt8] {
    let (fields, flags) = (scheme[Place.fields], frame.words[7])
    let hasPorts = flags & ParsedFrame.Presence.layer4 != 0
    func bytes(_ word: UInt64, _ count: Int) -> [UInt8] {
      (0..<count).reversed().map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
    }
    func value(_ selector: UInt32) -> UInt64 {
      switch scheme[Place.defaults] >> selector & 3 {
      case 2: UInt64(scheme[Place.default0])
      case 3: UInt64(scheme[Place.default1])
      default: 0
      }
    }
    func address(_ shift: UInt64, _ words: ClosedRange<Int>) -> [UInt8] {
      if flags & ParsedFrame.Presence.ipv6 != 0 {
        return words.flatMap { bytes(frame.words[$0], 8) }
      }
      let isThere = flags & ParsedFrame.Presence.ipv4 != 0
      return bytes(isThere ? frame.words[2] >> shift : value(18), 4)
    }
    var key: [UInt8] = []
    if fields & Field.source != 0 { key += address(32, 3...4) }
    if fields & Field.destination != 0 { key += address(0, 5...6) }
    if fields & Field.protocolNumber != 0 { key += bytes(flags >> 32, 1) }
    if fields & Field.securityIndex != 0 { key += bytes(0, 4) }
    if fields & Field.sourcePort != 0 { key += bytes(hasPorts ? flags >> 16 : value(8), 2) }
    if fields & Field.destinationPort != 0 { key += bytes(hasPorts ? flags : value(8), 2) }
    return key
  }
}
