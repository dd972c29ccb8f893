import CPatterns
public import Partitioning

/// Patterns, compiled: read by any number of threads at once.
public struct PatternDatabase: ~Copyable, @unchecked Sendable {
  // SAFETY: the library's databases are never written to after they were made; `deinit` runs when nobody
  // has this value any more, and streams hold it by borrowing (their makers keep it longer than them).
  let pointer: OpaquePointer
  /// The subsets of each pattern.
  let subsets: UnsafeMutableBufferPointer<UInt16>
  /// How long compiling had a processor, in microseconds.
  public let microseconds: UInt64

  /// What compiling may take.
  public struct Limits: Sendable, Hashable {
    /// The memory beyond what the process has, in bytes.
    public var memory: UInt64
    /// The size of the database, in bytes.
    public var database: UInt64
    /// The processor's time, in seconds.
    public var seconds: UInt32
    /// The time by the clock, in milliseconds.
    public var patience: UInt32

    /// The limits of a set of patterns in a plan.
    public static let plan = Limits(
      memory: PatternLimit.memory, database: PatternLimit.database, seconds: PatternLimit.seconds)

    /// Creates limits.
    ///
    /// - Parameters:
    ///   - memory: The memory beyond what the process has, in bytes.
    ///   - database: The size of the database, in bytes.
    ///   - seconds: The processor's time, in seconds.
    ///   - patience: The time by the clock, in milliseconds; as long as other programs may take meanwhile unless it is
    ///     said.
    public init(memory: UInt64, database: UInt64, seconds: UInt32, patience: UInt32? = nil) {
      self.memory = memory
      self.database = database
      self.seconds = seconds
      self.patience = patience ?? seconds * PatternLimit.patience * 1000
    }
  }

  /// Compiles patterns, in a child of this process that has the limits.
  ///
  /// - Parameters:
  ///   - patterns: The patterns, at least one.
  ///   - streams: Whether what is scanned may come in pieces, with matches across them.
  ///   - library: The library.
  ///   - limits: What compiling may take.
  /// - Throws: What is wrong with the patterns, or that they take too much.
  public init(
    _ patterns: [ScanPattern], streams: Bool, library: PatternLibrary, limits: Limits = .plan
  ) throws(PatternError) {
    let texts = patterns.map { text in
      let bytes = Array(text.expression.utf8CString)
      let copy = UnsafeMutableBufferPointer<CChar>.allocate(capacity: bytes.count)
      _ = copy.initialize(from: bytes)
      return copy
    }
    defer { for text in texts { text.deallocate() } }
    let list = texts.map { UnsafePointer($0.baseAddress) }
    var bounds = dpaac_pattern_limits(
      memory: limits.memory, database: limits.database, seconds: limits.seconds,
      patience: limits.patience)
    var error = dpaac_pattern_error()
    var database: OpaquePointer?
    var spent: UInt64 = 0
    let result = dpaac_patterns_compile(
      list, UInt32(list.count), streams ? 1 : 0, &bounds, &database, &error, &spent)
    if let error = PatternError(result, error) { throw error }
    guard let database else { throw .failed("no database") }
    pointer = database
    microseconds = spent
    subsets = .allocate(capacity: patterns.count)
    _ = subsets.initialize(from: patterns.lazy.map(\.subsets))
  }

  deinit {
    dpaac_database_free(pointer)
    subsets.deallocate()
  }

  /// The state of one stream, in bytes.
  public var streamSize: Int { dpaac_database_stream_size(pointer) }

  /// Finds patterns in bytes that are a whole.
  ///
  /// - Parameters:
  ///   - bytes: The bytes.
  ///   - subsets: The subsets that are wanted, a bit each.
  ///   - scratch: The thread's room to work in, which was made to hold this database.
  ///   - matches: Where the matches go, behind those that are there.
  /// - Throws: ``PatternError/failed(_:)`` when the library does.
  public func scan(
    _ bytes: UnsafeRawBufferPointer, subsets: UInt16, scratch: inout PatternScratch,
    into matches: inout PatternMatches
  ) throws(PatternError) {
    matches.want(subsets, of: self)
    try check(
      dpaac_scan(
        pointer, bytes.assumingMemoryBound(to: UInt8.self).baseAddress, UInt32(bytes.count),
        scratch.pointer, &matches.list))
  }
}

/// Throws what a call came to, when that is an error.
@inline(__always)
func check(_ result: dpaac_patterns_result) throws(PatternError) {
  if result != dpaac_patterns_ok { throw PatternError(result) ?? .failed("") }
}

/// What a thread needs to scan with a few databases.
public struct PatternScratch: ~Copyable {
  var pointer: OpaquePointer?

  /// Creates a scratch that holds no database yet.
  public init() {}

  /// Makes room for a database.
  ///
  /// - Throws: ``PatternError/tooLarge`` when there is no memory.
  public mutating func hold(_ database: borrowing PatternDatabase) throws(PatternError) {
    try check(dpaac_scratch_grow(&pointer, database.pointer))
  }

  deinit {
    if let pointer { dpaac_scratch_free(pointer) }
  }
}
