/// What a port writes in front of a frame that it stores.
///
/// | byte of the buffer | what |
/// |---|---|
/// | 0…15 | private to whoever reads the frame; left as it is |
/// | 16…47 | ``ParseResult`` |
/// | 48…55 | when it arrived, in nanoseconds of the port's clock |
/// | 56…63 | KeyGen's hash; 0 where nothing was hashed |
///
/// The order is that of Linux 6.1 (`drivers/net/ethernet/freescale/fman/fman_sp.c`), the place that
/// of its `dpaa_eth.c`; all words are big-endian.
struct Annotations: BitwiseCopyable {
  /// Where the parse result stands, for the call that these are made for: it is large, and read once.
  let result: UnsafePointer<ParseResult>
  var hash: UInt64 = 0
  /// The policer's word, for the descriptor's status.
  var colour = Policer.Colour.green
  /// What the port itself found wrong, as bits of ``FrameStatus``.
  var fault: UInt32 = 0
  /// The command for the accelerator behind the queue, which stands in the status's place.
  var command: UInt32?

  /// The status of the frame's descriptor.
  @inline(__always)
  var status: UInt32 { command ?? (result.pointee.status | colour.status | fault) }

  init(
    _ result: UnsafePointer<ParseResult>, hash: UInt64 = 0, colour: Policer.Colour = .green,
    fault: UInt32 = 0
  ) {
    self.result = result
    self.hash = hash
    self.colour = colour
    self.fault = fault
  }

  // SAFETY: the memory covers the headroom of 64 bytes.
  /// Writes them to the start of a buffer.
  @inline(__always)
  func write(to buffer: UnsafeMutableRawPointer, now: UInt64) {
    result.pointee.write(to: buffer + 16)
    buffer.storeBytes(of: now.bigEndian, toByteOffset: 48, as: UInt64.self)
    buffer.storeBytes(of: hash.bigEndian, toByteOffset: 56, as: UInt64.self)
  }
}
