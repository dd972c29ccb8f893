@testable import DPAAPortal
@testable import DPAARuntime
import Partitioning
import QorIQ

/// PME with one owner, in whose pool flow contexts, frames and reports lie; and the guest's own side of it.
final class PatternExercise {
  private static let base: UInt64 = 0x1000_0000
  private static let stride = 4096
  /// Buffers of the pool: contexts, input, output, and what nobody writes to.
  private static let count = 4
  /// What the bytes around a report are.
  private static let mark: UInt8 = 0xa5

  private let device: PatternMatcher
  private let memory: UnsafeMutableRawPointer
  private let pools = UnsafeMutablePointer<BufferPool>.allocate(capacity: 1)
  private let owners = UnsafeMutablePointer<EngineTables.OwnerEntry>.allocate(capacity: 1)
  private let pieces = UnsafeMutablePointer<AcceleratorJob.Piece>.allocate(capacity: 4)
  private let job = UnsafeMutablePointer<AcceleratorJob>.allocate(capacity: 1)
  private let mapped = UnsafeMutableBufferPointer<MappedPool>.allocate(capacity: 1)
  private var portal: Portal
  private var sum: UInt8 = 0

  init() {
    guard let device = try? Self.configuration().patternMatcher() else {
      preconditionFailure("no library for PME: nothing would be exercised")
    }
    self.device = device
    memory = .allocate(byteCount: Self.count * Self.stride, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: Self.count * Self.stride)
    let grant = GuestGrant.Pool(
      bpid: 1, base: Self.base, count: UInt32(Self.count), size: UInt32(Self.stride),
      stride: UInt32(Self.stride))
    let holders = UnsafeMutablePointer<UInt8>.allocate(capacity: Self.count)
    let freeList = UnsafeMutablePointer<UInt32>.allocate(capacity: Self.count)
    let fragments = UnsafeMutablePointer<Fragment>.allocate(capacity: Self.count)
    pools.initialize(
      to: BufferPool(
        grant, owner: 0, memory: memory, holders: holders, freeList: freeList,
        fragments: fragments))
    owners.initialize(
      to: EngineTables.OwnerEntry(
        firstPool: 0, poolCount: 1, firstPortal: 0, portalCount: 0, stamp: 0))
    mapped.initializeElement(at: 0, to: MappedPool(grant, memory: memory))
    let size = PortalWindow(portalCount: 1).size
    let region = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
    region.initializeMemory(as: UInt8.self, repeating: 0, count: size)
    let status = UnsafeMutableRawPointer.allocate(byteCount: GuestStatus.size, alignment: 4096)
    status.initializeMemory(as: UInt8.self, repeating: 0, count: GuestStatus.size)
    portal = Portal(
      region: region, index: 0,
      grant: GuestGrant(
        name: "guest", portalCount: 1, enqueueRing: 8, dequeueRing: 16, pools: [grant], paths: [],
        program: .sink, capture: nil),
      pools: mapped, status: status)
  }

  /// Two sets, one of them with patterns that overlap and repeat, and two queues.
  private static func configuration() -> RuntimeConfiguration {
    let texts = [["abc", "a.{0,9}c$", "^x[0-9]+", "(ab|ba){2,5}"], ["\\x00\\xff", "[^a]{3}"]]
    let sets = texts.enumerated().map { number, list in
      ScanPatternSet(
        number: UInt8(number), name: "set",
        patterns: list.enumerated().compactMap { tag, text in
          (try? PatternReader.read(text)).map {
            ScanPattern(
              tag: UInt32(tag), subsets: 1 << UInt16(tag), expression: $0.canonical)
          }
        })
    }
    let owner = Owner(
      name: "guest", isHost: true, cpus: [0], memory: AddressRange(base: base, size: 1 << 20),
      portals: [0], rings: .hardware, liodnOffset: 1, queues: [QueueRange(first: 1, count: 10)],
      pools: [], os: .bare, program: .sink, paths: [])
    var configuration = RuntimeConfiguration(
      name: "fuzz", owners: [owner], interfaces: [], links: [])
    configuration.queueing[0] = .init(accelerators: [
      AcceleratorUse(
        kind: .pme, mode: .poll, channel: 0x860, requests: [1, 2], responses: [3, 4], liodns: [],
        patternSets: sets)
    ])
    return configuration
  }

  /// Takes bytes as up to eight requests, one after the other, each with a flow context and a frame; and as the
  /// table of an answer.
  func run(_ bytes: UnsafeRawBufferPointer) {
    device.forget(owner: 0)
    _ = device.takeDebt(of: 1) + device.takeDebt(of: 2)
    reply(bytes)
    var rest = bytes[...]
    for _ in 0..<8 where rest.count >= 16 {
      let head = UnsafeRawBufferPointer(rebasing: rest.prefix(16))
      rest = rest.dropFirst(16)
      if head[4] & 1 != 0, rest.count >= FlowContext.size {
        let context = UnsafeRawBufferPointer(rebasing: rest.prefix(FlowContext.size))
        UnsafeMutableRawBufferPointer(start: memory + 32, count: FlowContext.size)
          .copyMemory(from: context)
        rest = rest.dropFirst(FlowContext.size)
      }
      let length = min(Int(head[8]) << 4 | Int(head[9]) & 15, rest.count)
      request(head, UnsafeRawBufferPointer(rebasing: rest.prefix(length)))
      rest = rest.dropFirst(length)
    }
  }

