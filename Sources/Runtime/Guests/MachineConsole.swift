import CPortalShims
import Glibc

/// What a virtual machine has said, in a file in memory that does not grow: a machine that talks for ever takes
/// no more of the host's memory, and what finds no room is lost.
final class MachineConsole: Sendable {
  let descriptor: Int32
  /// Bytes of the file.
  static let size = 1 << 18

  /// Makes the file of a machine.
  ///
  /// - Throws: ``EngineError`` for want of memory.
  init(of name: String) throws(EngineError) {
    descriptor = memfd_create(
      "dpaac-\(name)-console", UInt32(MFD_CLOEXEC) | UInt32(MFD_ALLOW_SEALING))
    guard descriptor >= 0 else { throw .noMemory("\(name)-console", errno) }
    guard ftruncate(descriptor, off_t(Self.size)) == 0,
      fcntl(descriptor, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0
    else {
      let error = errno
      close(descriptor)
      throw .noMemory("\(name)-console", error)
    }
  }

  deinit { close(descriptor) }

  /// Its last lines, without what moves a terminal's cursor.
  func lastWords(_ count: Int = 5) -> String {
    let room = 4096
    // The machine writes through this very file, so its place is the end of what was said.
    let end = lseek(descriptor, 0, SEEK_CUR)
    var bytes = [UInt8](repeating: 0, count: room)
    let length = pread(descriptor, &bytes, min(room, end), max(0, end - room))
    guard length > 0 else { return "" }
    let printable = String(decoding: bytes.prefix(length), as: UTF8.self).unicodeScalars
      .filter { $0 == "\n" || $0.value >= 0x20 && $0.value != 0x7f }
    return String(String.UnicodeScalarView(printable)).split(separator: "\n").suffix(count)
      .joined(separator: "\n")
  }
}
