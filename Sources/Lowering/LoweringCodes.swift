public import Diagnostics

extension DiagnosticCode {
  /// An error that a plan allows.
  public static let allowanceError: DiagnosticCode = "allowance-error"
  /// A finding that is allowed where there is none.
  public static let allowanceIdle: DiagnosticCode = "allowance-idle"
  /// A text that is no key.
  public static let badKey: DiagnosticCode = "bad-key"
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
  /// A board without a block that every DPAA board has.
  public static let blockMissing: DiagnosticCode = "block-missing"
  /// A device tree that lacks what a board must have, or contradicts itself.
  public static let boardTree: DiagnosticCode = "board-tree"
  /// A port's channel that is none of its frame manager's.
  public static let channelRange: DiagnosticCode = "channel-range"
  /// Two ports on one channel.
  public static let channelRepeated: DiagnosticCode = "channel-repeated"
  /// Two sources that say different things of one fact.
  public static let factConflict: DiagnosticCode = "fact-conflict"
  /// A file that is not there or cannot be read.
  public static let fileUnreadable: DiagnosticCode = "file-unreadable"
  /// A file that includes itself, or too many of them.
  public static let includeCycle: DiagnosticCode = "include-cycle"
  /// A partition that takes over wishes from itself.
  public static let likeCycle: DiagnosticCode = "like-cycle"
  /// Two users of one interrupt line.
  public static let interruptRepeated: DiagnosticCode = "interrupt-repeated"
  /// A lock that does not say what is planned.
  public static let lockStale: DiagnosticCode = "lock-stale"
  /// A key that must be there and is not.
  public static let missingKey: DiagnosticCode = "missing-key"
  /// A line of a file of patterns that is none.
  public static let patternLine: DiagnosticCode = "pattern-line"
  /// Two MACs or offline ports of one hardware id.
  public static let portRepeated: DiagnosticCode = "port-repeated"
  /// Two portals of one number.
  public static let portalRepeated: DiagnosticCode = "portal-repeated"
  /// A QMan portal without a BMan portal of its number, or the other way round.
  public static let portalUnpaired: DiagnosticCode = "portal-unpaired"
  /// A portal's window of a size that the hardware does not have.
  public static let portalWindow: DiagnosticCode = "portal-window"
  /// A name that is no board's.
  public static let unknownBoard: DiagnosticCode = "unknown-board"
  /// A text that is no finding's code.
  public static let unknownCode: DiagnosticCode = "unknown-code"
  /// A key that means nothing here.
  public static let unknownKey: DiagnosticCode = "unknown-key"
  /// An address that belongs to two windows.
  public static let windowOverlap: DiagnosticCode = "window-overlap"
  /// A list where a mapping should be, and the like.
  public static let wrongKind: DiagnosticCode = "wrong-kind"

  /// Every code that lowering can give by itself.
  public static let loweringCodes: [DiagnosticCode] = [
    allowanceError, allowanceIdle, badAddress, badChoice, badKey, badName, badNumber, badRange,
    badSize, blockMissing, boardTree, channelRange, channelRepeated, factConflict, fileUnreadable,
    includeCycle, interruptRepeated, likeCycle, lockStale, missingKey, patternLine, portRepeated,
    portalRepeated, portalUnpaired, portalWindow, unknownBoard, unknownCode, unknownKey,
    windowOverlap, wrongKind,
  ]
}
