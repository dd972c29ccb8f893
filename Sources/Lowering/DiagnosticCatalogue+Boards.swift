import Diagnostics
import Partitioning

extension DiagnosticCatalogue {
  /// What can be wrong with a board's own description.
  static let boards: [Entry] = [
    board(
      .blockMissing, "a board has a queue manager, a buffer manager and a frame manager",
      meaning: "Without one of these blocks there is nothing to share out.",
      repair: "describe the block, or name the whole tree of the board",
      source: "Linux 6.1, Documentation/devicetree/bindings/soc/fsl",
      file: "board-without-bman.yaml",
      """
      include: [p4080ds]
      bman: ~

      """),
    board(
      .boardTree, "a device tree describes a DPAA board",
      meaning: "What the bindings ask of a node is not there, so its block cannot be shared out.",
      repair: "complete the node as its binding says",
      source: "Linux 6.1, Documentation/devicetree/bindings/soc/fsl/qman-portals.txt",
      file: "portal-without-window.dts",
      """
      /include/ "../../../boards/p4080ds.dts"

      &{/qman-portals@ff4200000/qman-portal@8000} {
      	reg = <0x8000 0x4000>;
      };

      """),
    board(
      .channelRange, "a port's channel is one of its frame manager's",
      meaning: """
        A frame manager takes frames from its own channels only; queues on another one are never \
        transmitted.
        """,
      repair: "take the channel from the frame manager's range",
      source:
        "Linux 6.1, Documentation/devicetree/bindings/net/fsl-fman.txt, fsl,qman-channel-range",
      file: "port-on-foreign-channel.yaml",
      """
      include: [p4080ds]
      fmans:
        1:
          interfaces:
            gb0: {channel: 0x5f}

      """),
    board(
      .channelRepeated, "a channel has one user",
      meaning: "Two ports would take frames from one channel, and each gets some of the other's.",
      repair: "give each port the channel that its number stands for",
      source: "Linux 6.1, drivers/net/ethernet/freescale/fman/fman.c",
      file: "ports-on-one-channel.yaml",
      """
      include: [p4080ds]
      fmans:
        1:
          interfaces:
            gb0: {channel: 0x42}
            gb1: {channel: 0x42}

      """),
    board(
      .factConflict, "a fact is said once, or the same each time",
      meaning: "A document adds to a tree what it lacks; where both speak, one of them is wrong.",
      repair: "correct the one that is wrong, or leave the fact to the tree",
      source: "a decision of this project",
      file: "document-against-tree.yaml",
      """
      tree: ../../../boards/p4080ds.dts
      memory: 2 GiB

      """),
    board(
      .interruptRepeated, "an interrupt line has one user",
      meaning: "The handler of one portal would be called for the work of another.",
      repair: "give each its own source",
      source: "Linux 6.1, arch/powerpc/boot/dts/fsl/qoriq-qman1-portals.dtsi",
      file: "portals-on-one-interrupt.yaml",
      """
      include: [p4080ds]
      qman:
        portals:
          3: {interrupt: 105}
      bman:
        portals:
          0: {interrupt: 105}

      """),
    board(
      .portRepeated, "a MAC or offline port stands once in a frame manager",
      meaning: "Two MACs at the same ports of the hardware receive each other's frames.",
      repair: "name each MAC's own receive and transmit port",
      source: "Linux 6.1, Documentation/devicetree/bindings/net/fsl-fman.txt, fsl,fman-ports",
      file: "macs-at-one-port.dts",
      """
      /include/ "../../../boards/p4080ds.dts"

      &fman0_gb1 {
      	fsl,fman-ports = <&fman0_rx_08>, <&fman0_tx_28>;
      };

      """),
    board(
      .portalRepeated, "a portal stands once in a device tree",
      meaning: """
        The index is the number of the portal's channel: with one twice, frames for one portal are \
        looked for at another.
        """,
      repair: "number the portals by their place in the window",
      source: "Linux 6.1, drivers/soc/fsl/qbman/qman_portal.c, cell-index",
      file: "portals-of-one-index.dts",
      """
      /include/ "../../../boards/p4080ds.dts"

      &{/qman-portals@ff4200000/qman-portal@8000} {
      	cell-index = <1>;
      };

      """),
    board(
      .portalUnpaired, severity: .warning, "each QMan portal has a BMan portal of its number",
      meaning: "An owner needs both, for frames and for their buffers; one alone is of no use.",
      repair: "describe the other one, or leave both out",
      source: "Linux 6.1, drivers/soc/fsl/qbman, which gives a CPU one of each",
      file: "portal-without-peer.yaml",
      """
      include: [p4080ds]
      qman:
        portals:
          9: {stash: 0}
      bman:
        portals:
          9: ~

      """),
    board(
      .portalWindow, "a portal's windows have the hardware's sizes",
      meaning: """
        Rings and registers stand at fixed places: in a smaller window some are out of reach, and a \
        larger one shows a guest its neighbour's.
        """,
      repair: "give 16 KiB for the rings and 4 KiB for the registers",
      source: "Linux 6.1, arch/powerpc/boot/dts/fsl/qoriq-qman1-portals.dtsi",
      file: "portal-with-half-a-window.yaml",
      """
      include: [p4080ds]
      qman:
        portals:
          3: {ce-size: 8 KiB}

      """),
    board(
      .windowOverlap, "no address belongs to two windows",
      meaning: "Who is given one window has the other as well.",
      repair: "place the windows as the bus's ranges and the portals' numbers say",
      source: "Linux 6.1, arch/powerpc/boot/dts/fsl/p4080ds.dts, ranges",
      file: "portals-in-one-window.yaml",
      """
      include: [p4080ds]
      qman:
        portals:
          2: {ce: 0xff4208000}
          3: {ce: 0xff4208000}

      """),
  ]

  /// A kind of finding in a board's description `text`, which the example's plan names as its board.
  private static func board(
    _ code: DiagnosticCode, severity: Severity = .error, _ summary: String, meaning: String,
    repair: String, source: String, file: String, _ text: String
  ) -> Entry {
    entry(
      code, .board, severity: severity, summary, meaning: meaning, repair: repair, source: source,
      example: PlanExample(board: file), files: [file: text])
  }
}
