import CSecurity
import DPAAPortal

/// What a shared descriptor says, once it was found sound: a direction of an ESP tunnel, or commands that encipher
/// or decipher data as it comes; and keys.
///
/// Encodings: Linux 6.1, `drivers/crypto/caam/desc.h` and `pdb.h`. What may stand in a descriptor and is not
/// done here is refused with the code of the command that asks for it: nothing is passed over.
struct SecurityProgram {
  /// A fault, and the place of the word in the descriptor.
  struct Fault: Error, Equatable {
    var code: SecurityStatus.Descriptor
    var index: Int
    var word: UInt32 { code.word(at: index) }
  }

  /// What is done.
  private(set) var form = SecurityForm.tunnel
  /// Whether it enciphers.
  var isEncapsulation = false
  var isGCM = false
  /// The keys, until ``eraseKeys()``.
  private(set) var key: [UInt8] = []
  private(set) var authentication: [UInt8] = []
  /// The place of the operation that finds a tag wrong, and that of the cipher, which errors name.
  var operationIndex = 0
  private(set) var cipherIndex = 0
  /// Bytes of the tag.
  private(set) var tagLength = tunnelTagLength

  var options: SharedDescriptor.Options = []
  var salt: UInt32 = 0
  var spi: UInt32 = 0
  var nextHeader: UInt8 = 0
  /// Encapsulation: the outer header.
  var outerHeader: [UInt8] = []
  /// Decapsulation: how long it is.
  var outerHeaderLength = 0

  /// Bytes of the tag of a tunnel's packets.
  static let tunnelTagLength = 16
  /// Numbers of the window against replay.
  var window: UInt64 {
    options.isSuperset(of: .window64) ? 64 : options.contains(.window32) ? 32 : 0
  }
  /// The words of the descriptor, from the header on, that SEC itself changes: the high half of the sequence
  /// number first.
  var stateWords: Range<Int> {
    switch form {
    case .tunnel: isEncapsulation ? 2..<4 : 4..<8
    case .plain: 0..<0
    }
  }

  /// Reads a descriptor.
  ///
  /// - Parameters:
  ///   - words: Its words from the header on, as a private copy.
  ///   - read: Reads a key of so many bytes at an address, if that is the owner's memory.
  /// - Throws: The first fault.
  init(
    _ words: UnsafeBufferPointer<UInt32>, read: (UInt64, Int) -> [UInt8]?
  ) throws(Fault) {
    var reader = Reader(words: words)
    let header = words.isEmpty ? 0 : words[0]
    guard header >> 27 == 0x17, header & 0x0080_0000 != 0, header & 0x8000 == 0,
      Int(header & 0x3f) == words.count, words.count > 1
    else { throw Fault(code: .header, index: 0) }
    guard header & 0x0100_0000 == 0 else { throw Fault(code: .doNotRun, index: 0) }
    // Commands without a data block begin behind the header, and no place is said.
    let start = max(Int(header >> 16 & 0x3f), 1)
    guard start < words.count else { throw Fault(code: .header, index: 0) }
    reader.index = start
    do throws(Fault) {
      try readCommands(&reader, read)
      guard reader.index == words.count else {
        throw Fault(code: .invalidCommand, index: reader.index)
      }
      if form == .tunnel {
        try readBlock(words, count: start)
      } else if start > 1 {
        throw Fault(code: .dataBlock, index: 1)
      }
    } catch {
      eraseKeys()
      throw error
    }
  }

  /// Overwrites the keys, once a library has made its own of them. In place, as nobody else has the arrays.
  mutating func eraseKeys() {
    Self.erase(&key)
    Self.erase(&authentication)
  }

  private static func erase(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { bytes in
      if let start = bytes.baseAddress { dpaac_security_erase(start, bytes.count) }
    }
    bytes = []
  }

  /// The words that are still to be read.
  private struct Reader {
    let words: UnsafeBufferPointer<UInt32>
    var index = 0

    mutating func next(_ code: SecurityStatus.Descriptor) throws(Fault) -> UInt32 {
      guard index < words.count else { throw Fault(code: code, index: index) }
      index += 1
      return words[index - 1]
    }
  }

  /// Keys, a jump over them, and one operation, which is the last.
  private mutating func readCommands(
    _ reader: inout Reader, _ read: (UInt64, Int) -> [UInt8]?
  ) throws(Fault) {
    while true {
      let index = reader.index
      let command = try reader.next(.invalidCommand)
      switch command >> 27 {
      case 0x00: try readKey(command, at: index, &reader, read)
      case 0x14:
        // A descriptor that is shared has its keys already; here they are always read.
        let target = index + Int(command & 0xff)
        guard command & ~0xff == SharedDescriptor.Word.jumpIfShared, target > index,
          target < reader.words.count
        else { throw Fault(code: .invalidJump, index: index) }
      case 0x10:
        if command & 0x0600_0000 == 0x0600_0000 {
          try readOperation(command, at: index)
        } else {
          try readAEAD(&reader, at: index)
        }
        return
      default: throw Fault(code: .invalidCommand, index: index)
      }
    }
  }

