import Partitioning

/// What a partition may wish for.
extension PlanSection {
  /// A partition or a template.
  public static let partition = PlanSection(
    "partition", "One partition of the board, or a template for some.", substitute: "like",
    [
      PlanKey(
        "like", .text("a partition or template"),
        "Takes over every wish of another that it does not say itself. What can be had only once is "
          + "taken over as a number: exact queues, CPUs, portals, ids and addresses stay the other's.",
        example: "like: guest1"),
      PlanKey(
        "count", .number(1...1024), usual: "1",
        "So many partitions alike, called by the name and a number from 1 on. Exact choices count, "
          + "as with `like`.", example: "count: 8"),
      PlanKey(
        "cpus", .countOrRanges(1023), required: true, "The CPUs: a number, or which.",
        example: "cpus: 4-5"),
      PlanKey(
        "memory", .either([.size, .section(.memory)]), required: true,
        "Its memory: the size, or the size and where it begins.", example: "memory: 512 MiB"),
      PlanKey(
        "portals", .countOrRanges(1023), required: true,
        "The software portals, each for QMan and BMan: a number, or which.", example: "portals: 2"),
      PlanKey(
        "queues", .countOrRanges(0xff_ffff), required: true,
        "The frame queues that it owns: a number in a row, or which.", example: "queues: 101-200"),
      PlanKey(
        "pools", .list(.section(.pool)), usual: "none", "The buffer pools that it owns.",
        example: "pools: [ {id: 2, buffers: 4096, size: 2 KiB} ]"),
      PlanKey(
        "os", .word(GuestOS.allCases.map(\.rawValue)), usual: "bare",
        "The dialect that its drivers read.", example: "os: linux-sdk"),
      PlanKey(
        "program", .either([.word(["reflect", "sink"]), .section(.program)]), usual: "reflect",
        "What runs in it under `dpaac run`.", example: "program: sink"),
      PlanKey(
        "kind", .word(["process", "vm"]), usual: "process",
        "What it is under `dpaac run`: a process, or a virtual machine of QEMU's.",
        example: "kind: vm"),
      PlanKey(
        "accel", .word(MachineAccelerator.allCases.map(\.rawValue)), usual: "auto",
        "What runs a virtual machine's instructions: KVM where the processor does the work, else TCG.",
        example: "accel: tcg"),
      PlanKey(
        "rings", .section(.rings),
        "The ring sizes of its portals; larger than the hardware's for "
          + "our own guest library only.", example: "rings: {enqueue: 64, dequeue: 64}"),
      PlanKey(
        "mode", .word(ServiceMode.allCases.map(\.rawValue)), usual: "poll",
        "Whether it looks for frames, or the host passes its portals' interrupts on.",
        example: "mode: interrupt"),
      PlanKey(
        "roles", .section(.roles), usual: "the planner's choice",
        "Which of its own queues, or how many, serve in which role.",
        example: "roles: {receive: 128-191, error: 101-101}"),
      PlanKey(
        "work-queues", .section(.workQueues), usual: "as Linux's dpaa_eth has them",
        "The work queues of its queues by role; 0 is served first.",
        example: "work-queues: {receive: 3}"),
      PlanKey(
        "congestion-groups", .either([.countOrRanges(255), .list(.section(.congestionGroup))]),
        usual: "none",
        "Congestion groups: a number, which, or a list that says what each does.",
        example: "congestion-groups: [ {tail-drop: 1 MiB, notify: [host]} ]"),
      PlanKey(
        "pool-channels", .countOrRanges(0x1fff), usual: "none",
        "Channels that all its portals serve together: a number, or which.",
        example: "pool-channels: 1"),
      PlanKey(
        "accelerators", .section(.accelerators), usual: "none",
        "Accelerators that it reaches over queues of its own.",
        example: "accelerators: { sec: {mode: poll}, pme: {mode: interrupt} }"),
      PlanKey(
        "chains", .named("a chain's name", .section(.chain)), usual: "none",
        "Ways from interfaces through its accelerators, and on to an interface or to it, which frames go "
          + "without its software.",
        example: "chains: { out: {by: sec, answers: fm1-10g1, ethernet: {dst: "
          + "\"02:00:00:00:00:01\", src: \"02:00:00:00:00:02\"}} }"),
      PlanKey(
        "liodn-offset", .number(0...4095), usual: "the planner's choice",
        "Its identity in front of PAMU, the same for all its portals.", example: "liodn-offset: 5"),
      PlanKey(
        "dma-windows", .list(.section(.addressRange)), usual: "none",
        "Physical memory that its DMA may reach beside its own and what it shares.",
        example: "dma-windows: [ {address: 0xfe000000, size: 4 KiB} ]"),
      PlanKey(
        "images", .section(.images), "What is loaded into its memory before it starts.",
        example: "images: { kernel: {file: uImage, address: 0}, initrd: {file: root.gz} }"),
      PlanKey(
        "boot-arguments", .text("a kernel's command line"), "The kernel's command line.",
        example: "boot-arguments: console=ttyS0"),
      allow("its own text, and in that of whoever takes the key over"),
    ])

