/// Bits of a frame descriptor's last word, where it leaves or enters a port: what the port found wrong, or
/// what a transmit port is asked to do.
///
/// dpaac's own ports write UFD, LGE, FSE, PHE and the colours. A sound plan reaches none of the others: buffers
/// are where the engine has them, keys are as short as KeyGen's, and the parser ends with the frame.
///
/// Source: Linux 6.1, `drivers/net/ethernet/freescale/fman/fman.h` (`FM_FD_ERR_*`, `FM_FD_CMD_*`); the short
/// names are those of the manuals.
public enum FrameStatus {
  /// UFD: a transmit or offline port cannot read the descriptor's format.
  public static let unsupportedFormat: UInt32 = 0x0400_0000
  /// LGE: a transmit port cannot send a frame of this length.
  public static let length: UInt32 = 0x0200_0000
  /// DME: the frame's memory could not be reached.
  public static let memory: UInt32 = 0x0100_0000
  /// FPE: the MAC received it damaged.
  public static let physical: UInt32 = 0x0008_0000
  /// FSE: the MAC received more than its longest frame.
  public static let size: UInt32 = 0x0004_0000
  /// DIS: a classification discards it.
  public static let discarded: UInt32 = 0x0002_0000
  /// EOF: KeyGen's extraction reached behind the frame.
  public static let extraction: UInt32 = 0x8000
  /// NSS: no scheme of KeyGen is for it.
  public static let noScheme: UInt32 = 0x4000
  /// KSO: its key is longer than KeyGen's.
  public static let keySize: UInt32 = 0x2000
  /// FCL: a policer called it red.
  public static let red: UInt32 = 0x800
  /// FCL: a policer called it yellow.
  public static let yellow: UInt32 = 0x400
  /// IPP: its policer profile is not one.
  public static let policerProfile: UInt32 = 0x200
  /// FLM: its length is not what the policer's profile takes.
  public static let policerLength: UInt32 = 0x100
  /// PTE: the parser took too long.
  public static let parserTimeout: UInt32 = 0x80
  /// ISP: the parser's program had an instruction that is none.
  public static let parserInstruction: UInt32 = 0x40
  /// PHE: a header is wrong.
  public static let header: UInt32 = 0x20
  /// BLE: the parser looked further than it may.
  public static let blockLimit: UInt32 = 0x08

  /// What drivers have a receive port put into its error queue (Linux 6.1,
  /// `drivers/net/ethernet/freescale/dpaa/dpaa_eth.c` and `fman.h`, `FM_FD_STAT_RX_ERRORS`).
  public static let receiveErrors =
    memory | physical | size | discarded | extraction | noScheme | parserTimeout
    | parserInstruction | header

  /// FCO: send the descriptor back when the frame has left.
  public static let sendsConfirmation: UInt32 = 0x8000_0000
  /// RPD: read the parse result in front of the frame.
  public static let readsContext: UInt32 = 0x4000_0000
  /// DTC: fill in checksums.
  public static let doesChecksum: UInt32 = 0x1000_0000
}

/// The lengths of frames that a MAC sends, without check sequence.
public enum FrameLength {
  /// An Ethernet header.
  public static let shortest = 14
  /// Linux 6.1, `fman.c`, `FSL_FM_MAX_POSSIBLE_FRAME_SIZE`, which counts the check sequence of 4 bytes.
  public static let longest = 9600 - 4
}
