import CPortalShims
import DPAAPortal
import Glibc

// SAFETY: `state` lives from `init` to `close()`, and its buffers with it; offsets into them are
// compared with what is in them. The engine's thread alone touches it while it runs.
/// A stream socket on which each frame has its length in front, four bytes in network order: QEMU's
/// `-netdev stream` and `-netdev socket` (QEMU 7.2, `net/stream.c`).
///
/// One peer at a time. When it goes, the line waits for the next one, or calls again.
struct StreamLine {
  private let state: UnsafeMutablePointer<State>

  private struct State {
    let address: SocketAddress
    /// Where peers call; -1 when this side calls.
    let listener: Int32
    let path: UnsafeMutablePointer<CChar>?
    let input: UnsafeMutableRawPointer
    let output: UnsafeMutableRawPointer
    var peer: Int32 = -1
    /// Whether the peer reads no more; what it had sent is still read.
    var isDeaf = false
    /// When to look for a peer again.
    var retryAt: UInt64 = 0
    /// Bytes of `input` that are not handled yet.
    var inputStart = 0
    var inputEnd = 0
    /// Bytes of `output` that have not left; `outputFrame` is where the first frame that has not left as a
    /// whole begins.
    var outputStart = 0
    var outputEnd = 0
    var outputFrame = 0
    var patience = LinePatience()
    var account = PortLine.Account(connections: 0)
  }

  private static let capacity = 1 << 18
  /// QEMU's longest (QEMU 7.2, `include/net/net.h`, `NET_BUFSIZE`): a longer one means that the peer speaks
  /// something else.
  static let longestFrame = 4096 + 65_536
  /// How often a line without a peer looks for one.
  private static let pause: UInt64 = 20_000_000

  init(_ endpoint: PortAddress.Endpoint, isServer: Bool) throws(LineError) {
    let type = Int32(SOCK_STREAM.rawValue)
    let address = try SocketAddress(endpoint, type: type)
    var listener: Int32 = -1
    var path: UnsafeMutablePointer<CChar>?
    do throws(LineError) {
      if isServer {
        listener = Self.makeSocket(address.family)
        guard listener >= 0 else { throw LineError("no socket") }
        var one: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        try SocketPlace.bind(listener, address, endpoint)
        if case .path(let text) = endpoint { path = strdup(text) }
        guard listen(listener, 1) == 0 else { throw LineError("cannot listen at \(endpoint)") }
      }
    } catch {
      if listener >= 0 { Glibc.close(listener) }
      if let path {
        unlink(path)
        free(path)
      }
      address.deallocate()
      throw error
    }
    state = .allocate(capacity: 1)
    state.initialize(
      to: State(
        address: address, listener: listener, path: path,
        input: .allocate(byteCount: Self.capacity, alignment: 64),
        output: .allocate(byteCount: Self.capacity, alignment: 64)))
  }

