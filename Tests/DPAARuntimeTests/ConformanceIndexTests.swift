import Foundation
import Testing

/// Where each line of the conformance checklist is tested: what a driver may expect of a QMan and a
/// BMan, line by line and table by table.
@Suite struct ConformanceIndexTests {
  /// What is expected, and the tests that hold it, as they are called.
  static let checklist: [(line: String, tests: [String])] = [
    (
      "managers: IP_REV, INIT_PFDR, memory registers, error registers",
      ["the managers' registers are there", "mistakes with queues have bits of their own"]
    ),
    (
      "bring-up of both halves of a portal, on zeroed memory and again",
      [
        "drivers bring a portal up on zeroed memory", "a driver brings portals up and uses them",
        "after reset every index is 0", "after reset nothing is asked for",
      ]
    ),
    (
      "drivers' own self-tests, on Linux 6.1",
      ["heavy: self-tests pass again and again"]
    ),
    ("registers of a portal, one by one", ["a register keeps what is written"]),
    (
      "index registers and their lines, in every mode of production and consumption",
      [
        "enqueue commands are announced by register or by line",
        "what was produced by valid bit is shown in the index too",
        "the dequeue ring is consumed by register or by line",
        "the message ring is consumed by register or by line",
        "release commands are announced by register, by line or by valid bit",
        "no more entries wait than the configuration allows",
      ]
    ),
    (
      "valid bits, and lines that are zeroed before they are filled",
      [
        "the enqueue ring wraps for many laps", "a ring of all but one entry is taken whole",
        "a line without a verb is not taken", "every other verb is no command, and 0 is none yet",
      ]
    ),
    (
      "consumption entry by entry: DCAP single and bit mask, enqueue with DCA, parking",
      [
        "entries are consumed one by one", "a held queue is parked with the entry that says so",
        "an enqueue consumes the entry that it names",
      ]
    ),
    (
      "interrupts: every bit, thresholds, ISDR, IER, IIR, write-one-to-clear",
      [
        "each cause has its bit, which is not set while it is disabled",
        "a status bit stays until 1 is written to it",
        "entries below the threshold raise their interrupt when the period has passed",
        "messages, consumed enqueues and an empty enqueue ring",
        "the line follows status, enable and inhibit",
        "a portal's line goes up with an entry and down with its handling",
      ]
    ),
    (
      "frame descriptors: LIODN offset stamped, the rest unchanged",
      [
        "the portal's LIODN offset is stamped into a frame",
        "dequeue entries say what their frames",
      ]
    ),
    (
      "management commands: handshake, every verb, every result code",
      [
        "commands alternate between two responses", "every command answers under its own verb",
        "every other verb is no command", "a command about another's queue, or none, is refused",
        "a command is legal in its states only", "a queue leads to the owner's own channels",
        "an empty queue retires with nothing to tell", "a command names several queues",
      ]
    ),
    (
      "INITFQ: write-enable mask, control bits, fields",
      [
        "each bit of the mask writes its field and no other", "each control bit is kept",
        "fields are written by name and read back",
      ]
    ),
    (
      "QUERYFQ, QUERYFQ_NP, QUERYWQ",
      [
        "a queue is queried in every state", "a query counts the frames and bytes of an own queue",
        "work queues are counted", "the next number of a queue's frames is shown",
        "frames go on in the order of their numbers",
      ]
    ),
    ("frame-queue states: every command in every state", ["a command is legal in its states only"]),
    (
      "retirement: FQRNI at once, FQRN later, FQRL, NOTEMPTY, ORL present",
      [
        "a parked queue retires at once", "a scheduled queue retires when its turn has ended",
        "a held queue retires when its entries are consumed",
        "what waits at a point that retires comes back",
        "a scheduled queue tells of its list when it retires",
        "a queue leaves service only when its list has been given back",
        "many messages arrive in order although nobody reads them at first",
      ]
    ),
    ("FQPN", ["a held queue is parked with the entry that says so"]),
    ("FQXON, FQXOFF", ["a stopped queue keeps its frames until it may go on"]),
    ("ALTER_FE", ["a forced queue is served although it is empty"]),
    (
      "VDQCR: FQ_EMPTY, EXPIRED, UNSCHEDULED, EXACT, precedence",
      [
        "an empty queue answers a volatile command",
        "the last frame of a volatile command says that it has expired",
        "a volatile command for all goes on until the queue is empty",
        "precedence puts a volatile command before scheduled work or behind",
        "a command that is written too early waits",
        "a volatile command for a queue that it may not touch ends at once",
      ]
    ),
    ("PDQCR", ["in pull mode a command gives one answer"]),
    (
      "SDQCR: every field, stopped at once, changed for later dequeues",
      [
        "a static command that is stopped or changed concerns later dequeues only",
        "nothing is delivered while the static command asks for nothing",
        "a static command gives one frame of a queue or three, and its token",
        "one work queue alone is served when that is asked for",
        "the dedicated channel goes first when that is asked for",
        "types 2 and 3 let a queue go on while it has credit or frames",
      ]
    ),
    (
      "channels and work queues",
      [
        "work queues 0 and 1 come first, the others take turns",
        "a pool channel is served by the portals that ask for it",
      ]
    ),
    (
      "HOLDACTIVE",
      [
        "a held queue goes to no other portal until its entries are consumed",
        "a held queue that goes on stays with its portal",
      ]
    ),
    (
      "order restoration: windows, NLIS, holes, NESN",
      [
        "whatever order they come in, and over the end of the numbers",
        "a number may have several frames", "a hole lets the next number go on",
        "the expected number moves forward", "the window has 32 numbers",
        "a late frame is taken as the point says", "a window that advances by itself",
        "a queue may be its own point",
      ]
    ),
    (
      "rejections: every code; tag and frame as they were",
      [
        "a rejection echoes the command with the reason",
        "a queue that is longer than its threshold sends frames back as they were",
        "a congested group refuses frames", "early discard refuses by colour and by probability",
        "a queue out of service or retired takes no frame",
        "a command that names no point comes back",
        "no enqueue is taken whose rejection would find no place",
      ]
    ),
    (
      "congestion groups: image, counters, CSCN, QUERYCONGESTION's bits",
      [
        "each bit of a group's mask writes its field and no other",
        "a congested group has its bit", "up to QMan 2 a group's targets are a bit for each portal",
        "a congested group refuses frames, tells its portal, and recovers",
        "bytes are counted with the overhead that a queue names",
        "a modification leaves what it does not name",
      ]
    ),
    (
      "BMan: release and acquire of 1 to 8, query, invalid commands",
      [
        "as many buffers are acquired as were asked for", "of too many buffers none is given",
        "as many buffers are released as the command says",
        "what is no command is answered as such",
        "a query says which own pools have buffers", "only own, whole, held buffers are released",
        "a buffer is free once",
      ]
    ),
    (
      "BMan: thresholds, depletion, SCN, RCRI",
      [
        "a pool is depleted from below the one mark",
        "a portal hears of the pools that it asks for",
        "a release ring that holds less than its threshold has a bit",
        "a pool's thresholds are its registers, and depletion is told",
        "ports take nothing from a pool that is depleted by hardware's marks",
      ]
    ),
    (
      "numbers of queues and pools beyond what there is",
      ["queues and pools count within the partition", "a driver of the SDK finds the plan's own"]
    ),
    ("KeyGen's hash", ["the hash is KeyGen's CRC-64"]),
  ]

  @Test func `every line of the checklist has its tests`() throws {
    let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    let places = [here, here.deletingLastPathComponent().appendingPathComponent("DpaacTests")]
    var sources = ""
    for place in places {
      for file in try FileManager.default.contentsOfDirectory(atPath: place.path)
      where file.hasSuffix(".swift") && file != "ConformanceIndexTests.swift" {
        sources += try String(contentsOf: place.appendingPathComponent(file), encoding: .utf8)
      }
    }
    for (line, tests) in Self.checklist {
      for test in tests { #expect(sources.contains("func `\(test)"), "\(line): \(test)") }
    }
  }
}
