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
  /// Where the parse result stands, for the call that these are made for: it is large, and read once. `nil` where
  /// nothing was parsed.
  let result: UnsafePointer<ParseResult>?
  let hash: UInt64
  /// What the policer found.
  let colour: Policer.Colour
  /// The status of the frame's descriptor, or the command for the accelerator behind the queue.
  let status: UInt32

  /// - Parameters:
  ///   - result: What the parser found.
  ///   - hash: KeyGen's hash; 0 where nothing was hashed.
  ///   - colour: The policer's word.
  ///   - fault: What the port itself found wrong, as bits of ``FrameStatus``.
  ///   - command: What stands in the status's place.
  @inline(__always)
  init(
    _ result: UnsafePointer<ParseResult>, hash: UInt64 = 0, colour: Policer.Colour = .green,
    fault: UInt32 = 0, command: UInt32? = nil
  ) {
    self.result = result
    self.hash = hash
    self.colour = colour
    status = command ?? (result.pointee.status | colour.status | fault)
  }

  /// Those of a frame in which the parser found nothing wrong, and which no policer has seen.
  @inline(__always)
  init(sound result: UnsafePointer<ParseResult>, hash: UInt64) {
    self.result = result
    self.hash = hash
    colour = .green
    status = result.pointee.soundStatus
  }

  /// Those of a frame that nobody has parsed.
  @inline(__always)
  init() {
    result = nil
    hash = 0
    colour = .green
    status = 0
  }

  // SAFETY: the memory covers the headroom of 64 bytes.
  /// Writes them to the start of a buffer.
  @inline(__always)
  func write(to buffer: UnsafeMutableRawPointer, now: UInt64) {
    if let result {
      result.pointee.write(to: buffer + 16)
    } else {
      (buffer + 16).storeBytes(of: ParseResult.nothing, as: SIMD4<UInt64>.self)
    }
    buffer.storeBytes(of: now.bigEndian, toByteOffset: 48, as: UInt64.self)
    buffer.storeBytes(of: hash.bigEndian, toByteOffset: 56, as: UInt64.self)
  }
}