  private static func makeSocket(_ family: Int32) -> Int32 {
    socket(
      family,
      Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue),
      0)
  }

  func close() {
    if state.pointee.peer >= 0 { Glibc.close(state.pointee.peer) }
    if state.pointee.listener >= 0 { Glibc.close(state.pointee.listener) }
    if let path = state.pointee.path {
      unlink(path)
      free(path)
    }
    state.pointee.address.deallocate()
    state.pointee.input.deallocate()
    state.pointee.output.deallocate()
    state.deinitialize(count: 1)
    state.deallocate()
  }

  // MARK: Peers

  /// Finds a peer; `false` while there is none.
  private func connect(_ now: UInt64) -> Bool {
    guard now >= state.pointee.retryAt else { return false }
    state.pointee.retryAt = now &+ Self.pause
    var peer: Int32
    if state.pointee.listener >= 0 {
      peer = dpaac_accept(state.pointee.listener)
    } else {
      peer = Self.makeSocket(state.pointee.address.family)
      let address = state.pointee.address
      // One that is still on its way shows at the first read or write whether it arrived.
      if peer >= 0, Glibc.connect(peer, address.pointer, address.length) != 0,
        errno != EINPROGRESS
      {
        Glibc.close(peer)
        peer = -1
      }
    }
    guard peer >= 0 else { return false }
    var one: Int32 = 1
    // Frames are not to wait for one another; a Unix socket knows nothing of this.
    setsockopt(peer, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
    state.pointee.peer = peer
    state.pointee.account.connections = (state.pointee.account.connections ?? 0) + 1
    state.pointee.inputStart = 0
    state.pointee.inputEnd = 0
    return true
  }

  /// Lets a peer go, with what was on its way to it.
  private func disconnect() {
    Glibc.close(state.pointee.peer)
    state.pointee.peer = -1
    state.pointee.isDeaf = false
    (state.pointee.inputStart, state.pointee.inputEnd) = (0, 0)
    forgetOutput()
  }

  /// Counts what was on its way to a peer as lost.
  private func forgetOutput() {
    while state.pointee.outputFrame < state.pointee.outputEnd {
      state.pointee.account.lost += 1
      passOutputFrame()
    }
    (state.pointee.outputStart, state.pointee.outputEnd, state.pointee.outputFrame) = (0, 0, 0)
  }

  private func passOutputFrame() {
    let length = UInt32(
      bigEndian: state.pointee.output.loadUnaligned(
        fromByteOffset: state.pointee.outputFrame, as: UInt32.self))
    state.pointee.outputFrame += 4 + Int(length)
  }

  // MARK: From the peer

  @inline(__always)
  func peek(now: UInt64) -> CaptureReader.Frame? {
    if let frame = held() { return frame }
    return fill(now) ? held() : nil
  }

  /// The first frame of the input, when all of it is there.
  @inline(__always)
  private func held() -> CaptureReader.Frame? {
    let start = state.pointee.inputStart
    let count = state.pointee.inputEnd &- start
    guard count >= 4 else { return nil }
    let length = Int(firstLength)
    guard length <= Self.longestFrame, count &- 4 >= length else { return nil }
    return CaptureReader.Frame(
      bytes: UnsafeRawBufferPointer(start: state.pointee.input + (start &+ 4), count: length),
      wireLength: length, nanoseconds: 0)
  }

  private var firstLength: UInt32 {
    UInt32(
      bigEndian: state.pointee.input.loadUnaligned(
        fromByteOffset: state.pointee.inputStart, as: UInt32.self))
  }

  @inline(__always)
  func advance() {
    guard state.pointee.inputEnd &- state.pointee.inputStart >= 4 else { return }
    state.pointee.inputStart &+= 4 &+ Int(firstLength)
  }

  /// Reads what the peer sent; `false` when nothing came.
  private func fill(_ now: UInt64) -> Bool {
    guard state.pointee.peer >= 0 || connect(now) else { return false }
    let waiting = state.pointee.inputEnd - state.pointee.inputStart
    if waiting >= 4, firstLength > Self.longestFrame {
      state.pointee.account.violations += 1
      disconnect()
      return false
    }
    if state.pointee.inputStart > 0 {
      // A part of a frame moves to the front, where the rest of it has room.
      memmove(state.pointee.input, state.pointee.input + state.pointee.inputStart, waiting)
      (state.pointee.inputStart, state.pointee.inputEnd) = (0, waiting)
    }
    let count = recv(
      state.pointee.peer, state.pointee.input + waiting, Self.capacity - waiting, 0)
    if count > 0 {
      state.pointee.inputEnd += count
      state.pointee.account.errorNumber = 0
      return true
    }
    if count < 0, errno == EAGAIN || errno == EINTR { return false }
    state.pointee.account.errorNumber = count < 0 ? errno : 0
    disconnect()
    return false
  }

  // MARK: To the peer

  func transmit(_ frame: UnsafeRawBufferPointer, now: UInt64) -> LineVerdict {
    // As on a cable without another end.
    guard state.pointee.peer >= 0, !state.pointee.isDeaf, let start = frame.baseAddress else {
      return .refused
    }
    if !hasRoom(frame.count) {
      push()
      guard !state.pointee.isDeaf else { return .refused }
      guard hasRoom(frame.count) else { return state.pointee.patience.verdict(now: now) }
    }
    let end = state.pointee.outputEnd
    state.pointee.output.storeBytes(
      of: UInt32(frame.count).bigEndian, toByteOffset: end, as: UInt32.self)
    (state.pointee.output + (end &+ 4)).copyMemory(from: start, byteCount: frame.count)
    state.pointee.outputEnd = end &+ 4 &+ frame.count
    state.pointee.patience.noteSent()
    return .sent
  }

  @inline(__always)
  private func hasRoom(_ count: Int) -> Bool {
    state.pointee.outputEnd &+ 4 &+ count <= Self.capacity
  }

  /// Sends what gathered, as much of it as the peer takes now.
  @inline(__always)
  func push() {
    if state.pointee.outputEnd > state.pointee.outputStart { send() }
  }

  private func send() {
    let start = state.pointee.outputStart
    let count = Glibc.send(
      state.pointee.peer, state.pointee.output + start, state.pointee.outputEnd - start,
      Int32(MSG_NOSIGNAL))
    guard count > 0 else {
      if errno == EAGAIN || errno == EINTR { return }
      state.pointee.account.errorNumber = errno
      state.pointee.isDeaf = true
      return forgetOutput()
    }
    state.pointee.outputStart += count
    while state.pointee.outputFrame < state.pointee.outputStart {
      let frame = state.pointee.outputFrame
      passOutputFrame()
      // The frame that has left in part keeps its place.
      guard state.pointee.outputFrame <= state.pointee.outputStart else {
        state.pointee.outputFrame = frame
        break
      }
    }
    let kept = state.pointee.outputFrame
    guard kept > 0 else { return }
    let rest = state.pointee.outputEnd - kept
    memmove(state.pointee.output, state.pointee.output + kept, rest)
    state.pointee.outputStart -= kept
    state.pointee.outputEnd = rest
    state.pointee.outputFrame = 0
  }

  var account: PortLine.Account {
    var account = state.pointee.account
    // What has not left by now never will.
    let frames = state.pointee
    var place = frames.outputFrame
    while place < frames.outputEnd {
      let length = UInt32(
        bigEndian: frames.output.loadUnaligned(fromByteOffset: place, as: UInt32.self))
      place += 4 + Int(length)
      account.lost += 1
    }
    return account
  }
}
