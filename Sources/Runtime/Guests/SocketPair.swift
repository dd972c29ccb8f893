import Glibc

/// A pair of connected sockets: one end for this process, the other for a guest's.
struct SocketPair {
  let ours: Int32
  let theirs: Int32

  /// What goes through it.
  enum Kind {
    /// Messages, each of which stays whole.
    case packets
    /// Bytes.
    case stream
  }

  /// Makes a pair, for a guest of this name.
  init(_ kind: Kind, for name: String) throws(EngineError) {
    var pair: [Int32] = [-1, -1]
    let type = kind == .packets ? SOCK_SEQPACKET : SOCK_STREAM
    guard
      socketpair(AF_UNIX, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &pair) == 0
    else { throw .guest(name, "no control socket: \(String(cString: strerror(errno)))") }
    (ours, theirs) = (pair[0], pair[1])
  }
}
