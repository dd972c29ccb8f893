import CPortalShims
import DPAAPortal
import Glibc

// SAFETY: `state`, the buffers and the rings live from `init` to `close()`; the kernel is trusted with what it
// writes into the rings, and compared with the buffers' size all the same. The engine's thread alone touches
// it while it runs.
/// A network interface of this machine through an AF_XDP socket: all its frames come here, and none to the
/// kernel's own protocols.
///
/// In copy mode under the generic hook, which every driver and every virtual device has. (Linux 6.1,
/// `Documentation/networking/af_xdp.rst`, `net/xdp/xsk.c`.)
struct XDPLine {
  private let state: UnsafeMutablePointer<State>

  private struct State {
    let descriptor: Int32
    let buffers: UnsafeMutableRawPointer
    let redirect: XDPRedirect
    var fill: XDPRing
    var completion: XDPRing
    var receive: XDPRing
    var transmit: XDPRing
    /// Bytes of the device's longest packet, without Ethernet header.
    let mtu: Int
    /// Buffers in which no frame is on its way out, of which the first `freeCount` count.
    let free: UnsafeMutablePointer<UInt32>
    var freeCount: Int
    /// Whether frames wait of which the kernel has not been told.
    var isUnsent = false
    /// Frames that the kernel took and dropped.
    var dropped: UInt64 = 0
    var patience = LinePatience()
    var errorNumber: Int32 = 0
  }

  /// Bytes of a buffer: as many as the kernel takes at most, a page of the smallest size.
  private static let buffer = 4096
  private static let receiveBuffers = 1024
  private static let transmitBuffers = 512
  private static let byteCount = buffer * (receiveBuffers + transmitBuffers)
  /// The longest frame that the kernel puts into a buffer, behind a headroom of its own (Linux 6.1,
  /// `include/net/xsk_buff_pool.h`, `xsk_pool_get_rx_frame_size`; XDP_PACKET_HEADROOM).
  static let longestReceived = buffer - 256
  /// SOL_XDP (Linux 6.1, `include/linux/socket.h`).
  private static let level: Int32 = 283

  init(_ device: PortAddress.Device) throws(LineError) {
    let opened = try NetworkNamespace.run(in: device.namespace) { () throws(LineError) in
      try Self.open(device.name)
    }
    state = .allocate(capacity: 1)
    state.initialize(to: opened)
  }

  // MARK: Opening

