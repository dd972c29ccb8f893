import CPortalShims
import DPAAPortal
import Glibc
import Partitioning
import QorIQ

extension Stage {
  /// The name of the interface of ``wire(buffers:)``.
  static let wireName = "wire"

  /// One owner that an interface leads to.
  static func wire(buffers: UInt32) -> RuntimeConfiguration {
    var owner = pair(ring: 64, buffers: buffers).owners[0]
    let receive = QueueRange(first: 16, count: 1)
    owner.paths = [
      OwnerPath(
        name: wireName, isLink: false, receive: receive, channels: [0], transmit: transmit(0))
    ]
    let rule = FlowRule(
      conditions: [], owner: 0, receive: receive, spread: nil, storageProfile: 0)
    return RuntimeConfiguration(
      name: "wire", owners: [owner],
      interfaces: [
        SharedInterface(
          name: wireName, fman: 0, transmitChannel: 0x800, rules: [rule],
          delivery: .storageProfiles, replay: nil)
      ], links: [])
  }
}

/// A TAP device on an engine's port whose guest sends everything back, and a bare loop on the same device.
package struct TapKernel: ~Copyable {
  private let engine: Engine
  private var guest: GuestSession
  private let device: Int32
  private let feeder: PacketRing
  private let frame: [UInt8]
  private let buffer: UnsafeMutableRawPointer
  /// Frames that wait in the device at a time.
  package static let burst = 32

  /// Makes the device in the calling thread's namespace.
  package init(length: Int) throws {
    let name = "tap\(length)"
    let before = Self.devices
    let configuration = Stage.wire(buffers: 512)
    let engine = try Engine(
      configuration,
      options: EngineOptions(lines: [Stage.wireName: try PortAddress("tap:\(name)")]))
    engine.control.setInput(true)
    try NetworkDevice.bringUp(name)
    guard let device = Self.devices.first(where: { !before.contains($0) }) else {
      throw LineError("the device is not open")
    }
    guard case .packet(let kernelSide) = try PortAddress("packet:\(name)") else {
      throw LineError("no packet socket")
    }
    let feeder = try PacketRing(kernelSide)
    let guest = try engine.attach(owner: 0, isInline: true)
    self.engine = engine
    self.guest = guest
    self.device = device
    self.feeder = feeder
    frame = benchmarkFrame(length, to: 1, from: 2)
    buffer = .allocate(byteCount: 1 << 16, alignment: 64)
  }

  deinit {
    feeder.close()
    buffer.deallocate()
  }

  /// The descriptors of TAP devices that this process has open: the engine does not give its own away.
  private static var devices: [Int32] {
    (3..<1024).filter { descriptor in
      var path = [CChar](repeating: 0, count: 64)
      return readlink("/proc/self/fd/\(descriptor)", &path, 63) > 0
        && String(decoding: path.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
          == "/dev/net/tun"
    }
  }

  /// Has the kernel send a burst to the device, and forgets what came from it.
  package func feed() {
    frame.withUnsafeBytes { bytes in
      for _ in 0..<Self.burst { _ = feeder.transmit(bytes, now: 0) }
    }
    feeder.push()
    while feeder.peek() != nil { feeder.advance() }
  }

  /// Reads the burst and writes it back; how many frames.
  package func bare() -> Int {
    var done = 0
    while done < Self.burst {
      let count = read(device, buffer, 1 << 16)
      guard count > 0, write(device, buffer, count) == count else { break }
      done &+= 1
    }
    return done
  }

  /// The same through the engine and its guest.
  package mutating func port() -> Int {
    var done = 0
    var rounds = 0
    while done < Self.burst, rounds < 1000 {
      engine.round()
      done &+= Stage.echo(&guest, to: Stage.transmit(0))
      rounds &+= 1
    }
    // What the guest sent last.
    engine.round()
    return done
  }
}

/// A capture in memory that is played into an interface whose guest takes everything.
package struct ReplayKernel: ~Copyable {
  private let engine: Engine
  private var guest: GuestSession

  /// Prepares frames of a length; `path` is a file to write them to.
  package init(length: Int, path: String) throws {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw EngineError.file(path, errno) }
    do {
      var writer = CaptureWriter(descriptor: file)
      benchmarkFrame(length, to: 1, from: 2).withUnsafeBytes {
        for _ in 0..<1024 { writer.write($0, nanoseconds: 0) }
      }
      writer.flush()
    }
    let engine = try Engine(
      Stage.wire(buffers: 512),
      options: EngineOptions(replays: [Stage.wireName: path], repeats: .max))
    engine.control.setInput(true)
    let guest = try engine.attach(owner: 0, isInline: true)
    self.engine = engine
    self.guest = guest
  }

  /// Plays frames until the guest had so many.
  package mutating func run(_ frames: Int) -> Int {
    var done = 0
    var burst = Burst()
    while done < frames {
      engine.round()
      done &+= guest.portals[0].dequeue(into: &burst)
      while !burst.isEmpty, guest.portals[0].release(&burst) == 0 { engine.round() }
    }
    return done
  }
}

/// Two TAP devices on a Linux bridge: what goes into the one comes out of the other.
package struct BridgeKernel: ~Copyable {
  private let left: Int32
  private let right: Int32
  private let frame: [UInt8]
  private let buffer: UnsafeMutableRawPointer

  /// Makes devices and bridge in the calling thread's namespace.
  package init(length: Int) throws {
    let names = ["left\(length)", "right\(length)"]
    let taps = try ScratchNetwork.bridge(
      names.map { ($0, hasHeader: false) }, by: "bridge\(length)")
    let (left, right) = (taps[0], taps[1])
    let buffer = UnsafeMutableRawPointer.allocate(byteCount: 1 << 16, alignment: 64)
    // The bridge listens before it forwards, and then knows where the receiver is.
    let greeting = benchmarkFrame(60, to: 2, from: 1)
    let frame = benchmarkFrame(length, to: 1, from: 2)
    var isOpen = false
    for _ in 0..<400 where !isOpen {
      _ = greeting.withUnsafeBytes { write(right, $0.baseAddress, $0.count) }
      _ = frame.withUnsafeBytes { write(left, $0.baseAddress, $0.count) }
      usleep(100_000)
      while read(right, buffer, 1 << 16) == length { isOpen = true }
    }
    guard isOpen else { throw LineError("the bridge forwards nothing") }
    self.left = left
    self.right = right
    self.frame = frame
    self.buffer = buffer
  }

  deinit {
    close(left)
    close(right)
    buffer.deallocate()
  }

  /// Sends frames across; how many arrived.
  package func run(_ frames: Int) -> Int {
    var done = 0
    while done < frames {
      for _ in 0..<32 { _ = frame.withUnsafeBytes { write(left, $0.baseAddress, $0.count) } }
      var got = 0
      while read(right, buffer, 1 << 16) > 0 { got &+= 1 }
      guard got > 0 else { return done }
      done &+= got
    }
    return done
  }
}