  private mutating func readKey(
    _ command: UInt32, at index: Int, _ reader: inout Reader, _ read: (UInt64, Int) -> [UInt8]?
  ) throws(Fault) {
    let length = Int(command & 0x3ff)
    let destination = command >> 25 & 3
    let isImmediate = command & SharedDescriptor.Word.keyImmediate != 0
    // Keys that are encrypted, split or in a table are not for us. No write-back is how all are kept.
    guard destination == 1 || destination == 2, command & 0x015f_fc00 == 0, length > 0 else {
      throw Fault(code: .invalidKey, index: index)
    }
    var bytes: [UInt8] = []
    if isImmediate {
      guard length <= 64 else { throw Fault(code: .invalidKey, index: index) }
      // An array that grows leaves what it had behind.
      bytes.reserveCapacity(64)
      for _ in 0..<(length + 3) / 4 {
        let word = try reader.next(.invalidKey)
        for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(word >> shift & 0xff)) }
      }
      bytes.removeLast(bytes.count - length)
    } else {
      let high = try reader.next(.invalidKey)
      let low = try reader.next(.invalidKey)
      guard length <= 64 else { throw Fault(code: .invalidKey, index: index) }
      guard let key = read(UInt64(high) << 32 | UInt64(low), length) else {
        throw Fault(code: .memory, index: index)
      }
      bytes = key
    }
    if destination == 1 {
      Self.erase(&key)
      key = bytes
    } else {
      Self.erase(&authentication)
      authentication = bytes
    }
  }

  private mutating func readOperation(_ command: UInt32, at index: Int) throws(Fault) {
    typealias Word = SharedDescriptor.Word
    switch command & 0xff00_0000 {
    case Word.encapsulateIPsec & 0xff00_0000: isEncapsulation = true
    case Word.decapsulateIPsec & 0xff00_0000: isEncapsulation = false
    default: throw Fault(code: .invalidOperation, index: index)
    }
    guard command & 0x00ff_0000 == Word.encapsulateIPsec & 0x00ff_0000 else {
      throw Fault(code: .undefinedProtocol, index: index)
    }
    switch command & 0xffff {
    case Word.gcm: isGCM = true
    case Word.cbcWithHMAC: isGCM = false
    default: throw Fault(code: .undefinedProtocol, index: index)
    }
    guard [16, 24, 32].contains(key.count), isGCM || !authentication.isEmpty else {
      throw Fault(code: .invalidKey, index: index)
    }
    operationIndex = index
    cipherIndex = index
  }

  /// Reads the commands of an algorithm, which are to be those of the guest library, word for word: SEC is no
  /// machine for any others here.
  private mutating func readAEAD(_ reader: inout Reader, at index: Int) throws(Fault) {
    typealias Command = SharedDescriptor.Command
    let first = reader.words[index]
    switch first {
    case Command.sealByGCM, Command.openByGCM: isGCM = true
    case Command.hash, Command.compareHash: isGCM = false
    default: throw Fault(code: .invalidOperation, index: index)
    }
    form = .plain
    isEncapsulation = first == Command.sealByGCM || first == Command.hash
    guard [16, 24, 32].contains(key.count), isGCM || !authentication.isEmpty else {
      throw Fault(code: .invalidKey, index: index)
    }
    let last = reader.words.count - 1
    tagLength = Int(reader.words[last] & 0xff)
    let commands = SharedDescriptor.commands(
      isGCM: isGCM, enciphers: isEncapsulation, tagLength: tagLength)
    for (place, command) in commands.enumerated() {
      let word = index + place <= last ? reader.words[index + place] : nil
      guard word == command else {
        let code: SecurityStatus.Descriptor =
          switch command >> 27 {
          case 0x10: .invalidOperation
          case 0x14: .invalidJump
          default: .invalidCommand
          }
        throw Fault(code: code, index: min(index + place, last))
      }
    }
    guard SharedDescriptor.isTag(tagLength, isGCM: isGCM) else {
      throw Fault(code: .invalidCommand, index: last)
    }
    reader.index = index + commands.count
    operationIndex = index
    let isCipher = [Command.encipherByCBC, Command.decipherByCBC]
    cipherIndex = index + (commands.firstIndex { isCipher.contains($0) } ?? 0)
  }

  private mutating func readBlock(
    _ words: UnsafeBufferPointer<UInt32>, count: Int
  ) throws(Fault) {
    let fault = Fault(code: .dataBlock, index: 1)
    guard count >= 8 else { throw fault }
    options = SharedDescriptor.Options(rawValue: words[1] & 0xff)
    guard options.isSuperset(of: [.tunnel, .headerInBlock]) else { throw fault }
    guard isEncapsulation else {
      guard words[1] >> 28 == 0, !options.contains(SharedDescriptor.Options(rawValue: 0x20)),
        options.rawValue & 0xc0 != 0x80, count == 8
      else { throw fault }
      outerHeaderLength = Int(words[1] >> 16 & 0xfff)
      salt = words[2]
      return
    }
    let headerLength = count >= 10 ? Int(words[9] & 0xffff) : 0
    // Vectors are SEC's own business: one from the block would be used twice.
    guard words[1] >> 24 == 0, options.isSuperset(of: [.outerHeader, .randomVector]),
      !options.contains(SharedDescriptor.Options(rawValue: 0x40)), headerLength % 4 == 0,
      count == 10 + headerLength / 4
    else { throw fault }
    nextHeader = UInt8(words[1] >> 16 & 0xff)
    salt = words[4]
    spi = words[8]
    for word in words[10..<count] {
      for shift in [24, 16, 8, 0] as [UInt32] { outerHeader.append(UInt8(word >> shift & 0xff)) }
    }
    guard Self.isHeader(outerHeader),
      options.contains(.outerIPv6) == (outerHeader[0] >> 4 == 6)
    else { throw fault }
  }

  /// Whether bytes can be an outer header: whole, and of a version that there is.
  private static func isHeader(_ bytes: [UInt8]) -> Bool {
    switch (bytes.first ?? 0) >> 4 {
    case 4: bytes.count >= 20 && bytes.count == Int(bytes[0] & 0xf) * 4
    case 6: bytes.count >= 40
    default: false
    }
  }
}
