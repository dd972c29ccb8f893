/// A system-on-chip by its part number in lower case, as device trees have it: `p4080`.
///
/// Its facts stand in `boards/soc`; a part without such a file is known from a device tree only.
public struct SoC: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
  /// The part number in lower case.
  public let rawValue: String
  /// Creates a system-on-chip from its part number.
  public init(rawValue: String) { self.rawValue = rawValue.lowercased() }
  /// Creates a system-on-chip from its part number.
  public init(_ rawValue: String) { self.init(rawValue: rawValue) }

  /// 8 × e500mc, QMan 1, FMan v2 twice.
  public static let p4080 = SoC("p4080")
  /// 2 × e5500, QMan 1, FMan v2.
  public static let p5020 = SoC("p5020")
  /// 4 × e500mc, QMan 1, FMan v2 without 10G.
  public static let p2040 = SoC("p2040")
  /// 4 × e500mc, QMan 1, FMan v2.
  public static let p2041 = SoC("p2041")
  /// 12 × e6500 of two threads, QMan 3, FMan v3 twice.
  public static let t4240 = SoC("t4240")

  /// `p4080`
  public var description: String { rawValue }
}
