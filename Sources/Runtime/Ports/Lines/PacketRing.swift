import CPortalShims
import DPAAPortal
import Glibc

// SAFETY: `state` and the mapping live from `init` to `close()`; slots are numbered below their
// count, and what the kernel says of a frame's place is compared with the slot's size.
/// A network interface of this machine through an AF_PACKET socket with rings in shared memory.
///
/// TPACKET_V2: the kernel shows each frame as soon as it is there, where V3 holds frames back until a block is
/// full or a millisecond is over. (Linux 6.1, `Documentation/networking/packet_mmap.rst`,
/// `net/packet/af_packet.c`.)
struct PacketRing {
  private let state: UnsafeMutablePointer<State>

  private struct State {
    let descriptor: Int32
    let memory: UnsafeMutableRawPointer
    /// Bytes of the device's longest packet, without Ethernet header.
    let mtu: Int
    var nextReceive = 0
    var nextTransmit = 0
    /// Whether slots are filled of which the kernel has not been told.
    var isUnsent = false
    /// Whether the frame in the next slot has its tag back.
    var isTagged = false
    var patience = LinePatience()
    var errorNumber: Int32 = 0
  }

  /// Bytes of a slot: a jumbo frame and what the kernel writes in front of it.
  private static let slot = 1 << 14
  private static let receiveSlots = 512
  private static let transmitSlots = 256
  private static let byteCount = slot * (receiveSlots + transmitSlots)

  /// Where the fields of `struct tpacket2_hdr` lie (Linux 6.1, `include/uapi/linux/if_packet.h`).
  private enum Field {
    static let status = 0
    static let length = 4
    static let captured = 8
    static let start = 12
    static let tag = 24
    static let tagType = 26
    /// Where a frame to be sent begins: behind the header, which is aligned to 16.
    static let outgoing = 32
  }

  private enum Status {
    static let kernel: UInt32 = 0
    static let user: UInt32 = 1
    static let hasTag: UInt32 = 1 << 4
    static let hasTagType: UInt32 = 1 << 6
    static let sendRequest: UInt32 = 1
  }

  init(_ device: PortAddress.Device) throws(LineError) {
    let (descriptor, memory, mtu) = try NetworkNamespace.run(in: device.namespace) {
      () throws(LineError) in try Self.open(device.name)
    }
    state = .allocate(capacity: 1)
    state.initialize(to: State(descriptor: descriptor, memory: memory, mtu: mtu))
  }

  private static func open(
    _ name: String
  ) throws(LineError) -> (Int32, UnsafeMutableRawPointer, Int) {
    // No protocol yet: frames of all interfaces would come until it is bound.
    let descriptor = socket(
      AF_PACKET,
      Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else {
      throw LineError("no packet socket", hint: errno == EPERM ? "it wants CAP_NET_RAW" : nil)
    }
    do throws(LineError) {
      let index = try NetworkDevice.index(of: name)
      let mtu = try NetworkDevice.mtu(of: name)
      func set(_ option: Int32, _ value: [UInt32], _ what: String) throws(LineError) {
        let size = socklen_t(4 * value.count)
        guard setsockopt(descriptor, packetLevel, option, value, size) == 0 else {
          throw LineError(what)
        }
      }
      try set(PACKET_VERSION, [1], "no TPACKET_V2")
      // Room for a tag that the kernel took out of a frame.
      try set(PACKET_RESERVE, [4], "no room for tags")
      try set(PACKET_IGNORE_OUTGOING, [1], "cannot leave out what this machine sends")
      // A malformed frame is passed over and does not stop those behind it.
      try set(PACKET_LOSS, [1], "cannot pass over malformed frames")
      for (option, slots) in [
        (PACKET_RX_RING, receiveSlots), (PACKET_TX_RING, transmitSlots),
      ] {
        // `struct tpacket_req`: bytes of a block, blocks, bytes of a slot, slots.
        let perBlock = 4
        try set(
          option,
          [
            UInt32(slot * perBlock), UInt32(slots / perBlock), UInt32(slot), UInt32(slots),
          ], "no ring")
      }
      // `struct packet_mreq`: everything on the wire, not this machine's frames only.
      try set(PACKET_ADD_MEMBERSHIP, [index, 1, 0, 0], "cannot hear all of \(name)")
      guard
        let memory = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
        memory != MAP_FAILED
      else { throw LineError("cannot map the rings") }
      var address = sockaddr_ll()
      address.sll_family = UInt16(AF_PACKET)
      address.sll_protocol = UInt16(3).bigEndian  // ETH_P_ALL
      address.sll_ifindex = Int32(index)
      let size = socklen_t(MemoryLayout<sockaddr_ll>.size)
      let result = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
      }
      guard result == 0 else {
        let error = errno
        munmap(memory, byteCount)
        throw LineError("cannot attach to \(name)", error)
      }
      return (descriptor, memory, mtu)
    } catch {
      Glibc.close(descriptor)
      throw error
    }
  }

  /// SOL_PACKET (Linux 6.1, `include/linux/socket.h`).
  private static let packetLevel: Int32 = 263

