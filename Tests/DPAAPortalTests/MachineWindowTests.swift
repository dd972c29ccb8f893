import Glibc
import QorIQ
import Testing

@testable import DPAAPortal

/// What a virtual machine finds in its shared memory.
@Suite struct MachineWindowTests {
  private static let grant = GuestGrant(
    name: "guest1", portalCount: 2, enqueueRing: 8, dequeueRing: 16,
    pools: [
      .init(bpid: 2, base: 0x8000_0000, count: 4, size: 2048, stride: 2112),
      .init(bpid: 3, base: 0x9000_0000, count: 600, size: 4096, stride: 4160),
    ],
    paths: [], program: .sink, capture: nil)

  /// A window in this process's own memory.
  private final class Window {
    let memory: UnsafeMutableRawPointer
    let size: Int

    init(_ size: Int) {
      self.size = size
      memory = .allocate(byteCount: size, alignment: 4096)
      memory.initializeMemory(as: UInt8.self, repeating: 0, count: size)
    }
    deinit { memory.deallocate() }

    /// As a machine sees it that polls.
    var device: SharedMemoryDevice { SharedMemoryDevice(memory: memory, size: size) }
  }

  @Test func `everything begins on a page of its own, in a power of two`() {
    let places = MachineWindow(Self.grant)
    let portals = PortalWindow(portalCount: 2).size
    let runs = [
      (0, MachineWindow.page + MachineWindow.longestGrant), (places.status, GuestStatus.size),
      (places.portals, portals), (places.pools[0], 4 * 2112), (places.pools[1], 600 * 4160),
    ].sorted { $0.0 < $1.0 }
    for (run, next) in zip(runs, runs.dropFirst()) {
      #expect(run.0 % 4096 == 0 && run.0 + run.1 <= next.0)
    }
    #expect((runs.last.map { $0.0 + $0.1 } ?? .max) <= places.size)
    #expect(places.size.nonzeroBitCount == 1)
  }

  @Test func `a guest finds its grant and regions, and hears what the host wants`() throws {
    let places = MachineWindow(Self.grant)
    let window = Window(places.size)
    #expect(places.describe(Self.grant, in: window.memory))
    let session = try GuestSession.attach(window: window.device)
    #expect(session.grant == Self.grant)
    session.report(.quiet)
    #expect(window.memory.counter(places.status + GuestStatus.state) == 2)
    for (wish, expected) in [
      (MachineWindow.Wish.run.rawValue, GuestSession.Request.none), (1, .drain), (2, .end),
      (77, .end),
    ] {
      window.memory.setCounter(MachineWindow.Word.wish, wish)
      let request = session.takeRequest()
      #expect(request == expected)
    }
    session.host.noteEnding(3)
    #expect(window.memory.counter(MachineWindow.Word.ending) == 4)
  }

