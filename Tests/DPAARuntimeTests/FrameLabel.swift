import Glibc
import TestSupport

/// What a frame says of itself, over and over: who sent it to whom, and a number of its own.
struct FrameLabel: Hashable, CustomStringConvertible {
  /// Sender or addressee beside the owners: the wire, and a queue that the sender must not use.
  static let (wire, nobody) = (14, 15)
  private static let magic: [UInt8] = [0xf0, 0x0d, 0xbe, 0xa7]

  let sender: Int
  let addressee: Int
  let number: Int
  var description: String { "frame \(number) of \(sender) for \(addressee)" }

  init(from sender: Int, to addressee: Int, number: Int) {
    self.sender = sender
    self.addressee = addressee
    self.number = number
  }

  /// Its eight bytes.
  var word: [UInt8] {
    Self.magic
      + [
        UInt8(sender << 4 | addressee), UInt8(number >> 16 & 0xff), UInt8(number >> 8 & 0xff),
        UInt8(number & 0xff),
      ]
  }

  /// A frame that is the label all through.
  func frame(words: Int) -> [UInt8] { (0..<words).flatMap { _ in word } }

  /// A UDP frame with the label from its 48th byte on, so that it lies at a multiple of eight in a
  /// buffer.
  func packet(to address: UInt32, words: Int) -> [UInt8] {
    Frame.ethernet(
      .ipv4(
        to: address,
        .udp(
          to: 7, from: UInt16(truncatingIfNeeded: 1024 + number),
          [UInt8](repeating: 0, count: 6) + frame(words: words))))
  }

  /// The label at the beginning of eight bytes, if there is one.
  init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= 8, bytes.prefix(4).elementsEqual(Self.magic) else { return nil }
    sender = Int(bytes[4] >> 4)
    addressee = Int(bytes[4] & 15)
    number = Int(bytes[5]) << 16 | Int(bytes[6]) << 8 | Int(bytes[7])
  }

  /// The label of a frame that has one from where it should be to its end; `nil` for any other.
  static func read(_ frame: UnsafeRawBufferPointer) -> FrameLabel? {
    for start in [0, 48] where frame.count >= start + 8 {
      let rest = UnsafeRawBufferPointer(rebasing: frame[start...])
      guard let label = FrameLabel(rest), rest.count % 8 == 0, let first = rest.baseAddress else {
        continue
      }
      return memcmp(first, first + 8, rest.count - 8) == 0 ? label : nil
    }
    return nil
  }

  /// All labels in a stretch of memory, wherever they begin.
  static func all(in memory: UnsafeRawBufferPointer) -> Set<FrameLabel> {
    var labels: Set<FrameLabel> = []
    var last: FrameLabel?
    memory.forEachPlace(of: magic) { place in
      guard let label = FrameLabel(UnsafeRawBufferPointer(rebasing: memory[place...])),
        label != last
      else { return true }
      last = label
      labels.insert(label)
      return true
    }
    return labels
  }
}

extension UnsafeRawBufferPointer {
  /// Calls with each place at which some bytes stand, until the answer is `false`.
  func forEachPlace(of bytes: [UInt8], _ body: (Int) -> Bool) {
    guard let start = baseAddress, let first = bytes.first else { return }
    var place = 0
    while place + bytes.count <= count,
      let found = memchr(start + place, Int32(first), count - place - bytes.count + 1)
    {
      let here = UnsafeRawPointer(found) - start
      guard memcmp(found, bytes, bytes.count) == 0 else {
        place = here + 1
        continue
      }
      guard body(here) else { return }
      place = here + bytes.count
    }
  }

  /// Whether some bytes stand anywhere.
  func contains(_ bytes: [UInt8]) -> Bool {
    var isThere = false
    forEachPlace(of: bytes) { _ in
      isThere = true
      return false
    }
    return isThere
  }
}
