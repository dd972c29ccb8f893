/// KeyGen's hash: CRC-64 with the reflected ECMA-182 polynomial, a register of all ones and no
/// complement at the end (DPDK, `drivers/bus/dpaa/include/fsl_fman_crc64.h`; NXP SDK kernel,
/// `fm_cc.c`). The low 24 bits, cut to the queue count, choose the queue.
struct KeyGen: ~Copyable {
  private let table: FlatTable<UInt64>

  init() throws(EngineError) {
    table = try FlatTable(count: 256)
    for index in 0..<256 {
      var value = UInt64(index)
      for _ in 0..<8 {
        value = value & 1 == 1 ? value >> 1 ^ 0xc96c_5795_d787_0f42 : value >> 1
      }
      table.base[index] = value
    }
  }

  /// The hash of bytes.
  func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
    var register = UInt64.max
    for byte in bytes { feed(byte, &register) }
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
      for word in 3...6 { feed64(frame.words[word], &register) }
    } else if flags & ParsedFrame.Presence.ipv4 != 0 {
      feed64(frame.words[2], &register)
    } else {
      feed64(0x0a0a_0a0a_0a0a_0a0a, &register)
    }
    guard isFiveTuple else { return register }
    feed(UInt8(truncatingIfNeeded: flags &>> 32), &register)
    let ports =
      flags & ParsedFrame.Presence.layer4 != 0 ? UInt32(truncatingIfNeeded: flags) : 0x0b0b_0b0b
    feed(UInt8(truncatingIfNeeded: ports &>> 24), &register)
    feed(UInt8(truncatingIfNeeded: ports &>> 16), &register)
    feed(UInt8(truncatingIfNeeded: ports &>> 8), &register)
    feed(UInt8(truncatingIfNeeded: ports), &register)
    return register
  }

  @inline(__always)
  private func feed64(_ word: UInt64, _ register: inout UInt64) {
    var shift: UInt64 = 64
    while shift > 0 {
      shift &-= 8
      feed(UInt8(truncatingIfNeeded: word &>> shift), &register)
    }
  }

  @inline(__always)
  func feed(_ byte: UInt8, _ register: inout UInt64) {
    register = table.base[Int(UInt8(truncatingIfNeeded: register) ^ byte)] ^ register &>> 8
  }
}
