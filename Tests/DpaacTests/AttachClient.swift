import Foundation
import TestSupport
import Testing

/// A driver of our own for `dpaac attach`: it knows the manual and `docs/attach.md`, talks bytes
/// through the file and the doorbell, and shares no code with the engine.
final class AttachClient {
  static let windowSize = 0x40_3000
  let window: UnsafeMutableRawPointer
  private let doorbell: UnsafeMutableRawPointer
  private let base: Int
  private let length: Int
  /// Whether stores are posted in the doorbell; if not, answers are waited for.
  var posts = true
  private var polarity: [Int: UInt8] = [:]
  private(set) var enqueued: [Int: Int] = [:]
  private var dequeued: [Int: Int] = [:]
  private var messages: [Int: Int] = [:]
  private var released: [Int: Int] = [:]

  init(
    memory: String, at base: Int, doorbell path: String, windowSize: Int = AttachClient.windowSize
  ) throws {
    func map(_ path: String, _ offset: Int, _ size: Int) throws -> UnsafeMutableRawPointer {
      let file = open(path, O_RDWR)
      defer { close(file) }
      let mapped = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, off_t(offset))
      return try #require(mapped != MAP_FAILED ? mapped : nil)
    }
    self.base = base
    length = windowSize
    window = try map(memory, base, windowSize)
    doorbell = try map(path, 0, 4096)
  }

  deinit {
    munmap(window, length)
    munmap(doorbell, 4096)
  }

  // MARK: Bytes

  static func big(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).reversed().map { UInt8(value >> UInt64(8 * $0) & 0xff) }
  }
  static func number(_ bytes: some Sequence<UInt8>) -> UInt64 {
    bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Whether the engine says that it serves.
  var isReady: Bool { Array(bytes(of: doorbell, 144, 4)) == [1, 0, 0, 0] }

  private func bytes(of memory: UnsafeMutableRawPointer, _ offset: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { (memory + offset + $0).load(as: UInt8.self) }
  }

  func load(_ offset: Int, _ count: Int = 64) -> [UInt8] { bytes(of: window, offset, count) }
  func register(_ offset: Int) -> UInt32 { UInt32(Self.number(load(offset, 4))) }

  /// Stores bytes, the first of them last, and posts the store.
  func store(_ offset: Int, _ bytes: [UInt8]) {
    if bytes.count == 4 {
      let word = UInt32(Self.number(bytes)).bigEndian
      (window + offset).storeBytes(of: word, as: UInt32.self)
    } else {
      for place in bytes.indices.reversed() {
        (window + offset).storeBytes(of: bytes[place], toByteOffset: place, as: UInt8.self)
      }
    }
    if posts { post(offset, bytes.count) }
  }
  func setRegister(_ offset: Int, _ value: UInt32) { store(offset, Self.big(UInt64(value), 4)) }

  private func post(_ offset: Int, _ count: Int) {
    let number = doorbell.load(as: UInt64.self) + 1
    doorbell.storeBytes(of: UInt64(base + offset), toByteOffset: 128, as: UInt64.self)
    doorbell.storeBytes(of: UInt32(count), toByteOffset: 136, as: UInt32.self)
    doorbell.storeBytes(of: 0, toByteOffset: 140, as: UInt32.self)
    doorbell.storeBytes(of: number, as: UInt64.self)
    wait { self.doorbell.load(fromByteOffset: 64, as: UInt64.self) == number || !self.isReady }
  }

  /// Waits until something is so; it is a failure when that takes very long.
  func wait(_ location: SourceLocation = #_sourceLocation, _ condition: () -> Bool) {
    for _ in 0..<100_000 {
      if condition() { return }
      usleep(100)
    }
    Issue.record("nothing came", sourceLocation: location)
  }

  // MARK: Portals

  static func qman(_ portal: Int) -> Int { 0x20_0000 + 0x4000 * portal }
  static func qmanRegisters(_ portal: Int) -> Int { 0x30_0000 + 0x1000 * portal }
  static func bman(_ portal: Int) -> Int { 0x4000 * portal }
  static func bmanRegisters(_ portal: Int) -> Int { 0x10_0000 + 0x1000 * portal }

  /// Brings a portal up as drivers do, also one that was in use: rings go on where they are.
  func bringUp(_ portal: Int) {
    let registers = Self.qmanRegisters(portal)
    setRegister(registers + 0x100, 0x0210_0000)
    setRegister(registers + 0x54, 0)
    setRegister(registers + 0x58, 0)
    setRegister(registers + 0x100, 0x02f2_00a0)
    // Index and polarity of the next entry; a ring's first lap has polarity 1.
    func next(_ offset: Int, _ size: UInt32) -> Int {
      let value = register(registers + offset)
      return Int(value & (size - 1)) + (value & size == 0 ? Int(size) : 0)
    }
    enqueued[portal] = next(0x00, 8)
    dequeued[portal] = next(0x40, 16)
    messages[portal] = next(0x80, 8)
    let qman = Self.qman(portal)
    let verbs = [load(qman + 0x3900, 1)[0], load(qman + 0x3940, 1)[0]]
    polarity[qman + 0x3800] = verbs == [0, 0] || verbs[0] != 0 ? 0x80 : 0
    setRegister(registers + 0xe0c, 0)
    let bman = Self.bman(portal)
    polarity[bman] = load(bman, 1)[0] & 0x80 != 0 ? 0 : 0x80
    let produced = register(Self.bmanRegisters(portal))
    released[portal] = Int(produced & 7) + (produced & 8 == 0 ? 8 : 0)
    setRegister(Self.bmanRegisters(portal) + 0x100, 2)
  }

  private func command(
    _ bytes: [UInt8], at offset: Int, _ response0: Int, _ response1: Int
  ) -> [UInt8] {
    let valid = polarity[offset] ?? 0x80
    var bytes = bytes
    bytes[0] |= valid
    let response = offset + (valid == 0 ? response0 : response1)
    store(offset, bytes)
    wait { self.load(response, 1)[0] & 0x7f != 0 }
    polarity[offset] = valid ^ 0x80
    return load(response)
  }

  /// Has QMan carry out a command; its response.
  func qmanCommand(_ bytes: [UInt8], on portal: Int) -> [UInt8] {
    command(bytes, at: Self.qman(portal) + 0x3800, 0x100, 0x140)
  }
  /// Has BMan carry out a command; its response.
  func bmanCommand(_ bytes: [UInt8], on portal: Int) -> [UInt8] {
    command(bytes, at: Self.bman(portal), 0x100, 0x140)
  }
  /// The result of a command about one queue.
  func alter(_ verb: UInt8, _ fqid: UInt32, on portal: Int) -> UInt8 {
    qmanCommand([verb, 0, 0, 0] + Self.big(UInt64(fqid), 4), on: portal)[1]
  }

  /// `INITFQ` with destination, control and context B; the result.
  func initialize(
    _ fqid: UInt32, on portal: Int, scheduled: Bool = false, channel: Int? = nil,
    control: UInt16 = 0, group: UInt8 = 0
  ) -> UInt8 {
    var bytes: [UInt8] = [scheduled ? 0x41 : 0x40, 0, 0, 0x72] + Self.big(UInt64(fqid), 4)
    bytes += [0, 0, 0, group] + Self.big(UInt64(control), 2)
    bytes += Self.big(UInt64((channel ?? portal) << 3 | 3), 2) + [0, 0, 0, 0]
    bytes += Self.big(UInt64(0xc0de_0000 | fqid), 4)
    return qmanCommand(bytes + [UInt8](repeating: 0, count: 40), on: portal)[1]
  }

  /// Puts an enqueue command with a descriptor on the ring.
  func enqueue(_ descriptor: [UInt8], to fqid: UInt32, tag: UInt32 = 0, on portal: Int) {
    let index = enqueued[portal, default: 0]
    let valid: UInt8 = index / 8 % 2 == 0 ? 0x80 : 0
    let line: [UInt8] =
      [1 | valid, 0, 0, 0, 0, 0, 0, 0] + Self.big(UInt64(fqid), 4) + Self.big(UInt64(tag), 4)
      + descriptor
    wait {
      let consumed = Int(self.register(Self.qmanRegisters(portal) + 4))
      return (index - consumed) & 7 < 7
    }
    store(Self.qman(portal) + 64 * (index % 8), line)
    enqueued[portal] = index + 1
  }

  /// A descriptor with a number in it.
  static func descriptor(_ number: UInt32, bpid: UInt8 = 0) -> [UInt8] {
    [0, bpid, 0] + big(UInt64(number) << 12 | 0xab_dead_0000, 5) + big(0x0000_0123, 4)
      + big(UInt64(number), 4)
  }

  /// The next entry of the dequeue ring, consumed; `nil` when there is none.
  func dequeue(on portal: Int) -> [UInt8]? {
    let index = dequeued[portal, default: 0]
    let line = load(Self.qman(portal) + 0x1000 + 64 * (index % 16))
    let valid: UInt8 = index / 16 % 2 == 0 ? 0x80 : 0
    guard line[0] & 0x7f != 0, line[0] & 0x80 == valid else { return nil }
    dequeued[portal] = index + 1
    setRegister(Self.qmanRegisters(portal) + 0x50, UInt32(index % 16))
    // Whoever does not post stores must not overwrite one that was not seen.
    wait { self.register(Self.qmanRegisters(portal) + 0x44) == UInt32((index + 1) % 16) }
    return line
  }

  /// Asks for frames of one queue and takes what comes until the command has expired.
  func volatileDequeue(_ fqid: UInt32, frames: UInt32 = 0, on portal: Int) -> [[UInt8]] {
    setRegister(Self.qmanRegisters(portal) + 0x58, frames << 24 | fqid)
    var entries: [[UInt8]] = []
    wait {
      while let entry = self.dequeue(on: portal) { entries.append(entry) }
      return entries.last.map { $0[1] & 1 != 0 } ?? false
    }
    return entries
  }

  /// The next message, consumed; `nil` when there is none.
  func message(on portal: Int) -> [UInt8]? {
    let index = messages[portal, default: 0]
    let line = load(Self.qman(portal) + 0x2000 + 64 * (index % 8))
    let valid: UInt8 = index / 8 % 2 == 0 ? 0x80 : 0
    guard line[0] & 0x7f != 0, line[0] & 0x80 == valid else { return nil }
    messages[portal] = index + 1
    setRegister(Self.qmanRegisters(portal) + 0x84, UInt32((index + 1) % 8))
    return line
  }

  /// Releases buffers of one pool.
  func release(_ addresses: [UInt64], to pool: UInt8, on portal: Int) {
    let index = released[portal, default: 0]
    var line = addresses.flatMap { address -> [UInt8] in [0, pool] + Self.big(address, 6) }
    line[0] = 0x20 | UInt8(addresses.count) | (index / 8 % 2 == 0 ? 0x80 : 0)
    wait {
      let consumed = Int(self.register(Self.bmanRegisters(portal) + 4))
      return (index - consumed) & 7 < 7
    }
    store(Self.bman(portal) + 0x1000 + 64 * (index % 8), line)
    released[portal] = index + 1
  }

  /// Acquires buffers; none when there are fewer.
  func acquire(_ count: UInt8, from pool: UInt8, on portal: Int) -> [UInt64] {
    let response = bmanCommand([0x10 | count, pool], on: portal)
    return (0..<Int(response[0] & 0xf)).map {
      Self.number(response[(8 * $0 + 2)..<(8 * $0 + 8)])
    }
  }
}

