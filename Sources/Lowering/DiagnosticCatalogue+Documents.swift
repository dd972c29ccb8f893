import Diagnostics
import Partitioning

extension DiagnosticCatalogue {
  /// What can be wrong with what stands in a board or a plan.
  static let documents: [Entry] = [
    entry(
      .allowanceError, .findings, "what a plan allows is no error",
      meaning: """
        Nothing is generated or run of a plan with an error, so allowing one would hide why.
        """,
      repair: "repair what is found, and take the code out of the list",
      source: "a decision of this project",
      example: .init(guest: ["allow": "[queue-overlap]"])),
    entry(
      .allowanceIdle, .findings, severity: .warning, "what a plan allows is found",
      meaning: """
        An allowance outlives what it was for; the next finding of its kind, which nobody has looked \
        at, would pass in silence.
        """,
      repair: "take the code out of the list",
      source: "a decision of this project",
      example: .init(guest: ["allow": "[cpu-threads-split]"])),
    entry(
      .badAddress, .rules,
      "an address is a MAC, IPv4 or IPv6 address, or a prefix without bits behind",
      meaning: """
        Bits behind a prefix are compared with nothing; whoever wrote them meant another \
        prefix.
        """,
      repair: "write the address as its kind is written, with zeros behind the prefix",
      source: "RFC 4632, RFC 4291",
      example: .init(rules: ["{ when: {ipv4.dst: 10.0.0.1/8}, to: guest1 }"])),
    entry(
      .badChoice, .naming, "a word is one of those allowed",
      meaning: "The word means nothing here.",
      repair: "choose one of the words that the finding lists",
      source: "a decision of this project",
      example: .init(rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1, spread: 5-tupel }"])),
    entry(
      .badKey, .accelerators, "a key is in hexadecimal digits",
      meaning: "Whatever else stands there would have to be taken for another key than was meant.",
      repair: "write two digits for each byte, as `openssl rand -hex 20` does",
      source: "a decision of this project",
      example: .init(
        guest: [
          "accelerators": "{ sec: {pairs: 2} }",
          "program": PartitionCheck.tunnelExample(outKey: "key: secret"),
        ]), files: ["tunnel-in.key": PartitionCheck.tunnelExampleKey]),
    entry(
      .badName, .naming, "a partition's name does as a file's name",
      meaning: "Names become names of files, of processes and of values in Swift.",
      repair: "begin with a letter; use letters, digits, - and _, 32 in all",
      source: "a decision of this project",
      example: """
        board: p4080ds
        partitions:
          host:    { cpus: 0-3, memory: 1 GiB, portals: 4, queues: 1-100, pools: [ {buffers: 64, size: 2 KiB} ] }
          guest/1: { cpus: 4-5, memory: 512 MiB, portals: 2, queues: 101-200, pools: [ {buffers: 64, size: 2 KiB} ] }
        links: [ [host, guest/1] ]

        """),
    entry(
      .badNumber, .naming, "a number is one, and in its range",
      meaning: "The field in the hardware has only so many bits.",
      repair: "write a number in the range that the finding names",
      source: "a decision of this project",
      example: .init(rules: ["{ when: {vlan.id: 5000}, to: guest1 }"])),
    entry(
      .badRange, .naming, "a range is one, and runs upwards",
      meaning: "A range that runs backwards holds nothing.",
      repair: "write the lower end first",
      source: "a decision of this project",
      example: .init(guest: ["queues": "200-101"])),
    entry(
      .badSize, .naming, "a size is a number of bytes, KiB, MiB, GiB or TiB",
      meaning: """
        A megabyte has 1,000,000 bytes or 1,048,576; only the unit with an i says which.
        """,
      repair: "use KiB, MiB, GiB or TiB",
      source: "IEC 80000-13",
      example: .init(guest: ["memory": "512 MB"])),
    entry(
      .fileUnreadable, .file, "a file is there and can be read",
      meaning: "Nothing can be said about a file that cannot be read.",
      repair: "correct the path, or the permissions",
      source: "a decision of this project",
      example: .init(board: "nowhere.yaml")),
    entry(
      .includeCycle, .naming, "no file of a plan includes itself",
      meaning: """
        A file that includes itself has no beginning, and its names would all be there twice.
        """,
      repair: "take the include out of one file of the circle",
      source: "a decision of this project",
      example: """
        include: include-cycle.yaml
        board: p4080ds
        partitions:
          host: { cpus: 0-3, memory: 1 GiB, portals: 4, queues: 1-100, pools: [ {buffers: 64, size: 2 KiB} ] }

        """),
    entry(
      .likeCycle, .naming, "no partition is like itself",
      meaning: "Wishes are taken over from somebody who has them; in a circle nobody has.",
      repair: "say the wishes in one partition of the circle",
      source: "a decision of this project",
      example: """
        board: p4080ds
        partitions:
          host: { cpus: 0-3, memory: 1 GiB, portals: 4, queues: 1-100, pools: [ {buffers: 64, size: 2 KiB} ] }
          guest1: { like: guest2, pools: [ {buffers: 64, size: 2 KiB} ] }
          guest2: { like: guest3, pools: [ {buffers: 64, size: 2 KiB} ] }
          guest3: {like: guest1, pools: [ {buffers: 64, size: 2 KiB} ] }
        links: [ [host, guest1], [host, guest2], [host, guest3] ]

        """),
    entry(
      .lockStale, .naming, severity: .warning, "a lock holds what the plan comes to",
      meaning: """
        The lock keeps numbers where they are; one that was written for another plan or board keeps \
        nothing, and somebody moves without a word.
        """,
      repair: "write the lock anew, and look at who moves", source: "a decision of this project",
      example: """
        board: p4080ds
        partitions:
          host: { cpus: 0-3, memory: 1 GiB, portals: 4, queues: 1-100, pools: [ {buffers: 64, size: 2 KiB} ] }

        """, files: ["lock-stale.lock": "lock: 1\nboard: t4240qds\n"]),
    entry(
      "resource-short", .naming, "everything that a plan asks for is there, and nobody else's",
      meaning: """
        Each wish can be met alone, and no two exact ones clash; but after the earlier ones nothing \
        that fits is left for this one.
        """,
      repair: "ask for less, or free what the notes name", source: "a decision of this project",
      example: .init(
        guest: ["memory": "2 GiB"],
        more: ["reserved: { monitor: {memory: {address: 0x90000000, size: 16 MiB}} }"])),
    entry(
      .missingKey, .naming, "a key that is needed is there",
      meaning: "The planner chooses numbers, not how much somebody needs.",
      repair: "add the key",
      source: "a decision of this project",
      example: .init(guest: ["memory": ""])),
    entry(
      .patternLine, .accelerators, "a line of a file of patterns is a pattern",
      meaning: "A line that is passed over is a pattern that nobody looks for.",
      repair:
        "write a number, a colon and the expression between slashes, or begin the line with #",
      source: "Hyperscan, tools/hsbench: files of expressions",
      example: .init(
        guest: ["accelerators": "{ pme: {patterns: { web: {file: pattern-line.patterns} }} }"]),
      files: ["pattern-line.patterns": "1:/GET \\/admin/i\n2: cmd.exe\n"]),
    entry(
      .unknownBoard, .board, "a board is one of those compiled in, or a file",
      meaning: "Everything else is judged by the board.",
      repair: "choose a board that `dpaac board` lists, or write the name of a file",
      source: "a decision of this project",
      example: .init(board: "p4080sd")),
    entry(
      .unknownCode, .findings, "what a plan allows is the code of a finding",
      meaning: "A misspelt code allows nothing, and what was meant goes on being told.",
      repair: "choose a code that `dpaac explain` lists as a warning",
      source: "a decision of this project",
      example: .init(guest: ["allow": "[cpu-thread-split]"])),
    entry(
      .unknownKey, .naming, "a key means something where it stands",
      meaning: "A misspelt key would be left out in silence, and with it what it asks for.",
      repair: "correct the key",
      source: "a decision of this project",
      example: .init(guest: ["portals": "", "portls": "2"])),
    entry(
      .wrongKind, .naming, "a text, a list or a mapping stands where it should",
      meaning: "The value cannot mean what its key asks for.",
      repair: "write the value as the finding says",
      source: "a decision of this project",
      example: """
        board: p4080ds
        partitions:
          host:   { cpus: 0-3, memory: 1 GiB, portals: 4, queues: 1-100, pools: [ {buffers: 64, size: 2 KiB} ] }
          guest1: [ 4-5, 512 MiB ]
        links: [ [host, guest1] ]

        """),
  ]
}