  private static func open(_ name: String) throws(LineError) -> State {
    let descriptor = socket(
      44, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)  // AF_XDP
    guard descriptor >= 0 else {
      let hint: String? =
        switch errno {
        case EPERM: "it wants CAP_NET_RAW"
        case EAFNOSUPPORT: "this kernel was built without XDP_SOCKETS; packet:\(name) may do"
        default: nil
        }
      throw LineError("no XDP socket", hint: hint)
    }
    var buffers: UnsafeMutableRawPointer?
    var rings: [XDPRing] = []
    do throws(LineError) {
      let index = try NetworkDevice.index(of: name)
      let mtu = try NetworkDevice.mtu(of: name)
      guard mtu + 18 <= longestReceived else {
        throw LineError(
          "\(name) has an MTU of \(mtu), and AF_XDP's buffers are for \(longestReceived - 18) "
            + "(ip link set dev \(name) mtu 1500, or packet:\(name))")
      }
      let queues = NetworkDevice.receiveQueueCount(of: name)
      guard queues == 1 else {
        throw LineError(
          "\(name) receives in \(queues) queues, and an XDP socket has the frames of one "
            + "(ethtool -L \(name) combined 1, or rx 1)")
      }
      let memory = mmap(
        nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
      guard let memory, memory != MAP_FAILED else { throw LineError("no memory for buffers") }
      buffers = memory
      rings = try makeRings(descriptor, memory)
      for number in 0..<receiveBuffers {
        rings[0].address = UInt64(number * buffer)
        rings[0].advance()
      }
      try bind(descriptor, to: index, named: name)
      let redirect = try XDPRedirect(to: descriptor, device: index, named: name)
      let free = UnsafeMutablePointer<UInt32>.allocate(capacity: transmitBuffers)
      for number in 0..<transmitBuffers { free[number] = UInt32(receiveBuffers + number) }
      return State(
        descriptor: descriptor, buffers: memory, redirect: redirect, fill: rings[0],
        completion: rings[1], receive: rings[2], transmit: rings[3], mtu: mtu, free: free,
        freeCount: transmitBuffers)
    } catch {
      for ring in rings { ring.unmap() }
      Glibc.close(descriptor)
      if let buffers { munmap(buffers, byteCount) }
      throw error
    }
  }

  /// Gives the socket its buffers, and makes its four rings: fill, completion, receive, transmit.
  private static func makeRings(
    _ descriptor: Int32, _ memory: UnsafeMutableRawPointer
  ) throws(LineError) -> [XDPRing] {
    // `struct xdp_umem_reg`: address, bytes, bytes of a buffer, headroom, flags and what came later.
    let region: [UInt64] = [
      UInt64(UInt(bitPattern: memory)), UInt64(byteCount), UInt64(buffer), 0,
    ]
    guard setsockopt(descriptor, level, 4, region, 32) == 0 else {  // XDP_UMEM_REG
      throw LineError(
        "the kernel does not take the buffers",
        hint: errno == ENOBUFS ? "ulimit -l allows too little locked memory" : nil)
    }
    let wanted: [(XDPRing.Kind, Int)] = [
      (.fill, receiveBuffers), (.completion, transmitBuffers), (.receive, receiveBuffers),
      (.transmit, transmitBuffers),
    ]
    for (kind, count) in wanted {
      var entries = UInt32(count)
      guard setsockopt(descriptor, level, kind.option, &entries, 4) == 0 else {
        throw LineError("no \(kind.what) ring")
      }
    }
    var offsets = [UInt64](repeating: 0, count: 16)
    var size = socklen_t(128)
    guard getsockopt(descriptor, level, 1, &offsets, &size) == 0, size == 128 else {
      throw LineError("the kernel does not say where the rings are (Linux 5.4 does)")
    }
    var rings: [XDPRing] = []
    do throws(LineError) {
      for (kind, count) in wanted {
        rings.append(try XDPRing(kind, of: descriptor, count: count, offsets))
      }
    } catch {
      for ring in rings { ring.unmap() }
      throw error
    }
    return rings
  }

  private static func bind(
    _ descriptor: Int32, to device: UInt32, named name: String
  ) throws(LineError) {
    // `struct sockaddr_xdp`: family and flags (XDP_COPY), device, queue, another socket's buffers.
    let address: [UInt32] = withUnsafeBytes(of: (UInt16(44), UInt16(1 << 1))) {
      [$0.loadUnaligned(as: UInt32.self), device, 0, 0]
    }
    func bind() -> Bool {
      address.withUnsafeBytes { bytes in
        guard let start = bytes.baseAddress else { return false }
        return Glibc.bind(
          descriptor, start.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count)) == 0
      }
    }
    // The kernel lets a device go some time after its last socket was closed (Linux 6.1,
    // `net/xdp/xsk_buff_pool.c`, `xp_put_pool`).
    var tries = 50
    while !bind() {
      let error = errno
      tries -= 1
      if error == EBUSY, tries > 0 {
        usleep(10_000)
        continue
      }
      throw LineError(
        "cannot attach to \(name)", error,
        hint: error == EBUSY ? "another program has its frames through AF_XDP" : nil)
    }
  }

  func close() {
    state.pointee.redirect.close()
    for ring in [
      state.pointee.fill, state.pointee.completion, state.pointee.receive, state.pointee.transmit,
    ] { ring.unmap() }
    Glibc.close(state.pointee.descriptor)
    munmap(state.pointee.buffers, Self.byteCount)
    state.pointee.free.deallocate()
    state.deinitialize(count: 1)
    state.deallocate()
  }

  // MARK: From the device

  @inline(__always)
  func peek() -> CaptureReader.Frame? {
    guard state.pointee.receive.distance(isFilledHere: false) > 0 else { return nil }
    let (address, length) = state.pointee.receive.frame
    let start = Int(truncatingIfNeeded: address)
    guard start >= 0, start < Self.receiveBuffers * Self.buffer,
      start & (Self.buffer - 1) + Int(length) <= Self.buffer
    else {
      preconditionFailure("the kernel puts a frame into a buffer that it was given")
    }
    return CaptureReader.Frame(
      bytes: UnsafeRawBufferPointer(start: state.pointee.buffers + start, count: Int(length)),
      wireLength: Int(length), nanoseconds: 0)
  }

