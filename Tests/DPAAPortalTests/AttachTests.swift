import CPortalShims
import Glibc
import QorIQ
import Testing

@testable import DPAAPortal

/// How a guest's process comes to its regions.
@Suite(.timeLimit(.minutes(10))) struct AttachTests {
  private static let grant = GuestGrant(
    name: "guest1", portalCount: 1, enqueueRing: 8, dequeueRing: 16,
    pools: [.init(bpid: 2, base: 0x8000_0000, count: 4, size: 2048, stride: 2112)],
    paths: [], program: .sink, capture: nil)

  /// A host's end of a control socket, and the guest's.
  private final class Sockets {
    var host: Int32 = -1
    let guest: Int32

    init() throws {
      var pair: [Int32] = [-1, -1]
      try #require(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &pair) == 0)
      (host, guest) = (pair[0], pair[1])
    }

    func closeHost() {
      if host >= 0 { close(host) }
      host = -1
    }

    deinit {
      closeHost()
      close(guest)
    }

    /// Sends a message with a region of each size.
    func send(_ message: [UInt8], regions: [Int]) throws {
      var descriptors: [Int32] = []
      for size in regions {
        let descriptor = memfd_create("dpaac-test", UInt32(MFD_CLOEXEC))
        try #require(ftruncate(descriptor, size) == 0)
        descriptors.append(descriptor)
      }
      #expect(ControlSocket.send(message, descriptors: descriptors, over: host))
      for descriptor in descriptors { close(descriptor) }
    }
  }

  /// The regions of the grant: portals, status page, pool; then an interrupt.
  private static let regions = [0xa000, 4096, 4 * 2112, 0]

  @Test func `a guest maps what the host sends, and hears its requests`() throws {
    let sockets = try Sockets()
    try sockets.send(Self.grant.message, regions: Self.regions)
    let session = try GuestSession.attach(control: sockets.guest)
    #expect(session.grant == Self.grant)
    let count = session.portals.count
    #expect(count == 1)
    session.report(.quiet)
    #expect(session.status.counter(GuestStatus.state) == 2)
    var request = session.takeRequest()
    #expect(request == .none)
    #expect(ControlSocket.send([1], descriptors: [], over: sockets.host))
    request = session.takeRequest()
    #expect(request == .drain)
    sockets.closeHost()
    request = session.takeRequest()
    #expect(request == .end)
  }

  @Test func `a message that is no grant is refused`() throws {
    let sockets = try Sockets()
    try sockets.send([1, 2, 3], regions: Self.regions)
    #expect(throws: GuestError.badGrant) {
      _ = try GuestSession.attach(control: sockets.guest)
    }
  }

  @Test(arguments: [0, 1, 3, 5])
  func `another number of regions than the grant's is refused`(count: Int) throws {
    let sockets = try Sockets()
    try sockets.send(
      Self.grant.message, regions: Array((Self.regions + [0]).prefix(count)))
    #expect(throws: GuestError.missingDescriptors(expected: 4, received: count)) {
      _ = try GuestSession.attach(control: sockets.guest)
    }
  }

  @Test(arguments: zip(0..<3, ["portal", "status", "pool 2"]))
  func `a region that is too small is refused by name`(place: Int, name: String) throws {
    let sockets = try Sockets()
    var regions = Self.regions
    regions[place] -= 1
    try sockets.send(Self.grant.message, regions: regions)
    #expect(throws: GuestError.badRegion(name)) {
      _ = try GuestSession.attach(control: sockets.guest)
    }
  }

  @Test func `without a host at the other end there is no session`() throws {
    let sockets = try Sockets()
    sockets.closeHost()
    #expect(throws: GuestError.noControlSocket) {
      _ = try GuestSession.attach(control: sockets.guest)
    }
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(null) }
    #expect(throws: GuestError.noControlSocket) { _ = try GuestSession.attach(control: null) }
    #expect(throws: GuestError.noControlSocket) { _ = try GuestSession.attach(control: -1) }
  }
}
