import CSecurity

// SAFETY: pieces are whole, as the engine found them; what is asked for is held against their lengths.
/// The bytes of a job, wherever they lie.
extension AcceleratorJob {
  /// Bytes of the input: where they are, if they lie in one piece, or a copy; `nil` when there are not so many.
  @inline(__always)
  func input(
    from start: Int, count: Int, _ scratch: Scratch, mayChange: Bool = false
  ) -> UnsafeMutablePointer<UInt8>? {
    if !mayChange, let place = Self.place(of: start, count: count, in: input) { return place }
    guard let copy = scratch.take(count) else { return nil }
    return copyInput(from: start, count: count, into: copy) ? copy : nil
  }

  /// The whole input where it lies, if so many bytes have room there: those behind the input are the device's to
  /// write, as whoever gets the buffer next expects nothing of them.
  @inline(__always)
  func inputWithRoom(count: Int) -> UnsafeMutablePointer<UInt8>? {
    guard count <= inputRoom else { return nil }
    return input[0].baseAddress?.assumingMemoryBound(to: UInt8.self)
  }

  /// Copies bytes of the input; `false` when there are not so many.
  @inline(__always)
  func copyInput(from start: Int, count: Int, into target: UnsafeMutableRawPointer) -> Bool {
    Self.walk(input, from: start, count: count) { part, length, done in
      (target + done).copyMemory(from: part, byteCount: length)
    }
  }

  /// Where bytes of the output go, if that is in one piece.
  @inline(__always)
  func outputPlace(at start: Int, count: Int) -> UnsafeMutablePointer<UInt8>? {
    Self.place(of: start, count: count, in: output)
  }

  /// Writes bytes of the output, whose room was seen to be enough.
  @inline(__always)
  func copyOutput(from source: UnsafeRawPointer, at start: Int, count: Int) {
    _ = Self.walk(output, from: start, count: count) { part, length, done in
      part.copyMemory(from: source + done, byteCount: length)
    }
  }

  /// Where bytes are, if they lie in one of some pieces.
  @inline(__always)
  private static func place(
    of start: Int, count: Int, in pieces: UnsafeMutableBufferPointer<Piece>
  ) -> UnsafeMutablePointer<UInt8>? {
    var before = 0
    for piece in pieces {
      if start >= before, start + count <= before + piece.count, let base = piece.baseAddress {
        return base.assumingMemoryBound(to: UInt8.self) + (start - before)
      }
      before += piece.count
    }
    return nil
  }

  /// Goes through bytes part by part: where each is, how long, and how many came before; `false` when there
  /// are not so many.
  @inline(__always)
  private static func walk(
    _ pieces: UnsafeMutableBufferPointer<Piece>, from start: Int, count: Int,
    _ body: (UnsafeMutableRawPointer, Int, Int) -> Void
  ) -> Bool {
    var (before, done) = (0, 0)
    for piece in pieces where done < count {
      let skipped = max(0, start - before)
      before += piece.count
      guard skipped < piece.count, let base = piece.baseAddress else { continue }
      let part = min(piece.count - skipped, count - done)
      body(base + skipped, part, done)
      done += part
    }
    return done == count
  }

  /// Whether memory has bytes in common with a piece of the input.
  @inline(__always)
  func inputMeets(_ start: UnsafeMutablePointer<UInt8>, count: Int) -> Bool {
    let first = UnsafeMutableRawPointer(start)
    return input.contains { piece in
      guard let base = piece.baseAddress else { return false }
      return base < first + count && first < base + piece.count
    }
  }

  /// Ends the job if the library has not done its part; `true` when it has.
  @inline(__always)
  mutating func isDone(
    _ job: borrowing dpaac_security_job, _ record: UnsafeMutablePointer<SecurityRecord>
  ) -> Bool {
    guard job.failure != 0 else { return true }
    let index = record.pointee.operationIndex
    if job.failure == UInt32(DPAAC_SECURITY_NOT_AUTHENTIC) {
      fail(
        .authentication,
        status: SecurityStatus.wrongTag(isGCM: record.pointee.isGCM, at: index))
    } else {
      fail(.size, at: index)
    }
    return false
  }

  /// Ends the job with what DECO found.
  mutating func fail(_ fault: SecurityStatus.Descriptor, at index: Int = 0) {
    let reason: AcceleratorFault =
      switch fault {
      case .late, .replayed: .replay
      case .sequence, .format, .size: .length
      default: .descriptor
      }
    fail(reason, status: fault.word(at: index))
  }
}
