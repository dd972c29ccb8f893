public import CSecurity

/// What a key is for.
public enum SecuritySuite: Int, Sendable, Hashable, CaseIterable {
  /// AES-GCM with an IV of 12 bytes and a tag of 16.
  case gcm = 0
  /// AES-CBC with HMAC-SHA-256, whose tag has 32 bytes.
  case cbcWithHMAC = 1
}

/// A library that does the arithmetic of SEC.
public enum SecurityLibrary: Int, Sendable, Hashable, CaseIterable {
  /// Intel's multi-buffer library, for x86.
  case ipsecMB = 0
  /// OpenSSL's libcrypto.
  case libcrypto = 1

  /// Whether the library can be opened; the reason why not if it cannot.
  public var problem: String? {
    switch SecurityUnit.open(self) {
    case .success: nil
    case .failure(let missing): missing.reason
    }
  }
}

/// A library is not there, or not as it was expected.
public struct SecurityLibraryMissing: Error, Hashable {
  /// Why, with the package that brings it.
  public let reason: String
  /// Creates the reason.
  public init(reason: String) { self.reason = reason }
}

// SAFETY: one thread at a time works with a unit and its keys; it and they are freed by whoever has the last
// of them.
/// A library that was opened.
public final class SecurityUnit: @unchecked Sendable {
  /// Which.
  public let library: SecurityLibrary
  /// Its name and version.
  public let name: String
  @usableFromInline let unit: OpaquePointer

  private init(_ library: SecurityLibrary, _ unit: OpaquePointer) {
    self.library = library
    self.unit = unit
    name = String(cString: dpaac_security_version(unit))
  }

  deinit { dpaac_security_close(unit) }

  /// Opens a library.
  public static func open(
    _ library: SecurityLibrary
  ) -> Result<SecurityUnit, SecurityLibraryMissing> {
    var reason: UnsafePointer<CChar>?
    guard let unit = dpaac_security_open(Int32(library.rawValue), &reason) else {
      let text = reason.map { String(cString: $0) } ?? "the library cannot be opened"
      return .failure(SecurityLibraryMissing(reason: text))
    }
    return .success(SecurityUnit(library, unit))
  }

  /// Prepares a key; `nil` when it has not 16, 24 or 32 bytes, or its authentication key more than 64.
  public func key(
    _ suite: SecuritySuite, enciphers: Bool, _ bytes: [UInt8], authentication: [UInt8] = []
  ) -> SecurityKey? {
    let key = authentication.withUnsafeBufferPointer { authentication in
      bytes.withUnsafeBufferPointer { bytes in
        bytes.baseAddress.flatMap {
          dpaac_security_make_key(
            unit, Int32(suite.rawValue), enciphers ? 1 : 0, $0, bytes.count,
            authentication.baseAddress, authentication.count)
        }
      }
    }
    return key.map { SecurityKey($0, of: self, suite: suite, enciphers: enciphers) }
  }

  /// Does jobs whose keys are this unit's.
  @inlinable public func run(_ jobs: UnsafeMutableBufferPointer<dpaac_security_job>) {
    guard let first = jobs.baseAddress else { return }
    dpaac_security_run(unit, first, jobs.count)
  }
}

// SAFETY: as for the unit, which it keeps open.
/// A key with what was computed of it; overwritten with zeros when its life ends.
public final class SecurityKey: @unchecked Sendable {
  /// What jobs take.
  public let pointer: OpaquePointer
  /// What it is for.
  public let suite: SecuritySuite
  /// Whether it enciphers.
  public let enciphers: Bool
  /// The library that it was prepared by.
  public let unit: SecurityUnit

  fileprivate init(
    _ pointer: OpaquePointer, of unit: SecurityUnit, suite: SecuritySuite, enciphers: Bool
  ) {
    self.pointer = pointer
    self.unit = unit
    self.suite = suite
    self.enciphers = enciphers
  }

  deinit { dpaac_security_free_key(pointer) }
}
