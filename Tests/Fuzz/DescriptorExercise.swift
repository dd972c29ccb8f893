@testable import DPAAPortal
@testable import DPAARuntime
import QorIQ
import Security

/// A device with one owner, whose one pool holds a descriptor, a packet and room for what comes out.
final class DescriptorExercise {
  static let base: UInt64 = 0x1000_0000
  /// Two buffers behind the descriptor's own: input and output.
  static let stride = 4096

  private let device: SecurityDevice
  private let memory: UnsafeMutableRawPointer
  private let pools = UnsafeMutablePointer<BufferPool>.allocate(capacity: 1)
  private let owners = UnsafeMutablePointer<EngineTables.OwnerEntry>.allocate(capacity: 1)
  private let pieces = UnsafeMutablePointer<AcceleratorJob.Piece>.allocate(capacity: 4)
  private let jobs = UnsafeMutablePointer<AcceleratorJob>.allocate(capacity: 2)

  init() {
    guard let device = SecurityDevice(SecurityChoice()) else {
      preconditionFailure("no library for SEC: nothing would be exercised")
    }
    self.device = device
    memory = .allocate(byteCount: 3 * Self.stride, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: 3 * Self.stride)
    let holders = UnsafeMutablePointer<UInt8>.allocate(capacity: 3)
    let freeList = UnsafeMutablePointer<UInt32>.allocate(capacity: 3)
    let fragments = UnsafeMutablePointer<Fragment>.allocate(capacity: 3)
    pools.initialize(
      to: BufferPool(
        GuestGrant.Pool(
          bpid: 1, base: Self.base, count: 3, size: UInt32(Self.stride),
          stride: UInt32(Self.stride)), owner: 0, memory: memory, holders: holders,
        freeList: freeList, fragments: fragments))
    owners.initialize(
      to: EngineTables.OwnerEntry(
        firstPool: 0, poolCount: 1, firstPortal: 0, portalCount: 0, stamp: 0))
  }

  /// Takes bytes as a descriptor, up to the first 512, and what is left as a packet, twice in a batch: once as
  /// an ordinary frame, and once as a compound one in pieces, whose output lies over its input.
  func run(_ bytes: UnsafeRawBufferPointer) {
    let descriptor = min(bytes.count, 512)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: Self.stride)
    if let start = bytes.baseAddress {
      memory.copyMemory(from: start, byteCount: descriptor)
      (memory + Self.stride).copyMemory(
        from: start + descriptor, byteCount: min(bytes.count - descriptor, Self.stride))
    }
    let length = min(bytes.count - descriptor, Self.stride)
    let view = AcceleratorMemory(pools: pools, owners: owners)
    for place in 0..<2 {
      var job = AcceleratorJob()
      job.contextA = Self.base
      let first = pieces + 2 * place
      job.inputLength = length
      if place == 0 {
        first[0] = AcceleratorJob.Piece(start: memory + Self.stride, count: length)
        job.input = UnsafeMutableBufferPointer(start: first, count: length > 0 ? 1 : 0)
        first[1] = AcceleratorJob.Piece(start: memory + 2 * Self.stride, count: Self.stride)
        job.output = UnsafeMutableBufferPointer(start: first + 1, count: 1)
        job.outputRoom = Self.stride
      } else {
        job.frame = FrameDescriptor(word0: 0, formatLength: 1 << 29, command: 0)
        let cut = length / 3
        first[0] = AcceleratorJob.Piece(start: memory + Self.stride, count: cut)
        first[1] = AcceleratorJob.Piece(start: memory + Self.stride + cut, count: length - cut)
        job.input = UnsafeMutableBufferPointer(start: first, count: 2)
        job.output = job.input
        job.outputRoom = length
      }
      device.prepare(&job, view)
      jobs[place] = job
    }
    device.work(UnsafeMutableBufferPointer(start: jobs, count: 2), view)
    for place in 0..<2 {
      precondition(jobs[place].written <= Self.stride, "the output has its room")
      precondition((jobs[place].fault == nil) == (jobs[place].status == 0), "a fault has its word")
    }
  }
}
