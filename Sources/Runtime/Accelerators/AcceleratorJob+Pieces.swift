// SAFETY: pieces are whole, as the engine found them; what is asked for is held against their lengths.
/// The bytes of a job, wherever they lie.
extension AcceleratorJob {
  /// Bytes of the input: where they are, if they lie in one piece, or a copy; `nil` when there are not so many.
  @inline(__always)
  func input(
    from start: Int, count: Int, _ scratch: Scratch, mayChange: Bool = false
  ) -> UnsafeMutablePointer<UInt8>? {
    if !mayChange {
      var before = 0
      for piece in input {
        if start >= before, start + count <= before + piece.count, let base = piece.baseAddress {
          return base.assumingMemoryBound(to: UInt8.self) + (start - before)
        }
        before += piece.count
      }
    }
    guard let copy = scratch.take(count) else { return nil }
    return copyInput(from: start, count: count, into: copy) ? copy : nil
  }

  /// Copies bytes of the input; `false` when there are not so many.
  @inline(__always)
  func copyInput(from start: Int, count: Int, into target: UnsafeMutableRawPointer) -> Bool {
    var (before, done) = (0, 0)
    for piece in input where done < count {
      let skipped = max(0, start - before)
      before += piece.count
      guard skipped < piece.count, let base = piece.baseAddress else { continue }
      let part = min(piece.count - skipped, count - done)
      (target + done).copyMemory(from: base + skipped, byteCount: part)
      done += part
    }
    return done == count
  }

  /// Where bytes of the output go, if that is in one piece.
  @inline(__always)
  func outputPlace(at start: Int, count: Int) -> UnsafeMutablePointer<UInt8>? {
    var before = 0
    for piece in output {
      if start >= before, start + count <= before + piece.count, let base = piece.baseAddress {
        return base.assumingMemoryBound(to: UInt8.self) + (start - before)
      }
      before += piece.count
    }
    return nil
  }

  /// Writes bytes of the output, whose room was seen to be enough.
  func copyOutput(from source: UnsafeRawPointer, at start: Int, count: Int) {
    var (before, done) = (0, 0)
    for piece in output where done < count {
      let skipped = max(0, start - before)
      before += piece.count
      guard skipped < piece.count, let base = piece.baseAddress else { continue }
      let part = min(piece.count - skipped, count - done)
      (base + skipped).copyMemory(from: source + done, byteCount: part)
      done += part
    }
  }

  /// Whether memory has bytes in common with a piece of the input.
  func inputMeets(_ start: UnsafeMutablePointer<UInt8>, count: Int) -> Bool {
    let first = UnsafeMutableRawPointer(start)
    return input.contains { piece in
      guard let base = piece.baseAddress else { return false }
      return base < first + count && first < base + piece.count
    }
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