  /// Memory in its long form.
  public static let memory = PlanSection(
    "memory", "Memory with its place.",
    [
      PlanKey("size", .size, required: true, "How much.", example: "size: 512 MiB"),
      PlanKey(
        "address", .number(0...UInt64.max), usual: "the planner's choice",
        "Where it begins in physical memory.", example: "address: 0x40000000"),
    ])

  /// A pool.
  public static let pool = PlanSection(
    "pool", "A buffer pool and the memory behind it.",
    [
      PlanKey(
        "id", .number(0...UInt64(UInt32.max)), usual: "the planner's choice", "The pool's number.",
        example: "id: 2"),
      PlanKey(
        "buffers", .number(0...UInt64(UInt32.max)), required: true, "How many buffers.",
        example: "buffers: 4096"),
      PlanKey(
        "size", .size, required: true, "The size of a buffer, headroom included.",
        example: "size: 2 KiB"),
      PlanKey(
        "seeded", .number(0...UInt64(UInt32.max)), usual: "all of them",
        "How many of them are in the pool at the start.", example: "seeded: 2048"),
      PlanKey(
        "address", .number(0...UInt64.max), usual: "the planner's choice",
        "Where the buffers lie in physical memory, inside the partition's.",
        example: "address: 0x50000000"),
      PlanKey(
        "thresholds", .section(.thresholds), "The marks at which depletion is told.",
        example: "thresholds: {software: [512, 1024]}"),
      PlanKey(
        "shared-with", .list(.text("a partition")), usual: "nobody",
        "The other partitions that may use it.", example: "shared-with: [guest1, guest2]"),
    ])

  /// A pool's marks.
  public static let thresholds = PlanSection(
    "thresholds",
    "Two numbers of buffers each: depletion begins below the first and ends above the "
      + "second.",
    [
      PlanKey(
        "software", .list(.number(0...UInt64(UInt32.max))), "When portals are told.",
        example: "software: [512, 1024]"),
      PlanKey(
        "hardware", .list(.number(0...UInt64(UInt32.max))), "When FMan stops, and goes on.",
        example: "hardware: [256, 512]"),
    ])

  /// What a partition runs.
  public static let program = PlanSection(
    "program", "A program with settings.",
    [
      PlanKey(
        "source", .section(.source), "Sends frames of its own.",
        example: "source: {to: guest1, frames: 1000, size: 128}"),
      PlanKey(
        "forward", .section(.forward), "Sends what arrives on, as a router between its ways.",
        example: "forward: {ways: [ {over: fm1-10g0, addresses: [10.1.0.1/24]} ]}"),
      PlanKey(
        "scan", .section(.scan), "Sends what arrives on one way on to another, through PME.",
        example: "scan: {between: [fm1-10g0, fm1-10g1], groups: [ {group: web, then: drop} ]}"),
      PlanKey(
        "ipsec", .section(.ipsec),
        "Routes like `forward`, puts packets into ESP tunnels with SEC, and takes them out.",
        example: "ipsec: {ways: [ {over: fm1-10g0, addresses: [192.0.2.1/24]} ], cipher: fm1-10g0, "
          + "tunnels: []}"),
    ])

  /// A router.
  public static let forward = PlanSection(
    "forward",
    "What a router knows. It answers ARP, neighbour discovery and pings of its addresses.",
    [
      PlanKey(
        "ways", .list(.section(.forwardWay)), required: true,
        "Its addresses. It is in their networks.",
        example: "ways: [ {over: fm1-10g0, addresses: [10.1.0.1/24, \"fd00:1::1/64\"]} ]"),
      PlanKey(
        "routes", .list(.section(.forwardRoute)), usual: "none",
        "Networks that are behind another router; of those that an address has, the longest counts.",
        example: "routes: [ {to: 0.0.0.0/0, via: 10.1.0.254} ]"),
    ])

  /// A router's addresses on a way.
  public static let forwardWay = PlanSection(
    "way", "A router's addresses on one of its partition's ways.",
    [
      PlanKey(
        "over", .text("an interface or peer"), required: true, "The way.",
        example: "over: fm1-10g0"),
      PlanKey(
        "addresses", .list(.text("an IP address and its network's length")), required: true,
        "Its own addresses there.", example: "addresses: [10.1.0.1/24]"),
    ])