  /// Gives the frame's buffer back; there are as many places for free buffers as buffers.
  @inline(__always)
  func advance() {
    let (address, _) = state.pointee.receive.frame
    state.pointee.fill.address = address & ~UInt64(Self.buffer - 1)
    state.pointee.fill.advance()
    state.pointee.receive.advance()
  }

  // MARK: To the device

  func transmit(_ frame: UnsafeRawBufferPointer, now: UInt64) -> LineVerdict {
    guard frame.count >= 14, let start = frame.baseAddress,
      frame.count <= min(Self.buffer, NetworkDevice.longest(frame, mtu: state.pointee.mtu))
    else { return .refused }
    if state.pointee.freeCount == 0 { reap() }
    guard state.pointee.freeCount > 0 else {
      kick()
      return state.pointee.patience.verdict(now: now)
    }
    state.pointee.freeCount &-= 1
    let number = state.pointee.free[state.pointee.freeCount]
    let place = Int(number) &* Self.buffer
    (state.pointee.buffers + place).copyMemory(from: start, byteCount: frame.count)
    state.pointee.transmit.frame = (UInt64(place), UInt32(frame.count))
    state.pointee.transmit.advance()
    state.pointee.isUnsent = true
    state.pointee.patience.noteSent()
    return .sent
  }

  /// Takes back the buffers of frames that have left.
  private func reap() {
    while state.pointee.completion.distance(isFilledHere: false) > 0 {
      let number = state.pointee.completion.address / UInt64(Self.buffer)
      state.pointee.completion.advance()
      let given = UInt64(Self.receiveBuffers)..<UInt64(Self.receiveBuffers + Self.transmitBuffers)
      guard state.pointee.freeCount < Self.transmitBuffers, given.contains(number) else {
        preconditionFailure("the kernel gives each buffer back once")
      }
      state.pointee.free[state.pointee.freeCount] = UInt32(truncatingIfNeeded: number)
      state.pointee.freeCount &+= 1
    }
  }

  /// Has the kernel look at the ring.
  @inline(__always)
  func push() {
    guard state.pointee.isUnsent else { return }
    kick()
  }

  private func kick() {
    reap()
    var left = state.pointee.transmit.distance(isFilledHere: true)
    // A call sends 32 at most (Linux 6.1, `net/xdp/xsk.c`, TX_BATCH_SIZE).
    while left > 0 {
      let result = sendto(state.pointee.descriptor, nil, 0, Int32(MSG_DONTWAIT), nil, 0)
      let error = result < 0 ? errno : 0
      let rest = state.pointee.transmit.distance(isFilledHere: true)
      // One frame that the device dropped, as it has no carrier; it is done with it (Linux 6.1, `net/xdp/xsk.c`,
      // xsk_generic_xmit).
      if error == EBUSY { state.pointee.dropped += 1 }
      let isBusy =
        switch error {
        case 0, EAGAIN, EBUSY, ENOBUFS, EINTR: true
        default: false
        }
      state.pointee.errorNumber = isBusy ? 0 : error
      guard isBusy else {
        // With the next frame it is tried again.
        state.pointee.isUnsent = false
        return
      }
      // What it had no room for is tried again in the next round.
      if rest == left { break }
      left = rest
      reap()
    }
    state.pointee.isUnsent = left > 0
  }

  var account: PortLine.Account {
    // The kernel says what it has taken as it looks for more.
    push()
    var account = PortLine.Account(errorNumber: state.pointee.errorNumber)
    account.lost =
      state.pointee.dropped + UInt64(state.pointee.transmit.distance(isFilledHere: true))
    // `struct xdp_statistics`: frames without a buffer or too long for one; wrong descriptors, two kinds;
    // frames without a place in the ring (Linux 5.9); and counts of empty rings.
    var counts = [UInt64](repeating: 0, count: 6)
    var size = socklen_t(48)
    if getsockopt(state.pointee.descriptor, Self.level, 7, &counts, &size) == 0 {
      account.missed = counts[0] + counts[3]
    }
    return account
  }
}
