/// KeyGen's hash: CRC-64 with the reflected ECMA-182 polynomial, a register of all ones and no
/// complement at the end (DPDK, `drivers/bus/dpaa/include/fsl_fman_crc64.h`; NXP SDK kernel,
/// `fm_cc.c`). The low 24 bits, cut to the queue count, choose the queue.
///
/// Eight bytes at a time: each has a table of its own, for what it does to the register with the bytes behind
/// it being zeros, so that no look waits for another.
struct KeyGen: BitwiseCopyable {
  /// Eight tables of 256, the last byte's first. They are constants, and stay for the process's life.
  private let tables: UnsafePointer<UInt64>

  init() { tables = Self.tables }

  // SAFETY: written before anybody has the pointer, and never again.
  nonisolated(unsafe) private static let tables: UnsafePointer<UInt64> = {
    let tables = UnsafeMutablePointer<UInt64>.allocate(capacity: 8 * 256)
    for index in 0..<256 {
      var value = UInt64(index)
      for _ in 0..<8 {
        value = value & 1 == 1 ? value >> 1 ^ 0xc96c_5795_d787_0f42 : value >> 1
      }
      tables[index] = value
    }
    for index in 256..<8 * 256 {
      let before = tables[index - 256]
      tables[index] = tables[Int(before & 0xff)] ^ before >> 8
    }
    return UnsafePointer(tables)
  }()

  /// The hash of bytes.
  func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
    var register = UInt64.max
    for byte in bytes { feed(UInt64(byte), count: 1, &register) }
    return register
  }

  /// The hash of a frame's addresses, and of protocol and ports too for the 5-tuple. A field that the
  /// frame lacks counts as the default value that
  /// Linux gives to KeyGen: bytes 0x0a for addresses, 0x0b for ports (Linux 6.1,
  /// `drivers/net/ethernet/freescale/fman/fman_keygen.c`).
  @inline(__always)
  func hash(_ frame: borrowing ParsedFrame, isFiveTuple: Bool) -> UInt64 {
    var register = UInt64.max
    let flags = frame.words[7]
    if flags & ParsedFrame.Presence.ipv6 != 0 {
      for word in 3...6 { feed(frame.words[word], count: 8, &register) }
    } else if flags & ParsedFrame.Presence.ipv4 != 0 {
      feed(frame.words[2], count: 8, &register)
    } else {
      feed(0x0a0a_0a0a_0a0a_0a0a, count: 8, &register)
    }
    guard isFiveTuple else { return register }
    let ports = flags & ParsedFrame.Presence.layer4 != 0 ? flags & 0xffff_ffff : 0x0b0b_0b0b
    feed((flags &>> 32 & 0xff) &<< 32 | ports, count: 5, &register)
    return register
  }

  // SAFETY: a table's number is below 8, and a byte below 256.
  /// Feeds a number's lowest bytes, the highest first.
  ///
  /// - Parameters:
  ///   - value: The number; what stands above its lowest bytes is passed over.
  ///   - count: How many bytes, 1 to 8.
  ///   - register: The hash so far.
  @inline(__always)
  func feed(_ value: UInt64, count: Int, _ register: inout UInt64) {
    let unused = UInt64(truncatingIfNeeded: 8 &- count) &* 8
    // The register takes the first byte at its lowest end.
    let mixed = register ^ (value &<< unused).byteSwapped
    var next = unused == 0 ? 0 : register &>> (64 &- unused)
    var place = 0
    while place < count {
      let byte = Int(UInt8(truncatingIfNeeded: mixed &>> UInt64(truncatingIfNeeded: place &* 8)))
      next ^= tables[(count &- 1 &- place) &* 256 &+ byte]
      place &+= 1
    }
    register = next
  }
}