  func close() {
    munmap(state.pointee.memory, Self.byteCount)
    Glibc.close(state.pointee.descriptor)
    state.deinitialize(count: 1)
    state.deallocate()
  }

  @inline(__always)
  private var receiveSlot: UnsafeMutableRawPointer {
    state.pointee.memory + Self.slot &* state.pointee.nextReceive
  }

  @inline(__always)
  func peek() -> CaptureReader.Frame? {
    let slot = receiveSlot
    let status = slot.hostOrder32(Field.status)
    guard status & Status.user != 0 else { return nil }
    let captured = Int(slot.load(fromByteOffset: Field.captured, as: UInt32.self))
    var length = Int(slot.load(fromByteOffset: Field.length, as: UInt32.self))
    var start = Int(slot.load(fromByteOffset: Field.start, as: UInt16.self))
    guard start >= Field.outgoing + 4, captured <= Self.slot - start else {
      preconditionFailure("the kernel puts a frame into its slot")
    }
    var count = captured
    if status & Status.hasTag != 0, count >= 12 {
      start -= 4
      count += 4
      length += 4
      if !state.pointee.isTagged {
        // The kernel gives a frame and its outermost tag apart: behind the addresses is the tag's place.
        memmove(slot + start, slot + start + 4, 12)
        let type =
          status & Status.hasTagType != 0
          ? slot.load(fromByteOffset: Field.tagType, as: UInt16.self) : 0x8100
        let tag = slot.load(fromByteOffset: Field.tag, as: UInt16.self)
        slot.storeBytes(of: type.bigEndian, toByteOffset: start + 12, as: UInt16.self)
        slot.storeBytes(of: tag.bigEndian, toByteOffset: start + 14, as: UInt16.self)
        state.pointee.isTagged = true
      }
    }
    return CaptureReader.Frame(
      bytes: UnsafeRawBufferPointer(start: slot + start, count: count), wireLength: length,
      nanoseconds: 0)
  }

  @inline(__always)
  func advance() {
    receiveSlot.setHostOrder32(Field.status, Status.kernel)
    state.pointee.isTagged = false
    state.pointee.nextReceive = (state.pointee.nextReceive &+ 1) & (Self.receiveSlots &- 1)
  }

  func transmit(_ frame: UnsafeRawBufferPointer, now: UInt64) -> LineVerdict {
    guard frame.count <= Self.slot - Field.outgoing, let start = frame.baseAddress,
      frame.count >= 14, frame.count <= NetworkDevice.longest(frame, mtu: state.pointee.mtu)
    else { return .refused }
    let slot = state.pointee.memory + Self.slot &* (Self.receiveSlots &+ state.pointee.nextTransmit)
    let status = slot.hostOrder32(Field.status)
    guard status == Status.kernel else {
      kick()
      return state.pointee.patience.verdict(now: now)
    }
    (slot + Field.outgoing).copyMemory(from: start, byteCount: frame.count)
    slot.storeBytes(of: UInt32(frame.count), toByteOffset: Field.length, as: UInt32.self)
    slot.setHostOrder32(Field.status, Status.sendRequest)
    state.pointee.nextTransmit = (state.pointee.nextTransmit &+ 1) & (Self.transmitSlots &- 1)
    state.pointee.isUnsent = true
    state.pointee.patience.noteSent()
    return .sent
  }

  /// Has the kernel look at the ring.
  @inline(__always)
  func push() {
    guard state.pointee.isUnsent else { return }
    kick()
  }

  private func kick() {
    let error = send(state.pointee.descriptor, nil, 0, Int32(MSG_DONTWAIT)) < 0 ? errno : 0
    let (isPassing, isFault) =
      switch error {
      case 0, EAGAIN, ENOBUFS, EINTR: (true, false)
      // Told once more when the device is up again.
      case ENETDOWN: (true, true)
      default: (false, true)
      }
    // What the kernel had no room for is tried again in the next round. It takes slots in their order, and does not
    // say when it stops among them: the last one tells.
    let place = (state.pointee.nextTransmit &- 1) & (Self.transmitSlots &- 1)
    let last = state.pointee.memory + Self.slot &* (Self.receiveSlots &+ place)
    state.pointee.isUnsent =
      isPassing && last.hostOrder32(Field.status) == Status.sendRequest
    state.pointee.errorNumber = isFault ? error : 0
  }

  var account: PortLine.Account {
    var account = PortLine.Account(errorNumber: state.pointee.errorNumber)
    for index in 0..<Self.transmitSlots {
      let slot = state.pointee.memory + Self.slot * (Self.receiveSlots + index)
      if slot.hostOrder32(Field.status) == Status.sendRequest { account.lost += 1 }
    }
    // `struct tpacket_stats`: frames seen, frames dropped; reading clears them.
    var counts: (seen: UInt32, dropped: UInt32) = (0, 0)
    var size = socklen_t(8)
    if getsockopt(
      state.pointee.descriptor, Self.packetLevel, PACKET_STATISTICS, &counts, &size) == 0
    {
      account.missed = UInt64(counts.dropped)
    }
    return account
  }
}
