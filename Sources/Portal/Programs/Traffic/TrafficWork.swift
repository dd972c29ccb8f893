import QorIQ

// SAFETY: `security` and `patterns` hold a queue if `kind` says so, and never both. Never deinitialized: a queue that
// could not be closed holds a buffer, which ends with the guest.
/// A queue into an accelerator, of a guest that is measured.
struct TrafficWork: ~Copyable {
  private var kind: GuestGrant.AcceleratorPair.Kind?
  private let security = UnsafeMutablePointer<SecurityQueue>.allocate(capacity: 1)
  private let patterns = UnsafeMutablePointer<PatternQueue>.allocate(capacity: 1)
  /// How many frames are on their way.
  var underWay = 0

  deinit {
    security.deallocate()
    patterns.deallocate()
  }

  /// Whether a queue is in service.
  var isOpen: Bool { kind != nil }

  /// The queue for frames, and that of answers, while one is in service.
  var queues: (request: FQID, response: FQID)? {
    switch kind {
    case .none: nil
    case .security: (security.pointee.request, security.pointee.response)
    case .patterns: (patterns.pointee.request, patterns.pointee.response)
    }
  }

  /// Puts the first pair into an accelerator into service, unless it is; another one's has to be empty first.
  ///
  /// - Returns: Whether it is in service.
  mutating func open(
    _ wanted: GuestGrant.AcceleratorPair.Kind, _ session: inout GuestSession, from pool: BPID
  ) -> Bool {
    if kind == wanted { return true }
    guard close(&session), let pair = session.grant.accelerators.first(where: { $0.kind == wanted })
    else { return false }
    underWay = 0
    switch wanted {
    case .security:
      guard let queue = session.portals[0].open(pair, TrafficOrder.tunnel(pool), from: pool) else {
        return false
      }
      security.initialize(to: queue)
    case .patterns:
      guard let queue = session.portals[0].openDirect(pair) else { return false }
      patterns.initialize(to: queue)
    }
    kind = wanted
    return true
  }

  /// Takes the queue out of service, if there is one; `false` while the accelerator is at work on its frames.
  mutating func close(_ session: inout GuestSession) -> Bool {
    switch kind {
    case .none: break
    case .security:
      if let queue = session.portals[0].close(security.move()) {
        security.initialize(to: queue)
        return false
      }
    case .patterns:
      if let queue = session.portals[0].close(patterns.move()) {
        patterns.initialize(to: queue)
        return false
      }
    }
    kind = nil
    return true
  }
}

extension TrafficOrder {
  /// The key of the tunnel that SEC puts packets into, AES-128-GCM, which is no secret.
  public static let key = [UInt8](repeating: 0x2b, count: 16)

  /// The set of patterns that PME looks for.
  public static let patternSet: UInt8 = 1

  /// What SEC does: ESP in a tunnel from 192.0.2.1 to 198.51.100.1 (RFC 5737's addresses).
  static func tunnel(_ pool: BPID) -> SharedDescriptor {
    SharedDescriptor(
      encapsulating: .gcm(key: key, salt: 1), spi: 0x1001,
      outerHeader: [0x45, 0, 0, 0, 0, 1, 0, 0, 64, 50, 0, 0, 192, 0, 2, 1, 198, 51, 100, 1],
      outputPool: pool)
  }

  /// Writes what accelerators work on behind a frame's headers: the text of a request, again and again.
  public static func fillText(_ frame: UnsafeMutableRawBufferPointer) {
    let text = Array(
      "GET /shop/item/4711 HTTP/1.1\r\nHost: www.example.com\r\nAccept: text/html\r\nCookie: id=8f2c\r\n\r\n"
        .utf8)
    for index in frame.indices.dropFirst(42) { frame[index] = text[(index - 42) % text.count] }
  }
}
