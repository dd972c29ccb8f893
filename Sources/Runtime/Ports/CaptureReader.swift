import CPortalShims
import Glibc

/// A capture file in memory, checked whole before the first frame is played.
///
/// Reads classic pcap and pcapng files in either byte order, of link type Ethernet, with times down
/// to nanoseconds. A truncated or corrupt file is refused with the place of its fault.
public struct CaptureReader: ~Copyable {
  private let bytes: UnsafeMutableRawBufferPointer
  private let records: UnsafeMutablePointer<CaptureFormat.Record>
  private var next = 0
  /// How many frames the file holds.
  public let frameCount: Int
  /// The file's path.
  public let path: String

  /// A frame of the file.
  public struct Frame {
    /// The bytes that were captured.
    public let bytes: UnsafeRawBufferPointer
    /// The frame's length on the wire; more than `bytes.count` when the capture cut it.
    public let wireLength: Int
    /// When it was captured, in nanoseconds since 1970.
    public let nanoseconds: UInt64
  }

  /// Reads and checks a file.
  public init(path: String) throws(EngineError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .file(path, errno) }
    defer { close(descriptor) }
    var information = stat()
    guard fstat(descriptor, &information) == 0 else { throw .file(path, errno) }
    guard information.st_mode & S_IFMT == S_IFREG else {
      throw .badCapture(path: path, offset: 0, problem: "not a regular file")
    }
    let bytes = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(1, information.st_size), alignment: 16)
    var size = 0
    while size < information.st_size {
      let count = read(descriptor, bytes.baseAddress.map { $0 + size }, information.st_size - size)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        let error = errno
        bytes.deallocate()
        throw .file(path, error)
      }
      // Somebody cut the file while it was read: what is there is what is checked.
      guard count > 0 else { break }
      size += count
    }
    do throws(EngineError) {
      let found = try CaptureFormat.records(
        in: UnsafeRawBufferPointer(rebasing: bytes[..<size]), path: path)
      records = .allocate(capacity: max(1, found.count))
      records.initialize(from: found, count: found.count)
      frameCount = found.count
    } catch {
      bytes.deallocate()
      throw error
    }
    self.bytes = bytes
    self.path = path
  }

  deinit {
    records.deallocate()
    bytes.deallocate()
  }

  /// How many frames a file holds.
  public static func frameCount(ofFile path: String) throws(EngineError) -> Int {
    let reader = try CaptureReader(path: path)
    return reader.frameCount
  }

  // SAFETY: `frameCount` records are initialised, and the file's format was checked: they lie within its bytes.
  /// The next frame, without taking it; `nil` at the end.
  @inline(__always)
  public func peek() -> Frame? {
    guard next < frameCount else { return nil }
    let record = records + next
    return Frame(
      bytes: UnsafeRawBufferPointer(
        start: bytes.baseAddress.map { $0 + record.pointee.start },
        count: Int(record.pointee.captured)),
      wireLength: Int(record.pointee.wire), nanoseconds: record.pointee.nanoseconds)
  }

  /// Passes over the next frame.
  @inline(__always)
  public mutating func advance() {
    if next < frameCount { next &+= 1 }
  }

  /// Starts again with the first frame.
  public mutating func rewind() { next = 0 }
}
