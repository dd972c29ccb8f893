import QorIQ
import TestSupport

@testable import DPAAPortal

/// A router, and frames that it handles in buffers of 2,048 bytes.
struct RouterBench: ~Copyable {
  var router: Forwarder
  var now: UInt64 = 1_000_000_000_000

  init(_ settings: ForwardSettings = settings, mtus: [UInt32] = [0, 0]) throws {
    router = try Forwarder(settings, mtus: mtus)
  }

  /// What becomes of a frame, and what it is afterwards.
  mutating func handle(
    _ frame: [UInt8], path: Int = 0, room: Int = 1984, whole: Int? = nil
  ) -> (verdict: Forwarder.Verdict, frame: [UInt8]) {
    // Exactly as much as there is room for, so that AddressSanitizer sees who reaches behind it.
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(room, frame.count), alignment: 1)
    defer { memory.deallocate() }
    memory.copyBytes(from: frame)
    let verdict = router.handle(
      UnsafeMutableRawBufferPointer(rebasing: memory[..<frame.count]), whole: whole,
      room: memory.count, path: path, now: now)
    if case .send(_, let length, _) = verdict { return (verdict, Array(memory[..<length])) }
    return (verdict, Array(memory[..<frame.count]))
  }

  /// Tells it a neighbour's MAC address by ARP, as an answer to a question.
  mutating func introduce(_ address: UInt32, _ mac: UInt64, on path: Int) {
    _ = handle(
      RouterBench.arp(2, from: address, mac, to: RouterBench.mac[path]), path: path)
  }
}

/// Its settings, and the frames of its neighbours.
extension RouterBench {
  static let settings = ForwardSettings(
    own: [
      .init(path: 0, prefix: NetworkPrefix(ipv4: 0x0a01_0001, length: 24)),
      .init(path: 0, prefix: v6(1, 1, 64)),
      .init(path: 1, prefix: NetworkPrefix(ipv4: 0x0a02_0001, length: 24)),
      .init(path: 1, prefix: v6(2, 1, 64)),
    ],
    routes: [
      .init(to: NetworkPrefix(ipv4: 0, length: 0), via: NetworkAddress(ipv4: 0x0a02_00fe)),
      .init(
        to: NetworkPrefix(ipv4: 0xc0a8_0000, length: 16), via: NetworkAddress(ipv4: 0x0a01_00fd)),
      .init(to: v6(3, 0, 64), via: v6(2, 0xfe).address),
    ])

  static func v6(_ net: UInt64, _ host: UInt64, _ length: UInt8 = 128) -> NetworkPrefix {
    NetworkPrefix(
      address: NetworkAddress(high: 0xfd00_0000_0000_0000 | net << 32, low: host), length: length)
  }

  /// The router's MAC addresses, and its neighbours'.
  static let mac: [UInt64] = [0x0200_0a01_0001, 0x0200_0a02_0001]
  static let station: UInt64 = 0x0200_0000_00aa
  static let gateway: UInt64 = 0x0200_0000_00fe

  static func arp(
    _ operation: UInt16, from sender: UInt32, _ mac: UInt64, to destination: UInt64,
    for target: UInt32 = 0x0a01_0001
  ) -> [UInt8] {
    Frame.ethernet(
      to: destination, from: mac,
      .raw(
        0x0806,
        [0, 1, 8, 0, 6, 4] + Frame.big(operation) + Frame.big(mac, 6) + Frame.big(sender)
          + Frame.big(destination, 6) + Frame.big(target)))
  }

  static func packet(
    to destination: UInt32, from source: UInt32 = 0x0a01_0007, ttl: UInt8 = 64,
    _ segment: Frame.Segment = .udp(to: 7, [1, 2, 3])
  ) -> [UInt8] {
    var frame = Frame.ethernet(
      to: mac[0], from: station, .ipv4(to: destination, from: source, segment))
    frame[22] = ttl
    frame.replaceSubrange(24..<26, with: [0, 0])
    frame.replaceSubrange(24..<26, with: Frame.big(Frame.checksum(Array(frame[14..<34]))))
    return frame
  }

  static func packet6(
    to destination: NetworkAddress, hops: UInt8 = 64, _ segment: Frame.Segment = .udp(to: 7, [1])
  ) -> [UInt8] {
    var frame = Frame.ethernet(
      to: mac[0], from: station,
      .ipv6(
        to: (destination.high, destination.low), from: (0xfd00_0001 << 32, 7), segment))
    frame[21] = hops
    return frame
  }

  static func solicitation(
    for target: NetworkAddress, from source: NetworkAddress, option: [UInt8], hops: UInt8 = 255
  ) -> [UInt8] {
    let body: [UInt8] = [0, 0, 0, 0] + Frame.big(target.high) + Frame.big(target.low) + option
    let group: (UInt64, UInt64) = (0xff02 << 48, 0x1_ff00_0000 | target.low & 0xff_ffff)
    let addresses =
      Frame.big(source.high) + Frame.big(source.low) + Frame.big(group.0) + Frame.big(group.1)
    let sum = Frame.checksum(
      addresses + [0, 58] + Frame.big(UInt16(4 + body.count)) + [135, 0, 0, 0] + body)
    var frame = Frame.ethernet(
      to: 0x3333_ff00_0000 | group.1 & 0xff_ffff, from: station,
      .ipv6(
        to: group, from: (source.high, source.low),
        .raw(58, [135, 0] + Frame.big(sum) + body)))
    frame[21] = hops
    return frame
  }
}
