/// FMan's parse result: which headers a frame has, where they begin, and what is wrong with them.
///
/// Receive ports write its 32 bytes in front of the frame. Their layout is `struct fman_prs_result`
/// of Linux 6.1 (`drivers/net/ethernet/freescale/fman/fman.h`); the bits of layer 2 are those of the
/// NXP SDK kernel (`inc/Peripherals/fm_ext.h`), all others those of DPDK
/// (`drivers/net/dpaa/dpaa_rxtx.h`).
///
/// | byte | what |
/// |---|---|
/// | 0 | logical port |
/// | 1 | shim headers; always 0 |
/// | 2, 3 | layer 2 |
/// | 4, 5 | layer 3 |
/// | 6 | layer 4 |
/// | 7 | classification plan; always 0 |
/// | 8, 9 | the last next-header value: an EtherType, a PPP or an IP protocol |
/// | 10, 11 | running sum; what it covers is not established: always 0 |
/// | 12, 13 | flags and fragment offset of the last IPv4 or fragment header |
/// | 14 | routing type of an IPv6 routing header |
/// | 15 | bit 0: an IP header is valid; bit 7 (our choice): there is a routing header |
/// | 16…31 | offsets, see ``Header``; 255 for a header that is absent or begins behind byte 254 |
///
/// The numbers of errors other than IPv4's checksum are not established: they are ``someError``.
struct ParseResult: BitwiseCopyable {
  /// The four words of the layout in host order.
  private(set) var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, .max, .max)
  /// Whether the parser verified a layer-4 checksum; ``layer4`` says with what result.
  var isChecksumVerified = false

  /// Bits of ``layer2``; the lowest five are an error.
  enum Layer2 {
    static let ethernet: UInt16 = 0x8000
    static let vlan: UInt16 = 0x4000
    static let llcSnap: UInt16 = 0x2000
    static let mpls: UInt16 = 0x1000
    static let pppoe: UInt16 = 0x0800
    static let vlanStack: UInt16 = 0x0100
    static let unknownType: UInt16 = 0x0080
    static let multicast: UInt16 = 0x0020
    static let broadcast: UInt16 = 0x0060
    static let errors: UInt16 = 0x001f
  }

  /// Bits of ``layer3``. Without the error bit, the five bits behind it say what is special.
  enum Layer3 {
    static let firstIPv4: UInt16 = 0x8000
    static let firstIPv6: UInt16 = 0x4000
    static let gre: UInt16 = 0x2000
    static let lastIPv4: UInt16 = 0x0800
    static let lastIPv6: UInt16 = 0x0400
    static let firstError: UInt16 = 0x0200
    /// IPv4 options or IPv6 extension headers.
    static let hasOptions: UInt16 = 0x0100
    static let isFragment: UInt16 = 0x0040
    static let checksumError: UInt16 = 0x0240
    static let someError: UInt16 = 0x0210
    static let lastError: UInt16 = 0x0008
    static let lastChecksumError: UInt16 = 0x000c
    static let someLastError: UInt16 = 0x0009
  }

  /// Values and bits of ``layer4``.
  enum Layer4 {
    static let tcp: UInt8 = 0x20
    static let udp: UInt8 = 0x40
    static let esp: UInt8 = 0x61
    static let authentication: UInt8 = 0x62
    static let sctp: UInt8 = 0x80
    static let kind: UInt8 = 0xe0
    /// A wrong checksum or an impossible length.
    static let error: UInt8 = 0x10
  }

  /// The number of an error of layer 2 whose number on hardware is not established.
  static let someError: UInt16 = 1

  /// A header that has an offset, by its byte in the second half.
  enum Header: Int, CaseIterable {
    case ipProtocol = 2
    case ethernet
    case llcSnap
    case firstVLAN
    case lastVLAN
    case etherType
    case pppoe
    case firstMPLS
    case lastMPLS
    case firstIP
    case lastIP
    case gre
    case layer4
    case next
  }

  /// Where a header begins in the frame; `nil` when it is absent or begins behind byte 254.
  subscript(header: Header) -> Int? {
    let place = header.rawValue
    let word = place < 8 ? words.2 : words.3
    let byte = UInt8(truncatingIfNeeded: word &>> UInt64(56 &- 8 &* (place & 7)))
    return byte == 255 ? nil : Int(byte)
  }

  @inline(__always)
  mutating func set(_ header: Header, _ offset: Int) {
    let place = header.rawValue
    let shift = UInt64(56 &- 8 &* (place & 7))
    let byte = UInt64(offset > 254 ? 255 : offset)
    if place < 8 {
      words.2 = words.2 & ~(0xff &<< shift) | byte &<< shift
    } else {
      words.3 = words.3 & ~(0xff &<< shift) | byte &<< shift
    }
  }

  /// No header.
  init() {}

  /// The 32 bytes of that.
  @inline(__always)
  static var nothing: SIMD4<UInt64> { SIMD4(0, 0, .max, .max) }

  /// Ethernet, IPv4 without options, and TCP or UDP, one behind the other and sound.
  @inline(__always)
  init(
    port: UInt8, layer2: UInt16, _ layer4: UInt8, ipProtocol: UInt8, fragment: UInt16, next: Int,
    isVerified: Bool
  ) {
    words = (
      UInt64(port) &<< 56 | UInt64(layer2) &<< 32 | UInt64(Layer3.firstIPv4) &<< 16
        | UInt64(layer4) &<< 8,
      UInt64(ipProtocol) &<< 48 | UInt64(fragment) &<< 16 | 1,
      // The protocol's byte at 23, Ethernet at 0, its type at 12; IPv4 at 14, layer 4 at 34.
      0xffff_1700_ffff_ff0c, 0xffff_ff0e_ffff_2200 | UInt64(truncatingIfNeeded: next)
    )
    isChecksumVerified = isVerified
  }

  /// Whether a header of layer 2, 3 or 4 is cut off, contradicts itself or has a wrong checksum.
  @inline(__always)
  var hasError: Bool {
    let layer3 = Layer3.firstError | Layer3.lastError
    return words.0
      & (UInt64(Layer2.errors) << 32 | UInt64(layer3) << 16 | UInt64(Layer4.error) << 8) != 0
  }
  @inline(__always)
  var hasLayer2Error: Bool { layer2 & Layer2.errors != 0 }
  @inline(__always)
  var hasLayer3Error: Bool { layer3 & (Layer3.firstError | Layer3.lastError) != 0 }
  @inline(__always)
  var hasLayer4Error: Bool { layer4 & Layer4.error != 0 }

  /// The status word of the frame's descriptor: bits 0x20 for a header error and 0x04 for a
  /// layer-4 checksum that was verified, whatever came of it (Linux 6.1, `fman/fman.h` and
  /// `dpaa/dpaa_eth.c`).
  @inline(__always)
  var status: UInt32 { (hasError ? 0x20 : 0) | soundStatus }
  /// The same where there is no error.
  @inline(__always)
  var soundStatus: UInt32 { isChecksumVerified ? 0x04 : 0 }

  // SAFETY: the memory covers 32 bytes.
  /// Writes the 32 bytes.
  @inline(__always)
  func write(to memory: UnsafeMutableRawPointer) {
    let words = words
    memory.storeBytes(of: words.0.bigEndian, as: UInt64.self)
    memory.storeBytes(of: words.1.bigEndian, toByteOffset: 8, as: UInt64.self)
    memory.storeBytes(of: words.2.bigEndian, toByteOffset: 16, as: UInt64.self)
    memory.storeBytes(of: words.3.bigEndian, toByteOffset: 24, as: UInt64.self)
  }
}

