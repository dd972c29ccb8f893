import CPortalShims
import Glibc

// SAFETY: requests are as long as the kernel's structures, and live through their call.
/// What the kernel says of a network device in this thread's namespace.
enum NetworkDevice {
  /// The number of a device.
  static func index(of name: String) throws(LineError) -> UInt32 {
    let index = if_nametoindex(name)
    guard index > 0 else { throw LineError("no interface \(name)") }
    return index
  }

  /// The longest packet that it sends, without Ethernet's header.
  static func mtu(of name: String) throws(LineError) -> Int {
    var request = request(for: name)
    let getMTU: UInt = 0x8921  // SIOCGIFMTU
    let mtu = request.withUnsafeMutableBytes { bytes -> Int32? in
      guard let start = bytes.baseAddress, ask(getMTU, start) else { return nil }
      return bytes.loadUnaligned(fromByteOffset: 16, as: Int32.self)
    }
    guard let mtu else { throw LineError("cannot ask for the MTU of \(name)") }
    return Int(mtu)
  }

  /// How many queues it receives in; 1 for a device that does not say.
  static func receiveQueueCount(of name: String) -> Int {
    // `struct ethtool_channels`: the command, four limits, then the counts of receive queues, transmit
    // queues, others, and of those that do both (Linux 6.1, `include/uapi/linux/ethtool.h`).
    var channels = [UInt32](repeating: 0, count: 9)
    channels[0] = 0x3c  // ETHTOOL_GCHANNELS
    var request = request(for: name)
    let ethtool: UInt = 0x8946  // SIOCETHTOOL
    let isKnown = channels.withUnsafeMutableBytes { answer in
      request.withUnsafeMutableBytes { bytes in
        guard let start = bytes.baseAddress else { return false }
        let address = UInt(bitPattern: answer.baseAddress)
        bytes.storeBytes(of: address, toByteOffset: 16, as: UInt.self)
        return ask(ethtool, start)
      }
    }
    return isKnown ? max(1, Int(channels[5]) + Int(channels[8])) : 1
  }

  /// Asks through a socket of its own: one of AF_XDP answers nothing.
  static func ask(
    _ number: UInt, _ request: UnsafeMutableRawPointer, family: Int32 = AF_UNIX
  ) -> Bool {
    let descriptor = socket(
      family, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return ioctl(descriptor, number, request) == 0
  }

  /// `struct ifreq`: the name, then what is asked (Linux 6.1, `include/uapi/linux/if.h`).
  static func request(for name: String) -> [UInt8] {
    var request = [UInt8](repeating: 0, count: 40)
    for (index, byte) in name.utf8.prefix(15).enumerated() { request[index] = byte }
    return request
  }

  /// How long such a frame may be on a device: longer ones the kernel passes over in silence, and it counts a
  /// VLAN tag as part of the header (Linux 6.1, `net/packet/af_packet.c`, `tpacket_snd`;
  /// `include/linux/netdevice.h`, `__is_skb_forwardable`).
  @inline(__always)
  static func longest(_ frame: UnsafeRawBufferPointer, mtu: Int) -> Int {
    mtu &+ (frame[12] == 0x81 && frame[13] == 0 ? 18 : 14)
  }
}
