/// An IP block's revision, as its `IP_REV_1` register tells it.
public struct Revision: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The major number.
  public var major: UInt8
  /// The minor number.
  public var minor: UInt8
  /// Creates a revision.
  public init(_ major: UInt8, _ minor: UInt8) {
    self.major = major
    self.minor = minor
  }
  /// `3.0`
  public var description: String { "\(major).\(minor)" }
  /// Major first, then minor.
  public static func < (left: Revision, right: Revision) -> Bool {
    (left.major, left.minor) < (right.major, right.minor)
  }
}
