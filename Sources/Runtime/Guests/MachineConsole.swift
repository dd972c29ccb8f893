import Glibc

/// What a virtual machine has said, in a file in memory.
final class MachineConsole: Sendable {
  let descriptor: Int32

  /// Takes a file, which it closes in the end.
  init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  /// Its last lines, without what moves a terminal's cursor.
  func lastWords(_ count: Int = 5) -> String {
    let room = 4096
    let start = max(0, lseek(descriptor, 0, SEEK_END) - room)
    var bytes = [UInt8](repeating: 0, count: room)
    let length = pread(descriptor, &bytes, room, start)
    guard length > 0 else { return "" }
    let printable = String(decoding: bytes.prefix(length), as: UTF8.self).unicodeScalars
      .filter { $0 == "\n" || $0.value >= 0x20 && $0.value != 0x7f }
    return String(String.UnicodeScalarView(printable)).split(separator: "\n").suffix(count)
      .joined(separator: "\n")
  }
}
