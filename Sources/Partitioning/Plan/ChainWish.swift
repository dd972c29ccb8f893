/// A wish for a chain: frames go from interfaces into an accelerator, and its answers go on, without
/// software in between.
public struct ChainWish: Sendable, Hashable {
  /// The name that rules use.
  public var name: String
  /// The accelerator; `nil` when it could not be read.
  public var kind: AcceleratorKind?
  /// The interface that sends the answers; `nil` for the partition's own portals.
  public var answers: String?
  /// The header that is put in front of what an interface sends.
  public var header: EthernetHeader?
  /// The group of patterns that PME looks for.
  public var group: String?

  /// Creates a wish.
  public init(
    name: String, kind: AcceleratorKind?, answers: String? = nil, header: EthernetHeader? = nil,
    group: String? = nil
  ) {
    self.name = name
    self.kind = kind
    self.answers = answers
    self.header = header
    self.group = group
  }
}

/// An Ethernet header without tags.
public struct EthernetHeader: Sendable, Hashable, CustomStringConvertible {
  /// The 48-bit address of the receiver.
  public var destination: UInt64
  /// The 48-bit address of the sender.
  public var source: UInt64
  /// What follows.
  public var type: UInt16

  /// Creates a header.
  public init(destination: UInt64, source: UInt64, type: UInt16) {
    self.destination = destination
    self.source = source
    self.type = type
  }

  /// `02:00:00:00:00:01 02:00:00:00:00:02 0x800`.
  public var description: String {
    func text(_ address: UInt64) -> String {
      stride(from: 40, through: 0, by: -8).map { shift in
        let digits = String(address >> UInt64(shift) & 0xff, radix: 16)
        return digits.count == 1 ? "0\(digits)" : digits
      }.joined(separator: ":")
    }
    return "\(text(destination)) \(text(source)) 0x\(String(type, radix: 16))"
  }

  /// How long it is, in bytes.
  public static let size = 14
  /// The types that packets can have, as plans name them.
  public static let types: [(name: String, type: UInt16)] = [("ipv4", 0x0800), ("ipv6", 0x86dd)]
}
