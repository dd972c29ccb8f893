import Diagnostics
import Lowering
import Testing

/// The mistake that shipped: queues that one partition uses by fixed numbers, inside the range from
/// which another partition's kernel allocates. Freescale's hv-cfg made it on several boards at once in
/// 55ebdfc, by enlarging the ranges to 0x200-0x2ff, and corrected it in b479663. Only its numbers are
/// taken from there.
@Suite struct ShippedMistakeTests {
  static let boards = ["p4080ds", "p5020ds", "p2041rdb", "t4240qds"]

  /// How a plan can say the same: who has the fixed queues, and the code that is meant for it.
  struct Shape: Sendable, CustomTestStringConvertible {
    var code: DiagnosticCode
    /// Keys of the host and of the plan where the fixed queues are written one by one.
    var host: String
    var top: String
    /// What the finding's place and its note's place must read, one pair for each finding.
    var places: [[String]]
    var labels: [String?]
    var testDescription: String { code.description }
  }

  private static let fixed = ["0x200-0x207", "0x210-0x212", "0x220-0x222"]
  private static let sent = ["0x230-0x231", "0x234-0x234", "0x238-0x238"]
  private static let common = [
    "8 queues in common: 512-519", "3 queues in common: 528-530", "3 queues in common: 544-546",
    "2 queues in common: 560-561", "1 queue in common: 564", "1 queue in common: 568",
  ]
  private static let all = fixed + sent

  static let shapes = [
    // The queues are named by what they are for, as those of a shared MAC are.
    Shape(
      code: "role-foreign",
      host: """
        queues: 0x100-0x1ff
            roles:
              receive: [\(fixed.joined(separator: ", "))]
              transmit: [\(sent.joined(separator: ", "))]
        """, top: "", places: all.map { [$0, "0x200-0x2ff"] }, labels: all.map { _ in nil }),
    // They are claimed: the allocator's range is the one that comes second.
    Shape(
      code: "queue-overlap", host: "queues: [\((["0x100-0x1ff"] + all).joined(separator: ", "))]",
      top: "", places: all.map { ["0x200-0x2ff", $0] }, labels: common),
    // The allocator belongs to nobody in the plan.
    Shape(
      code: "queue-reserved",
      host: "queues: [\((["0x100-0x1ff"] + all).joined(separator: ", "))]",
      top: "reserved: { allocator: {queues: 0x200-0x2ff} }",
      places: all.map { [$0, "0x200-0x2ff"] },
      labels: common.map { "in both: " + ($0.split(separator: " ").last ?? "") }),
  ]

  private static func text(_ board: String, _ shape: Shape, range: String) -> String {
    """
    board: \(board)
    \(shape.top.replacing("0x200-0x2ff", with: range))
    partitions:
      host:
        cpus: 0-0
        memory: 512 MiB
        portals: 2
        pools: [ {buffers: 256, size: 2 KiB} ]
        \(shape.host)
      part1:
        cpus: 1-1
        memory: 256 MiB
        portals: 2
        pools: [ {buffers: 256, size: 2 KiB} ]
        queues: \(shape.top.isEmpty ? range : "0x300-0x3ff")
    links: [ [host, part1] ]
    """
  }

  @Test(arguments: boards, shapes)
  func `fixed queues inside a range that is allocated from are found, both sides named`(
    board: String, shape: Shape
  ) {
    let loaded = PlanLoader.load(
      SourceFile(name: "p.yaml", text: Self.text(board, shape, range: "0x200-0x2ff")), lock: .none)
    let errors = loaded.diagnostics.sorted.filter { $0.severity == .error }
    #expect(loaded.partition == nil)
    #expect(errors.allSatisfy { $0.code == shape.code }, "\(errors.map(\.message))")
    let places = errors.map { finding in
      [finding.span, finding.notes.first?.span].map { $0.map { String($0.text) } ?? "nowhere" }
    }
    #expect(Set(places) == Set(shape.places))
    #expect(errors.count == shape.places.count)
    #expect(Set(errors.map(\.label)) == Set(shape.labels))
    for finding in errors {
      // Whoever has the queue and whoever hands it out: both are in the message, with numbers.
      #expect(finding.message.contains("host"))
      #expect(finding.message.contains(shape.top.isEmpty ? "part1" : "allocator"))
      #expect(finding.message.contains("512-767"))
      #expect(finding.notes.count == 1)
    }
  }

  @Test(arguments: boards, shapes.map(\.code))
  func `with the range moved away the same plan holds`(board: String, code: DiagnosticCode) throws {
    let shape = try #require(Self.shapes.first { $0.code == code })
    var moved = shape
    // Claimed, the fixed queues may have roles.
    if code == "role-foreign" {
      moved.host = shape.host.replacing("0x100-0x1ff", with: "0x100-0x23f")
    }
    let loaded = PlanLoader.load(
      SourceFile(name: "p.yaml", text: Self.text(board, moved, range: "0x400-0x4ff")), lock: .none)
    #expect(
      loaded.partition != nil, "\(DiagnosticRenderer().render(loaded.diagnostics))")
  }
}
