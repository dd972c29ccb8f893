import DPAAPortal

/// Sequence numbers of one direction of an ESP tunnel: what SEC keeps in the descriptor itself (RFC 4303,
/// sections 2.2.1, 3.3.3, 3.4.3 and appendix A).
///
/// The number's high half is always kept, and 0 unless numbers are extended. That the lowest bit of the
/// window stands for the highest number is our reading: no source says.
struct SecurityState: Equatable {
  /// The number sent last, or the highest that was received.
  var number: UInt64 = 0
  /// Which of the 64 numbers up to that one were received.
  var seen: UInt64 = 0

  /// The next number to send; `nil` when they are used up.
  mutating func next(isExtended: Bool) -> UInt64? {
    guard number < (isExtended ? UInt64.max : UInt64(UInt32.max)) else { return nil }
    number += 1
    return number
  }

  /// The whole number of a packet of which the low half came along; `nil` for one from before the first.
  func whole(_ low: UInt32, isExtended: Bool, window: UInt64) -> UInt64? {
    guard isExtended else { return UInt64(low) }
    let size = UInt32(max(window, 32))
    let top = UInt32(truncatingIfNeeded: number)
    let high = number >> 32
    let bottom = top &- (size - 1)
    if top >= size - 1 {
      if low >= bottom { return high << 32 | UInt64(low) }
      return high == UInt64(UInt32.max) ? nil : (high + 1) << 32 | UInt64(low)
    }
    guard low >= bottom else { return high << 32 | UInt64(low) }
    return high == 0 ? nil : (high - 1) << 32 | UInt64(low)
  }

  /// Why a packet with a number is not taken; `nil` when it is.
  func fault(_ packet: UInt64, window: UInt64) -> SecurityStatus.Descriptor? {
    guard window > 0 else { return nil }
    guard packet > 0 else { return .late }
    guard packet <= number else { return nil }
    let age = number - packet
    guard age < window else { return .late }
    return seen >> age & 1 == 1 ? .replayed : nil
  }

  /// Notes a packet that was found authentic.
  mutating func note(_ packet: UInt64) {
    if packet > number {
      let step = packet - number
      seen = step < 64 ? seen << step | 1 : 1
      number = packet
    } else if number - packet < 64 {
      seen |= 1 << (number - packet)
    }
  }
}
