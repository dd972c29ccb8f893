/// What a property names in place of a number: a node by label, by path, or by both.
public struct Reference: Sendable, Hashable, CustomStringConvertible, ExpressibleByStringLiteral {
  /// `mpic` for `&mpic`, `/soc/pic@40000` for `&{/soc/pic@40000}`, `soc/pic@40000` for
  /// `&{soc/pic@40000}`, where `soc` is a label.
  public let target: String

  /// Refers to a label, a full path (begins with a slash) or a path below a label.
  public init(_ target: String) { self.target = target }
  /// Refers to a label, a full path (begins with a slash) or a path below a label.
  public init(stringLiteral value: String) { target = value }

  /// The reference as source text, for example `&mpic` or `&{/soc}`.
  public var description: String { target.utf8.contains(0x2f) ? "&{\(target)}" : "&\(target)" }
}

/// What stands at an offset of a property's bytes, as its writer meant it.
public struct Marker: Sendable, Hashable {
  /// The kinds of things that can stand in a property.
  public enum Kind: Sendable, Hashable {
    /// A group of cells `< … >` begins, each of this width.
    case cells(CellWidth)
    /// A string begins; it ends with its NUL byte.
    case string
    /// A byte string `[ … ]` begins.
    case bytes
    /// A label names this offset.
    case label(String)
    /// The 32-bit cell here is the phandle of a node.
    case phandle(Reference)
    /// The string here is the full path of a node; before references are resolved it is empty.
    case path(Reference)

    /// Whether this begins a run of typed data, rather than naming a place in one.
    public var isType: Bool {
      switch self {
      case .cells, .string, .bytes: true
      case .label, .phandle, .path: false
      }
    }
  }

  /// The byte offset in the property's value.
  public var offset: Int
  /// What stands there.
  public var kind: Kind

  /// Creates a marker.
  public init(_ kind: Kind, at offset: Int) {
    self.kind = kind
    self.offset = offset
  }
}

/// The width of the integers in a group of cells, in bits.
public enum CellWidth: Int, Sendable, Hashable, CaseIterable {
  /// `/bits/ 8`
  case bits8 = 8
  /// `/bits/ 16`
  case bits16 = 16
  /// The default.
  case bits32 = 32
  /// `/bits/ 64`
  case bits64 = 64

  /// The width in bytes.
  public var byteCount: Int { rawValue / 8 }
}
