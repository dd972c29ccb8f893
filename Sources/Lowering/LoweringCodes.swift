public import Diagnostics

extension DiagnosticCode {
  /// A text that is no MAC, IPv4 or IPv6 address or prefix.
  public static let badAddress: DiagnosticCode = "bad-address"
  /// A word that is none of those allowed.
  public static let badChoice: DiagnosticCode = "bad-choice"
  /// A partition's name that would not do as a file's name.
  public static let badName: DiagnosticCode = "bad-name"
  /// A text that is no number, or a number out of its range.
  public static let badNumber: DiagnosticCode = "bad-number"
  /// A text that is no range, or a range that runs backwards.
  public static let badRange: DiagnosticCode = "bad-range"
  /// A text that is no size in bytes.
  public static let badSize: DiagnosticCode = "bad-size"
  /// A device tree that lacks what a board must have, or contradicts itself.
  public static let boardTree: DiagnosticCode = "board-tree"
  /// A file that is not there or cannot be read.
  public static let fileUnreadable: DiagnosticCode = "file-unreadable"
  /// A file that includes itself, or too many of them.
  public static let includeCycle: DiagnosticCode = "include-cycle"
  /// A partition that takes over wishes from itself.
  public static let likeCycle: DiagnosticCode = "like-cycle"
  /// A lock that does not say what is planned.
  public static let lockStale: DiagnosticCode = "lock-stale"
  /// A key that must be there and is not.
  public static let missingKey: DiagnosticCode = "missing-key"
  /// A name that is no board's.
  public static let unknownBoard: DiagnosticCode = "unknown-board"
  /// A key that means nothing here.
  public static let unknownKey: DiagnosticCode = "unknown-key"
  /// A list where a mapping should be, and the like.
  public static let wrongKind: DiagnosticCode = "wrong-kind"

  /// Every code that lowering can give by itself.
  public static let loweringCodes: [DiagnosticCode] = [
    badAddress, badChoice, badName, badNumber, badRange, badSize, boardTree, fileUnreadable,
    includeCycle, likeCycle, lockStale, missingKey, unknownBoard, unknownKey, wrongKind,
  ]
}
