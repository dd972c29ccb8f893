/// The bytes of a property's value. Short ones, which most are, stand in the value itself, so that a
/// tree of millions of properties does not need as many blocks of memory.
enum ValueBytes: Sendable {
  /// So many bytes and zeros behind them.
  case short([22 of UInt8], count: UInt8)
  /// More bytes than fit.
  case long([UInt8])

  /// The most bytes that need no storage of their own.
  static let capacity = 22

  /// No bytes.
  static var empty: ValueBytes { .short([22 of UInt8](repeating: 0), count: 0) }

  init(_ bytes: some RandomAccessCollection<UInt8>) {
    guard bytes.count <= Self.capacity else {
      self = .long(Array(bytes))
      return
    }
    var own = [22 of UInt8](repeating: 0)
    var count = 0
    for byte in bytes {
      own[count] = byte
      count += 1
    }
    self = .short(own, count: UInt8(count))
  }

  /// The bytes as an array; short ones are copied.
  var array: [UInt8] {
    switch self {
    case .short: Array(self)
    case .long(let bytes): bytes
    }
  }

  /// Replaces the big-endian 32-bit number at an offset, which must be there.
  mutating func setCell(_ number: UInt32, at offset: Int) {
    precondition(offset >= 0 && offset + 4 <= count, "the cell lies outside of the value")
    switch self {
    case .short(var own, let count):
      for index in 0..<4 {
        own[offset + index] = UInt8(truncatingIfNeeded: number >> UInt32(24 - 8 * index))
      }
      self = .short(own, count: count)
    case .long(var bytes):
      // Held once only, so that the change is made in place.
      self = .empty
      for index in 0..<4 {
        bytes[offset + index] = UInt8(truncatingIfNeeded: number >> UInt32(24 - 8 * index))
      }
      self = .long(bytes)
    }
  }
}

extension ValueBytes: RandomAccessCollection {
  var startIndex: Int { 0 }
  var endIndex: Int {
    switch self {
    case .short(_, let count): Int(count)
    case .long(let bytes): bytes.count
    }
  }

  subscript(offset: Int) -> UInt8 {
    switch self {
    case .short(let own, let count):
      precondition(offset < count, "the byte lies outside of the value")
      return own[offset]
    case .long(let bytes): return bytes[offset]
    }
  }
}

extension ValueBytes: Hashable {
  static func == (left: ValueBytes, right: ValueBytes) -> Bool {
    switch (left, right) {
    case (.short, .short): left.elementsEqual(right)
    case (.long(let left), .long(let right)): left == right
    default: false
    }
  }

  func hash(into hasher: inout Hasher) { hasher.combine(array) }
}

extension [UInt8] {
  /// Appends the bytes of a value.
  mutating func append(_ value: ValueBytes) {
    switch value {
    case .short(let own, let count):
      // SAFETY: the bytes of `own` are read inside the closure; `count` never exceeds its size.
      Swift.withUnsafeBytes(of: own) { append(contentsOf: $0[..<Int(count)]) }
    case .long(let bytes): self += bytes
    }
  }
}
