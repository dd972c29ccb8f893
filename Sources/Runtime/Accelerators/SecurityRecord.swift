import DPAAPortal

// SAFETY: outer header and words are the session's that has the record, and live as long as it.
/// What a session's work needs of it for each job, in one place: plain values that nobody has to count.
struct SecurityRecord: BitwiseCopyable {
  /// What is done, once the descriptor was found sound.
  var form: SecurityForm = .tunnel
  var isEncapsulation = false
  var isGCM = false
  /// Whether numbers are extended, the outer header is IPv6's, and a header comes before what is taken out.
  var isExtended = false
  var isOuterIPv6 = false
  var hasOuterHeader = false
  var salt: UInt32 = 0
  var spi: UInt32 = 0
  var nextHeader: UInt8 = 0
  /// Bytes of the tag.
  var tagLength = 0
  /// The place of the operation that finds a tag wrong, and that of the cipher, which errors name.
  var operationIndex = 0
  var cipherIndex = 0
  /// Numbers of the window against replay.
  var window: UInt64 = 0
  /// The outer header of encapsulation; how long it is, in both directions; and of an IPv4 header the sum that
  /// its checksum is made of, without length and checksum.
  var outerHeader: UnsafeMutablePointer<UInt8>?
  var outerHeaderLength = 0
  var outerSum: UInt32 = 0

  /// Bytes of the initialization vector in each tunnel's packet, and what the ciphertext is a multiple of: a
  /// power of two.
  var vectorLength: Int { isGCM ? 8 : 16 }
  var alignment: Int { isGCM ? 4 : 16 }

  /// The key, as a library has prepared it; `nil` as long as the descriptor is not sound.
  var key: OpaquePointer?
  /// Sequence numbers.
  var state = SecurityState()
  /// The descriptor's words from the header on, as they were looked at, and which of them SEC changes itself.
  var words: UnsafeMutablePointer<UInt32>?
  var wordCount = 0
  var firstStateWord = 0
  var stateWordCount = 0
  // SAFETY: in the pool of the owner, which outlives the engine's tables; looked up anew in each batch.
  /// Where its header lies in its owner's memory.
  var memory: UnsafeMutableRawPointer?
  /// The batch in which the descriptor was looked at last.
  var batch: UInt64 = 0
  /// The pool of the output's buffers, as the pre-header says.
  var outputPool = 0
  /// The status of every request, if the descriptor is not sound.
  var fault: UInt32 = 0

  init() {}

  /// Takes over what a descriptor says; `header` has room for the outer header.
  init(_ program: SecurityProgram, header: UnsafeMutablePointer<UInt8>?) {
    form = program.form
    isEncapsulation = program.isEncapsulation
    isGCM = program.isGCM
    isExtended = program.options.contains(.extendedNumbers)
    isOuterIPv6 = program.options.contains(.outerIPv6)
    hasOuterHeader = program.options.contains(.outerHeader)
    salt = program.salt
    spi = program.spi
    nextHeader = program.nextHeader
    tagLength = program.tagLength
    operationIndex = program.operationIndex
    cipherIndex = program.cipherIndex
    window = program.window
    outerHeader = header
    outerHeaderLength =
      program.isEncapsulation ? program.outerHeader.count : program.outerHeaderLength
    for (place, byte) in program.outerHeader.enumerated() {
      header?[place] = byte
      // The length and the checksum itself come with each packet.
      if ![2, 3, 10, 11].contains(place) {
        outerSum += place & 1 == 0 ? UInt32(byte) << 8 : UInt32(byte)
      }
    }
  }
}

/// What a shared descriptor has done.
enum SecurityForm {
  /// Packets go into an ESP tunnel or come out of one.
  case tunnel
  /// Data is enciphered and authenticated as it comes.
  case plain
}
