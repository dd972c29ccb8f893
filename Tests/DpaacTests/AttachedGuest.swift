import Foundation
import TestSupport
import Testing

/// A guest in QEMU whose portals `dpaac attach` serves: its memory, its doorbell, its interrupts.
final class AttachedGuest {
  /// What makes QEMU's guest one that is served.
  let emulatorArguments: [String]
  private let server = Process()
  private let output: String
  private let relay: InterruptRelay

  /// Starts `dpaac attach` and waits until it serves `guest1` of a plan, whose launch script is in the
  /// directory.
  init(plan: String, in directory: TemporaryDirectory, at base: Int) throws {
    let script = try String(contentsOfFile: "\(directory.path)/guest1.sh", encoding: .utf8)
    let size = try #require(script.firstMatch(of: /-m ([0-9]+)M/)?.output.1)
    let memory = try directory.write("memory", Data())
    try FileHandle(forUpdating: URL(fileURLWithPath: memory))
      .truncate(atOffset: UInt64(try #require(Int(size)) << 20))
    let doorbell = "\(directory.path)/doorbell"
    output = try directory.write("attach", Data())

    server.executableURL = URL(fileURLWithPath: Dpaac.tool.name)
    server.arguments = [
      "attach", plan, "--guest", "guest1", "--memory", memory, "--at", String(base),
      "--doorbell", doorbell,
    ]
    server.standardOutput = FileHandle(forWritingAtPath: output)
    server.standardError = server.standardOutput
    relay = try InterruptRelay(memory: memory, at: base, pipe: "\(directory.path)/qtest")
    emulatorArguments = [
      "-machine", "memory-backend=ram0",
      "-object", "memory-backend-file,id=ram0,size=\(size)M,mem-path=\(memory),share=on",
      "-plugin",
      "\(try #require(GuestKernel.plugin)),doorbell=\(doorbell),base=\(base),size=0x403000",
      "-qtest", "pipe:\(directory.path)/qtest", "-qtest-log", "/dev/null",
    ]
    try server.run()
    while !log.split(separator: "\n").contains(where: { $0.hasPrefix("ready guest1 ") }) {
      try #require(server.isRunning, "\(log)")
      usleep(10_000)
    }
  }

  /// What the server has said.
  var log: String { (try? String(contentsOfFile: output, encoding: .utf8)) ?? "" }

  /// Ends the server as a user does, and checks that it has lost nothing.
  func end() throws {
    relay.stop()
    server.terminate()
    server.waitUntilExit()
    #expect(server.terminationStatus == 0, "\(log)")
    let counts = try #require(log.firstMatch(of: /enqueued ([0-9]+), dequeued ([0-9]+)/)?.output)
    #expect(counts.1 == counts.2, "\(log)")
    #expect(Int(counts.1) ?? 0 > 0, "\(log)")
  }

  /// Ends all at once.
  func stop() {
    relay.stop()
    guard server.isRunning else { return }
    kill(server.processIdentifier, SIGKILL)
    server.waitUntilExit()
  }
}

// SAFETY: the mapping is never removed, and only the relay's own thread reads it; the flag is a lock's.
/// Raises QEMU's interrupt lines as the status of QMan's portals says, as a wire would.
private final class InterruptRelay: @unchecked Sendable {
  private let window: UnsafeRawPointer
  private let commands: FileHandle
  /// Held open; QEMU's answers are short and stay in the pipe.
  private let answers: FileHandle
  private let lock = NSLock()
  private var isStopped = false

  /// Opens both ends of a QEMU `pipe:` device, which QEMU finds when it starts.
  init(memory: String, at base: Int, pipe: String) throws {
    for end in ["in", "out"] { try #require(mkfifo("\(pipe).\(end)", 0o600) == 0) }
    // Open for both, lest opening waits for the other side.
    commands = try FileHandle(forUpdating: URL(fileURLWithPath: "\(pipe).in"))
    answers = try FileHandle(forUpdating: URL(fileURLWithPath: "\(pipe).out"))
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: memory))
    let mapping = mmap(nil, 0x40_3000, PROT_READ, MAP_SHARED, file.fileDescriptor, off_t(base))
    window = UnsafeRawPointer(try #require(mapping != MAP_FAILED ? mapping : nil))
    Thread.detachNewThread { self.run() }
  }

  func stop() { lock.withLock { isStopped = true } }

  private func run() {
    var isHigh = [Bool](repeating: false, count: 10)
    while !lock.withLock({ isStopped }) {
      for portal in isHigh.indices {
        // Status, enable and inhibit: Linux 6.1, `drivers/soc/fsl/qbman/qman.c`, `QM_REG_ISR` on.
        let registers = window + 0x30_0000 + 0x1000 * portal
        let word = { UInt32(bigEndian: registers.load(fromByteOffset: $0, as: UInt32.self)) }
        let wish = word(0xe00) & word(0xe04) != 0 && word(0xe0c) == 0
        guard wish != isHigh[portal] else { continue }
        isHigh[portal] = wish
        // Linux 6.1, `p4080si-post.dtsi` and `t4240si-post.dtsi`: a QMan portal's line is 104 + 2n.
        let line = "set_irq_in /machine/pic unnamed-gpio-in \(104 + 2 * portal) \(wish ? 1 : 0)\n"
        commands.write(Data(line.utf8))
      }
      usleep(100)
    }
  }
}