  /// A router's route.
  public static let forwardRoute = PlanSection(
    "route", "A network, and how a router reaches it.",
    [
      PlanKey(
        "to", .text("an IP prefix"), required: true, "The network.", example: "to: 0.0.0.0/0"),
      PlanKey(
        "via", .text("an IP address"), required: true,
        "The next router, in one of this router's own networks.", example: "via: 10.1.0.254"),
    ])

  /// A source.
  public static let source = PlanSection(
    "source", "What a source sends.",
    [
      PlanKey(
        "to", .text("an interface or peer"), required: true, "Where to.", example: "to: guest1"),
      PlanKey(
        "frames", .number(1...UInt64(UInt32.max)), required: true, "How many.",
        example: "frames: 1000"),
      PlanKey(
        "size", .number(0...UInt64(UInt32.max)), usual: "128", "Bytes in each, without checksum.",
        example: "size: 128"),
      PlanKey(
        "rate", .number(1...UInt64(UInt32.max)), usual: "as many as are taken",
        "The most in a second.", example: "rate: 10000"),
    ])

  /// Ring sizes.
  public static let rings = PlanSection(
    "rings", "Entries of a portal's rings: powers of two.",
    [
      PlanKey(
        "enqueue", .number(0...UInt64(UInt16.max)), usual: "8", "8 to 64.", example: "enqueue: 64"),
      PlanKey(
        "dequeue", .number(0...UInt64(UInt16.max)), usual: "16", "16 to 64.",
        example: "dequeue: 64"),
    ])

  /// Queues by role.
  public static let roles = PlanSection(
    "roles", "A number of the partition's queues, or which of them.",
    QueueRole.allCases.map {
      PlanKey(
        $0.rawValue, .countOrRanges(0xff_ffff), "Queues for: \($0.meaning).",
        example: "\($0.rawValue): 120-123")
    })

  /// Work queues by role.
  public static let workQueues = PlanSection(
    "work-queues", "A work queue from 0, served first, to 7.",
    QueueRole.allCases.map {
      PlanKey(
        $0.rawValue, .number(0...7), usual: "\($0.usualWorkQueue)", "For: \($0.meaning).",
        example: "\($0.rawValue): 3")
    })

  /// A congestion group.
  public static let congestionGroup = PlanSection(
    "congestion-group", "A count over many queues, and what happens when it is high.",
    [
      PlanKey(
        "id", .number(0...UInt64(UInt32.max)), usual: "the planner's choice",
        "The group's number.", example: "id: 3"),
      PlanKey(
        "count", .word(CountingMode.allCases.map(\.rawValue)), usual: "bytes",
        "Whether bytes or frames are counted.", example: "count: frames"),
      PlanKey(
        "tail-drop", .amount, usual: "none", "Above so much, frames are refused.",
        example: "tail-drop: 1 MiB"),
      PlanKey(
        "wred", .section(.earlyDrops), usual: "none", "Random early drop by colour.",
        example: "wred: { yellow: {from: 256 KiB, to: 1 MiB, drop: 10%} }"),
      PlanKey(
        "notify", .list(.text("a partition")), usual: "nobody",
        "Who is told when it becomes congested, and when that ends.", example: "notify: [host]"),
    ])

  /// Early drop by colour.
  public static let earlyDrops = PlanSection(
    "wred", "A curve for each colour.",
    FrameColour.allCases.map {
      PlanKey(
        $0.rawValue, .section(.earlyDrop), "For \($0.rawValue) frames.",
        example: "\($0.rawValue): {from: 256 KiB, to: 1 MiB, drop: 10%}")
    })

  /// A curve.
  public static let earlyDrop = PlanSection(
    "curve", "Nothing is dropped below the start, everything above the end.",
    [
      PlanKey("from", .amount, required: true, "Where dropping starts.", example: "from: 256 KiB"),
      PlanKey("to", .amount, required: true, "Where everything is dropped.", example: "to: 1 MiB"),
      PlanKey(
        "drop", .percent, required: true, "The share that is dropped just below the end.",
        example: "drop: 10%"),
    ])

  /// Accelerators.
  public static let accelerators = PlanSection(
    "accelerators", "The accelerators that take work from queues.",
    AcceleratorKind.allCases.map {
      PlanKey(
        $0.rawValue, .section($0.section), "\($0.rawValue.uppercased()).",
        example: "\($0.rawValue): {mode: poll, pairs: 4}")
    })

