import Partitioning

/// The top level of a plan, interfaces, links and what stands beside partitions.
extension PlanSection {
  /// The whole plan.
  public static let plan = PlanSection(
    "plan", "A plan's file.", substitute: "include",
    [
      PlanKey(
        "include", .either([.text("a file"), .list(.text("a file"))]),
        "Files whose partitions, templates, interfaces, links and the rest come before this file's "
          + "own. Paths are seen from this file. A name that is in two files is an error.",
        example: "include: guests.yaml"),
      PlanKey(
        "board", .text("a board's name or file"), required: true,
        "The board: the name of a known one, or a YAML file, device tree source or blob.",
        example: "board: t4240qds"),
      allow("the whole plan and its board"),
      PlanKey(
        "reserved", .named("a holder's name", .section(.reservation)),
        "What somebody outside the plan has taken already, the boot loader or a kernel that "
          + "allocates for itself. The planner keeps off it, and claims inside it are errors.",
        example: "reserved: { u-boot: {queues: 1-15, pools: 0} }"),
      PlanKey(
        "shared-memory", .named("a window's name", .section(.sharedMemory)),
        "Memory that several partitions see, beside what each has for itself.",
        example: "shared-memory: { mailbox: {size: 1 MiB, between: [guest1, guest2]} }"),
      PlanKey(
        "policers", .named("a policer's name", .section(.policer)),
        "Rates that rules and interfaces name.",
        example: "policers: { gold: {committed-rate: 1 Gbit/s, committed-burst: 64 KiB, "
          + "excess-rate: 2 Gbit/s, excess-burst: 128 KiB} }"),
      PlanKey(
        "templates", .named("a template's name", .section(.partition)),
        "Wishes that partitions take over with `like`; a template is no partition itself.",
        example: "templates: { small: {cpus: 1, memory: 256 MiB, portals: 1, queues: 64} }"),
      PlanKey(
        "partitions", .named("a partition's name", .section(.partition)), required: true,
        "Who owns what. One partition is called host: it controls the shared blocks.",
        example: "partitions: { host: {cpus: 0-3, memory: 2 GiB, portals: 4, queues: 1-100} }"),
      PlanKey(
        "interfaces", .named("an interface's name", .section(.interface)),
        "The network interfaces that are shared out, and which frames go to whom.",
        example: "interfaces: { fm1-10g0: {otherwise: host} }"),
      PlanKey(
        "links", .list(.either([.list(.text("a partition")), .section(.link)])),
        "Software to software, each in both directions, through offline ports.",
        example: "links: [ [host, guest1] ]"),
    ])

  /// The key that lets findings pass; `where` says which.
  static func allow(_ place: String) -> PlanKey {
    PlanKey(
      "allow", .either([.text("a warning's code"), .list(.text("a warning's code"))]),
      usual: "nothing",
      "Warnings that are meant to be: those with these codes are let pass in \(place). Errors cannot "
        + "be allowed, and what allows nothing is a warning itself.",
      example: "allow: [cpu-threads-split]")
  }

  /// Who has taken what already.
  public static let reservation = PlanSection(
    "reservation", "What somebody outside the plan has taken.",
    [
      PlanKey("cpus", .ranges(BoardLimits.indices.upperBound), "CPUs.", example: "cpus: 7"),
      PlanKey(
        "memory", .either([.section(.addressRange), .list(.section(.addressRange))]),
        "Physical memory.", example: "memory: {address: 0x70000000, size: 16 MiB}"),
      PlanKey(
        "portals", .ranges(BoardLimits.indices.upperBound), "Software portals.",
        example: "portals: 9"),
      PlanKey(
        "queues", .ranges(0xff_ffff), "Frame queues.", example: "queues: [1-15, 0x8000-0x8fff]"),
      PlanKey("pools", .ranges(255), "Buffer pools.", example: "pools: [0, 32-47]"),
      PlanKey("pool-channels", .ranges(0x1fff), "Pool channels.", example: "pool-channels: 0x401"),
      PlanKey(
        "congestion-groups", .ranges(255), "Congestion groups.", example: "congestion-groups: 0-7"),
      PlanKey("liodn-offsets", .ranges(4095), "LIODN offsets.", example: "liodn-offsets: 1"),
    ])

  /// Physical memory.
  public static let addressRange = PlanSection(
    "range", "A run of physical addresses.",
    [
      PlanKey(
        "address", .number(0...UInt64.max), required: true, "Where it begins.",
        example: "address: 0x10000000"),
      PlanKey("size", .size, required: true, "How long it is.", example: "size: 16 MiB"),
    ])

  /// Memory that several see.
  public static let sharedMemory = PlanSection(
    "shared-memory", "Memory that several partitions see.",
    [
      PlanKey("size", .size, required: true, "How long it is.", example: "size: 1 MiB"),
      PlanKey(
        "address", .number(0...UInt64.max), usual: "the planner's choice",
        "Where it begins in physical memory.", example: "address: 0x7c000000"),
      PlanKey(
        "between", .list(.text("a partition")), required: true, "Who sees it.",
        example: "between: [guest1, guest2]"),
      PlanKey(
        "writers", .list(.text("a partition")), usual: "all of them", "Who of them may write.",
        example: "writers: [guest1]"),
    ])

