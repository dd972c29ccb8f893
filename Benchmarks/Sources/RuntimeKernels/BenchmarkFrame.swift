import CPortalShims
import DPAAPortal
import Glibc

/// A network namespace of the calling thread's own, with devices to measure on.
package enum Devices {
  /// A device could not be made or used.
  package struct Failure: Error {
    package let what: String
    init(_ what: String) { self.what = "\(what): \(String(cString: strerror(errno)))" }
  }

  /// Runs something in a new namespace, and brings the thread back.
  package static func run<Result>(_ body: () throws -> Result) throws -> Result {
    let home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
    guard home >= 0, unshare(CLONE_NEWNET) == 0 else { throw Failure("no network namespace") }
    defer {
      setns(home, CLONE_NEWNET)
      close(home)
    }
    // Nothing is to speak unasked.
    for which in ["all", "default"] {
      let file = open("/proc/sys/net/ipv6/conf/\(which)/disable_ipv6", O_WRONLY | O_CLOEXEC)
      if file >= 0 {
        write(file, "1", 1)
        close(file)
      }
    }
    return try body()
  }

  /// Sets a device's state by `struct ifreq`: its name, then what the request wants.
  private static func control(_ request: UInt, _ name: String, _ value: [UInt8]) -> Bool {
    var bytes = Array(name.utf8.prefix(15))
    bytes += [UInt8](repeating: 0, count: 16 - bytes.count)
    bytes += value + [UInt8](repeating: 0, count: 24 - value.count)
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    return bytes.withUnsafeMutableBytes { buffer in
      guard let start = buffer.baseAddress else { return false }
      return ioctl(descriptor, request, start) == 0
    }
  }

  /// Brings a device up.
  static func bringUp(_ name: String) throws {
    // IFF_UP; SIOCSIFFLAGS (Linux 6.1, `include/uapi/linux/sockios.h`).
    guard control(0x8914, name, [1, 0]) else { throw Failure("\(name) does not come up") }
  }

  /// Makes a bridge of two devices.
  static func bridge(_ name: String, _ devices: [String]) throws {
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    let result = name.withCString {
      ioctl(descriptor, 0x89a0 /* SIOCBRADDBR */, UnsafeMutableRawPointer(mutating: $0))
    }
    guard result == 0 else { throw Failure("no bridge") }
    for device in devices {
      let index = withUnsafeBytes(of: Int32(if_nametoindex(device))) { Array($0) }
      guard control(0x89a2 /* SIOCBRADDIF */, name, index) else {
        throw Failure("\(device) cannot join the bridge")
      }
    }
    try bringUp(name)
  }

  /// Opens a TAP device for whole frames.
  static func tap(_ name: String) throws -> Int32 {
    let descriptor = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw Failure("/dev/net/tun") }
    var request = Array(name.utf8) + [UInt8](repeating: 0, count: 40 - name.utf8.count)
    request[16] = 2  // IFF_TAP
    request[17] = 0x10  // IFF_NO_PI
    let result = request.withUnsafeMutableBytes { buffer -> Int32 in
      guard let start = buffer.baseAddress else { return -1 }
      return ioctl(descriptor, 0x4004_54ca /* TUNSETIFF */, start)
    }
    guard result == 0 else { throw Failure("no TAP device") }
    try bringUp(name)
    return descriptor
  }
}

/// A frame of a length, to and from stations that nobody has.
func benchmarkFrame(_ length: Int, to destination: UInt8, from source: UInt8) -> [UInt8] {
  var frame = [UInt8](repeating: 0x5a, count: length)
  frame.replaceSubrange(0..<6, with: [2, 0, 0, 0, 0, destination])
  frame.replaceSubrange(6..<12, with: [2, 0, 0, 0, 0, source])
  frame.replaceSubrange(12..<14, with: [0x88, 0xb5])
  return frame
}
