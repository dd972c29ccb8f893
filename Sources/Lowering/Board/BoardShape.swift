import QorIQ

extension FactShape {
  /// A document that describes a board, or a part of one that boards include.
  package static let board: FactShape = .record([
    FactField("name", .text, "The name that plans use"),
    FactField("include", .list(.text), "Files with facts that this one completes or overrides"),
    FactField("tree", .text, "A device tree that this document adds facts to"),
    FactField("standalone", .flag, "Whether nothing is taken from the table of the SoC"),
    FactField("model", .text, "The model of the device tree's root, such as fsl,T4240QDS"),
    FactField("soc", .text, "The part number of the system-on-chip, such as t4240"),
    FactField("core", .text, "The processor core, such as e6500"),
    FactField("clock", .frequency, "The core's clock"),
    FactField(
      "cpus",
      .rows(
        BoardLimits.indices,
        .record([
          FactField(
            "core", .number(BoardLimits.indices), "The core that the CPU is, or is a thread of"),
          FactField("cluster", .number(BoardLimits.indices), "The cluster of the core"),
        ])), "The CPUs by number"),
    FactField("memory", .size(BoardLimits.memory), "The size of the DRAM"),
    FactField(
      "interrupt-controller",
      .record([FactField("kind", .word(["mpic", "gic"]), "What it is")] + registers),
      "The controller that interrupts are counted at"),
    FactField(
      "address-map", .names(.record(registers)),
      "What answers at which physical addresses, DRAM aside"),
    FactField("qman", qman, "The queue manager"),
    FactField("bman", bman, "The buffer manager"),
    FactField("fmans", .rows(1...8, fman), "The frame managers by number"),
    FactField("every-fman", .record(fmanFields), "What all frame managers have alike"),
    FactField("sec", sec, "Encryption and authentication"),
    FactField(
      "pme",
      .record(
        [
          FactField("base", address, "The registers' first address"),
          FactField("channel", channel, "The channel of its queue interface"),
          FactField("liodn", liodn, "The LIODN of its own tables"),
          FactField("liodn-bases", .list(liodn), "What a portal's LIODN offset is added to"),
        ]), "Pattern matching"),
    FactField(
      "rman",
      .record(
        [
          FactField("base", address, "The registers' first address"),
          FactField("channels", .list(channel), "The channels of its queue interface"),
          FactField("liodn-base", liodn, "The base of its LIODNs"),
          FactField("block-offsets", .list(liodn), "What its inbound blocks add to the base"),
        ]), "RapidIO messages"),
    FactField(
      "dce",
      .record([
        FactField("base", address, "The registers' first address"),
        FactField("compression", channel, "The channel for frames to compress"),
        FactField("decompression", channel, "The channel for frames to decompress"),
        FactField("liodn-bases", .list(liodn), "The bases of its LIODNs"),
      ]), "Compression"),
    FactField(
      "raid",
      .record(
        registers + [
          FactField("liodn-base", liodn, "The base of its LIODNs"),
          FactField("job-queue-liodns", .list(liodn), "The LIODNs of its job queues"),
        ]), "The RAID engine"),
    FactField(
      "pamu",
      .record(
        registers + [
          FactField("units", .number(1...64), "How many units there are"),
          FactField("interrupt", interrupt, "The line of violations"),
          FactField("liodn-bits", .number(1...16), "How many bits a LIODN has"),
          FactField("devices", .names(.list(liodn)), "The LIODNs of devices without queues"),
        ]), "What stands between devices and memory"),
    FactField(
      "derived", .names(.text),
      "Facts that are concluded and not read anywhere, by path, with the reason"),
    FactField(
      "unknown", .names(.text),
      "Facts that nobody has established, by path: what is written is a value to work with"),
  ])

  static let address: FactShape = .number(0...1 << 40)
  static let channel: FactShape = .number(0...0x1fff)
  static let liodn: FactShape = .number(0...0xfff)
  static let interrupt: FactShape = .number(0...0xffff)
  static let blockSize: FactShape = .size(1...1 << 36)

  static let registers = [
    FactField("base", address, "The first physical address"),
    FactField("size", blockSize, "How many bytes of addresses"),
  ]

  /// A portal's windows and line, which QMan and BMan have alike.
  static let portal = [
    FactField("ce", address, "Where the cache-enabled window starts"),
    FactField("ce-size", blockSize, "The size of the cache-enabled window"),
    FactField("ci", address, "Where the cache-inhibited window starts"),
    FactField("ci-size", blockSize, "The size of the cache-inhibited window"),
    FactField("interrupt", interrupt, "The line of the interrupt controller"),
  ]

