import Diagnostics
import QorIQ

/// Checks of partitions that are virtual machines under `dpaac run`.
extension PartitionCheck {
  static let machineChecks = [machineHost, machineMemory, acceleratorIdle]

  /// What Debian's cloud kernel and a small file system in memory boot in.
  private static let leastMemory: UInt64 = 128 << 20

  static let machineHost = PartitionCheck(
    "machine-host", .naming, severity: .error, "the host is no virtual machine",
    after: ["host-missing"],
    meaning: """
      The host controls the shared blocks and starts the guests' machines. Under `dpaac run` it is a \
      process on the machine that runs them.
      """,
    repair: "leave `kind: vm` to the guests",
    source: "a decision of this project",
    example: .init(host: ["kind": "vm"])
  ) { context, findings in
    for (index, wish) in context.partitions where wish.isHost && wish.isMachine {
      let span = context.span(ClaimPath.kind(index))
      findings.add(
        "\(wish.name) is the host and cannot be a virtual machine", at: span,
        fixIts: [.replace(span, with: "process")])
    }
  }

  static let machineMemory = PartitionCheck(
    "machine-memory", .memory, severity: .error,
    "a virtual machine has memory for a kernel",
    after: ["empty-claim"],
    meaning: """
      A guest of `kind: vm` boots Debian's kernel with a file system in memory, which takes more than \
      64 MiB before the guest's program begins.
      """,
    repair: "give it 128 MiB or more",
    source: "measured with Debian's linux-image-cloud-amd64 6.1 under QEMU 7.2",
    example: .init(guest: ["kind": "vm", "memory": "64 MiB"])
  ) { context, findings in
    for (index, wish) in context.partitions where wish.isMachine {
      guard let memory = wish.memory, memory < leastMemory else { continue }
      let span = context.span(ClaimPath.memory(index))
      findings.add(
        "\(wish.name) is a virtual machine and has \(memory >> 20) MiB, in which no kernel boots",
        at: span,
        notes: [Note("its kind is here", at: context.span(ClaimPath.kind(index)))],
        fixIts: [.replace(span, with: "128 MiB")])
    }
  }

  static let acceleratorIdle = PartitionCheck(
    "accel-idle", .naming, severity: .warning, "only a virtual machine has an accelerator",
    after: [],
    meaning: """
      `accel` says what runs a virtual machine's instructions. A process runs by itself, and the key \
      means nothing there.
      """,
    repair: "write `kind: vm` too, or leave `accel` out",
    source: "a decision of this project",
    example: .init(guest: ["accel": "tcg"])
  ) { context, findings in
    for (index, wish) in context.partitions where wish.accelerator != nil && !wish.isMachine {
      findings.add(
        "\(wish.name) is a process, for which accel means nothing",
        at: context.span(ClaimPath.accelerator(index)),
        fixIts: [FixIt("write kind: vm too, or leave accel out")])
    }
  }
}
