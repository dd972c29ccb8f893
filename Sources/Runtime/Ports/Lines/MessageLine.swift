import CPortalShims
import DPAAPortal
import Glibc

// SAFETY: `state` lives from `init` to `close()`, and its buffer with it; the engine's thread alone
// touches it while it runs.
/// A line on which each read is a frame and each write is one: a TAP device, or a datagram socket.
struct MessageLine {
  private let state: UnsafeMutablePointer<State>

  private struct State {
    let descriptor: Int32
    let isSocket: Bool
    /// Where datagrams go; `nil` when the descriptor knows.
    let remote: SocketAddress?
    /// A socket's own path, which is removed in the end.
    let path: UnsafeMutablePointer<CChar>?
    let buffer: UnsafeMutableRawPointer
    /// Bytes of the frame that waits; -1 for none.
    var held = -1
    var wire = 0
    /// After an error, when to try again.
    var retryAt: UInt64 = 0
    var errorNumber: Int32 = 0
    var patience = LinePatience()
    /// The device, and how many frames the kernel had dropped before it was opened.
    let device: PortAddress.Device?
    let missedBefore: UInt64?
  }

  /// No datagram or frame of a device is longer.
  private static let capacity = 1 << 18
  /// How long a line that fails is left alone: a device that is down may come up again.
  private static let pause: UInt64 = 10_000_000

  /// Opens a TAP device for whole Ethernet frames, and makes it when there is none.
  init(tap device: PortAddress.Device) throws(LineError) {
    let descriptor = try NetworkNamespace.run(in: device.namespace) { () throws(LineError) in
      try NetworkDevice.openTAP(device.name)
    }
    state = .allocate(capacity: 1)
    state.initialize(
      to: State(
        descriptor: descriptor, isSocket: false, remote: nil, path: nil,
        buffer: .allocate(byteCount: Self.capacity, alignment: 64), device: device,
        missedBefore: NetworkNamespace.unreadFrames(of: device)))
  }

  /// Opens a datagram socket: frames go to its peer and come from it.
  init(
    local: PortAddress.Endpoint, remote: PortAddress.Endpoint
  ) throws(LineError) {
    let type = Int32(SOCK_DGRAM.rawValue)
    let (own, peer) = try SocketAddress.pair(local, remote, type: type)
    defer { own.deallocate() }
    let descriptor = socket(
      own.family, type | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    var path: UnsafeMutablePointer<CChar>?
    do throws(LineError) {
      guard descriptor >= 0 else { throw LineError("no socket") }
      try SocketPlace.bind(descriptor, own, local)
      if case .path(let text) = local {
        path = strdup(text)
      } else if connect(descriptor, peer.pointer, peer.length) != 0 {
        // Connected, so that nobody else's datagrams come in.
        throw LineError("cannot reach \(remote)")
      }
    } catch {
      peer.deallocate()
      if descriptor >= 0 { Glibc.close(descriptor) }
      throw error
    }
    if !local.isPath { peer.deallocate() }
    state = .allocate(capacity: 1)
    state.initialize(
      to: State(
        descriptor: descriptor, isSocket: true, remote: local.isPath ? peer : nil, path: path,
        buffer: .allocate(byteCount: Self.capacity, alignment: 64), device: nil,
        missedBefore: nil))
  }

  func close() {
    Glibc.close(state.pointee.descriptor)
    state.pointee.remote?.deallocate()
    if let path = state.pointee.path {
      unlink(path)
      free(path)
    }
    state.pointee.buffer.deallocate()
    state.deinitialize(count: 1)
    state.deallocate()
  }

  @inline(__always)
  func peek(now: UInt64) -> CaptureReader.Frame? {
    guard state.pointee.held >= 0 || read(now) else { return nil }
    return CaptureReader.Frame(
      bytes: UnsafeRawBufferPointer(start: state.pointee.buffer, count: state.pointee.held),
      wireLength: state.pointee.wire, nanoseconds: 0)
  }

  @inline(__always)
  func advance() { state.pointee.held = -1 }

  /// Reads the next frame; `false` when there is none.
  private func read(_ now: UInt64) -> Bool {
    guard now >= state.pointee.retryAt else { return false }
    let count =
      state.pointee.isSocket
      // The real length, of a datagram that is cut too.
      ? recv(
        state.pointee.descriptor, state.pointee.buffer, Self.capacity, Int32(MSG_TRUNC))
      : Glibc.read(state.pointee.descriptor, state.pointee.buffer, Self.capacity)
    guard count < 0 else {
      state.pointee.held = min(count, Self.capacity)
      state.pointee.wire = count
      state.pointee.errorNumber = 0
      return true
    }
    switch errno {
    // The peer of an earlier datagram is not there: it may come.
    case EAGAIN, EINTR, ECONNREFUSED: break
    case let error:
      state.pointee.errorNumber = error
      state.pointee.retryAt = now &+ Self.pause
    }
    return false
  }

  func transmit(_ frame: UnsafeRawBufferPointer, now: UInt64) -> LineVerdict {
    let count: Int
    if let remote = state.pointee.remote {
      count = sendto(
        state.pointee.descriptor, frame.baseAddress, frame.count, Int32(MSG_NOSIGNAL),
        remote.pointer, remote.length)
    } else {
      count = write(state.pointee.descriptor, frame.baseAddress, frame.count)
    }
    if count == frame.count {
      state.pointee.patience.noteSent()
      return .sent
    }
    return errno == EAGAIN || errno == ENOBUFS || errno == EINTR
      ? state.pointee.patience.verdict(now: now) : .refused
  }

  var account: PortLine.Account {
    var account = PortLine.Account(errorNumber: state.pointee.errorNumber)
    if let device = state.pointee.device, let before = state.pointee.missedBefore,
      let after = NetworkNamespace.unreadFrames(of: device)
    {
      account.missed = after &- before
    }
    return account
  }
}
