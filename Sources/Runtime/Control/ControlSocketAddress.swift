import Glibc

/// A Unix socket by the path of its file.
struct ControlSocketAddress {
  private var address = sockaddr_un()

  /// - Throws: ``EngineError/file(_:_:)`` for a path that no socket can have.
  init(_ path: String) throws(EngineError) {
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    let room = MemoryLayout.size(ofValue: address.sun_path)
    guard !bytes.isEmpty, bytes.count < room else {
      throw .file(path, bytes.isEmpty ? ENOENT : ENAMETOOLONG)
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
  }

  /// Hands the address to one of the kernel's calls.
  func with<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }

  /// A stream socket that ends with this program.
  static func socket(isWaiting: Bool) -> Int32 {
    let flags = Int32(SOCK_CLOEXEC.rawValue) | (isWaiting ? 0 : Int32(SOCK_NONBLOCK.rawValue))
    return Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | flags, 0)
  }
}
