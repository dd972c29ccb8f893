import CPortalShims
import DPAARuntime
import Glibc
import Patterns
import Security

/// What no file tells: answers of the kernel, of libraries and of programs.
struct HostCalls: Sendable {
  /// What KVM does with a loop.
  var kvm: @Sendable () -> KVMSpeed
  /// The error of opening a socket; 0 when there was none.
  var socketError: @Sendable (_ family: Int32) -> Int32
  /// The error of counting processor cycles; 0 when there was none.
  var cycleError: @Sendable () -> Int32
  /// A library of SEC's arithmetic: its name and version, or why it cannot be opened.
  var security: @Sendable (SecurityLibrary) -> Result<String, SecurityLibraryMissing>
  /// The version of the pattern library, or why it cannot be opened.
  var patterns: @Sendable () -> Result<String, PatternError>
  /// The first line that a program prints; `nil` when it cannot be run or prints nothing.
  var firstLine: @Sendable ([String]) -> String?

  /// This host's.
  static let real = HostCalls(
    kvm: { HostMachine.kvmSpeed },
    socketError: { family in
      let descriptor = socket(family, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      guard descriptor >= 0 else { return errno }
      close(descriptor)
      return 0
    },
    cycleError: {
      let descriptor = dpaac_perf_open(Int32(DPAAC_PERF_CYCLES), 0)
      guard descriptor >= 0 else { return -descriptor }
      close(descriptor)
      return 0
    },
    security: { SecurityUnit.open($0).map(\.name) },
    patterns: {
      do throws(PatternError) {
        return .success(try PatternLibrary().version)
      } catch {
        return .failure(error)
      }
    },
    firstLine: { command in
      // Quoted for the shell; a program that does not end is ended.
      let words = command.map { word in
        "'"
          + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
          + "'"
      }
      let line = "exec timeout 5 \(words.joined(separator: " ")) </dev/null 2>/dev/null"
      guard let pipe = popen(line, "re") else { return nil }
      defer { pclose(pipe) }
      var bytes = [CChar](repeating: 0, count: 512)
      guard fgets(&bytes, Int32(bytes.count), pipe) != nil else { return nil }
      let text = String(
        decoding: bytes.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) },
        as: UTF8.self)
      return text.isEmpty ? nil : text
    })
}
