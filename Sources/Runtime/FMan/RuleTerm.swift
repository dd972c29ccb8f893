import Partitioning

/// One masked comparison of a word of ``ParsedFrame``, or of bytes of the frame.
struct RuleTerm: BitwiseCopyable, Hashable {
  /// Which word; from ``wordCount`` on, which of a classifier's extractions.
  var word: Int
  var mask: UInt64
  var value: UInt64

  static let wordCount = 8

  /// What conditions compare, a term for each word at most; one more for each that contradicts another,
  /// so that no frame passes both.
  ///
  /// - Parameters:
  ///   - conditions: What a rule asks for.
  ///   - extractions: Bytes that rules compare; those that this one compares are added.
  /// - Returns: The terms.
  static func terms(
    _ conditions: [MatchCondition], extractions: inout [FrameBytes]
  ) -> [RuleTerm] {
    var merged: [RuleTerm] = []
    for term in conditions.flatMap({ terms($0, &extractions) }) {
      let place = merged.firstIndex {
        $0.word == term.word && ($0.value ^ term.value) & $0.mask & term.mask == 0
      }
      if let place {
        merged[place].mask |= term.mask
        merged[place].value |= term.value
      } else {
        merged.append(term)
      }
    }
    return merged.sorted { $0.word < $1.word }
  }

  private static func terms(
    _ condition: MatchCondition, _ extractions: inout [FrameBytes]
  ) -> [RuleTerm] {
    func field(_ word: Int, _ mask: UInt64, _ value: UInt64, needs flags: UInt64) -> [RuleTerm] {
      [
        RuleTerm(word: 7, mask: flags, value: flags),
        RuleTerm(word: word, mask: mask, value: value & mask),
      ]
    }
    func prefix(_ length: UInt8, from first: UInt8) -> UInt64 {
      let bits = UInt64(min(max(Int(length) - Int(first), 0), 64))
      return bits == 0 ? 0 : UInt64.max << (64 - bits)
    }
    let mac: UInt64 = 0xffff_ffff_ffff_0000
    switch condition {
    case .ethernetDestination(let address):
      return field(0, mac, address << 16, needs: ParsedFrame.Presence.ethernet)
    case .ethernetSource(let address):
      return field(1, mac, address << 16, needs: ParsedFrame.Presence.ethernet)
    case .etherType(let type):
      return field(0, 0xffff, UInt64(type), needs: ParsedFrame.Presence.ethernet)
    case .vlan(let vlan): return field(1, 0xfff, UInt64(vlan), needs: ParsedFrame.Presence.vlan)
    case .ipv4Source(let network):
      return field(
        2, prefix(network.length, from: 0), UInt64(network.address) << 32,
        needs: ParsedFrame.Presence.ipv4)
    case .ipv4Destination(let network):
      return field(
        2, prefix(network.length, from: 0) >> 32, UInt64(network.address),
        needs: ParsedFrame.Presence.ipv4)
    case .ipv6Source(let network):
      return field(
        3, prefix(network.length, from: 0), network.high, needs: ParsedFrame.Presence.ipv6)
        + field(4, prefix(network.length, from: 64), network.low, needs: ParsedFrame.Presence.ipv6)
    case .ipv6Destination(let network):
      return field(
        5, prefix(network.length, from: 0), network.high, needs: ParsedFrame.Presence.ipv6)
        + field(6, prefix(network.length, from: 64), network.low, needs: ParsedFrame.Presence.ipv6)
    case .ipProtocol(let number):
      return field(7, 0xff << 32, UInt64(number) << 32, needs: ParsedFrame.Presence.ip)
    case .l4Source(let port):
      return field(7, 0xffff << 16, UInt64(port) << 16, needs: ParsedFrame.Presence.layer4)
    case .l4Destination(let port):
      return field(7, 0xffff, UInt64(port), needs: ParsedFrame.Presence.layer4)
    case .masked(let masked):
      return terms(whole(masked.field), &extractions).map { term in
        // The flags in front have no part in the mask.
        guard term.mask & term.value == 0 else { return term }
        let shift = UInt64(term.mask.trailingZeroBitCount)
        return RuleTerm(
          word: term.word, mask: masked.mask << shift, value: masked.value << shift)
      }
    case .bytes(let bytes, let value):
      var whole = bytes
      whole.mask = FrameBytes.all(bytes.count)
      let place = extractions.firstIndex(of: whole) ?? extractions.count
      if place == extractions.count { extractions.append(whole) }
      return [RuleTerm(word: wordCount + place, mask: bytes.mask, value: value & bytes.mask)]
    }
  }

  /// A condition on all bits of a field, which are to be 0.
  private static func whole(_ field: MaskedField.Field) -> MatchCondition {
    switch field {
    case .ethernetDestination: .ethernetDestination(0)
    case .ethernetSource: .ethernetSource(0)
    case .etherType: .etherType(0)
    case .vlan: .vlan(0)
    case .ipProtocol: .ipProtocol(0)
    case .l4Source: .l4Source(0)
    case .l4Destination: .l4Destination(0)
    }
  }
}