  @Test func `a window that was not made by this version is refused`() throws {
    let places = MachineWindow(Self.grant)
    let window = Window(places.size)
    #expect(throws: GuestError.badGrant) {
      _ = try GuestSession.attach(window: window.device)
    }
    #expect(places.describe(Self.grant, in: window.memory))
    #expect(throws: GuestError.badRegion("machine's")) {
      _ = try GuestSession.attach(
        window: SharedMemoryDevice(memory: window.memory, size: window.size / 2))
    }
    window.memory.setCounter(MachineWindow.Word.grantLength, .max)
    #expect(throws: GuestError.badGrant) {
      _ = try GuestSession.attach(window: window.device)
    }
    var long = Self.grant
    long.name = String(repeating: "x", count: MachineWindow.longestGrant)
    #expect(!places.describe(long, in: window.memory))
  }

  @Test func `a guest rings an engine that sleeps, wherever its register lies, and no other`()
    throws
  {
    var template = Array("/tmp/dpaac-pci-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    let root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer {
      for name in ["resource", "resource0"] { unlink("\(root)/\(name)") }
      rmdir(root)
    }
    // Registers of 256 bytes need not begin on a page.
    for (name, bytes) in [
      ("resource", Array("0x00000000febf1300 0x00000000febf13ff 0x0000000000040200\n".utf8)),
      ("resource0", [UInt8](repeating: 0xff, count: 4096)),
    ] {
      let file = open("\(root)/\(name)", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
      try #require(write(file, bytes, bytes.count) == bytes.count)
      close(file)
    }
    let window = Window(MachineWindow.page)
    let bell = EngineBell(window: window.memory, register: SharedMemoryDevice.mapBell(at: root))
    func registers() throws -> [UInt8] {
      let file = open("\(root)/resource0", O_RDONLY | O_CLOEXEC)
      defer { close(file) }
      var bytes = [UInt8](repeating: 0, count: 4096)
      try #require(read(file, &bytes, 4096) == 4096)
      return bytes
    }
    bell.ring()
    #expect(try registers().allSatisfy { $0 == 0xff })
    window.memory.setCounter(MachineWindow.Word.asleep, 1)
    bell.ring()
    let zeros = try registers().indices(of: 0)
    #expect(Array(zeros.ranges) == [0x30c..<0x310], "peer 0, vector 0")
    #expect(SharedMemoryDevice.mapBell(at: "\(root)/nothing") == .none)
  }

  @Test func `the device is found among those that the kernel shows, by its window`() throws {
    var template = Array("/tmp/dpaac-pci-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    let root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    func write(_ name: String, _ bytes: [UInt8], size: Int? = nil) throws {
      let file = open("\(root)/\(name)", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
      try #require(file >= 0)
      defer { close(file) }
      try #require(Glibc.write(file, bytes, bytes.count) == bytes.count)
      if let size { try #require(ftruncate(file, size) == 0) }
    }
    func add(_ device: String, vendor: String, number: String, window: Int?) throws {
      try #require(mkdir("\(root)/\(device)", 0o700) == 0)
      try write("\(device)/vendor", Array("\(vendor)\n".utf8))
      try write("\(device)/device", Array("\(number)\n".utf8))
      if let window { try write("\(device)/resource2", [0], size: window) }
    }
    let places = MachineWindow(Self.grant)
    try add("0000:00:00.0", vendor: "0x8086", number: "0x29c0", window: places.size)
    // QEMU's, but somebody else's.
    try add("0000:00:01.0", vendor: "0x1af4", number: "0x1110", window: places.size)
    try add("0000:00:02.0", vendor: "0x1af4", number: "0x1110", window: 4096)
    try add("0000:00:03.0", vendor: "0x1af4", number: "0x1110", window: nil)
    #expect(SharedMemoryDevice.find(in: root) == nil)
    #expect(SharedMemoryDevice.find(in: "\(root)/nothing") == nil)
    try add("0000:00:04.0", vendor: "0x1af4", number: "0x1110", window: places.size)
    let window = Window(places.size)
    #expect(places.describe(Self.grant, in: window.memory))
    let file = open("\(root)/0000:00:04.0/resource2", O_RDWR | O_CLOEXEC)
    try #require(pwrite(file, window.memory, 1 << 17, 0) == 1 << 17)
    close(file)
    let device = try #require(SharedMemoryDevice.find(in: root))
    #expect(device.size == places.size)
    let session = try GuestSession.attach(window: device)
    #expect(session.grant == Self.grant)
    session.wakeEngine()
    #expect(device.bell == .none, "it has no registers")
    // One that vfio-pci drives is found through vfio only, and here is none.
    let path = "\(root)/0000:00:04.0"
    try #require(symlink("../../drivers/vfio-pci", "\(path)/driver") == 0)
    #expect(SharedMemoryDevice.find(in: root, groups: root) == nil)
    try #require(symlink("../../groups/7", "\(path)/iommu_group") == 0)
    #expect(SharedMemoryDevice.find(in: root, groups: root) == nil)
    for device in 0...4 {
      for name in ["driver", "iommu_group", "vendor", "device", "resource2", ""] {
        let path = "\(root)/0000:00:0\(device).0/\(name)"
        if name.isEmpty { rmdir(path) } else { unlink(path) }
      }
    }
    #expect(rmdir(root) == 0)
  }
}
