import CPortalShims
import DPAAPortal
import Glibc

// SAFETY: requests are as long as the kernel's structures, and live through their call.
/// A network namespace of the calling thread's own, with TAP devices on a bridge.
enum TapLab {
  /// Runs something in a new namespace, and brings the thread back.
  static func run<Result>(_ body: () throws(BenchError) -> Result) throws(BenchError) -> Result {
    let home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
    guard home >= 0, unshare(CLONE_NEWNET) == 0 else {
      throw BenchError(errno: "no network namespace")
    }
    defer {
      setns(home, CLONE_NEWNET)
      close(home)
    }
    // Nothing is to speak unasked.
    for which in ["all", "default"] {
      let file = open("/proc/sys/net/ipv6/conf/\(which)/disable_ipv6", O_WRONLY | O_CLOEXEC)
      if file >= 0 {
        _ = write(file, "1", 1)
        close(file)
      }
    }
    return try body()
  }

  /// Opens TAP devices for whole frames, which do not block, and joins them to a bridge.
  ///
  /// - Parameter names: Their names, and whether frames have virtio's header in front, as QEMU wants them.
  /// - Returns: Their descriptors, which the caller closes.
  /// - Throws: ``BenchError`` when one cannot be made.
  static func bridge(_ names: [(name: String, header: Bool)]) throws(BenchError) -> [Int32] {
    var taps: [Int32] = []
    do throws(BenchError) {
      for (name, header) in names { taps.append(try tap(name, header: header)) }
      let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      defer { close(descriptor) }
      let bridge = "dpaac-bridge"
      let made = bridge.withCString {
        // SIOCBRADDBR (Linux 6.1, `include/uapi/linux/sockios.h`).
        ioctl(descriptor, 0x89a0, UnsafeMutableRawPointer(mutating: $0))
      }
      guard made == 0 else { throw BenchError(errno: "no bridge") }
      for (name, _) in names {
        let index = withUnsafeBytes(of: Int32(if_nametoindex(name))) { Array($0) }
        guard control(0x89a2 /* SIOCBRADDIF */, bridge, index) else {
          throw BenchError(errno: "\(name) cannot join the bridge")
        }
      }
      try bringUp(bridge)
    } catch {
      for tap in taps { close(tap) }
      throw error
    }
    return taps
  }

  /// Takes the bridge away, whose devices went with their descriptors.
  static func removeBridge() {
    _ = control(0x8914, "dpaac-bridge", [0, 0])
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    _ = "dpaac-bridge".withCString {
      ioctl(descriptor, 0x89a1 /* SIOCBRDELBR */, UnsafeMutableRawPointer(mutating: $0))
    }
  }

  private static func tap(_ name: String, header: Bool) throws(BenchError) -> Int32 {
    let descriptor = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw BenchError(errno: "/dev/net/tun") }
    var request = Array(name.utf8.prefix(15))
    request += [UInt8](repeating: 0, count: 40 - request.count)
    // IFF_TAP, IFF_NO_PI, and IFF_VNET_HDR (Linux 6.1, `include/uapi/linux/if_tun.h`).
    request[16] = 2
    request[17] = header ? 0x50 : 0x10
    let result = request.withUnsafeMutableBytes { buffer -> Int32 in
      guard let start = buffer.baseAddress else { return -1 }
      return ioctl(descriptor, 0x4004_54ca /* TUNSETIFF */, start)
    }
    guard result == 0 else {
      let error = BenchError(errno: "no TAP device \(name)")
      close(descriptor)
      throw error
    }
    do throws(BenchError) {
      try bringUp(name)
    } catch {
      close(descriptor)
      throw error
    }
    return descriptor
  }

  private static func bringUp(_ name: String) throws(BenchError) {
    // IFF_UP; SIOCSIFFLAGS.
    guard control(0x8914, name, [1, 0]) else { throw BenchError(errno: "\(name) does not come up") }
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
}

// SAFETY: the memory is the value's own, and lives as long as it.
/// The host's end of a bridge: this thread at a TAP device.
struct TapEnd: ~Copyable {
  private let descriptor: Int32
  private let buffer = UnsafeMutableRawPointer.allocate(byteCount: 1 << 12, alignment: 64)
  private let frames: [[UInt8]]

  /// - Parameters:
  ///   - descriptor: The device.
  ///   - size: How long frames are that it sends.
  ///   - own: Who sends them: the last byte of the address.
  ///   - station: Who gets them.
  init(_ descriptor: Int32, size: TrafficSize, from own: UInt8 = Station.host, to station: UInt8) {
    self.descriptor = descriptor
    let lengths = size.stored == 0 ? TrafficOrder.mixture : [size.stored]
    frames = lengths.map { length in
      var frame = [UInt8](repeating: 0x5a, count: length)
      frame.replaceSubrange(0..<6, with: [2, 0, 0, 0, 0, station])
      frame.replaceSubrange(6..<12, with: [2, 0, 0, 0, 0, own])
      // For experiments (IEEE 802, local).
      frame.replaceSubrange(12..<14, with: [0x88, 0xb5])
      return frame
    }
  }

  deinit { buffer.deallocate() }

  /// Sends frames, of the lengths by turns.
  func send(_ count: Int) {
    for number in 0..<count {
      _ = frames[number % frames.count].withUnsafeBytes {
        write(descriptor, $0.baseAddress, $0.count)
      }
    }
  }

  /// Takes what has come; how many frames.
  func take(atMost limit: Int = .max) -> UInt64 {
    var count: UInt64 = 0
    while count < limit, read(descriptor, buffer, 1 << 12) > 0 { count &+= 1 }
    return count
  }
}

/// The last bytes of stations' addresses.
enum Station {
  static let host: UInt8 = 1
  static func guest(_ number: Int) -> UInt8 { UInt8(0x11 + number) }
}
