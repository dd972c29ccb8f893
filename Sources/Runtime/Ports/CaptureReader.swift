import CPortalShims
import Glibc

/// A capture file in memory, checked whole before the first frame is played.
///
/// Reads classic pcap files in either byte order, with micro- or nanoseconds, of link type
/// Ethernet. A truncated or corrupt file is refused with the place of its fault.
public struct CaptureReader: ~Copyable {
  private let bytes: UnsafeMutableRawBufferPointer
  private let isSwapped: Bool
  private var offset: Int
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
  }

  private static let fileHeader = 24
  private static let recordHeader = 16
  /// No real capture has a longer record; a length beyond it means a corrupt file.
  private static let longestFrame = 1 << 20

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
    let checked: (isSwapped: Bool, frameCount: Int)
    do throws(EngineError) {
      checked = try Self.check(
        UnsafeRawBufferPointer(rebasing: bytes[..<size]), path: path)
    } catch {
      bytes.deallocate()
      throw error
    }
    self.bytes = bytes
    self.path = path
    (isSwapped, frameCount) = checked
    offset = Self.fileHeader
    remaining = checked.frameCount
  }

  private var remaining: Int

  deinit { bytes.deallocate() }

  /// How many frames a file holds.
  public static func frameCount(ofFile path: String) throws(EngineError) -> Int {
    let reader = try CaptureReader(path: path)
    return reader.frameCount
  }

  /// The next frame, without taking it; `nil` at the end.
  @inline(__always)
  public func peek() -> Frame? {
    guard remaining > 0 else { return nil }
    let captured = Self.word(UnsafeRawBufferPointer(bytes), offset + 8, isSwapped)
    let wire = Self.word(UnsafeRawBufferPointer(bytes), offset + 12, isSwapped)
    let start = offset + Self.recordHeader
    return Frame(
      bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<start + Int(captured)]),
      wireLength: Int(wire))
  }

  /// Passes over the next frame.
  @inline(__always)
  public mutating func advance() {
    guard remaining > 0 else { return }
    let captured = Self.word(UnsafeRawBufferPointer(bytes), offset + 8, isSwapped)
    offset += Self.recordHeader + Int(captured)
    remaining -= 1
  }

  /// Starts again with the first frame.
  public mutating func rewind() {
    offset = Self.fileHeader
    remaining = frameCount
  }

  private static func check(
    _ bytes: UnsafeRawBufferPointer, path: String
  ) throws(EngineError) -> (isSwapped: Bool, frameCount: Int) {
    func fail(_ offset: Int, _ problem: String) -> EngineError {
      .badCapture(path: path, offset: offset, problem: problem)
    }
    guard bytes.count >= fileHeader else {
      throw fail(bytes.count, "the file ends inside its header of 24 bytes")
    }
    let isSwapped: Bool
    switch UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)) {
    case 0xa1b2_c3d4, 0xa1b2_3c4d: isSwapped = false
    case 0xd4c3_b2a1, 0x4d3c_b2a1: isSwapped = true
    case 0x0a0d_0d0a:
      throw fail(0, "a pcapng file; convert it: tcpdump -r FILE -w FILE.pcap")
    default: throw fail(0, "not a pcap file: unknown magic number")
    }
    let linkType = word(bytes, 20, isSwapped) & 0x0fff_ffff
    guard linkType == 1 else {
      throw fail(20, "link type \(linkType), but only Ethernet (1) can be played")
    }
    var offset = fileHeader
    var count = 0
    while offset < bytes.count {
      count += 1
      guard bytes.count - offset >= recordHeader else {
        throw fail(offset, "frame \(count): the file ends inside the record's header")
      }
      let captured = Int(word(bytes, offset + 8, isSwapped))
      guard captured <= longestFrame else {
        throw fail(offset, "frame \(count): a length of \(captured) bytes means a corrupt file")
      }
      let left = bytes.count - offset - recordHeader
      guard captured <= left else {
        throw fail(offset, "frame \(count): \(captured) bytes announced, but \(left) are left")
      }
      offset += recordHeader + captured
    }
    return (isSwapped, count)
  }

  @inline(__always)
  private static func word(
    _ bytes: UnsafeRawBufferPointer, _ offset: Int, _ isSwapped: Bool
  ) -> UInt32 {
    let word = UInt32(
      littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    return isSwapped ? word.byteSwapped : word
  }
}
