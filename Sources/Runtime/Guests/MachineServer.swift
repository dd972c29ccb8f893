import DPAAPortal
import Glibc

/// The server of one machine's ivshmem device: its memory, its own doorbells and the engine's are all that the
/// machine hears of, so no machine knows another's (QEMU 7.2, `docs/specs/ivshmem-spec.txt`, section "Client-Server protocol").
///
/// All that a server says when QEMU connects is written at once, and QEMU, the only client, finds it in the
/// socket that it gets. A machine rings the engine only while that sleeps.
final class MachineServer: Sendable {
  /// Kept for the machine's life: QEMU forgets what it has not read when its peer closes (QEMU 7.2,
  /// `chardev/char-socket.c`, `tcp_chr_hup`).
  private let connection: Int32
  /// What interrupts the machine, by vector; none for a machine that polls.
  private let doorbells: [InterruptLine]

  /// The machine's number among its peers, beside the engine's.
  private static let number: Int64 = 1

  /// Opens a connection for a machine.
  ///
  /// - Parameters:
  ///   - name: Whose machine it is.
  ///   - region: Its memory.
  ///   - doorbells: What interrupts it, a vector each.
  ///   - bell: What wakes the engine; `nil` for an engine that never sleeps.
  /// - Returns: The server, and QEMU's end of the connection, which the caller closes.
  /// - Throws: ``EngineError`` for want of descriptors.
  static func open(
    _ name: String, _ region: SharedRegion, doorbells: [InterruptLine], bell: InterruptLine?
  ) throws(EngineError) -> (server: MachineServer, client: Int32) {
    let pair = try SocketPair(.stream, for: name)
    let server = MachineServer(connection: pair.ours, doorbells: doorbells)
    // What finds no room in the socket is an error, and nothing to wait for.
    _ = fcntl(pair.ours, F_SETFL, O_NONBLOCK)
    // The protocol's version, the machine's number, the memory, the engine's doorbell and the machine's.
    let greeting: [(word: Int64, descriptors: [Int32])] =
      [(0, []), (number, []), (-1, [region.descriptor])]
      + (bell.map { [(Int64(MachineWindow.engineNumber), [$0.guestDescriptor])] } ?? [])
      + doorbells.map { (number, [$0.guestDescriptor]) }
    for (word, descriptors) in greeting {
      let bytes = withUnsafeBytes(of: word.littleEndian) { Array($0) }
      guard ControlSocket.send(bytes, descriptors: descriptors, over: pair.ours) else {
        let error = errno
        close(pair.theirs)
        throw .guest(name, "its memory cannot be passed on: \(String(cString: strerror(error)))")
      }
    }
    return (server, pair.theirs)
  }

  private init(connection: Int32, doorbells: [InterruptLine]) {
    self.connection = connection
    self.doorbells = doorbells
  }

  deinit { close(connection) }

  /// Wakes the machine's program, so that it looks what the run wants of it; one that polls looks anyway.
  func wake() { doorbells.first?.end.raise() }

  /// Whether somebody in QEMU's place has filled a doorbell.
  var isStuck: Bool { doorbells.contains(where: \.isStuck) }

  /// Forgets what a machine that is gone has not heard, and lets an engine go on that waits at its doorbells.
  func clear() { doorbells.forEach { $0.clear() } }
}
