/// The page in which a guest tells what it did: a state and counters that the guest alone writes.
///
/// They are the guest's word against the engine's: a run is conserved only when both agree.
public enum GuestStatus {
  /// Bytes of the page.
  public static let size = 4096
  /// Where the state lies.
  public static let state = 0

  /// What a guest says of itself.
  public enum State: UInt64, Sendable {
    /// Attached, not yet polling.
    case starting = 0
    /// Polling; a source has frames left to send.
    case running = 1
    /// Has nothing to send of its own accord; still answers.
    case quiet = 2
    /// Has ended by itself.
    case ended = 3
  }

  /// A counter of frames.
  public enum Counter: Int, Sendable, CaseIterable {
    /// Frames taken from dequeue rings.
    case received = 0
    /// Their bytes.
    case receivedBytes
    /// Frames put on enqueue rings.
    case sent
    /// Their bytes.
    case sentBytes
    /// Frames that came back as enqueue rejections.
    case rejected
    /// Frames that the guest took and whose buffers it gave back.
    case consumed
    /// Frames that the guest made itself and sent.
    case originated
    /// Buffers acquired by command.
    case acquired
    /// Buffers released over the release ring.
    case released
    /// A router's frames that went on.
    case forwarded
    /// Frames that a router answered: ARP, neighbour discovery, echo.
    case answered
    /// Questions for neighbours that a router sent.
    case asked
    /// Frames that a router let go for a reason: a hop limit that was used up, …
    case expired
    /// … no route, …
    case noRoute
    /// … a neighbour that did not answer, …
    case unresolved
    /// … headers that are none, …
    case malformed
    /// … a router's own address, …
    case local
    /// … and all that is not for a router.
    case ignored
    /// Probes that arrived with a number above all before.
    case probesInOrder
    /// Probes whose numbers were skipped and did not come later.
    case probesLost
    /// Probes that came after a later one.
    case probesLate
    /// Probes that came again.
    case probesTwice
    /// A router's frames that were longer than the way that leads on carries.
    case tooBig
    /// A filter's frames in which a pattern was found, or in whose flow one was: dropped, …
    case matched
    /// … counted only, …
    case noted
    /// … and sent elsewhere.
    case diverted
    /// A filter's frames that could not be looked through as they should.
    case unscanned
    /// Packets that SEC put into a gateway's tunnels.
    case sealed
    /// Packets that SEC took out of them, …
    case opened
    /// … that were not authentic, …
    case notAuthentic
    /// … that had been there before or were too old, …
    case replayed
    /// … of a tunnel that the gateway does not have, …
    case noTunnel
    /// … and those that SEC refused for another reason, such as a pool without buffers.
    case refused
    /// Packets that belong into a tunnel, or into no tunnel, and came otherwise.
    case unprotected
    /// How often the guest slept and was woken by an interrupt.
    case wakeUps

    /// Where the counter lies.
    @inlinable public var offset: Int { 64 + 8 * rawValue }
  }

  /// Where the counter of frames received on a path lies.
  @inlinable public static func received(path: Int) -> Int { 1024 + 16 * path }
  /// Where the counter of frames sent on a path lies.
  @inlinable public static func sent(path: Int) -> Int { 1032 + 16 * path }

  /// Tunnels of a gateway for which the page has counters.
  public static let tunnelLimit = 32

  /// A counter of one direction of a tunnel.
  public enum TunnelCounter: Int, Sendable, CaseIterable {
    /// Packets that SEC put into it, or took out of it.
    case packets = 0
    /// Packets that were not authentic.
    case notAuthentic
    /// Packets that had been there before or were too old.
    case replayed
    /// Packets that SEC refused for another reason, or could not be asked about.
    case refused

    /// Where the counter of a tunnel, by its place among the guest's, lies.
    @inlinable public func offset(tunnel: Int, into: Bool) -> Int {
      2048 + 64 * tunnel + (into ? 0 : 32) + 8 * rawValue
    }
  }
}

extension GuestStatus.Counter {
  /// The counters of built-in programs, and how reports call them.
  public static let programCounters: [(counter: GuestStatus.Counter, name: String)] = [
    (.forwarded, "forwarded"), (.answered, "answered"), (.asked, "asked"),
    (.expired, "expired"), (.noRoute, "without a route"), (.tooBig, "too big"),
    (.unresolved, "without a neighbour"),
    (.malformed, "malformed"), (.local, "for itself"), (.ignored, "ignored"),
    (.matched, "matched"), (.noted, "noted"), (.diverted, "diverted"), (.unscanned, "not scanned"),
    (.sealed, "into tunnels"), (.opened, "out of tunnels"), (.notAuthentic, "not authentic"),
    (.replayed, "replayed"), (.noTunnel, "without a tunnel"), (.refused, "refused by SEC"),
    (.unprotected, "unprotected"),
    (.probesInOrder, "probes in order"), (.probesLost, "probes lost"),
    (.probesLate, "probes late"), (.probesTwice, "probes twice"),
  ]
}
