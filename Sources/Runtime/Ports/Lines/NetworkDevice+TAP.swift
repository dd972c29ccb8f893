import CPortalShims
import Glibc

// SAFETY: requests are as long as the kernel's structures, and live through their call.
extension NetworkDevice {
  /// Opens a TAP device for whole frames, which does not block, and makes it where there is none.
  ///
  /// - Parameters:
  ///   - name: The device.
  ///   - hasHeader: Whether frames have virtio's header in front, as QEMU wants them.
  /// - Returns: Its descriptor, which the caller closes.
  /// - Throws: ``LineError`` with what may help.
  static func openTAP(_ name: String, hasHeader: Bool = false) throws(LineError) -> Int32 {
    let descriptor = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw LineError("/dev/net/tun") }
    // IFF_TAP, IFF_NO_PI, IFF_VNET_HDR (Linux 6.1, `include/uapi/linux/if_tun.h`).
    let flags: UInt16 = 0x0002 | 0x1000 | (hasHeader ? 0x4000 : 0)
    var request = request(for: name)
    withUnsafeBytes(of: flags) { request.replaceSubrange(16..<18, with: $0) }
    let tunSetInterface: UInt = 0x4004_54ca  // TUNSETIFF
    let result = request.withUnsafeMutableBytes { bytes -> Int32 in
      guard let start = bytes.baseAddress else { return -1 }
      return ioctl(descriptor, tunSetInterface, start)
    }
    guard result == 0 else {
      let error = errno
      close(descriptor)
      let hint: String? =
        switch error {
        case EPERM:
          "it wants CAP_NET_ADMIN, or a device of yours: ip tuntap add \(name) mode tap user NAME"
        case EBUSY: "another program has it"
        case EINVAL: "there is a device of this name that is no TAP, or a TAP with several queues"
        default: nil
        }
      throw LineError("no TAP device \(name)", error, hint: hint)
    }
    return descriptor
  }

  /// Brings a device up.
  static func bringUp(_ name: String) throws(LineError) {
    // IFF_UP; SIOCSIFFLAGS (Linux 6.1, `include/uapi/linux/sockios.h`).
    try set(0x8914, of: name, to: [1, 0], "\(name) does not come up")
  }

  /// Joins devices by a new bridge, which comes up.
  static func bridge(_ name: String, _ devices: [String]) throws(LineError) {
    var request = request(for: name)
    let isMade = request.withUnsafeMutableBytes { bytes in
      guard let start = bytes.baseAddress else { return false }
      return ask(0x89a0 /* SIOCBRADDBR */, start, family: AF_INET)
    }
    guard isMade else { throw LineError("no bridge \(name)") }
    for device in devices {
      let index = withUnsafeBytes(of: Int32(bitPattern: try index(of: device))) { Array($0) }
      try set(0x89a2 /* SIOCBRADDIF */, of: name, to: index, "\(device) cannot join the bridge")
    }
    try bringUp(name)
  }

  private static func set(
    _ number: UInt, of name: String, to value: [UInt8], _ sentence: @autoclosure () -> String
  ) throws(LineError) {
    var request = request(for: name)
    request.replaceSubrange(16..<16 + value.count, with: value)
    let isDone = request.withUnsafeMutableBytes { bytes in
      guard let start = bytes.baseAddress else { return false }
      return ask(number, start, family: AF_INET)
    }
    guard isDone else { throw LineError(sentence()) }
  }
}
