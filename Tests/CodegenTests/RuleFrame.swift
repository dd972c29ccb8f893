import Partitioning
import QorIQ
import TestSupport

/// A frame as far as conditions look at it, and random conditions.
struct RuleFrame {
  var destination: UInt64
  var source: UInt64
  var type: UInt16
  var vlan: UInt16?
  var ip: Int?
  var addresses: (UInt32, UInt32)
  var number: UInt8
  var ports: (UInt16, UInt16)

  init(_ random: inout SeededGenerator) {
    destination = UInt64(random.below(3))
    source = UInt64(random.below(3))
    type = UInt16(random.below(3))
    vlan = random.below(2) == 0 ? nil : UInt16(random.below(3))
    ip = [nil, 4, 6][random.below(3)]
    addresses = (UInt32(random.below(4)), UInt32(random.below(4)))
    number = [6, 17, 132, 1][random.below(4)]
    ports = (UInt16(random.below(3)), UInt16(random.below(3)))
  }

  private var hasPorts: Bool { ip != nil && [6, 17, 132].contains(number) }

  func has(_ condition: MatchCondition) -> Bool {
    switch condition {
    case .ethernetDestination(let value): destination == value
    case .ethernetSource(let value): source == value
    case .etherType(let value): type == value
    case .vlan(let value): vlan == value
    case .ipv4Source(let prefix): ip == 4 && within(addresses.0, prefix)
    case .ipv4Destination(let prefix): ip == 4 && within(addresses.1, prefix)
    case .ipv6Source(let prefix): ip == 6 && within(addresses.0, prefix)
    case .ipv6Destination(let prefix): ip == 6 && within(addresses.1, prefix)
    case .ipProtocol(let value): ip != nil && number == value
    case .l4Source(let value): hasPorts && ports.0 == value
    case .l4Destination(let value): hasPorts && ports.1 == value
    case .masked(let masked): number(masked.field).map { $0 & masked.mask == masked.value } ?? false
    case .bytes: false
    }
  }

  private func number(_ field: MaskedField.Field) -> UInt64? {
    switch field {
    case .ethernetDestination: destination
    case .ethernetSource: source
    case .etherType: UInt64(type)
    case .vlan: vlan.map { UInt64($0) }
    case .ipProtocol: ip == nil ? nil : UInt64(number)
    case .l4Source: hasPorts ? UInt64(ports.0) : nil
    case .l4Destination: hasPorts ? UInt64(ports.1) : nil
    }
  }

  private func within(_ address: UInt32, _ prefix: IPv4Prefix) -> Bool {
    IPv4Prefix(address: address, length: prefix.length) == prefix
  }

  private func within(_ address: UInt32, _ prefix: IPv6Prefix) -> Bool {
    IPv6Prefix(high: 0, low: UInt64(address), length: prefix.length) == prefix
  }
}

extension RuleFrame {
  /// Conditions that some such frames meet.
  static func randomConditions(_ random: inout SeededGenerator) -> [MatchCondition] {
    var conditions: [MatchCondition] = []
    for kind in 0..<12 where random.below(5) == 0 {
      let small = random.below(3)
      switch kind {
      case 0: conditions.append(.ethernetDestination(UInt64(small)))
      case 1: conditions.append(.vlan(UInt16(small)))
      case 2:
        conditions.append(
          .ipv4Source(IPv4Prefix(address: UInt32(small), length: [30, 31, 32][random.below(3)])))
      case 3: conditions.append(.ipv4Destination(IPv4Prefix(address: UInt32(small), length: 32)))
      case 4:
        conditions.append(
          .ipv6Destination(IPv6Prefix(high: 0, low: UInt64(small), length: [126, 128][small % 2])))
      case 5: conditions.append(.ipProtocol([6, 17, 1][small]))
      case 6: conditions.append(.l4Source(UInt16(small)))
      case 7: conditions.append(.l4Destination(UInt16(small)))
      case 8:
        conditions.append(
          .masked(MaskedField(.l4Destination, value: UInt64(small & 1), mask: [1, 3][small & 1])))
      case 9:
        conditions.append(
          .masked(MaskedField(.ethernetSource, value: UInt64(small & 2), mask: 2)))
      case 10: conditions.append(.masked(MaskedField(.vlan, value: UInt64(small & 1), mask: 1)))
      default: conditions.append(.etherType(UInt16(small)))
      }
    }
    return conditions.isEmpty ? [.vlan(1)] : conditions
  }
}
