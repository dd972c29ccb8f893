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
  private(set) var words: [UInt32]
  /// The pool of the output's buffers, as the pre-header says.
  private(set) var outputPool: UInt8
  /// What they say; the fault in them if they say nothing.
  private(set) var program: Result<SecurityProgram, SecurityProgram.Fault>
  private(set) var key: SecurityKey?
  var state = SecurityState()
  /// The batch in which it was looked at last.
  var batch: UInt64 = 0
  // SAFETY: in the pool of the owner, which outlives the engine's tables; looked up anew in each batch.
  /// Where the descriptor's header lies in its owner's memory.
  var memory: UnsafeMutableRawPointer?

  init(
    _ words: [UInt32], outputPool: UInt8, _ choice: SecurityChoice,
    read: (UInt64, Int) -> [UInt8]?
  ) {
    self.words = words
    self.outputPool = outputPool
    program = .failure(SecurityProgram.Fault(code: .header, index: 0))
    do throws(SecurityProgram.Fault) {
      var program = try words.withUnsafeBufferPointer {
        words throws(SecurityProgram.Fault) in try SecurityProgram(words, read: read)
      }
      let suite: SecuritySuite = program.isGCM ? .gcm : .cbcWithHMAC
      key = choice.unit(for: suite)?.key(
        suite, enciphers: program.isEncapsulation, program.key,
        authentication: program.authentication)
      program.eraseKeys()
      self.program =
        key == nil
        ? .failure(SecurityProgram.Fault(code: .invalidKey, index: program.operationIndex))
        : .success(program)
    } catch {
      program = .failure(error)
    }
  }

  deinit {
    words.withUnsafeMutableBytes { bytes in
      if let start = bytes.baseAddress { dpaac_security_erase(start, bytes.count) }
    }
  }

  /// Whether words in memory still say the same, but for those that SEC changes.
  func isCurrent(_ memory: UnsafeMutableRawPointer, count: Int, outputPool: UInt8) -> Bool {
    guard count == words.count, outputPool == self.outputPool else { return false }
    var state = 0..<0
    if case .success(let program) = program { state = program.stateWords }
    for index in 0..<count
    where words[index] != memory.acquire32(4 * index) && !state.contains(index) {
      return false
    }
    return true
  }

  /// Reads the words that SEC changes.
  func readState(_ memory: UnsafeMutableRawPointer) {
    guard case .success(let program) = program else { return }
    let first = 4 * program.stateWords.lowerBound
    let high = program.options.contains(.extendedNumbers) ? memory.acquire32(first) : 0
    state.number = UInt64(high) << 32 | UInt64(memory.acquire32(first + 4))
    guard !program.isEncapsulation else { return }
    state.seen = UInt64(memory.acquire32(first + 8)) << 32 | UInt64(memory.acquire32(first + 12))
  }

  /// Writes them.
  func writeState() {
    guard case .success(let program) = program, let memory else { return }
    let first = 4 * program.stateWords.lowerBound
    if program.options.contains(.extendedNumbers) {
      memory.release32(first, UInt32(truncatingIfNeeded: state.number >> 32))
    }
    memory.release32(first + 4, UInt32(truncatingIfNeeded: state.number))
    guard !program.isEncapsulation else { return }
    memory.release32(first + 8, UInt32(truncatingIfNeeded: state.seen >> 32))
    memory.release32(first + 12, UInt32(truncatingIfNeeded: state.seen))
  }
}