  private func request(_ head: UnsafeRawBufferPointer, _ data: UnsafeRawBufferPointer) {
    let input = memory + Self.stride
    let output = memory + 2 * Self.stride
    UnsafeMutableRawBufferPointer(start: input, count: data.count).copyMemory(from: data)
    UnsafeMutableRawBufferPointer(start: output, count: Self.stride)
      .initializeMemory(as: UInt8.self, repeating: Self.mark)
    let isCompound = head[4] & 2 != 0
    // Where the context is for certain, or anywhere.
    let odd = head.loadUnaligned(fromByteOffset: 10, as: UInt32.self)
    let address = head[4] & 4 != 0 ? Self.base &+ 32 : Self.base &- 64 &+ UInt64(odd & 0x7fff)
    let command = head.loadUnaligned(as: UInt32.self)
    job.initialize(to: AcceleratorJob())
    job.pointee.queue = head[4] & 8 != 0 ? 1 : 2
    let mode: UInt64 = [0, 0x80, 0x80, UInt64(head[5])][Int(head[4] >> 4 & 3)]
    job.pointee.contextA = mode << 56 | address
    job.pointee.frame =
      isCompound
      ? FrameDescriptor(compound: 1, address: Self.base, length: UInt32(data.count))
      : FrameDescriptor(bpid: 1, address: Self.base, offset: 0, length: UInt32(data.count))
    job.pointee.frame.command = head[4] & 64 != 0 ? command & 0x0301_ffff : command
    let cut = data.isEmpty ? 0 : Int(head[6]) % (data.count + 1)
    pieces[0] = AcceleratorJob.Piece(start: input, count: cut)
    pieces[1] = AcceleratorJob.Piece(start: input + cut, count: data.count - cut)
    job.pointee.input = UnsafeMutableBufferPointer(
      start: cut > 0 && cut < data.count ? pieces : pieces + (cut > 0 ? 0 : 1),
      count: data.isEmpty ? 0 : cut > 0 && cut < data.count ? 2 : 1)
    job.pointee.inputLength = data.count
    let room = isCompound ? Int(head[7]) : 0
    let half = room / 3
    pieces[2] = AcceleratorJob.Piece(start: output + 64, count: half)
    pieces[3] = AcceleratorJob.Piece(start: output + 1024, count: room - half)
    job.pointee.output = UnsafeMutableBufferPointer(start: pieces + 2, count: isCompound ? 2 : 0)
    job.pointee.outputRoom = room
    let view = AcceleratorMemory(pools: pools, owners: owners)
    device.prepare(&job.pointee, view)
    device.work(UnsafeMutableBufferPointer(start: job, count: 1), view)
    let done = job.pointee
    precondition(done.written <= room && done.written % MatchReport.size == 0, "a report fits")
    precondition(
      (done.fault == nil) == (PatternStatus(word: done.status).code == .ok), "a fault has its word")
    for place in 0..<Self.stride {
      let isRoom = (64..<64 + half).contains(place) || (1024..<1024 + room - half).contains(place)
      precondition(
        isRoom || output.load(fromByteOffset: place, as: UInt8.self) == Self.mark,
        "a report is written where there is room for it")
    }
  }

  /// Takes bytes as the table of an answer to this guest.
  private func reply(_ bytes: UnsafeRawBufferPointer) {
    let paper = memory + 3 * Self.stride
    let length = min(bytes.count, 128)
    UnsafeMutableRawBufferPointer(start: paper, count: length)
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(length)))
    var descriptor = FrameDescriptor(
      compound: 1, address: Self.base + UInt64(3 * Self.stride), length: 0)
    descriptor.command = length > 40 ? UInt32(bytes[40]) << 24 : 0
    let buffer = Buffer(
      descriptor: descriptor, queue: 3, context: FrameOrigin.answerContext, capacity: Self.stride,
      memory: paper)
    switch portal.reply(of: buffer) {
    case .frame(let buffer): _ = buffer.take()
    case .broken(let buffer): _ = buffer.take()
    case .answer(let answer):
      for index in 0..<answer.count { sum &+= UInt8(truncatingIfNeeded: answer[index].tag) }
      let frame = answer.take { (paper: consuming Buffer) in _ = paper.take() }
      let pieces = portal.pieces(of: frame)
      precondition(pieces.map { $0.length <= 0xf_ffff } ?? true, "pieces are those of a frame")
      // Every byte of it can be read.
      for byte in frame.frame { sum &+= byte }
      _ = frame.take()
    }
  }
}
