import Partitioning

/// A partition that filters.
extension PlanSection {
  /// A filter.
  public static let scan = PlanSection(
    "scan",
    "A filter: what arrives on one way goes on to the other, unless PME finds something in it. Frames lie where "
      + "they are, and those of a flow keep their order.",
    [
      PlanKey(
        "between", .list(.text("an interface or peer")), required: true, "The two ways.",
        example: "between: [fm1-10g0, fm1-10g1]"),
      PlanKey(
        "groups", .list(.section(.scanGroup)), required: true,
        "The groups of patterns that are looked for, one after the other.",
        example: "groups: [ {group: web, then: drop} ]"),
      PlanKey(
        "from", .word(["payload", "frame"]), usual: "payload",
        "Where a frame is looked through from: behind its headers, or from its first byte on.",
        example: "from: payload"),
      PlanKey(
        "streams", .word(["yes", "no"]), usual: "no",
        "Whether TCP is looked through as streams, so that a match may lie across segments. Each stream takes "
          + "one of PME's pairs for each group.", example: "streams: yes"),
      PlanKey(
        "idle", .number(1...86_400), usual: "60",
        "After so many seconds without a frame the place of a stream may be another's.",
        example: "idle: 300"),
      PlanKey(
        "fail", .word(["closed", "open"]), usual: "closed",
        "Whether what cannot be looked through as it should is dropped or goes on.",
        example: "fail: open"),
      PlanKey(
        "divert-to", .text("an interface or peer"), usual: "nothing is diverted",
        "The way of what is diverted.", example: "divert-to: host"),
    ])

  /// A group that a filter looks for.
  public static let scanGroup = PlanSection(
    "scan-group", "A group of patterns, and what becomes of a frame in which one of them is found.",
    [
      PlanKey(
        "group", .text("a group of the partition's patterns"), required: true, "The group.",
        example: "group: web"),
      PlanKey(
        "then", .word(GuestProgram.ScanProgram.Action.allCases.map(\.rawValue)), usual: "drop",
        "Drop it and all that follows in its flow; count it; or divert it and all that follows.",
        example: "then: count"),
    ])
}
