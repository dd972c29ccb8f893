import CPortalShims
import Glibc

/// How a client hears of its portals' interrupts.
public enum InterruptRoute: Sendable, Hashable {
  /// It polls.
  case none
  /// QEMU's test protocol, on a socket where QEMU listens (`-qtest unix:PATH,server=on,wait=off`):
  /// each portal drives an input of the interrupt controller.
  case qtest(String)
  /// Lines of text, on a socket where the client listens.
  case socket(String)
}

/// Carries the levels of interrupt lines to a client that listens on a socket.
///
/// The socket may appear late, go away and come back: the relay tries again now and then, and says
/// all levels anew.
final class InterruptRelay {
  private let path: String
  /// Whether each message is answered, so that it can be waited for.
  private let isAnswered: Bool
  /// What says that a line is low, and that it is high.
  private let messages: [(low: [UInt8], high: [UInt8])]
  private var descriptor: Int32 = -1
  private var shown: [Bool]
  private var nextAttempt: UInt64 = 0
  private var nextLook: UInt64 = 0
  private var unanswered = 0

  private static let retryInterval: UInt64 = 100_000_000
  /// How long a store waits for QEMU to lower a line. If it does not, the guest is interrupted once
  /// more for nothing, which drivers bear.
  private static let patience: Int32 = 20

  /// A relay; `nil` for none. `lines` names each line's manager, place and input of QEMU's interrupt
  /// controller.
  init?(
    _ route: InterruptRoute, lines: [(manager: String, place: Int, input: UInt32)]
  ) {
    switch route {
    case .none: return nil
    case .qtest(let path):
      (self.path, isAnswered) = (path, true)
      messages = lines.map { line in
        let start = "set_irq_in /machine/pic unnamed-gpio-in \(line.input)"
        return (Array("\(start) 0\n".utf8), Array("\(start) 1\n".utf8))
      }
    case .socket(let path):
      (self.path, isAnswered) = (path, false)
      messages = lines.map { line in
        let start = "\(line.manager) \(line.place)"
        return (Array("\(start) 0\n".utf8), Array("\(start) 1\n".utf8))
      }
    }
    shown = lines.map { _ in false }
  }

  deinit { disconnect() }

  private func disconnect() {
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
    for index in shown.indices { shown[index] = false }
    unanswered = 0
  }

  /// Says which lines have changed.
  ///
  /// - Parameters:
  ///   - now: Nanoseconds.
  ///   - level: Whether a line is high.
  func update(now: UInt64, _ level: (Int) -> Bool) {
    if descriptor >= 0, now >= nextLook {
      nextLook = now &+ Self.retryInterval
      if hasEnded { disconnect() }
    }
    guard descriptor >= 0 || connect(now: now) else { return }
    if unanswered > 0 { takeAnswers(waiting: false) }
    var isLowered = false
    for index in shown.indices {
      let isHigh = level(index)
      guard isHigh != shown[index] else { continue }
      guard send(isHigh ? messages[index].high : messages[index].low) else {
        return disconnect()
      }
      shown[index] = isHigh
      if !isHigh { isLowered = true }
    }
    // A level that is still high when the guest ends its interrupt would interrupt it again.
    if isLowered { takeAnswers(waiting: true) }
  }

  /// Whether the other side has closed the connection.
  private var hasEnded: Bool {
    var event = pollfd(fd: descriptor, events: 0, revents: 0)
    return poll(&event, 1, 0) > 0
  }

  private func connect(now: UInt64) -> Bool {
    guard now >= nextAttempt else { return false }
    nextAttempt = now &+ Self.retryInterval
    guard let address = try? ControlSocketAddress(path) else { return false }
    // Whoever does not listen, or does not read, is one of several, and the others do not wait for him.
    let socket = ControlSocketAddress.socket(isWaiting: false)
    guard socket >= 0 else { return false }
    guard address.with({ Glibc.connect(socket, $0, $1) }) == 0 else {
      close(socket)
      return false
    }
    descriptor = socket
    return true
  }

  private func send(_ message: [UInt8]) -> Bool {
    guard
      Glibc.send(descriptor, message, message.count, Int32(MSG_NOSIGNAL))
        == message.count
    else { return false }
    if isAnswered { unanswered += 1 }
    return true
  }

  /// Reads answers, each a line; gives up waiting after a while.
  private func takeAnswers(waiting: Bool) {
    while isAnswered, unanswered > 0 {
      var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&event, 1, waiting ? Self.patience : 0) > 0 else { return }
      var bytes = [UInt8](repeating: 0, count: 512)
      let count = recv(descriptor, &bytes, bytes.count, 0)
      guard count > 0 else { return disconnect() }
      unanswered -= bytes.prefix(count).count { $0 == 10 }
    }
  }
}
