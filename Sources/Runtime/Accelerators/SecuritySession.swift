import CSecurity
import DPAAPortal
import Security

/// A shared descriptor as SEC keeps it: a private copy of its words, what they say, and its key.
///
/// The descriptor is looked at once in each batch of jobs: whatever changed in its words counts from then on.
/// A key that stands elsewhere is read when the words are new, or when others were kept in their place
/// meanwhile: who changes such a key changes a word of the descriptor, too. The words that SEC changes itself
/// are read in each batch, and written when it is done.
final class SecuritySession {
  /// The words from the header on.
  private var words: [UInt32]
  private let outputPool: UInt8
  /// The words that SEC changes itself.
  private let stateWords: Range<Int>
  private let isExtended: Bool
  /// What they say, and what changes with each job.
  let record: UnsafeMutablePointer<SecurityRecord>
  private let header: UnsafeMutablePointer<UInt8>
  /// The key, as a library has prepared it; its life ends with the session's.
  let key: SecurityKey?
  // SAFETY: in the pool of the owner, which outlives the engine's tables; looked up anew in each batch.
  /// Where the descriptor's header lies in its owner's memory.
  var memory: UnsafeMutableRawPointer?

  init(
    _ words: [UInt32], outputPool: UInt8, _ choice: SecurityChoice,
    read: (UInt64, Int) -> [UInt8]?
  ) {
    self.words = words
    self.outputPool = outputPool
    record = .allocate(capacity: 1)
    header = .allocate(capacity: 4 * SharedDescriptor.limit)
    var record = SecurityRecord()
    var key: SecurityKey?
    var stateWords = 0..<0
    do throws(SecurityProgram.Fault) {
      var program = try words.withUnsafeBufferPointer {
        words throws(SecurityProgram.Fault) in try SecurityProgram(words, read: read)
      }
      let suite: SecuritySuite = program.isGCM ? .gcm : .cbcWithHMAC
      key = choice.unit(for: suite)?.key(
        suite, enciphers: program.isEncapsulation, program.key,
        authentication: program.authentication)
      program.eraseKeys()
      record = SecurityRecord(program, header: header)
      record.key = key?.pointer
      if key == nil {
        record.fault =
          SecurityProgram.Fault(code: .invalidKey, index: program.operationIndex).word
      } else {
        stateWords = program.stateWords
      }
    } catch {
      record.fault = error.word
    }
    record.outputPool = Int(outputPool)
    self.key = key
    self.stateWords = stateWords
    isExtended = record.isExtended
    self.record.initialize(to: record)
  }

  deinit {
    words.withUnsafeMutableBytes { bytes in
      if let start = bytes.baseAddress { dpaac_security_erase(start, bytes.count) }
    }
    record.deallocate()
    header.deallocate()
  }

  /// Whether words in memory still say the same, but for those that SEC changes.
  func isCurrent(_ memory: UnsafeMutableRawPointer, count: Int, outputPool: UInt8) -> Bool {
    guard count == words.count, outputPool == self.outputPool else { return false }
    return words.withUnsafeBufferPointer { words in
      var difference: UInt32 = 0
      for index in 0..<min(stateWords.lowerBound, count) {
        difference |= words[index] ^ memory.acquire32(4 * index)
      }
      for index in stateWords.upperBound..<max(stateWords.upperBound, count) {
        difference |= words[index] ^ memory.acquire32(4 * index)
      }
      return difference == 0
    }
  }

  /// Reads the words that SEC changes.
  func readState(_ memory: UnsafeMutableRawPointer) {
    guard !stateWords.isEmpty else { return }
    let first = 4 * stateWords.lowerBound
    let high = isExtended ? memory.acquire32(first) : 0
    record.pointee.state.number = UInt64(high) << 32 | UInt64(memory.acquire32(first + 4))
    guard !record.pointee.isEncapsulation else { return }
    record.pointee.state.seen =
      UInt64(memory.acquire32(first + 8)) << 32 | UInt64(memory.acquire32(first + 12))
  }

  /// Writes them.
  func writeState() {
    guard !stateWords.isEmpty, let memory else { return }
    let first = 4 * stateWords.lowerBound
    let state = record.pointee.state
    if isExtended {
      memory.release32(first, UInt32(truncatingIfNeeded: state.number >> 32))
    }
    memory.release32(first + 4, UInt32(truncatingIfNeeded: state.number))
    guard !record.pointee.isEncapsulation else { return }
    memory.release32(first + 8, UInt32(truncatingIfNeeded: state.seen >> 32))
    memory.release32(first + 12, UInt32(truncatingIfNeeded: state.seen))
  }
}
