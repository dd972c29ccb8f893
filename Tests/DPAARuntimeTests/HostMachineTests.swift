import Partitioning
import Testing

@testable import DPAARuntime

/// What runs a virtual machine's instructions, by what the plan says and what KVM does here.
@Suite struct HostMachineTests {
  /// KVM on a processor that runs guests itself, KVM that is software, and none (`ENOENT`).
  private static let speeds = [20_000, 999_999, 1_000_000, 12_000_000, -2].map {
    KVMSpeed(nanoseconds: $0)
  }

  @Test func `auto takes KVM where the processor does the work`() throws {
    let chosen = try Self.speeds.map {
      try HostMachine.choose(for: "guest1", .auto, speed: $0)
    }
    #expect(chosen == [.kvm, .kvm, .tcg, .tcg, .tcg])
    for speed in Self.speeds {
      #expect(try HostMachine.choose(for: "guest1", .tcg, speed: speed) == .tcg)
    }
  }

  @Test func `KVM that cannot do it is refused with what was measured`() throws {
    #expect(try HostMachine.choose(for: "guest1", .kvm, speed: Self.speeds[0]) == .kvm)
    #expect(
      throws: EngineError.guest(
        "guest1",
        "is to run under KVM, but /dev/kvm is software here: it takes 1200 ns for each round of a loop "
          + "of two instructions; write accel: auto or tcg")
    ) { try HostMachine.choose(for: "guest1", .kvm, speed: Self.speeds[3]) }
    #expect(
      throws: EngineError.guest(
        "guest1",
        "is to run under KVM, but /dev/kvm cannot be used: No such file or directory; write accel: "
          + "auto or tcg")
    ) { try HostMachine.choose(for: "guest1", .kvm, speed: Self.speeds[4]) }
  }
}