/// A `dpaac attach` that runs beside the test.
final class AttachProcess {
  static let offset = 0x10_0000
  let directory: TemporaryDirectory
  let process: ChildProcess
  var memory: String { "\(directory.path)/memory" }
  var doorbell: String { "\(directory.path)/doorbell" }
  private var output: String { "\(directory.path)/output" }
  private let windowSize: Int

  /// Starts it for a guest and waits until it says that it serves.
  init(
    _ plan: String = Dpaac.p4080Example, guest: String = "guest1", interrupts: String = "none",
    windowSize: Int = AttachClient.windowSize, arguments: [String] = []
  ) throws {
    directory = try TemporaryDirectory()
    self.windowSize = windowSize
    truncate(try directory.write("memory", Data()), off_t(Self.offset + windowSize))
    try directory.write("output", Data())
    process = try ChildProcess(
      Dpaac.tool.name,
      [
        "attach", plan, "--guest", guest, "--memory", "\(directory.path)/memory", "--at",
        "0x\(String(Self.offset, radix: 16))", "--doorbell", "\(directory.path)/doorbell",
        "--interrupts", interrupts,
      ] + arguments, output: FileHandle(forWritingAtPath: "\(directory.path)/output"),
      errors: .standardError)
    try awaitLines("ready", 1)
  }

