import DPAAPortal

// SAFETY: pieces lie in pools of the job's owner, in buffers that the engine holds until the job is
// answered. Their owner may still write there: what is read of them to decide something is read once.
/// A request to an accelerator: where its input lies, where its output goes, and what came of it.
struct AcceleratorJob: BitwiseCopyable {
  /// Bytes in one buffer.
  typealias Piece = UnsafeMutableRawBufferPointer

  /// Who asks.
  var owner = 0
  /// The queue that the request came from, and what that says.
  var queue: UInt32 = 0
  var contextA: UInt64 = 0
  var contextB: UInt32 = 0
  /// The request's frame, which the engine holds.
  var frame = FrameDescriptor(word0: 0, formatLength: 0, command: 0)
  /// Its input, and how long that is.
  var input = UnsafeMutableBufferPointer<Piece>(start: nil, count: 0)
  var inputLength = 0
  /// How many bytes its buffer has from the input's first on, if it is an ordinary frame in one buffer, which is the
  /// request's alone; 0 for any other.
  var inputRoom = 0
  /// Where its output goes, and how long that may be.
  var output = UnsafeMutableBufferPointer<Piece>(start: nil, count: 0)
  var outputRoom = 0
  /// For a frame that is not compound: the number of the pool of its owner's from which its output's buffer is
  /// taken. The device says so when it prepares the job; -1 for none.
  var outputPool = -1
  /// Whether the request's own frame, if it is not compound, is the answer: then no buffer is taken.
  var passes = false
  /// The frame of that buffer; all zeros for none.
  var answer = FrameDescriptor(word0: 0, formatLength: 0, command: 0)

  // SAFETY: set while the job is prepared, good until the batch is done.
  /// What SEC keeps for its descriptor.
  var session: UnsafeMutablePointer<SecurityRecord>?
  /// Where its device keeps something of its queue; -1 for nowhere. Set while it is prepared.
  var place = -1
  /// What preparing it took beside its bytes, or its queue owes for requests before, as bytes: its owner pays
  /// for that, too.
  var effort = 0

  /// The word that is put into the answer's descriptor, and why it is not 0.
  var status: UInt32 = 0
  var fault: AcceleratorFault?
  /// Bytes of output.
  var written = 0

  /// Ends the job with an error.
  mutating func fail(_ fault: AcceleratorFault, status: UInt32) {
    self.fault = fault
    self.status = status
  }
}

/// Why an accelerator answers a request with an error.
enum AcceleratorFault: Int, CaseIterable {
  /// What was to be authenticated is not authentic.
  case authentication
  /// A sequence number that was there before, or is too old.
  case replay
  /// The input or the output has an impossible length.
  case length
  /// What the request is to do is not well said.
  case descriptor
  /// Memory that is not the owner's, or a table of pieces that is none.
  case memory
  /// The pool for the output is empty, or not the owner's.
  case noBuffer
  /// More was found than may be.
  case limit

  /// The fault as tables and JSON print it.
  var name: String {
    switch self {
    case .authentication: "authentication"
    case .replay: "replay"
    case .length: "length"
    case .descriptor: "descriptor"
    case .memory: "memory"
    case .noBuffer: "no-buffer"
    case .limit: "limit"
    }
  }
}

// SAFETY: the tables are the engine's and outlive the value; every address is held against them.
/// What a device may look at beside a job's pieces: its owner's own pools.
struct AcceleratorMemory {
  let pools: UnsafeMutablePointer<BufferPool>
  let owners: UnsafeMutablePointer<EngineTables.OwnerEntry>

  /// Where bytes of an owner's lie; `nil` when they are not all in one of its pools.
  func bytes(at address: UInt64, count: Int, of owner: Int) -> UnsafeMutableRawPointer? {
    let entry = owners[owner]
    for index in entry.firstPool..<entry.firstPool &+ entry.poolCount {
      let offset = address &- pools[index].base
      let size = UInt64(pools[index].count) &* UInt64(pools[index].stride)
      guard offset < size, UInt64(count) <= size &- offset else { continue }
      return pools[index].memory + Int(offset)
    }
    return nil
  }
}

/// An accelerator's inside: what it does with jobs. How they come and where their answers go is the
/// engine's.
///
/// A class, so that the engine knows nothing of what accelerators need: it is called once for a batch of
/// jobs. One thread calls.
class AcceleratorDevice: @unchecked Sendable {
  /// Looks at a job whose input is known, before its output is: a job of a frame that is not compound gets
  /// ``AcceleratorJob/outputPool``, and one that cannot be done ``AcceleratorJob/fail(_:status:)``.
  func prepare(_ job: inout AcceleratorJob, _ memory: AcceleratorMemory) {}

  /// Does jobs, in any order; those that have failed already are to be passed over.
  func work(_ jobs: UnsafeMutableBufferPointer<AcceleratorJob>, _ memory: AcceleratorMemory) {}

  /// The answer's word for a fault that the engine finds.
  func status(of fault: AcceleratorFault) -> UInt32 { ~0 }

  /// An owner is gone: what is kept for it is to be forgotten.
  func forget(owner: Int) {}
}
