import DPAAPortal
import Glibc

/// What became of a frame that a port was to put on its line.
enum LineVerdict {
  /// The line has it.
  case sent
  /// The line is busy; the frame stays where it is.
  case later
  /// The line did not take it and will not.
  case refused
}

/// How long frames wait for a line that takes nothing, before they are refused until it takes one again.
struct LinePatience {
  private var since: UInt64 = 0
  private var isGivenUp = false
  /// As long as a port waits for a buffer: a peer that shares a core has its turn in this time.
  private static let limit: UInt64 = 50_000_000

  /// What is to become of a frame that was not taken.
  mutating func verdict(now: UInt64) -> LineVerdict {
    if isGivenUp { return .refused }
    if since == 0 { since = now }
    if now &- since < Self.limit { return .later }
    isGivenUp = true
    since = 0
    return .refused
  }

  /// Notes that the line took a frame.
  @inline(__always)
  mutating func noteSent() { (since, isGivenUp) = (0, false) }
}

/// What a port is connected with: a device, a socket or another port.
///
/// Whatever the other side does, a line never ends the engine: errors close it, or let some time pass,
/// and are told in the end. The kinds are trivial values over state of their own, so that the one
/// `switch` costs the packet path neither an allocation nor a reference count.
struct PortLine: ~Copyable {
  private let kind: Kind
  /// What it is, as a command line says it; `nil` for no line.
  let address: PortAddress?

  private enum Kind {
    case nothing
    case message(MessageLine)
    case ring(PacketRing)
    case xdp(XDPLine)
    case stream(StreamLine)
    case loop(LoopLine)
  }

  /// What a line tells in the end, beside the engine's counters.
  struct Account: Sendable, Hashable {
    /// Frames that the kernel or the peer's connection lost after they were sent.
    var lost: UInt64 = 0
    /// Frames that the kernel had for this port and dropped, as it did not read them in time; `nil` where
    /// nobody counts them.
    var missed: UInt64?
    /// How often a peer was connected; `nil` for lines without connections.
    var connections: UInt64?
    /// How often a peer was sent away for bytes that are no frames.
    var violations: UInt64 = 0
    /// The error at which the line stands still; 0 for none.
    var errorNumber: Int32 = 0
  }

  /// No line: for a port that plays a capture, or only transmits into one.
  init() {
    kind = .nothing
    address = nil
  }

  /// Opens a line; a loop is ``init(loop:address:)``.
  init(_ address: PortAddress, of interface: String) throws(EngineError) {
    let kind: Kind
    do throws(LineError) {
      switch address {
      case .tap(let device): kind = .message(try MessageLine(tap: device))
      case .datagram(let local, let remote):
        kind = .message(try MessageLine(local: local, remote: remote))
      case .packet(let device): kind = .ring(try PacketRing(device))
      case .xdp(let device): kind = .xdp(try XDPLine(device))
      case .stream(let endpoint, let isServer):
        kind = .stream(try StreamLine(endpoint, isServer: isServer))
      case .capture, .loop:
        preconditionFailure("captures and loops are no lines that are opened")
      }
    } catch {
      throw .line(interface, "\(address)", error.sentence)
    }
    self.kind = kind
    self.address = address
  }

  /// One end of a loop.
  init(loop: LoopLine, address: PortAddress) {
    kind = .loop(loop)
    self.address = address
  }

  deinit {
    switch kind {
    case .nothing: break
    case .message(let line): line.close()
    case .ring(let line): line.close()
    case .xdp(let line): line.close()
    case .stream(let line): line.close()
    case .loop(let line): line.close()
    }
  }

  /// The frame that arrives now, until ``advance()``; `nil` when none does.
  @inline(__always)
  func peek(now: UInt64) -> CaptureReader.Frame? {
    switch kind {
    case .nothing: nil
    case .message(let line): line.peek(now: now)
    case .ring(let line): line.peek()
    case .xdp(let line): line.peek()
    case .stream(let line): line.peek(now: now)
    case .loop(let line): line.peek()
    }
  }

  /// Passes over the frame that ``peek(now:)`` showed.
  @inline(__always)
  func advance() {
    switch kind {
    case .nothing: break
    case .message(let line): line.advance()
    case .ring(let line): line.advance()
    case .xdp(let line): line.advance()
    case .stream(let line): line.advance()
    case .loop(let line): line.advance()
    }
  }

  /// Puts a frame on the line.
  @inline(__always)
  func transmit(_ frame: UnsafeRawBufferPointer, now: UInt64) -> LineVerdict {
    switch kind {
    case .nothing: .sent
    case .message(let line): line.transmit(frame, now: now)
    case .ring(let line): line.transmit(frame, now: now)
    case .xdp(let line): line.transmit(frame, now: now)
    case .stream(let line): line.transmit(frame, now: now)
    case .loop(let line): line.transmit(frame, now: now)
    }
  }

