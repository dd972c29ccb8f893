import CPortalShims
import Glibc

/// The socket over which a run is told what to do with its guests while it goes on. Only its owner may use it.
final class ControlServer {
  private let path: String
  private let listener: Int32
  /// The file as it was made: another run may have put its own there since.
  private let identity: (device: dev_t, number: ino_t)
  private var connections: [Connection] = []

  /// A connection whose line has not come in full.
  private struct Connection {
    var descriptor: Int32
    var text: [UInt8] = []
    var since: UInt64
  }

  /// The longest line: a path fits into it.
  static let longestLine = 8192
  private static let mostConnections = 16
  /// How long a line may take.
  private static let patience: UInt64 = 5_000_000_000

  /// Begins to listen.
  ///
  /// - Parameter path: The socket's file. One that a run left behind which was killed is replaced.
  /// - Throws: ``EngineError/file(_:_:)`` when it cannot be, or when somebody else listens there.
  init(at path: String) throws(EngineError) {
    let address = try ControlSocketAddress(path)
    let listener = ControlSocketAddress.socket(isWaiting: false)
    guard listener >= 0 else { throw .file(path, errno) }
    func isBound() -> Bool { address.with { bind(listener, $0, $1) } == 0 }
    var isReady = isBound()
    if !isReady, errno == EADDRINUSE {
      if Self.isAbandoned(path, address) {
        unlink(path)
        isReady = isBound()
      } else {
        errno = EADDRINUSE
      }
    }
    var information = stat()
    // Nobody gets through before it listens, and then its mode is right.
    guard isReady, chmod(path, 0o600) == 0, stat(path, &information) == 0,
      listen(listener, 8) == 0
    else {
      let error = errno
      close(listener)
      throw .file(path, error)
    }
    self.path = path
    self.listener = listener
    identity = (information.st_dev, information.st_ino)
  }

  deinit {
    for connection in connections { close(connection.descriptor) }
    close(listener)
    var information = stat()
    if stat(path, &information) == 0, information.st_dev == identity.device,
      information.st_ino == identity.number
    {
      unlink(path)
    }
  }

  /// Whether a file is a socket at which nobody listens.
  private static func isAbandoned(_ path: String, _ address: ControlSocketAddress) -> Bool {
    var information = stat()
    guard lstat(path, &information) == 0, information.st_mode & S_IFMT == S_IFSOCK else {
      return false
    }
    let probe = ControlSocketAddress.socket(isWaiting: false)
    defer { close(probe) }
    return address.with { connect(probe, $0, $1) } != 0 && errno == ECONNREFUSED
  }

  /// What becomes readable when there is something to take: no more callers are heard than are served.
  var descriptors: [Int32] {
    (connections.count < Self.mostConnections ? [listener] : []) + connections.map(\.descriptor)
  }

  /// Takes the requests that have come.
  func takeRequests(now: UInt64) -> [ControlRequest] {
    while connections.count < Self.mostConnections {
      let connection = dpaac_accept(listener)
      guard connection >= 0 else { break }
      connections.append(Connection(descriptor: connection, since: now))
    }
    var requests: [ControlRequest] = []
    for index in connections.indices.reversed() {
      switch Self.read(&connections[index]) {
      case .more where now &- connections[index].since < Self.patience: continue
      case .line(let line):
        let descriptor = connections[index].descriptor
        if let request = ControlRequest(line: line, connection: descriptor) {
          requests.append(request)
        } else {
          close(descriptor)
        }
      case .more, .end: close(connections[index].descriptor)
      }
      connections.remove(at: index)
    }
    return requests.reversed()
  }

  private enum Outcome {
    case more
    case line(String)
    case end
  }

  private static func read(_ connection: inout Connection) -> Outcome {
    var bytes = [UInt8](repeating: 0, count: 1024)
    while true {
      let count = recv(connection.descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
      guard count > 0 else { return count < 0 && errno == EAGAIN ? .more : .end }
      connection.text += bytes.prefix(count)
      if let end = connection.text.firstIndex(of: 10) {
        return .line(String(decoding: connection.text[..<end], as: UTF8.self))
      }
      guard connection.text.count < longestLine else { return .end }
    }
  }
}
