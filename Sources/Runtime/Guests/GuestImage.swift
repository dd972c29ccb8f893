import CPortalShims
import Glibc

/// What a virtual machine boots: a kernel, and a file system in memory whose init runs `/program`.
/// `scripts/guest-image` makes both.
public struct GuestImage: Sendable, Hashable {
  /// The kernel, as QEMU's `-kernel` takes it.
  public var kernel: String
  /// The file system, a `cpio` archive, compressed or not.
  public var initialFiles: String
  /// The same for machines with virtio interfaces that `dpaac bench` measures; it may be missing.
  /// `scripts/contest-image` makes it.
  public var contest: String

  /// The image in a folder: `vmlinuz` and `initramfs`; `nil` when one of them cannot be read.
  public init?(in directory: String) {
    kernel = "\(directory)/vmlinuz"
    initialFiles = "\(directory)/initramfs"
    contest = "\(directory)/contest"
    guard access(kernel, R_OK) == 0, access(initialFiles, R_OK) == 0 else { return nil }
  }

  /// Where `scripts/guest-image` leaves an image.
  public static var usualDirectory: String {
    func variable(_ name: String) -> String? {
      getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
    return "\(variable("XDG_CACHE_HOME") ?? "\(variable("HOME") ?? "")/.cache")/dpaac/guest-image"
  }

  /// The bytes of the file system, with a program of one's own in the place of the image's.
  ///
  /// - Parameter program: A statically linked program; `nil` for the image's own.
  /// - Returns: The archive.
  /// - Throws: ``EngineError/file(_:_:)`` for a file that cannot be read.
  func files(with program: String?) throws(EngineError) -> [UInt8] {
    var bytes = try Self.read(initialFiles)
    guard let program else { return bytes }
    // The kernel unpacks one archive behind the other, and a later file takes an earlier one's place (Linux
    // 6.1, Documentation/driver-api/early-userspace/buffer-format.rst).
    while bytes.count % 4 != 0 { bytes.append(0) }
    bytes += Self.archive("program", try Self.read(program))
    return bytes
  }

  private static func read(_ path: String) throws(EngineError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .file(path, errno) }
    defer { close(descriptor) }
    var information = stat()
    guard fstat(descriptor, &information) == 0 else { throw .file(path, errno) }
    var bytes = [UInt8](repeating: 0, count: Int(information.st_size))
    var place = 0
    while place < bytes.count {
      let count = bytes.withUnsafeMutableBytes { rest -> Int in
        guard let start = rest.baseAddress else { return 0 }
        return Glibc.read(descriptor, start + place, rest.count - place)
      }
      guard count > 0 else { throw .file(path, count < 0 ? errno : EIO) }
      place += count
    }
    return bytes
  }

  /// A `cpio` archive of one executable file, in the format that the kernel reads (`newc`).
  static func archive(_ name: String, _ content: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    func pad() { while bytes.count % 4 != 0 { bytes.append(0) } }
    func add(_ name: String, mode: UInt32, _ content: [UInt8]) {
      let nameSize = UInt32(name.utf8.count + 1)
      bytes += Array("070701".utf8)
      // Inode, mode, user, group, links, time, size, device, special device, length of the name, sum.
      for field in [0, mode, 0, 0, 1, 0, UInt32(content.count), 0, 0, 0, 0, nameSize, 0] {
        let digits = String(field, radix: 16)
        bytes += Array((String(repeating: "0", count: 8 - digits.count) + digits).utf8)
      }
      bytes += Array(name.utf8) + [0]
      pad()
      bytes += content
      pad()
    }
    add(name, mode: 0o100755, content)
    add("TRAILER!!!", mode: 0, [])
    return bytes
  }
}
