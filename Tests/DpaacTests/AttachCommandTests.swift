import Foundation
import TestSupport
import Testing

/// `dpaac attach` as a driver sees it that dpaac knows nothing of.
@Suite(.serialized, .timeLimit(.minutes(10))) struct AttachCommandTests {
  /// Frames through one queue: parked, dequeued by command; scheduled, dequeued by channel; retired.
  private func exercise(_ client: AttachClient, _ fqid: UInt32, on portal: Int) throws {
    try #require(client.initialize(fqid, on: portal) == 0xf0)
    for number in 0..<20 as Range<UInt32> {
      client.enqueue(AttachClient.descriptor(number), to: fqid, on: portal)
    }
    let first = client.volatileDequeue(fqid, frames: 5, on: portal)
    #expect(first.map { $0[1] } == [0x12, 0x12, 0x12, 0x12, 0x13])
    let rest = client.volatileDequeue(fqid, on: portal)
    #expect(rest.count == 15)
    #expect(rest.last?[1] == 0x93)
    for (number, entry) in (first + rest).enumerated() {
      #expect(AttachClient.number(entry[8..<12]) == UInt64(fqid))
      #expect(AttachClient.number(entry[12..<16]) == 0xc0de_0000 | UInt64(fqid))
      let frame = AttachClient.descriptor(UInt32(number))
      // But for the LIODN offset, which QMan stamps.
      #expect(Array(entry[19..<32]) == Array(frame[3...]))
    }
    #expect(client.alter(0x48, fqid, on: portal) == 0xf0)
    client.setRegister(AttachClient.qmanRegisters(portal) + 0x54, 0x31ab_8000)
    for number in 0..<10 as Range<UInt32> {
      client.enqueue(AttachClient.descriptor(number), to: fqid, on: portal)
    }
    var scheduled: [[UInt8]] = []
    client.wait {
      while let entry = client.dequeue(on: portal) { scheduled.append(entry) }
      return scheduled.count == 10
    }
    #expect(scheduled.map { AttachClient.number($0[28..<32]) } == Array(0..<10))
    #expect(scheduled.allSatisfy { $0[4] == 0xab && $0[1] & 0x13 == 0x10 })
    client.setRegister(AttachClient.qmanRegisters(portal) + 0x54, 0)
    #expect(client.alter(0x4a, fqid, on: portal) == 0xf0)
    let message = try #require(client.message(on: portal))
    #expect(message[0] & 0x7f == 0x22)
    #expect(AttachClient.number(message[8..<12]) == UInt64(fqid))
    #expect(client.alter(0x4b, fqid, on: portal) == 0xf0)
  }

  /// As many buffers as drivers' own tests use, in and out of a pool.
  private func exercisePool(_ client: AttachClient, _ pool: UInt8, on portal: Int) {
    let addresses = (0..<93).map { UInt64($0) &* 0xfedc_0123_4567 & 0xffff_ffff_ffff }
    for start in stride(from: 0, to: 93, by: 8) {
      client.release(Array(addresses[start..<min(93, start + 8)]), to: pool, on: portal)
    }
    let bit = 0x8000_0000 >> UInt32(pool)
    client.wait { client.register(0x40_2600 + 4 * Int(pool)) == 93 }
    let query = client.bmanCommand([0x40], on: portal)
    #expect(query[0] & 0x7f == 0x40)
    #expect(AttachClient.number(query[40..<44]) == UInt64(bit))
    var taken: [UInt64] = []
    for start in stride(from: 0, to: 93, by: 8) {
      taken += client.acquire(UInt8(min(8, 93 - start)), from: pool, on: portal)
    }
    #expect(taken.count == 93)
    #expect(Set(taken) == Set(addresses))
    #expect(client.acquire(1, from: pool, on: portal).isEmpty)
    client.wait { client.register(0x40_2600 + 4 * Int(pool)) == 0 }
  }

  @Test(arguments: [true, false])
  func `a driver brings portals up and uses them, again and again`(posts: Bool) throws {
    let server = try AttachProcess()
    for _ in 0..<3 {
      let client = try server.client()
      #expect(client.isReady)
      client.posts = posts
      for portal in [0, 1, 4, 5] {
        client.bringUp(portal)
        try exercise(client, UInt32(portal) + 1, on: portal)
        exercisePool(client, 0, on: portal)
      }
    }
    #expect(server.end() == 0)
    #expect(server.lines.last?.hasPrefix("end enqueued 360, dequeued 360, refused none") == true)
  }

  @Test func `queues and pools count within the partition, up to the quota`() throws {
    let server = try AttachProcess()
    let client = try server.client()
    client.bringUp(0)
    #expect(client.initialize(1, on: 0) == 0xf0)
    #expect(client.initialize(100, on: 0) == 0xf0)
    for fqid in [0, 101, 150, 0xff_ffff] as [UInt32] {
      #expect(client.initialize(fqid, on: 0) == 0xf1)
      #expect(client.alter(0x45, fqid, on: 0) == 0xf1)
    }
    client.enqueue(AttachClient.descriptor(7), to: 101, tag: 0x7a60, on: 0)
    var message: [UInt8]?
    client.wait {
      message = client.message(on: 0)
      return message != nil
    }
    let rejection = try #require(message)
    #expect(rejection[0] & 0x27 == 1)
    #expect(rejection[4] & 0xf0 == 0x20)
    #expect(AttachClient.number(rejection[12..<16]) == 0x7a60)
    client.release([0x1000], to: 0, on: 0)
    client.release([0x2000], to: 1, on: 0)
    client.release([0x3000], to: 2, on: 0)
    #expect(client.acquire(1, from: 0, on: 0) == [0x1000])
    #expect(client.acquire(1, from: 1, on: 0).isEmpty)
    #expect(client.acquire(1, from: 2, on: 0).isEmpty)
  }

  @Test func `a driver of the SDK finds the plan's own numbers`() throws {
    let server = try AttachProcess()
    let client = try server.client()
    client.bringUp(4)
    #expect(client.initialize(101, on: 4) == 0xf0)
    #expect(client.initialize(200, on: 4, channel: 5) == 0xf0)
    for fqid in [0, 1, 100, 201] as [UInt32] { #expect(client.initialize(fqid, on: 4) == 0xf1) }
    #expect(client.initialize(102, on: 4, channel: 3) == 0xf4)
    client.release([0x3000], to: 2, on: 4)
    client.release([0x1000], to: 0, on: 4)
    #expect(client.acquire(1, from: 2, on: 4) == [0x3000])
    #expect(client.acquire(1, from: 0, on: 4).isEmpty)
  }

  @Test func `the managers' registers are there`() throws {
    let server = try AttachProcess()
    let client = try server.client()
    // QMan 1.2 and BMan 1.0, as the board says.
    #expect(client.register(0x40_0bf8) == 0x102)
    #expect(client.register(0x40_2bf8) == 0x100)
    client.setRegister(0x40_0bf8, 0x301)
    #expect(client.register(0x40_0bf8) == 0x102)
    for (offset, value) in [(0xc00, 0), (0xc04, 0x7f80_0000), (0xc10, 0x8000_0015)] {
      client.setRegister(0x40_0000 + offset, UInt32(value))
      #expect(client.register(0x40_0000 + offset) == UInt32(value))
    }
    client.setRegister(0x40_0c30, 0x8000_0018)
    client.setRegister(0x40_0b04, 8)
    client.setRegister(0x40_0b08, 524_272)
    client.setRegister(0x40_0b00, 0x0100_0000)
    #expect(client.register(0x40_0b00) == 0xf000_0000)
    #expect(client.register(0x40_0400) == 524_280)
    client.setRegister(0x40_0b00, 0x0500_0000)
    #expect(client.register(0x40_0b00) == 0xff00_0000)
    // Errors stay until 1 is written to them.
    client.bringUp(0)
    #expect(client.qmanCommand([0x7e], on: 0)[1] == 0xff)
    #expect(client.register(0x40_0e00) & 0x7fff_ffff == 0x1_0000)
    client.setRegister(0x40_0e00, 0x1_0000)
    #expect(client.register(0x40_0e00) == 0)
    #expect(client.bmanCommand([0x7e], on: 0)[0] & 0x7f == 0x60)
    #expect(client.register(0x40_2e00) & 0x7fff_ffff == 0x10)
    client.setRegister(0x40_2e00, 0xffff_ffff)
    #expect(client.register(0x40_2e00) == 0)
  }

  @Test func `mistakes with queues have bits of their own in QMan's error register`() throws {
    let server = try AttachProcess()
    let client = try server.client()
    client.bringUp(4)
    #expect(client.register(0x40_0bfc) == 0)
    #expect(client.initialize(101, on: 4) == 0xf0)
    #expect(client.initialize(102, on: 4, scheduled: true) == 0xf0)
    func errors(_ act: () -> Void) -> UInt32 {
      client.setRegister(0x40_0e00, 0xffff_ffff)
      act()
      return client.register(0x40_0e00) & 0x7fff_ffff
    }
    func enqueue(to fqid: UInt32) {
      client.enqueue(AttachClient.descriptor(1), to: fqid, on: 4)
      client.wait { client.message(on: 4) != nil }
    }
    #expect(errors { enqueue(to: 201) } == 0x1)
    #expect(errors { enqueue(to: 103) } == 0x4)
    #expect(errors { _ = client.volatileDequeue(201, on: 4) } == 0x100)
    #expect(errors { _ = client.volatileDequeue(102, on: 4) } == 0x400)
    #expect(errors { _ = client.volatileDequeue(101, on: 4) } == 0)
    #expect(errors { _ = client.alter(0x4e, 101, on: 4) } == 0x2_0000)
    #expect(errors { _ = client.alter(0x4e, 102, on: 4) } == 0)
    #expect(errors { _ = client.qmanCommand([0x7e], on: 4) } == 0x1_0000)
  }

  @Test func `a pool's thresholds are its registers, and depletion is told`() throws {
    let listener = try LineListener()
    let server = try AttachProcess(interrupts: "socket:\(listener.path)")
    let client = try server.client()
    client.bringUp(4)
    let registers = AttachClient.bmanRegisters(4)
    client.release([0x1000, 0x2000, 0x3000, 0x4000], to: 2, on: 4)
    func depleted() -> UInt64 {
      AttachClient.number(client.bmanCommand([0x40], on: 4)[56..<64])
    }
    // Entered below 2 (mantissa 1, exponent 1), left above 3; pool 3 is another's.
    client.setRegister(0x40_2008, 0x101)
    client.setRegister(0x40_2208, 0x003)
    client.setRegister(0x40_200c, 0x1ff)
    #expect(depleted() == 0)
    client.setRegister(registers + 0x200, 0x3000_0000)
    client.setRegister(registers + 0xe0c, 0)
    client.setRegister(registers + 0xe04, 1)
    #expect(client.acquire(3, from: 2, on: 4).count == 3)
    #expect(listener.nextLine(answer: false) == "bman 4 1")
    #expect(client.register(registers + 0xe00) & 0x7fff_ffff == 1)
    #expect(depleted() == 0x2000_0000_0000_0000)
    client.setRegister(registers + 0xe00, 1)
    #expect(listener.nextLine(answer: false) == "bman 4 0")
    client.release([0x2000], to: 2, on: 4)
    client.release([0x3000], to: 2, on: 4)
    #expect(depleted() == 0x2000_0000_0000_0000, "3 is not above 3")
    // A mark that is lowered is looked at, too.
    client.setRegister(0x40_2208, 0x002)
    #expect(depleted() == 0)
    #expect(listener.nextLine(answer: false) == "bman 4 1")
    #expect(server.end() == 0)
  }

  @Test func `a buffer is free once`() throws {
    let server = try AttachProcess()
    let client = try server.client()
    client.bringUp(0)
    client.release([0x1000, 0x2000, 0x1000], to: 0, on: 0)
    client.release([0x2000], to: 0, on: 0)
    #expect(client.register(0x40_2600) == 2)
    #expect(Set(client.acquire(2, from: 0, on: 0)) == [0x1000, 0x2000])
    client.release([0x1000], to: 0, on: 0)
    #expect(client.acquire(2, from: 0, on: 0).isEmpty, "all or nothing")
    #expect(client.acquire(1, from: 0, on: 0) == [0x1000])
    #expect(server.end() == 0)
    #expect(server.lines.last?.hasSuffix("stray buffers 2") == true)
  }

  @Test(arguments: [0, 4096, AttachProcess.offset + 0x20_0000])
  func `a client that truncates its file does not end the engine`(size: Int) throws {
    let server = try AttachProcess()
    let client = try server.client()
    client.bringUp(0)
    try exercise(client, 1, on: 0)
    truncate(server.memory, off_t(size))
    try server.awaitLines("lost", 1)
    #expect(server.process.isRunning)
    truncate(server.memory, off_t(AttachProcess.offset + AttachClient.windowSize))
    try server.awaitLines("ready", 2)
    let next = try server.client()
    next.bringUp(0)
    try exercise(next, 1, on: 0)
    #expect(server.end() == 0)
    // What stands in for the cut file is no window that anybody is told of.
    let words = server.lines.compactMap { $0.split(separator: " ").first }
    #expect(words == ["ready", "lost", "ready", "end"])
  }

  @Test func `a doorbell or a memory that is replaced is found again`() throws {
    let server = try AttachProcess()
    truncate(server.doorbell, 0)
    try server.awaitLines("lost", 1)
    truncate(server.doorbell, 4096)
    try server.awaitLines("ready", 2)
    try FileManager.default.removeItem(atPath: server.memory)
    try server.awaitLines("lost", 2)
    try server.directory.write("memory", Data())
    truncate(server.memory, off_t(AttachProcess.offset + AttachClient.windowSize))
    try server.awaitLines("ready", 3)
    let client = try server.client()
    client.bringUp(0)
    try exercise(client, 1, on: 0)
    #expect(server.end() == 0)
  }

  @Test func `rubbish over the whole window does no harm, and zeros make all new`() throws {
    let server = try AttachProcess()
    let client = try server.client()
    let seed = UInt64.random(in: 0...UInt64.max)
    print("seed \(seed)")
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<6 {
      for _ in 0..<20_000 {
        let offset = Int.random(in: 0..<AttachClient.windowSize / 8, using: &generator) * 8
        client.window.storeBytes(
          of: UInt64.random(in: 0...UInt64.max, using: &generator), toByteOffset: offset,
          as: UInt64.self)
      }
      // Portals 0, 1, 4 and 5 in particular: rings and registers.
      for _ in 0..<2000 {
        let portal = try #require([0, 1, 4, 5].randomElement(using: &generator))
        let place = Int.random(in: 0..<0x400, using: &generator) * 4
        let start = try #require(
          [
            AttachClient.qman(portal), AttachClient.qman(portal) + 0x3000,
            AttachClient.qmanRegisters(portal), AttachClient.bman(portal),
            AttachClient.bman(portal) + 0x1000, AttachClient.bmanRegisters(portal),
          ].randomElement(using: &generator))
        client.setRegister(start + place, UInt32.random(in: 0...UInt32.max, using: &generator))
      }
    }
    #expect(server.process.isRunning)
    let readyBefore = server.lines.count { $0.hasPrefix("ready") }
    memset(client.window, 0, AttachClient.windowSize)
    try server.awaitLines("ready", readyBefore + 1)
    let next = try server.client()
    next.wait { next.register(0x40_2bf8) == 0x100 && next.register(0x20_0000 + 0x10_0080) == 8 }
    next.bringUp(0)
    try exercise(next, 1, on: 0)
    exercisePool(next, 0, on: 0)
    #expect(server.end() == 0)
  }

  @Test(arguments: ["socket", "qtest"])
  func `a portal's line goes up with an entry and down with its handling`(route: String) throws {
    let listener = try LineListener()
    let server = try AttachProcess(interrupts: "\(route):\(listener.path)")
    let client = try server.client()
    client.bringUp(4)
    let registers = AttachClient.qmanRegisters(4)
    client.setRegister(registers + 0xe04, 0x0002_0000)
    try #require(client.initialize(101, on: 4, scheduled: true) == 0xf0)
    client.setRegister(registers + 0x54, 0x21ab_8000)
    client.enqueue(AttachClient.descriptor(1), to: 101, on: 4)
    // Portal 4 of the P4080 has interrupt 112 (Linux 6.1, `qoriq-qman1-portals.dtsi`).
    let line = route == "socket" ? "qman 4" : "set_irq_in /machine/pic unnamed-gpio-in 112"
    #expect(listener.nextLine(answer: route == "qtest") == "\(line) 1")
    client.posts = false
    client.setRegister(registers + 0x50, 0)
    client.setRegister(registers + 0xe00, 0x0002_0000)
    #expect(listener.nextLine(answer: route == "qtest") == "\(line) 0")
    // Who comes back is told anew.
    client.enqueue(AttachClient.descriptor(2), to: 101, on: 4)
    #expect(listener.nextLine(answer: route == "qtest") == "\(line) 1")
    listener.disconnect()
    #expect(listener.nextLine(answer: route == "qtest") == "\(line) 1")
    #expect(server.end() == 0)
  }

  @Test func `asked to end, it says that nobody needs to wait any more`() throws {
    let server = try AttachProcess()
    let client = try server.client()
    #expect(client.isReady)
    #expect(server.end() == 0)
    #expect(!client.isReady)
  }

  @Test(arguments: [
    (["--guest", "guest7"], 64, "--guest guest7: the plan has host, guest1, guest2, guestN"),
    (["--at", "100"], 64, "--at"), (["--at", "-4096"], 64, "--at"),
    (["--at", "0x10"], 64, "--at"), (["--at", "9223372036854775807"], 64, "--at"),
    (["--interrupts", "often"], 64, "--interrupts"),
    (["--interrupts", "qtest"], 64, "--interrupts"),
    (["--memory", "/nowhere/ram"], 1, "/nowhere/ram: No such file or directory"),
    (["--memory", "/dev/null"], 1, "/dev/null: "),
    (["--at", "0x200000"], 1, "must be at least"),
    (["--doorbell", "/nowhere/bell"], 1, "/nowhere/bell: No such file or directory"),
  ])
  func `bad arguments are told`(replaced: [String], status: Int32, message: String) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let memory = try directory.write("memory", Data())
    truncate(memory, off_t(AttachClient.windowSize))
    var arguments = [
      "--guest": "guest1", "--memory": memory, "--at": "0",
      "--doorbell": "\(directory.path)/doorbell", "--interrupts": "none",
    ]
    arguments[replaced[0]] = replaced[1]
    let outcome = try Dpaac.tool.run(
      ["attach", Dpaac.p4080Example] + arguments.sorted { $0.key < $1.key }.map { "\($0)=\($1)" })
    #expect(outcome.status == status)
    #expect(outcome.errorText.contains(message), "\(outcome.errorText)")
  }
}
