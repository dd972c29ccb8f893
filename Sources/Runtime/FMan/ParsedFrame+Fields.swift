import Partitioning

extension ParsedFrame {
  /// The fields that were found, with the names and in the form that plans use.
  var fields: [FrameTrace.Field] {
    let flags = words[7]
    var fields: [FrameTrace.Field] = []
    func add(_ name: String, _ value: String, if presence: UInt64) {
      if flags & presence != 0 { fields.append(.init(name: name, value: value)) }
    }
    add("eth.dst", mac(words[0] >> 16), if: Presence.ethernet)
    add("eth.src", mac(words[1] >> 16), if: Presence.ethernet)
    add("vlan.id", "\(words[1] & 0xfff)", if: Presence.vlan)
    add("eth.type", "0x" + String(words[0] & 0xffff, radix: 16), if: Presence.ethernet)
    add("ipv4.src", ipv4(words[2] >> 32), if: Presence.ipv4)
    add("ipv4.dst", ipv4(words[2]), if: Presence.ipv4)
    add(
      "ipv6.src", IPv6Prefix(high: words[3], low: words[4], length: 128).description,
      if: Presence.ipv6)
    add(
      "ipv6.dst", IPv6Prefix(high: words[5], low: words[6], length: 128).description,
      if: Presence.ipv6)
    add("ip.proto", "\(words[7] >> 32 & 0xff)", if: Presence.ip)
    add("l4.src", "\(words[7] >> 16 & 0xffff)", if: Presence.layer4)
    add("l4.dst", "\(words[7] & 0xffff)", if: Presence.layer4)
    return fields
  }

  /// What is wrong with the headers, one sentence without a full stop for each layer.
  var faults: [String] {
    var faults: [String] = []
    if result.hasLayer2Error { faults.append("layer 2: a tag, label or length that cannot be") }
    if result.hasLayer3Error {
      let layer3 = ParseResult.Layer3.self
      let isChecksum =
        result.layer3 & 0x03f0 == layer3.checksumError
        || result.layer3 & 0x000f == layer3.lastChecksumError
      faults.append(
        isChecksum
          ? "layer 3: a wrong IPv4 header checksum"
          : "layer 3: a header that is cut or contradicts itself")
    }
    if result.hasLayer4Error {
      faults.append(
        result.isChecksumVerified
          ? "layer 4: a wrong checksum" : "layer 4: a header that is cut or contradicts itself")
    }
    return faults
  }

  private func ipv4(_ word: UInt64) -> String {
    IPv4Prefix(address: UInt32(truncatingIfNeeded: word), length: 32).description
  }

  private func mac(_ word: UInt64) -> String {
    stride(from: 40, through: 0, by: -8).map { shift in
      let digits = String(word >> UInt64(shift) & 0xff, radix: 16)
      return digits.count == 1 ? "0\(digits)" : digits
    }.joined(separator: ":")
  }
}
