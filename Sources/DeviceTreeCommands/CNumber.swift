import Glibc

/// A number as C's `strtoll` reads it from the front of a text: spaces, a sign, then digits in the
/// base that is asked for or that `0x` and `0` in front mean.
struct CNumber {
  /// The number; 0 when the text starts with none, the nearest when it is out of range.
  let value: Int
  /// Whether nothing stands behind the number. An empty text is a whole 0, as dtc takes it.
  let isWhole: Bool
  let isOutOfRange: Bool

  init(_ text: String, base: Int32 = 0) {
    (value, isWhole, isOutOfRange) = text.withCString { start in
      var end: UnsafeMutablePointer<CChar>?
      errno = 0
      // SAFETY: `start` is NUL-terminated and `end` points into it afterwards, both for the whole
      // closure.
      let value = strtoll(start, &end, base)
      return (Int(value), end?.pointee == 0, errno == ERANGE)
    }
  }
}
