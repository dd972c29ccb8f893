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
    /// Where this side calls, one after the other: a name may have several addresses.
    let addresses: [SocketAddress]
    var nextAddress = 0
    /// Where peers call; -1 when this side calls.
    let listener: Int32
    let path: UnsafeMutablePointer<CChar>?
    let input: UnsafeMutableRawPointer
    let output: UnsafeMutableRawPointer
    var peer: Int32 = -1
    /// A call that nobody has answered yet, and when it is given up; -1 for none.
    var call: Int32 = -1
    var callEndsAt: UInt64 = 0
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
  /// How often a call is looked after, and for how long: then the next address has its turn.
  private static let callPause: UInt64 = 1_000_000
  private static let callPatience: UInt64 = 3_000_000_000

  init(_ endpoint: PortAddress.Endpoint, isServer: Bool) throws(LineError) {
    let type = Int32(SOCK_STREAM.rawValue)
    let addresses = try SocketAddress.all(endpoint, type: type)
    var listener: Int32 = -1
    var path: UnsafeMutablePointer<CChar>?
    do throws(LineError) {
      if isServer, let address = addresses.first {
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
      for address in addresses { address.deallocate() }
      throw error
    }
    state = .allocate(capacity: 1)
    state.initialize(
      to: State(
        addresses: addresses, listener: listener, path: path,
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
    if state.pointee.call >= 0 { Glibc.close(state.pointee.call) }
    if state.pointee.listener >= 0 { Glibc.close(state.pointee.listener) }
    if let path = state.pointee.path {
      unlink(path)
      free(path)
    }
    for address in state.pointee.addresses { address.deallocate() }
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
    let peer =
      state.pointee.listener >= 0
      ? dpaac_accept(state.pointee.listener)
      : state.pointee.call >= 0 ? answered(now) : called(now)
    guard peer >= 0 else { return false }
    if state.pointee.listener < 0, Self.isItself(peer) {
      Glibc.close(peer)
      return false
    }
    Self.prepare(peer)
    state.pointee.peer = peer
    state.pointee.account.connections = (state.pointee.account.connections ?? 0) + 1
    state.pointee.inputStart = 0
    state.pointee.inputEnd = 0
    return true
  }

  /// Whether a call has reached itself: where nobody listens yet at a port that callers are given, one of many calls
  /// begins there, and TCP has both ends of it be one (RFC 9293, 3.5). It would keep the server from its port.
  static func isItself(_ call: Int32) -> Bool {
    func name(_ ask: (Int32, UnsafeMutablePointer<sockaddr>, inout socklen_t) -> Int32) -> [UInt8] {
      var address = sockaddr_storage()
      var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let isTold = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { ask(call, $0, &size) == 0 }
      }
      let family = Int32(address.ss_family)
      guard isTold, family == AF_INET || family == AF_INET6 else { return [] }
      return withUnsafeBytes(of: address) { Array($0.prefix(Int(size))) }
    }
    let own = name { getsockname($0, $1, &$2) }
    return !own.isEmpty && own == name { getpeername($0, $1, &$2) }
  }

  /// Calls the next address; -1 when it is not connected at once.
  private func called(_ now: UInt64) -> Int32 {
    let address = state.pointee.addresses[state.pointee.nextAddress]
    state.pointee.nextAddress = (state.pointee.nextAddress + 1) % state.pointee.addresses.count
    let call = Self.makeSocket(address.family)
    guard call >= 0 else { return -1 }
    if Glibc.connect(call, address.pointer, address.length) == 0 { return call }
    guard errno == EINPROGRESS else {
      Glibc.close(call)
      return -1
    }
    state.pointee.call = call
    state.pointee.callEndsAt = now &+ Self.callPatience
    state.pointee.retryAt = now &+ Self.callPause
    return -1
  }

  /// The call that is on its way, when it was answered; -1 while it is not and when it was refused.
  private func answered(_ now: UInt64) -> Int32 {
    let call = state.pointee.call
    var place = pollfd(fd: call, events: Int16(POLLOUT), revents: 0)
    let isDecided = poll(&place, 1, 0) > 0
    guard isDecided || now >= state.pointee.callEndsAt else {
      state.pointee.retryAt = now &+ Self.callPause
      return -1
    }
    state.pointee.call = -1
    var error = isDecided ? 0 : ETIMEDOUT
    var size = socklen_t(MemoryLayout<Int32>.size)
    if isDecided, getsockopt(call, SOL_SOCKET, SO_ERROR, &error, &size) != 0 { error = errno }
    state.pointee.account.errorNumber = error
    guard error == 0 else {
      Glibc.close(call)
      return -1
    }
    return call
  }

  /// Sets what TCP is to do for a peer; a Unix socket knows nothing of most of it.
  private static func prepare(_ peer: Int32) {
    func set(_ level: Int32, _ option: Int32, _ value: Int32) {
      var value = value
      setsockopt(peer, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }
    // Frames are not to wait for one another.
    set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    // A peer that went without a word, as one whose machine stopped, would keep its place for hours: it is
    // asked after 10 s of silence, and what it does not confirm within 30 s ends it (tcp(7)).
    set(SOL_SOCKET, SO_KEEPALIVE, 1)
    set(Int32(IPPROTO_TCP), TCP_KEEPIDLE, 10)
    set(Int32(IPPROTO_TCP), TCP_KEEPINTVL, 5)
    set(Int32(IPPROTO_TCP), TCP_KEEPCNT, 3)
    set(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, 30_000)
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
