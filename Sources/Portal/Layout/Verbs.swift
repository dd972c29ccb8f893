/// The first byte of ring entries and commands, without the valid bit 0x80
/// (Linux 6.1, `drivers/soc/fsl/qbman/qman.c`, `bman.c`).
public enum Verb {
  /// EQCR: enqueue.
  public static let enqueue: UInt8 = 0x01
  /// DQRR: a dequeued frame.
  public static let dequeueResponse: UInt8 = 0x60
  /// RCR: release buffers of the pool in byte 1; the low four bits are the count, 1 to 8.
  public static let release: UInt8 = 0x20
  /// BMan command: acquire; the low four bits are the count, 1 to 8.
  public static let acquire: UInt8 = 0x10
  /// BMan response: the command was not understood.
  public static let bmanInvalid: UInt8 = 0x60
  /// QMan command: query a queue's non-programmable fields.
  public static let queryQueueState: UInt8 = 0x45
}

/// Results of QMan's management commands, byte 1 of a response.
public enum CommandResult {
  /// Done.
  public static let ok: UInt8 = 0xf0
  /// No such queue.
  public static let badQueue: UInt8 = 0xf1
  /// Not a command.
  public static let badCommand: UInt8 = 0xff
}

/// Byte 1 of a dequeue response.
public enum DequeueStatus {
  /// The queue is empty after this frame.
  public static let queueEmpty: UInt8 = 0x80
  /// The entry bears a frame.
  public static let frameValid: UInt8 = 0x10
}

/// Why an enqueue came back: the high four bits of byte 4 of an enqueue rejection (ERN).
public enum RejectionCode {
  /// A wrong queue, or a descriptor that names what the sender does not hold.
  public static let error: UInt8 = 0x20
}

/// Bits of the static dequeue command register that the guest library uses.
public enum StaticDequeue {
  /// Up to three frames from a chosen queue; priority scheduling; the dedicated channel.
  public static let dedicatedChannel: UInt32 = 0x2100_8000
}

/// Bits of QMan's interrupt registers.
public enum PortalInterrupt {
  /// The dequeue ring holds entries.
  public static let dequeue: UInt32 = 0x0002_0000
  /// The message ring holds entries.
  public static let message: UInt32 = 0x0001_0000
}