  /// An accelerator.
  public static let accelerator = PlanSection(
    "accelerator", "How a partition uses an accelerator.",
    [
      PlanKey(
        "mode", .word(ServiceMode.allCases.map(\.rawValue)), usual: "poll",
        "Whether it looks for results, or is interrupted.", example: "mode: interrupt"),
      PlanKey(
        "pairs", .number(1...1024), usual: "1",
        "How many pairs of queues: one for requests, one for responses.", example: "pairs: 4"),
      PlanKey(
        "weight", .number(1...64), usual: "1",
        "Its share, in bytes, beside other partitions' when several have work at the same time. SEC and PME "
          + "know no weights: it is the runtime's.",
        example: "weight: 2"),
    ])

  /// PME.
  public static let patternMatcher = PlanSection(
    "pattern-matcher", "How a partition uses PME, and what that looks for.",
    accelerator.keys + [
      PlanKey(
        "patterns", .named("group", .section(.patternGroup)), usual: "none",
        "What PME looks for on the partition's behalf, in groups with names of their own.",
        example: "patterns: { web: {set: 1, find: [ {regex: 'GET /(admin|etc)/'} ]} }")
    ])

  /// Patterns that a scan names together.
  public static let patternGroup = PlanSection(
    "pattern-group", "Patterns that a scan names together, by the number of their set.",
    [
      PlanKey(
        "set", .number(0...255), usual: "the lowest that is free",
        "The set's number, which scans name.", example: "set: 1"),
      PlanKey(
        "subset", .ranges(15), usual: "all",
        "The subsets that the patterns are in; a scan names those that it wants.",
        example: "subset: 0-3"),
      PlanKey(
        "ignore-case", .word(["yes", "no"]), usual: "no",
        "Whether upper and lower case of ASCII's letters are alike.", example: "ignore-case: yes"),
      PlanKey(
        "find", .list(.section(.pattern)), "The patterns.", example: "find: [ {text: cmd.exe} ]"),
      PlanKey(
        "file", .text("a file"),
        "A file with more of them, one in a line: `TAG:/REGEX/`, with `i` behind it to ignore case; lines "
          + "that begin with # say nothing.",
        example: "file: worms.patterns"),
    ])

  /// A pattern.
  public static let pattern = PlanSection(
    "pattern", "What to look for: one of regex, text and bytes.",
    [
      PlanKey(
        "regex", .text("a regular expression"),
        "A regular expression about bytes, in Perl's notation: `.` is any byte, and there is no looking "
          + "ahead or back.",
        example: "regex: 'GET /(admin|etc)/'"),
      PlanKey("text", .text("a text"), "A text as it is.", example: "text: cmd.exe"),
      PlanKey(
        "bytes", .text("hexadecimal digits"), "Bytes, two digits each.",
        example: "bytes: 90 90 eb fe"),
      PlanKey(
        "tag", .number(0...UInt64(UInt32.max)), usual: "its place in the group, from 1",
        "What results call it.", example: "tag: 1001"),
      PlanKey(
        "subset", .ranges(15), usual: "its group's", "The subsets that it is in.",
        example: "subset: 2"),
      PlanKey(
        "ignore-case", .word(["yes", "no"]), usual: "its group's",
        "Whether upper and lower case of ASCII's letters are alike.", example: "ignore-case: yes"),
    ])

  /// Images.
  public static let images = PlanSection(
    "images", "What is loaded before the partition starts.",
    ImageKind.allCases.map {
      PlanKey(
        $0.rawValue, .section(.image), "\($0.meaning).",
        example: "\($0.rawValue): {address: 16 MiB, size: 8 MiB}")
    })

  /// An image.
  public static let image = PlanSection(
    "image", "A file and its place in the guest's memory, which begins at 0.",
    [
      PlanKey(
        "file", .text("a file"), "The file; a device tree without one is the generated one.",
        example: "file: uImage"),
      PlanKey(
        "address", .size, usual: "the planner's choice", "Where it is loaded.",
        example: "address: 16 MiB"),
      PlanKey(
        "size", .size, usual: "as its kind needs", "The room for it.", example: "size: 8 MiB"),
    ])
}

extension AcceleratorKind {
  /// What may be said of its use.
  var section: PlanSection { self == .pme ? .patternMatcher : .accelerator }
}

extension QueueRole {
  fileprivate var meaning: String {
    switch self {
    case .receive: "what arrives"
    case .transmit: "what is sent"
    case .confirm: "what has been sent and comes back"
    case .error: "what an interface could not receive or send"
    case .securityRequest: "work for SEC"
    case .securityResponse: "SEC's results"
    case .patternRequest: "work for PME"
    case .patternResponse: "PME's results"
    case .chainRequest: "what chains bring to accelerators"
    case .chainResponse: "accelerators' results in chains"
    }
  }
}

extension ImageKind {
  fileprivate var meaning: String {
    switch self {
    case .kernel: "The program that starts"
    case .initrd: "The first file system"
    case .deviceTree: "The device tree"
    }
  }
}
