import CPortalShims
import Glibc

/// Network namespaces, as `ip netns` names them, for the calling thread.
enum NetworkNamespace {
  /// Runs something with the calling thread in a namespace, and brings the thread back.
  ///
  /// Sockets and devices stay in the namespace in which they were opened.
  static func run<Result>(
    in name: String?, _ body: () throws(LineError) -> Result
  ) throws(LineError) -> Result {
    guard let name else { return try body() }
    let home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
    guard home >= 0 else { throw LineError("/proc/thread-self/ns/net") }
    defer { close(home) }
    let other = open("/run/netns/\(name)", O_RDONLY | O_CLOEXEC)
    guard other >= 0 else {
      throw LineError("no namespace \(name)", hint: "ip netns add \(name) makes one")
    }
    defer { close(other) }
    guard setns(other, CLONE_NEWNET) == 0 else { throw LineError("cannot enter namespace \(name)") }
    defer {
      // It was this thread's a moment ago; to go on elsewhere would open the wrong devices.
      guard setns(home, CLONE_NEWNET) == 0 else {
        preconditionFailure("the thread cannot return to its network namespace")
      }
    }
    return try body()
  }

  /// Frames that the kernel sent to a device and that nobody read: what it calls dropped on transmission.
  /// `nil` when it has no such device.
  static func unreadFrames(of device: PortAddress.Device) -> UInt64? {
    let text = try? run(in: device.namespace) { () throws(LineError) in
      Self.contents(of: "/proc/thread-self/net/dev")
    }
    for line in (text ?? "").split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, parts[0].drop(while: { $0 == " " }) == device.name[...] else {
        continue
      }
      // Eight numbers of reception, then bytes, packets, errors and drops of transmission
      // (Linux 6.1, `net/core/net-procfs.c`).
      let numbers = parts[1].split(separator: " ")
      return numbers.count > 11 ? UInt64(numbers[11]) : nil
    }
    return nil
  }

  private static func contents(of path: String) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    // A machine may have thousands of devices, but not millions.
    while bytes.count < 1 << 24 {
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0 else { break }
      bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// Where sockets lie in the file system.
enum SocketPlace {
  /// Binds a socket; a path that a socket left which nobody has any more is used again.
  static func bind(
    _ descriptor: Int32, _ address: SocketAddress, _ endpoint: PortAddress.Endpoint
  ) throws(LineError) {
    if Glibc.bind(descriptor, address.pointer, address.length) == 0 { return }
    let error = errno
    guard error == EADDRINUSE, case .path(let path) = endpoint, isLeftBehind(path, address) else {
      throw LineError("cannot have \(endpoint)", error)
    }
    unlink(path)
    guard Glibc.bind(descriptor, address.pointer, address.length) == 0 else {
      throw LineError("cannot have \(endpoint)")
    }
  }

  /// Whether a path is a socket's, and nobody has it open.
  private static func isLeftBehind(_ path: String, _ address: SocketAddress) -> Bool {
    var information = stat()
    guard lstat(path, &information) == 0, information.st_mode & S_IFMT == S_IFSOCK else {
      return false
    }
    for type in [SOCK_STREAM, SOCK_DGRAM] {
      // Not to wait for a living one whose callers queue: EAGAIN, where a dead one refuses.
      let probe = socket(
        AF_UNIX,
        Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
      defer { close(probe) }
      guard connect(probe, address.pointer, address.length) != 0 else { return false }
      // A socket of the other type refuses for its type: it lives.
      guard errno == ECONNREFUSED || errno == EPROTOTYPE else { return false }
      if errno == ECONNREFUSED { return true }
    }
    return false
  }
}