  static let qman: FactShape = .record(
    registers + [
      FactField("revision", .revision, "The revision"),
      FactField("liodn", liodn, "The LIODN of its own memory"),
      FactField("queues", .number(2...1 << 24), "How many frame queues its memory holds"),
      FactField("frame-memory", .size(1 << 12...1 << 30), "Memory for queued frames (PFDR)"),
      FactField("pool-channels", .range(0...0x1fff), "The channels that portals may share"),
      FactField("congestion-groups", .number(1...256), "How many congestion groups there are"),
      FactField(
        "portals",
        .rows(
          BoardLimits.indices,
          .record(
            portal + [
              FactField("dqrr-liodn", liodn, "With which dequeue entries are stashed"),
              FactField("frame-liodn", liodn, "With which frames are stashed"),
              FactField("liodn-offset", liodn, "What accelerators add to their bases"),
              FactField("stash", .number(0...255), "The cache that is stashed to"),
            ])), "The software portals by number"),
    ])

  static let bman: FactShape = .record(
    registers + [
      FactField("revision", .revision, "The revision"),
      FactField("liodn", liodn, "The LIODN of its own memory"),
      FactField("pools", .number(1...64), "How many buffer pools there are"),
      FactField("memory", .size(1 << 12...1 << 34), "Memory for the lists of buffers (FBPR)"),
      FactField(
        "portals", .rows(BoardLimits.indices, .record(portal)), "The software portals by number"),
    ])

  static let fman: FactShape = .record(fmanFields)

  static let fmanFields = [
    FactField("revision", .number(1...255), "The revision's major number"),
    FactField("base", address, "The registers' first address"),
    FactField("memory", blockSize, "The memory inside (MURAM)"),
    FactField("interrupt", interrupt, "The line, errors aside"),
    FactField("channels", .range(0...0x1fff), "The channels of its ports"),
    FactField("liodn-base", liodn, "The base of its ports' LIODNs"),
    FactField("schemes", .number(0...256), "How many KeyGen schemes there are"),
    FactField("storage-profiles", .number(0...256), "How many storage profiles there are"),
    FactField("policers", .number(0...4096), "How many policer profiles there are"),
    FactField(
      "interfaces",
      .names(
        .record([
          FactField("speed", .number(10...100_000), "The speed in Mbit/s"),
          FactField("mac", .number(0...255), "The MAC's number in Linux's device trees"),
          FactField("receive", .number(0...63), "The receive port's hardware id"),
          FactField("transmit", .number(0...63), "The transmit port's hardware id"),
          FactField("channel", channel, "The channel that the transmit port serves"),
          FactField("liodn-offset", liodn, "What the receive port adds to the base"),
          FactField(
            "connection",
            .word(NetworkInterface.Connection.allCases.map(\.rawValue)),
            "How the board connects the MAC"),
          FactField("enabled", .flag, "Whether the board enables the MAC"),
        ])), "The MACs by name: gb0 for fm1-gb0, 10g0 for fm1-10g0"),
    FactField(
      "offline-ports",
      .rows(
        0...63,
        .record([
          FactField("channel", channel, "The channel that the port serves"),
          FactField("enabled", .flag, "Whether the board enables the port"),
        ])), "The offline ports by hardware id"),
  ]

  static let sec: FactShape = .record(
    registers + [
      FactField("version", .revision, "The version, such as 4.0"),
      FactField("era", .number(0...99), "The era, which tells what algorithms there are"),
      FactField("interrupt", interrupt, "The block's own line"),
      FactField("channel", channel, "The channel of its queue interface"),
      FactField("liodn-bases", .list(liodn), "What a portal's LIODN offset is added to"),
      FactField(
        "job-rings",
        .rows(
          0...15,
          .record(
            registers + [
              FactField("interrupt", interrupt, "The line"),
              FactField("liodns", .list(liodn), "The LIODNs"),
            ])), "The job rings by number"),
    ])
}

/// Bounds that hold for every board.
enum BoardLimits {
  /// QMan and BMan speak of addresses of 40 bits.
  static let memory: ClosedRange<UInt64> = 1 << 20...1 << 40
  /// CPUs and portals: QMan 3 has room for 1,024 channels of portals in front of its pool channels
  /// (Linux 6.1, `include/soc/fsl/qman.h`, `QM_CHANNEL_POOL1_REV3`).
  static let indices: ClosedRange<UInt64> = 0...1023
}
