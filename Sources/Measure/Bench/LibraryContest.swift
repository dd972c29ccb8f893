import CPortalShims
import CSecurity
import DPAAPortal
import DPAARuntime
import Glibc
import Partitioning
import Patterns
import Security

/// The libraries that do the accelerators' work, called directly for the same frames: a burst at a time, in place,
/// with no queue, guest or copy.
struct LibraryContest {
  let processors: Int
  let size: TrafficSize
  let options: BenchOptions

  /// Measures what is wanted of SEC's and of PME's.
  func run(into samples: inout [BenchSample]) throws(BenchError) {
    // One thread has one processor, however many there are.
    Processors.pin(to: options.first(1))
    for flow in options.flows {
      switch flow {
      case .security: samples.append(try encipher())
      case .patterns: samples.append(try scan())
      default: break
      }
    }
  }

  /// Calls a burst's work until the time is over.
  private func time(
    _ flow: TrafficFlow, _ body: () throws(BenchError) -> Void
  ) throws(BenchError) -> BenchSample {
    try body()
    let watch = Stopwatch(ProcessorClock(processes: []), at: 0)
    let deadline = dpaac_monotonic_nanoseconds() + options.milliseconds * 1_000_000
    var count: UInt64 = 0
    while dpaac_monotonic_nanoseconds() < deadline {
      for _ in 0..<16 { try body() }
      count += UInt64(16 * Burst.capacity)
    }
    return watch.sample(
      BenchCase(contestant: .library, processors: processors, flow: flow, size: size), at: count)
  }

  /// How long the frames of a burst are.
  private var lengths: [Int] {
    (0..<Burst.capacity).map {
      size.stored == 0 ? TrafficOrder.mixture[$0 % TrafficOrder.mixture.count] : size.stored
    }
  }

  // SAFETY: every frame has a stride of its own, longer than any frame and what stands in front of it.
  private func encipher() throws(BenchError) -> BenchSample {
    guard let unit = SecurityChoice().unit(for: .gcm),
      let key = unit.key(.gcm, enciphers: true, TrafficOrder.key)
    else { throw BenchError("no library does SEC's arithmetic here") }
    let stride = 2112
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: Burst.capacity * stride)
    memory.initialize(repeating: 0x5a, count: Burst.capacity * stride)
    defer { memory.deallocate() }
    var jobs = lengths.enumerated().map { place, length in
      dpaac_security_job(key: key, inPlace: memory + place * stride, count: length)
    }
    var vector: UInt64 = 0
    return try time(.security) { () throws(BenchError) in
      for place in 0..<Burst.capacity {
        vector &+= 1
        UnsafeMutableRawPointer(memory + place * stride).storeBytes(of: vector, as: UInt64.self)
      }
      jobs.withUnsafeMutableBufferPointer { unit.run($0) }
      guard jobs[0].failure == 0 else { throw BenchError("SEC's library fails") }
    }
  }

  private func scan() throws(BenchError) -> BenchSample {
    let plan = try BenchPlan.configuration(guestKind: "", options, asking: [.patterns])
    let sets = plan.queueing.values.flatMap(\.accelerators).flatMap(\.patternSets)
    let frames = lengths.map { length in
      let frame = UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 64)
      frame.copyBytes(from: TrafficOrder.frame(length, to: BenchPlan.guestAddress))
      TrafficOrder.fillText(frame)
      return frame
    }
    defer { for frame in frames { frame.deallocate() } }
    do {
      let database = try PatternDatabase(
        sets.flatMap(\.patterns), streams: false, library: try PatternLibrary())
      var scratch = PatternScratch()
      try scratch.hold(database)
      var matches = PatternMatches(capacity: 64)
      return try time(.patterns) { () throws(BenchError) in
        for frame in frames {
          matches.clear()
          do throws(PatternError) {
            try database.scan(
              UnsafeRawBufferPointer(frame), subsets: .max, scratch: &scratch, into: &matches)
          } catch {
            throw BenchError("\(error)")
          }
        }
      }
    } catch let error as BenchError {
      throw error
    } catch {
      throw BenchError("\(error)")
    }
  }
}