  /// Has what gathered leave.
  @inline(__always)
  func push() {
    switch kind {
    case .nothing, .message, .loop: break
    case .ring(let line): line.push()
    case .xdp(let line): line.push()
    case .stream(let line): line.push()
    }
  }

  /// Whether nothing will arrive any more unless another port sends something.
  var isDone: Bool {
    if case .loop(let line) = kind { line.isEmpty } else { false }
  }

  /// What the line has to tell; after the engine has stopped.
  var account: Account {
    switch kind {
    case .message(let line): line.account
    case .ring(let line): line.account
    case .xdp(let line): line.account
    case .stream(let line): line.account
    case .loop(let line): line.account
    case .nothing: Account()
    }
  }
}

/// Why a line could not be opened, or a device not be made.
public struct LineError: Error, CustomStringConvertible {
  let sentence: String

  /// One sentence without a full stop.
  public var description: String { sentence }

  /// An error with a sentence.
  init(_ sentence: String) { self.sentence = sentence }

  /// What the kernel said when this was tried, and what may help.
  init(_ tried: String, _ error: Int32 = errno, hint: String? = nil) {
    sentence = "\(tried): \(String(cString: strerror(error)))" + (hint.map { " (\($0))" } ?? "")
  }
}

// SAFETY: offsets stay in the allocation.
/// A socket's address as system calls take it; freed by ``deallocate()``.
struct SocketAddress {
  let bytes: UnsafeMutableRawPointer
  let length: socklen_t
  let family: Int32

  var pointer: UnsafePointer<sockaddr> {
    UnsafePointer(bytes.assumingMemoryBound(to: sockaddr.self))
  }

  func deallocate() { bytes.deallocate() }

  /// The address of a path.
  private init(path: String) {
    // Two bytes of family, then the path and its zero.
    bytes = .allocate(byteCount: 128, alignment: 16)
    bytes.initializeMemory(as: UInt8.self, repeating: 0, count: 128)
    bytes.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
    for (index, byte) in path.utf8.prefix(PortAddress.Endpoint.longestPath).enumerated() {
      bytes.storeBytes(of: byte, toByteOffset: 2 + index, as: UInt8.self)
    }
    length = socklen_t(2 + path.utf8.count + 1)
    family = AF_UNIX
  }

  /// An address that was found for a name.
  private init(_ address: UnsafeRawPointer, length: socklen_t, family: Int32) {
    bytes = .allocate(byteCount: 128, alignment: 16)
    bytes.copyMemory(from: address, byteCount: min(128, Int(length)))
    (self.length, self.family) = (length, family)
  }

  /// Finds an endpoint's first address.
  init(_ endpoint: PortAddress.Endpoint, type: Int32) throws(LineError) {
    var found = try Self.all(endpoint, type: type)
    self = found.removeFirst()
    for other in found { other.deallocate() }
  }

  /// Finds an endpoint's addresses, at least one: a name may have several.
  static func all(
    _ endpoint: PortAddress.Endpoint, type: Int32
  ) throws(LineError) -> [SocketAddress] {
    switch endpoint {
    case .path(let path): return [SocketAddress(path: path)]
    case .host(let host, let port):
      var hints = addrinfo()
      hints.ai_socktype = type
      hints.ai_flags = Int32(AI_NUMERICSERV)
      var found: UnsafeMutablePointer<addrinfo>?
      let result = getaddrinfo(host, "\(port)", &hints, &found)
      defer { if result == 0 { freeaddrinfo(found) } }
      var addresses: [SocketAddress] = []
      var next = result == 0 ? found : nil
      while let entry = next?.pointee {
        if let address = entry.ai_addr {
          addresses.append(
            SocketAddress(address, length: entry.ai_addrlen, family: entry.ai_family))
        }
        next = entry.ai_next
      }
      guard !addresses.isEmpty else {
        throw LineError("no address of \(host): \(String(cString: gai_strerror(result)))")
      }
      return addresses
    }
  }

  /// The first addresses of two endpoints that can speak to each other: those of one family.
  static func pair(
    _ local: PortAddress.Endpoint, _ remote: PortAddress.Endpoint, type: Int32
  ) throws(LineError) -> (local: SocketAddress, remote: SocketAddress) {
    var locals = try all(local, type: type)
    defer { for address in locals { address.deallocate() } }
    var remotes = try all(remote, type: type)
    defer { for address in remotes { address.deallocate() } }
    for (index, own) in locals.enumerated() {
      guard let other = remotes.firstIndex(where: { $0.family == own.family }) else { continue }
      return (locals.remove(at: index), remotes.remove(at: other))
    }
    throw LineError("\(local) and \(remote) have no addresses of one family")
  }
}
