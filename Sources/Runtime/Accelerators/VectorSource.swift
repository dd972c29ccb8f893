import CSecurity
import Security

// SAFETY: one thread draws.
/// Initialization vectors: for CBC such that cannot be foretold, the key stream of AES in counter mode under a
/// key that the kernel drew; for GCM such that never come again, a counter from where the kernel drew.
final class VectorSource {
  private static let count = 4096
  private let unit: SecurityUnit
  private let key: SecurityKey
  private let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: count)
  private let zeros = UnsafeMutablePointer<UInt8>.allocate(capacity: count)
  private let nonce = UnsafeMutablePointer<UInt8>.allocate(capacity: 12)
  private var round: UInt64 = 0
  private var used = count
  // One thread counts, and nothing is counted while something is.
  @exclusivity(unchecked) private var next: UInt64 = 0

  init?(_ unit: SecurityUnit) {
    var seed = [UInt8](repeating: 0, count: 32)
    guard dpaac_security_random(&seed, seed.count) == 0,
      let key = unit.key(.gcm, enciphers: true, seed)
    else {
      return nil
    }
    seed.withUnsafeMutableBytes { bytes in
      if let start = bytes.baseAddress { dpaac_security_erase(start, bytes.count) }
    }
    self.unit = unit
    self.key = key
    zeros.initialize(repeating: 0, count: Self.count)
    bytes.initialize(repeating: 0, count: Self.count)
    nonce.initialize(repeating: 0, count: 12)
    draw(&next, count: 8)
  }

  deinit {
    dpaac_security_erase(bytes, Self.count)
    bytes.deallocate()
    zeros.deallocate()
    nonce.deallocate()
  }

  /// Writes so many bytes that nobody has seen, at most 16.
  func draw(_ target: UnsafeMutableRawPointer, count: Int) {
    if used + count > Self.count { refill() }
    target.copyMemory(from: bytes + used, byteCount: count)
    dpaac_security_erase(bytes + used, count)
    used += count
  }

  /// A number that this source has not given before, nor does again: two packets under one key of
  /// GCM must never have the same (RFC 4106, section 3.1), which what is drawn at random may.
  @inline(__always)
  func count() -> UInt64 {
    defer { next &+= 1 }
    return next
  }

  private func refill() {
    round += 1
    UnsafeMutableRawPointer(nonce).storeBytes(of: round, as: UInt64.self)
    var job = dpaac_security_job(key: key)
    job.iv = UnsafePointer(nonce)
    job.source = UnsafePointer(zeros)
    job.target = bytes
    job.length = UInt32(Self.count)
    job.authenticated = UnsafePointer(nonce)
    withUnsafeMutablePointer(to: &job) {
      unit.run(UnsafeMutableBufferPointer(start: $0, count: 1))
    }
    precondition(job.failure == 0, "a library that has enciphered does so again")
    used = 0
  }
}
