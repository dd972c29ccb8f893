import Diagnostics
import QorIQ

/// Checks of accelerators against the board.
extension PartitionCheck {
  static let acceleratorChecks = [acceleratorMissing]

  static let acceleratorMissing = PartitionCheck(
    "accelerator-missing", .accelerators, "an accelerator that is used is on the board",
    meaning: """
      Requests would be put into queues of a channel that no block serves, and stay there with the \
      buffers that they hold.
      """,
    repair: "leave the accelerator out, or choose a board that has it",
    source: "Freescale SDK and Linux 6.1, include/soc/fsl/qman.h: a channel for each block",
    example: .init(
      board: "board-without-pme.yaml", guest: ["accelerators": "{ pme: {} }"]),
    files: ["board-without-pme.yaml": "include: [p4080ds]\npme: ~\n"]
  ) { context, findings in
    for (index, wish) in context.partitions {
      for accelerator in wish.accelerators where context.board.accelerator(accelerator.kind) == nil
      {
        let has = AcceleratorKind.allCases.filter { context.board.accelerator($0) != nil }
        let name = accelerator.kind.rawValue.uppercased()
        findings.add(
          "\(wish.name) uses \(name), but \(context.board.name) has none",
          at: context.span(ClaimPath.accelerator(index, accelerator.kind)),
          fixIts: [
            FixIt(
              has.isEmpty
                ? "take it out: the board has no accelerators with queues"
                : "take it out; the board has "
                  + has.map { $0.rawValue.uppercased() }.joined(separator: " and "))
          ])
      }
    }
  }
}
