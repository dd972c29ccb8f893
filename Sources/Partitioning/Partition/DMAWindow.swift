public import QorIQ

/// A PAMU window: what a LIODN reaches, as the guest counts addresses.
///
/// A window is a power of two from address 0. It is whole, or cut into a power of two of equal
/// slots; a slot maps a power of two, at its start, to physical memory that is aligned to that size
/// (Linux 6.1, `fsl_pamu.c`; Freescale's hypervisor refuses anything else).
public struct DMAWindow: Sendable, Hashable {
  /// The most slots that a window is cut into: the number of Freescale's hypervisor (its `pamu.c`).
  public static let slotLimit = 16
  /// What mappings are for beside shared memory, which therefore is called otherwise.
  static let ownPurposes: Set<String> = ["memory", "window"]
  /// The smallest window and slot.
  public static let granule: UInt64 = 4096

  /// The window's size in bytes; 0 for no window.
  public var size: UInt64 = 0
  /// How many slots it is cut into; 1 for none.
  public var slotCount = 1
  /// What is mapped, ascending by the guest's address.
  public var mappings: [Mapping] = []

  /// A run of addresses that a slot maps.
  public struct Mapping: Sendable, Hashable {
    /// Where the guest sees it.
    public var guestAddress: UInt64
    /// The physical memory.
    public var memory: AddressRange
    /// What it is: `memory`, a shared window's name, or `window` for one that the plan adds.
    public var purpose: String
    /// Creates a mapping.
    public init(guestAddress: UInt64, memory: AddressRange, purpose: String) {
      self.guestAddress = guestAddress
      self.memory = memory
      self.purpose = purpose
    }
  }

  /// Creates an empty window.
  public init() {}

  /// The window that maps some pieces, the first to the guest's address 0 and the others behind it;
  /// `nil` when more slots would be needed than there are.
  ///
  /// Slots are as large as they can be, so that the table is as small as it can be.
  package init?(covering pieces: [(memory: AddressRange, purpose: String)]) {
    let largest = pieces.map(\.memory.size).max() ?? 0
    guard largest >= Self.granule else { return nil }
    var slot = Self.powerOfTwo(atLeast: largest)
    while slot >= Self.granule {
      if let mappings = Self.map(pieces, slot: slot) {
        let last = mappings.last.map { $0.guestAddress + slot } ?? slot
        size = Self.powerOfTwo(atLeast: last)
        slotCount = Int(size / slot)
        self.mappings = mappings
        return
      }
      slot /= 2
    }
    return nil
  }

  private static func map(
    _ pieces: [(memory: AddressRange, purpose: String)], slot: UInt64
  ) -> [Mapping]? {
    var guest: UInt64 = 0
    var mappings: [Mapping] = []
    for piece in pieces {
      var base = piece.memory.base
      var rest = piece.memory.size
      while rest > 0 {
        // A slot maps one power of two: the whole slot, or what is left if that is one.
        let part = min(rest, slot)
        guard part & (part - 1) == 0, part >= granule, base & (part - 1) == 0,
          mappings.count < slotLimit
        else { return nil }
        mappings.append(
          Mapping(
            guestAddress: guest, memory: AddressRange(base: base, size: part),
            purpose: piece.purpose))
        guest += slot
        base += part
        rest -= part
      }
    }
    return mappings
  }

  static func powerOfTwo(atLeast size: UInt64) -> UInt64 {
    guard size > 1 else { return 1 }
    guard size <= 1 << 63 else { return 0 }
    return 1 << UInt64(64 - (size - 1).leadingZeroBitCount)
  }
}
