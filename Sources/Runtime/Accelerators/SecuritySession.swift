import CSecurity
import DPAAPortal
import Security

/// A shared descriptor as SEC keeps it: a private copy of its words, what they say, and its key.
///
/// The descriptor is looked at once in each batch of jobs: whatever changed in its words counts from then on.
/// A key that stands elsewhere is read when the words are new, or when others were kept in their place
/// meanwhile: who changes such a key changes a word of the descriptor, too. The words that SEC changes itself
/// are read in each batch, and written when it is done.
///
/// A batch works with ``record`` alone; the session is what keeps that alive.
final class SecuritySession {
  /// What the words say, and what changes with each job.
  let record: UnsafeMutablePointer<SecurityRecord>
  /// The words from the header on.
  private let words: UnsafeMutablePointer<UInt32>
  private let header: UnsafeMutablePointer<UInt8>
  /// The key, as a library has prepared it; its life ends with the session's.
  let key: SecurityKey?

  // SAFETY: `memory` covers as many words, which are no more than `words` has room for.
  /// Reads a descriptor.
  ///
  /// - Parameters:
  ///   - memory: Its words, from the header on, in its owner's memory; each is read once.
  ///   - count: How many, at most ``SharedDescriptor/limit``.
  ///   - outputPool: The pool of the answers' buffers.
  ///   - choice: Whose libraries prepare the key.
  ///   - read: Reads a key of so many bytes at an address, if that is the owner's memory.
  init(
    _ memory: UnsafeMutableRawPointer, count: Int, outputPool: UInt8, _ choice: SecurityChoice,
    read: (UInt64, Int) -> [UInt8]?
  ) {
    precondition(count <= SharedDescriptor.limit, "the words have room")
    record = .allocate(capacity: 1)
    words = .allocate(capacity: SharedDescriptor.limit)
    words.initialize(repeating: 0, count: SharedDescriptor.limit)
    for index in 0..<count { words[index] = memory.acquire32(4 * index) }
    header = .allocate(capacity: 4 * SharedDescriptor.limit)
    var record = SecurityRecord()
    var key: SecurityKey?
    do throws(SecurityProgram.Fault) {
      var program = try SecurityProgram(
        UnsafeBufferPointer(start: words, count: count), read: read)
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
        record.firstStateWord = program.stateWords.lowerBound
        record.stateWordCount = program.stateWords.count
      }
    } catch {
      record.fault = error.word
    }
    record.outputPool = Int(outputPool)
    record.words = words
    record.wordCount = count
    self.key = key
    self.record.initialize(to: record)
  }

  deinit {
    dpaac_security_erase(words, 4 * SharedDescriptor.limit)
    words.deallocate()
    record.deallocate()
    header.deallocate()
  }
}
