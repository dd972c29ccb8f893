import CPortalShims
import Glibc
import Partitioning

/// What this machine has to run virtual machines with.
public enum HostMachine {
  /// What runs a machine's instructions.
  public enum Accelerator: String, Sendable {
    /// The processor itself.
    case kvm
    /// QEMU's translator.
    case tcg
  }

  /// QEMU for machines like this one.
  public static var emulatorName: String {
    #if arch(arm64)
      "qemu-system-aarch64"
    #else
      "qemu-system-x86_64"
    #endif
  }

  /// Where QEMU is; `nil` when it is not on PATH.
  public static var emulator: String? {
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
    return path.split(separator: ":").map { "\($0)/\(emulatorName)" }
      .first { access($0, X_OK) == 0 }
  }

  /// QEMU's machine and processor.
  public static func machineArguments(_ accelerator: Accelerator) -> [String] {
    let processor = accelerator == .kvm ? "host" : "max"
    #if arch(arm64)
      return ["-machine", "virt", "-accel", accelerator.rawValue, "-cpu", processor]
    #else
      return ["-machine", "q35", "-accel", accelerator.rawValue, "-cpu", processor]
    #endif
  }

  /// What runs a machine that the plan wants to be run so.
  ///
  /// - Parameters:
  ///   - owner: Whose machine it is.
  ///   - wish: What the plan says.
  ///   - speed: What KVM does here.
  /// - Returns: The accelerator.
  /// - Throws: ``EngineError/guest(_:_:)`` when it is to be KVM and cannot.
  static func choose(
    for owner: String, _ wish: MachineAccelerator, speed: @autoclosure () -> KVMSpeed = kvmSpeed
  ) throws(EngineError) -> Accelerator {
    switch wish {
    case .tcg: return .tcg
    case .auto: return speed().isUsable ? .kvm : .tcg
    case .kvm:
      let speed = speed()
      guard speed.isUsable else {
        throw .guest(owner, "is to run under KVM, but \(speed); write accel: auto or tcg")
      }
      return .kvm
    }
  }

  /// How fast KVM runs a loop of a few instructions: measured once.
  public static let kvmSpeed = KVMSpeed(nanoseconds: dpaac_kvm_probe())
}

/// What a probe of KVM says.
///
/// Some hosts' KVM is software itself: it takes microseconds for each instruction, and a kernel does not get
/// through its boot.
public struct KVMSpeed: Sendable, CustomStringConvertible {
  /// How long 10,000 rounds of a loop took; negative when there is no KVM to ask: an error number.
  public let nanoseconds: Int64
  /// Creates what a probe said.
  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// A processor that does it itself takes some microseconds, and a fraction of this to get there.
  private static let limit: Int64 = 1_000_000

  /// Whether machines should run under it.
  public var isUsable: Bool { nanoseconds >= 0 && nanoseconds < Self.limit }

  /// What KVM does here, in words.
  public var description: String {
    if nanoseconds < 0 {
      return "/dev/kvm cannot be used: \(String(cString: strerror(Int32(-nanoseconds))))"
    }
    let each = "\(nanoseconds / 10_000) ns for each round of a loop of two instructions"
    return isUsable
      ? "the processor runs guests itself" : "/dev/kvm is software here: it takes \(each)"
  }
}
