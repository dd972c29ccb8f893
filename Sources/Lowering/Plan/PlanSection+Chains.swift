import Partitioning

/// Chains.
extension PlanSection {
  /// A chain.
  public static let chain = PlanSection(
    "chain",
    "Frames go from interfaces, by rules that say `through`, into one of the partition's accelerators, and its "
      + "answers go on. The partition puts the queue into the accelerator into service; after that its portals "
      + "have no part in it.",
    [
      PlanKey(
        "by", .word(AcceleratorKind.allCases.map(\.rawValue)), required: true,
        "The accelerator. SEC gets the IP packet of each frame, PME the whole frame.",
        example: "by: sec"),
      PlanKey(
        "answers", .text("an interface"), usual: "the partition's portals",
        "The interface that sends SEC's answers. One that bears an error goes to the partition's error queue, "
          + "or is dropped where there is none.",
        example: "answers: fm1-10g1"),
      PlanKey(
        "ethernet", .section(.ethernetHeader),
        "The header in front of what the interface sends: an offline port inserts it.",
        example: "ethernet: {dst: \"02:00:00:00:00:01\", src: \"02:00:00:00:00:02\"}"),
      PlanKey(
        "scan", .text("a group of patterns"),
        "What PME looks for: the name of a group of the partition's `patterns`.",
        example: "scan: web"
      ),
    ])

  /// An Ethernet header.
  public static let ethernetHeader = PlanSection(
    "ethernet-header", "An Ethernet header without tags.",
    [
      PlanKey(
        "dst", .text("a MAC address"), required: true, "Who is to get it: the next hop.",
        example: "dst: \"02:00:00:00:00:01\""),
      PlanKey(
        "src", .text("a MAC address"), required: true, "Whose it is.",
        example: "src: \"02:00:00:00:00:02\""),
      PlanKey(
        "type", .word(EthernetHeader.types.map(\.name)), usual: "ipv4",
        "What follows. A packet of the other version is not sent, but goes where errors go.",
        example: "type: ipv6"),
    ])
}