/// The fields of the first half.
extension ParseResult {
  @inline(__always)
  var port: UInt8 {
    get { UInt8(truncatingIfNeeded: words.0 &>> 56) }
    set { words.0 = words.0 & ~(0xff << 56) | UInt64(newValue) << 56 }
  }
  @inline(__always)
  var layer2: UInt16 {
    get { UInt16(truncatingIfNeeded: words.0 &>> 32) }
    set { words.0 = words.0 & ~(0xffff << 32) | UInt64(newValue) << 32 }
  }
  @inline(__always)
  var layer3: UInt16 {
    get { UInt16(truncatingIfNeeded: words.0 &>> 16) }
    set { words.0 = words.0 & ~(0xffff << 16) | UInt64(newValue) << 16 }
  }
  @inline(__always)
  var layer4: UInt8 {
    get { UInt8(truncatingIfNeeded: words.0 &>> 8) }
    set { words.0 = words.0 & ~(0xff << 8) | UInt64(newValue) << 8 }
  }
  @inline(__always)
  var nextHeader: UInt16 {
    get { UInt16(truncatingIfNeeded: words.1 &>> 48) }
    set { words.1 = words.1 & ~(0xffff << 48) | UInt64(newValue) << 48 }
  }
  @inline(__always)
  var fragment: UInt16 {
    get { UInt16(truncatingIfNeeded: words.1 &>> 16) }
    set { words.1 = words.1 & ~(0xffff << 16) | UInt64(newValue) << 16 }
  }
  @inline(__always)
  var routingType: UInt8 {
    get { UInt8(truncatingIfNeeded: words.1 &>> 8) }
    set { words.1 = words.1 & ~(0xff << 8) | UInt64(newValue) << 8 }
  }
  @inline(__always)
  var validity: UInt8 {
    get { UInt8(truncatingIfNeeded: words.1) }
    set { words.1 = words.1 & ~0xff | UInt64(newValue) }
  }
}