  deinit {
    process.stop()
    directory.remove()
  }

  /// What it has said.
  var lines: [Substring] {
    ((try? String(contentsOfFile: output, encoding: .utf8)) ?? "").split(separator: "\n")
  }

  /// Waits until it has said so many lines that begin with a word.
  func awaitLines(_ word: String, _ count: Int) throws {
    let deadline = ContinuousClock.now + .seconds(120)
    while lines.count(where: { $0.hasPrefix(word) }) < count {
      try #require(process.isRunning, "it ended early: \(lines)")
      try #require(ContinuousClock.now < deadline, "it said no more than \(lines)")
      usleep(2000)
    }
  }

  func client() throws -> AttachClient {
    try AttachClient(
      memory: memory, at: Self.offset, doorbell: doorbell, windowSize: windowSize)
  }

  /// Ends it as a service manager would; its exit code.
  func end() -> Int32 {
    process.terminate()
    process.waitUntilExit()
    return process.hasExited ? process.terminationStatus : -1
  }
}

/// A Unix socket on which a test listens for lines.
final class LineListener {
  let path: String
  private let directory: TemporaryDirectory
  private let listener: Int32
  private var connection: Int32 = -1
  private var bytes: [UInt8] = []

  init() throws {
    directory = try TemporaryDirectory()
    path = "\(directory.path)/s"
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    // What does not come fails a test, and does not hang it.
    var patience = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(
      listener, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(result == 0 && listen(listener, 1) == 0)
  }

  deinit {
    disconnect()
    close(listener)
    directory.remove()
  }

  func disconnect() {
    if connection >= 0 { close(connection) }
    connection = -1
    bytes = []
  }

  /// The next line, answered with OK if wanted; `nil` when the other side has gone.
  func nextLine(answer: Bool) -> String? {
    if connection < 0 {
      connection = accept(listener, nil, nil)
      var patience = timeval(tv_sec: 60, tv_usec: 0)
      setsockopt(
        connection, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }
    while true {
      if let end = bytes.firstIndex(of: 10) {
        let line = String(decoding: bytes[..<end], as: UTF8.self)
        bytes.removeSubrange(...end)
        if answer { _ = send(connection, "OK\n", 3, Int32(MSG_NOSIGNAL)) }
        return line
      }
      var more = [UInt8](repeating: 0, count: 256)
      let count = recv(connection, &more, more.count, 0)
      guard count > 0 else { return nil }
      bytes += more.prefix(count)
    }
  }
}
