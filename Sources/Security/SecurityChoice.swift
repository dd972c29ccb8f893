import CPortalShims
public import CSecurity

/// The libraries that a host has, and for each suite the one that is quickest here.
public struct SecurityChoice: Sendable {
  /// The libraries that were opened.
  public let units: [SecurityUnit]
  /// Why the others were not.
  public let missing: [(library: SecurityLibrary, reason: String)]
  private let chosen: [SecuritySuite: SecurityUnit]

  /// How long a frame is that libraries are compared on, and how many are done at once: an Ethernet frame of middle
  /// length, a burst of which a round of the engine has.
  private static let (length, burst) = (512, 16)

  /// Opens libraries and measures them, some milliseconds each.
  public init(_ libraries: [SecurityLibrary] = SecurityLibrary.allCases) {
    var units: [SecurityUnit] = []
    var missing: [(library: SecurityLibrary, reason: String)] = []
    for library in libraries {
      switch SecurityUnit.open(library) {
      case .success(let unit): units.append(unit)
      case .failure(let problem): missing.append((library, problem.reason))
      }
    }
    var chosen: [SecuritySuite: SecurityUnit] = [:]
    for suite in SecuritySuite.allCases {
      chosen[suite] =
        units.count == 1
        ? units[0]
        : units.min {
          Self.nanoseconds($0, suite) < Self.nanoseconds($1, suite)
        }
    }
    self.units = units
    self.missing = missing
    self.chosen = chosen
  }

  /// The unit for a suite; `nil` when no library was opened.
  public func unit(for suite: SecuritySuite) -> SecurityUnit? { chosen[suite] }

  /// What a burst of frames takes, the shortest of some; the longest time there is when it fails.
  static func nanoseconds(_ unit: SecurityUnit, _ suite: SecuritySuite) -> UInt64 {
    let key = unit.key(
      suite, enciphers: true, [UInt8](repeating: 0x2b, count: 16),
      authentication: [UInt8](repeating: 0x0b, count: 32))
    guard let key else { return .max }
    let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: burst * length + 16)
    bytes.initialize(repeating: 0x6b, count: burst * length + 16)
    defer { bytes.deallocate() }
    var jobs = (0..<burst).map { place in
      var job = dpaac_security_job(key: key)
      let frame = bytes + place * length
      job.iv = UnsafePointer(bytes + burst * length)
      job.source = UnsafePointer(frame)
      job.target = frame
      job.length = UInt32(length)
      job.authenticated = UnsafePointer(frame)
      job.authenticated_length = suite == .gcm ? 8 : UInt32(length)
      return job
    }
    return jobs.withUnsafeMutableBufferPointer { jobs in
      var shortest = UInt64.max
      for _ in 0..<20 {
        let start = dpaac_monotonic_nanoseconds()
        for _ in 0..<8 { unit.run(jobs) }
        shortest = min(shortest, dpaac_monotonic_nanoseconds() - start)
      }
      return jobs.allSatisfy { $0.failure == 0 } ? shortest : .max
    }
  }
}

extension dpaac_security_job {
  /// A job for a key, with everything else still to be said.
  public init(key: SecurityKey) {
    self.init()
    self.key = key.pointer
  }

  // SAFETY: `frame` has 64 bytes and `count` more, for as long as the job.
  /// A job that works on `count` bytes in place, which stand behind 64 others: a vector, and from the sixteenth on
  /// eight bytes that are authenticated only.
  public init(key: SecurityKey, inPlace frame: UnsafeMutablePointer<UInt8>, count: Int) {
    self.init(key: key)
    iv = UnsafePointer(frame)
    authenticated = UnsafePointer(frame + 16)
    authenticated_length = 8
    source = UnsafePointer(frame + 64)
    target = frame + 64
    length = UInt32(count)
  }
}
