/// The numbers of the flattened format (Devicetree Specification, chapter 5) in each version.
package enum BlobFormat {
  package static let magic: UInt32 = 0xD00D_FEED
  package static let beginNode: UInt32 = 1
  package static let endNode: UInt32 = 2
  package static let property: UInt32 = 3
  package static let nop: UInt32 = 4
  package static let end: UInt32 = 9
}

/// A version of the flattened format.
public enum BlobVersion: Int, Sendable, Hashable, CaseIterable {
  /// Full paths as node names, `name` properties, large values aligned to eight.
  case v1 = 1
  /// Adds the boot processor.
  case v2 = 2
  /// Adds the size of the strings.
  case v3 = 3
  /// Node names instead of paths.
  case v16 = 16
  /// Adds the size of the structure; the version everyone writes.
  case v17 = 17

  /// The bytes of the header.
  var headerSize: Int {
    switch self {
    case .v1: 28
    case .v2: 32
    case .v3, .v16: 36
    case .v17: 40
    }
  }

  /// The oldest version whose readers understand this one.
  var lastCompatible: UInt32 { rawValue >= 16 ? 16 : 1 }

  /// Whether nodes carry full paths and `name` properties, and large values are aligned to eight.
  var isOld: Bool { rawValue < 16 }
}
