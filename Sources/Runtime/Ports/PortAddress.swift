import CPortalShims
import Glibc

/// What a network port is connected with, as a command line says it.
public enum PortAddress: Sendable, Hashable {
  /// A capture that is played.
  case capture(String)
  /// A TAP device, which is made when there is none of this name.
  case tap(Device)
  /// A network interface of this machine, whose frames the kernel sees as well.
  case packet(Device)
  /// A network interface of this machine, all of whose frames come here.
  case xdp(Device)
  /// A stream socket with QEMU's framing: one that calls, or one that is called.
  case stream(Endpoint, isServer: Bool)
  /// Datagram sockets, a frame in each datagram, as QEMU's `-netdev dgram` has them.
  case datagram(local: Endpoint, remote: Endpoint)
  /// The other end of a wire that begins at another interface of the plan, or at this one.
  case loop(String)

  /// A network device by its name, and the network namespace that it is in; `nil` for this one.
  public struct Device: Sendable, Hashable {
    /// Its name, of at most 15 bytes.
    public var name: String
    /// A namespace's name under `/run/netns`, as `ip netns` makes them.
    public var namespace: String?
  }

  /// Where a socket is.
  public enum Endpoint: Sendable, Hashable {
    /// A Unix socket's path.
    case path(String)
    /// A host's name or address, and a port.
    case host(String, UInt16)
  }

  /// Why a text is no address: one sentence without a full stop.
  public struct Fault: Error, Sendable, Hashable {
    /// The sentence.
    public let reason: String
  }

  /// How lines are written, for help and for errors.
  public static let forms = [
    "tap:NAME[@NETNS]", "packet:NAME[@NETNS]", "xdp:NAME[@NETNS]", "stream:ADDRESS",
    "stream-server:ADDRESS",
    "dgram:LOCAL,REMOTE", "loop:INTERFACE",
  ]

  /// Reads what stands behind `interface=`: one of ``forms``, or a capture's path.
  ///
  /// - Parameter text: The text; a path that looks like a line may begin with `./`.
  /// - Throws: ``Fault`` with what is wrong and what would be right.
  public init(_ text: String) throws(Fault) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].contains("/") else {
      self = .capture(text)
      return
    }
    let rest = String(parts[1])
    switch parts[0] {
    case "tap": self = .tap(try Device(rest))
    case "packet": self = .packet(try Device(rest))
    case "xdp": self = .xdp(try Device(rest))
    case "stream": self = .stream(try Endpoint(rest), isServer: false)
    case "stream-server": self = .stream(try Endpoint(rest), isServer: true)
    case "dgram":
      let ends = rest.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      guard ends.count == 2 else {
        throw Fault(reason: "dgram wants two addresses, its own and its peer's: dgram:LOCAL,REMOTE")
      }
      let (local, remote) = (try Endpoint(ends[0]), try Endpoint(ends[1]))
      guard local.isPath == remote.isPath else {
        throw Fault(reason: "\(ends[0]) and \(ends[1]) are of two kinds: a path and a host")
      }
      guard local != remote else { throw Fault(reason: "\(ends[0]) would be its own peer") }
      self = .datagram(local: local, remote: remote)
    case "loop":
      guard !rest.isEmpty else { throw Fault(reason: "loop wants an interface: loop:INTERFACE") }
      self = .loop(rest)
    default:
      guard access(text, F_OK) == 0 else {
        throw Fault(
          reason: "there is no file \(text), and lines are written "
            + Self.forms.joined(separator: ", "))
      }
      self = .capture(text)
    }
  }
}

extension PortAddress: CustomStringConvertible {
  /// The text that gives this address.
  public var description: String {
    switch self {
    case .capture(let path): path
    case .tap(let device): "tap:\(device)"
    case .packet(let device): "packet:\(device)"
    case .xdp(let device): "xdp:\(device)"
    case .stream(let endpoint, let isServer): "\(isServer ? "stream-server" : "stream"):\(endpoint)"
    case .datagram(let local, let remote): "dgram:\(local),\(remote)"
    case .loop(let interface): "loop:\(interface)"
    }
  }
}

extension PortAddress.Device: CustomStringConvertible {
  /// `NAME` or `NAME@NETNS`.
  public var description: String { namespace.map { "\(name)@\($0)" } ?? name }

  fileprivate init(_ text: String) throws(PortAddress.Fault) {
    let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts[0])
    // Linux 6.1, `net/core/dev.c`, `dev_valid_name`; a percent sign would have the kernel choose.
    guard (1...15).contains(name.utf8.count), name != ".", name != "..",
      name.utf8.allSatisfy({ $0 > 32 && $0 < 127 && ![37, 47, 58].contains($0) })
    else {
      throw PortAddress.Fault(
        reason: "'\(name)' names no network device: 1 to 15 letters, without / : % and spaces")
    }
    self.name = name
    namespace = parts.count == 2 ? String(parts[1]) : nil
    guard let namespace else { return }
    guard !namespace.isEmpty, !namespace.contains("/"), namespace != ".", namespace != ".." else {
      throw PortAddress.Fault(reason: "'\(namespace)' names no namespace of ip netns")
    }
  }
}

extension PortAddress.Endpoint: CustomStringConvertible {
  /// The path, or `HOST:PORT`.
  public var description: String {
    switch self {
    case .path(let path): path
    case .host(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
  }

  var isPath: Bool {
    if case .path = self { true } else { false }
  }

  /// The longest path of a Unix socket, without its zero (Linux 6.1, `include/uapi/linux/un.h`).
  static let longestPath = 107

  fileprivate init(_ text: String) throws(PortAddress.Fault) {
    if text.contains("/") {
      guard text.utf8.count <= Self.longestPath else {
        throw PortAddress.Fault(
          reason: "a socket's path has \(Self.longestPath) bytes at most, and \(text) has "
            + "\(text.utf8.count)")
      }
      self = .path(text)
      return
    }
    guard let colon = text.lastIndex(of: ":") else {
      throw PortAddress.Fault(
        reason: "'\(text)' is neither a path with a slash, such as ./net.sock, nor HOST:PORT")
    }
    var host = String(text[..<colon])
    guard let port = UInt16(text[text.index(after: colon)...]), port > 0, !host.isEmpty,
      host != "[]"
    else {
      throw PortAddress.Fault(reason: "'\(text)' is not HOST:PORT with a port from 1 to 65535")
    }
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = String(host.dropFirst().dropLast())
    } else if host.contains(":") {
      throw PortAddress.Fault(reason: "an IPv6 address stands in brackets: [\(host)]:\(port)")
    }
    self = .host(host, port)
  }
}
