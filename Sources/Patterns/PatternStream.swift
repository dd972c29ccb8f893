import CPatterns

/// What is known of a stream of bytes of which a part was scanned: its size is the same whatever comes.
///
/// It must not be there longer than its database, which whoever makes it sees to.
public struct PatternStream: ~Copyable {
  private let pointer: OpaquePointer

  /// Begins a stream.
  ///
  /// - Parameter database: A database with streams.
  /// - Throws: ``PatternError/tooLarge`` when there is no memory.
  public init(of database: borrowing PatternDatabase) throws(PatternError) {
    var stream: OpaquePointer?
    try check(dpaac_stream_open(database.pointer, &stream))
    guard let stream else { throw .failed("no stream") }
    pointer = stream
  }

  deinit { dpaac_stream_free(pointer) }

  /// Finds patterns that end in the next bytes.
  ///
  /// After a scan that ended for having found too many, nothing is found until a ``reset()``.
  ///
  /// - Parameters:
  ///   - bytes: The bytes.
  ///   - subsets: The subsets that are wanted, a bit each.
  ///   - database: The stream's database.
  ///   - scratch: The thread's room to work in.
  ///   - matches: Where the matches go, behind those that are there.
  /// - Throws: ``PatternError/failed(_:)`` when the library does.
  public mutating func scan(
    _ bytes: UnsafeRawBufferPointer, subsets: UInt16, database: borrowing PatternDatabase,
    scratch: inout PatternScratch, into matches: inout PatternMatches
  ) throws(PatternError) {
    matches.want(subsets, of: database)
    try check(
      dpaac_stream_scan(
        pointer, bytes.assumingMemoryBound(to: UInt8.self).baseAddress, UInt32(bytes.count),
        scratch.pointer, &matches.list))
  }

  /// Ends the stream with what matches at its end, and begins it anew.
  ///
  /// - Throws: ``PatternError/failed(_:)`` when the library does.
  public mutating func finish(
    subsets: UInt16, database: borrowing PatternDatabase, scratch: inout PatternScratch,
    into matches: inout PatternMatches
  ) throws(PatternError) {
    matches.want(subsets, of: database)
    try check(dpaac_stream_reset(pointer, scratch.pointer, &matches.list))
  }

  /// Begins the stream anew.
  ///
  /// - Throws: ``PatternError/failed(_:)`` when the library does.
  public mutating func reset() throws(PatternError) {
    try check(dpaac_stream_reset(pointer, nil, nil))
  }
}
