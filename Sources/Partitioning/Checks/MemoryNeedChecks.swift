import Diagnostics
import QorIQ

/// Checks of memory against what runs in it, and of shared memory against the board.
extension PartitionCheck {
  static let memoryNeedChecks = [
    memoryStep, hostMemoryBase, sharedMemoryRange, sharedMemoryRepeated,
  ]

  static let memoryStep = PartitionCheck(
    "memory-step", .memory, severity: .warning, "a Linux guest's memory is what QEMU can give it",
    after: ["memory-size", "empty-claim"],
    meaning: """
      QEMU's ppce500 machine has a multiple of 64 MiB of memory. What is missing to the next one is \
      taken from the host's, though no kernel ever uses it.
      """,
    repair: "ask for a multiple of 64 MiB",
    source: "QEMU 7.2, hw/ppc/e500.c (RAM_SIZES_ALIGN)",
    example: .init(guest: ["memory": "500 MiB", "os": "linux-sdk"])
  ) { context, findings in
    guard !context.board.core.hasPrefix("cortex") else { return }
    for (index, wish) in context.partitions where !wish.isHost && wish.os != .bare {
      guard let memory = wish.memory, memory % GuestNeeds.memoryStep != 0 else { continue }
      let (sum, overflow) = memory.addingReportingOverflow(GuestNeeds.memoryStep - 1)
      guard !overflow else { continue }
      let rounded = sum & ~(GuestNeeds.memoryStep - 1)
      let span = context.span(ClaimPath.memory(index))
      let text = "\(rounded >> 20) MiB"
      findings.add(
        "\(wish.name) asks for \(byteCount(memory)), for which QEMU takes \(byteCount(rounded))",
        at: span,
        fixIts: [
          wish.memoryAddress == nil ? .replace(span, with: text) : FixIt("ask for \(text)")
        ])
    }
  }

  static let hostMemoryBase = PartitionCheck(
    "host-memory-base", .memory, severity: .warning, "the host's memory begins at address 0",
    meaning: """
      The host runs on the machine itself, without anything that translates addresses, and kernels \
      for these parts are built for physical address 0; only a relocatable one can lie elsewhere.
      """,
    repair: "put the host at address 0, and the others behind it",
    source: "Linux 6.1, arch/powerpc/Kconfig (PHYSICAL_START)",
    example: .init(host: ["memory": "{ size: 1 GiB, address: 0x40000000 }"])
  ) { context, findings in
    for (index, wish) in context.partitions where wish.isHost {
      guard let base = wish.memoryAddress, base != 0 else { continue }
      let span = context.span(ClaimPath.memoryAddress(index))
      findings.add(
        "the host's memory begins at 0x\(String(base, radix: 16))", at: span,
        fixIts: [.replace(span, with: "0")])
    }
  }

  static let sharedMemoryRange = PartitionCheck(
    "shared-memory-range", .memory, "shared memory exists",
    after: ["shared-memory-size"],
    meaning: "Its members would map addresses behind the last byte of DRAM, where nothing answers.",
    repair: "begin lower, or leave the place to the planner",
    source: "the board's memory, from address 0 on",
    example: .init(more: [
      "shared-memory: { mailbox: {size: 1 MiB, address: 0x100000000, between: [host, guest1]} }"
    ])
  ) { context, findings in
    for (index, shared) in context.plan.sharedMemory.enumerated() {
      guard let address = shared.address else { continue }
      let (end, overflow) = address.addingReportingOverflow(shared.size)
      let board = context.board
      guard overflow || end > board.memorySize else { continue }
      let span = context.span(ClaimPath.sharedMemoryAddress(index))
      findings.add(
        "\(shared.name) of \(byteCount(shared.size)) at 0x\(String(address, radix: 16)) ends behind "
          + "the \(byteCount(board.memorySize)) of \(board.name)",
        at: span,
        notes: [Note("it is described here", at: context.span(ClaimPath.sharedMemory(index)))],
        fixIts: [
          shared.size <= board.memorySize
            ? .replace(span, with: "0x" + String(board.memorySize - shared.size, radix: 16))
            : FixIt("ask for less")
        ])
    }
  }

  static let sharedMemoryRepeated = PartitionCheck(
    "shared-memory-repeated", .memory, severity: .warning,
    "shared memory names each of its members once",
    after: ["unknown-member"],
    meaning: "The second mention opens nothing; probably another partition was meant.",
    repair: "name the other partition, or take the second mention out",
    source: "a decision of this project",
    example: .init(more: [
      "shared-memory: { mailbox: {size: 1 MiB, between: [host, guest1, guest1]} }"
    ])
  ) { context, findings in
    for (index, shared) in context.plan.sharedMemory.enumerated() {
      var first: [String: Int] = [:]
      for (member, name) in shared.members.enumerated() {
        guard let earlier = first[name] else {
          first[name] = member
          continue
        }
        findings.add(
          "\(shared.name) names \(name) twice",
          at: context.span(ClaimPath.sharedMemory(index, member: member)),
          notes: [
            Note(
              "the first time is here",
              at: context.span(ClaimPath.sharedMemory(index, member: earlier)))
          ], fixIts: [FixIt("take the second out")])
      }
    }
  }
}

/// What QEMU and kernels need that dpaac knows in one place.
package enum GuestNeeds {
  /// QEMU's `ppce500` has a multiple of this as memory (QEMU 7.2, `hw/ppc/e500.c`,
  /// `RAM_SIZES_ALIGN`).
  package static let memoryStep: UInt64 = 64 << 20
}