  /// A policer.
  public static let policer = PlanSection(
    "policer",
    "Two token buckets that colour frames green, yellow and red: one of FMan's policer profiles.",
    [
      PlanKey(
        "algorithm", .word(PolicerWish.Algorithm.allCases.map(\.rawValue)), usual: "rfc-2698",
        "RFC 2698 counts a green frame in both buckets, RFC 4115 in the committed one only.",
        example: "algorithm: rfc-4115"),
      PlanKey(
        "count", .word(CountingMode.allCases.map(\.rawValue)), usual: "bytes",
        "Whether rates and bursts are bits and bytes, or frames.", example: "count: frames"),
      PlanKey(
        "committed-rate", .rate, required: true, "What the committed bucket gains (CIR).",
        example: "committed-rate: 100 Mbit/s"),
      PlanKey(
        "committed-burst", .amount, required: true, "What the committed bucket holds (CBS).",
        example: "committed-burst: 64 KiB"),
      PlanKey(
        "excess-rate", .rate, required: true,
        "What the second bucket gains: the peak rate (PIR) of RFC 2698, the excess rate (EIR) of "
          + "RFC 4115.", example: "excess-rate: 200 Mbit/s"),
      PlanKey(
        "excess-burst", .amount, required: true, "What the second bucket holds (PBS or EBS).",
        example: "excess-burst: 128 KiB"),
      PlanKey(
        "colour-aware", .word(["yes", "no"]), usual: "no",
        "Whether the colour that a frame comes with counts.", example: "colour-aware: yes"),
      PlanKey(
        "drop", .list(.word(FrameColour.allCases.map(\.rawValue))), usual: "[red]",
        "The colours that go no further; the others keep their colour for early drop.",
        example: "drop: [red, yellow]"),
    ])

  /// An interface.
  public static let interface = PlanSection(
    "interface", "A network interface that partitions share.",
    [
      PlanKey(
        "rules", .list(.section(.rule)), "Who gets which frames; the first that matches decides.",
        example: "rules: [ {when: {ipv4.dst: 192.168.1.11}, to: guest1} ]"),
      PlanKey(
        "otherwise", .text("a partition"),
        "Who gets what no rule takes: ARP, broadcast and the rest; \"drop\" for nobody. An interface "
          + "must say so.",
        example: "otherwise: host"),
      PlanKey(
        "replay", .text("a capture file"), "A capture that `dpaac run` plays into it.",
        example: "replay: traffic.pcap"),
      PlanKey(
        "mtu", .number(68...9578), usual: "1500",
        "The largest payload of a frame in bytes, without Ethernet's header.", example: "mtu: 9000"),
      PlanKey(
        "headroom", .number(64...1008), usual: "64",
        "Bytes that stay free in front of each received frame; FMan writes its own there.",
        example: "headroom: 128"),
      PlanKey(
        "delivery", .word(DeliveryWish.allCases.map(\.rawValue)), usual: "the planner's choice",
        "How frames reach pools of more than one partition: by storage profile (FMan v3 only), "
          + "copied by an offline port, or in one pool that all of them share.",
        example: "delivery: shared-pool"),
      PlanKey(
        "policer", .text("a policer"), "The policer that all its frames pass.",
        example: "policer: gold"),
      PlanKey(
        "work-queue", .number(0...7), usual: "its partition's",
        "The work queue of its receive queues; 0 is served first.", example: "work-queue: 3"),
      allow("the interface's own text"),
    ])

  /// A rule.
  public static let rule = PlanSection(
    "rule", "Gives some of an interface's frames to a partition.",
    [
      PlanKey(
        "when", .section(.conditions), required: true, "What must all hold.",
        example: "when: {ipv4.dst: 192.168.2.0/24}"),
      PlanKey(
        "to", .either([.text("a partition"), .list(.text("a partition"))]), required: true,
        "Who gets them; of several, each a copy in a buffer of his own (FMan v3 only); \"drop\" for "
          + "nobody.", example: "to: guest2"),
      PlanKey(
        "through", .text("one of its chains"),
        "They go into this chain of the partition's, whose accelerator has them before anybody else.",
        example: "through: out"),
      PlanKey(
        "spread", .either([.word(spreads), .section(.hashKey)]),
        "Spreads them over several queues by a hash of these fields.", example: "spread: 5-tuple"),
      PlanKey(
        "queues", .number(1...128), usual: "as many as fit, to 128",
        "How many queues a spread takes: a power of two.", example: "queues: 16"),
      PlanKey(
        "policer", .text("a policer"), usual: "the interface's", "The policer that they pass.",
        example: "policer: gold"),
      PlanKey(
        "work-queue", .number(0...7), usual: "the interface's",
        "The work queue of their queues; 0 is served first.", example: "work-queue: 2"),
      PlanKey(
        "congestion-group", .number(0...255),
        "The congestion group of their queues: which of the partition's, counted from 0.",
        example: "congestion-group: 0"),
    ])

  private static let spreads =
    FlowRule.Spread.named.map(\.name)
    + FlowRule.Spread.named.flatMap { ["ipv4-\($0.name)", "ipv6-\($0.name)"] }

  /// A link in its long form.
  public static let link = PlanSection(
    "link", "A link with more to say than its two ends.",
    [
      PlanKey(
        "between", .list(.text("a partition")), required: true, "The two partitions.",
        example: "between: [guest1, guest2]"),
      PlanKey(
        "work-queue", .number(0...7), usual: "each partition's",
        "The work queue of its queues; 0 is served first.", example: "work-queue: 1"),
    ])
}
