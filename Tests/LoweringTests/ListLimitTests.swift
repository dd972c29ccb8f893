import Diagnostics
import Lowering
import Partitioning
import QorIQ
import Testing

/// Lists of numbers, of which a few bytes may stand for millions.
@Suite(.timeLimit(.minutes(30))) struct ListLimitTests {
  private func load(_ partitions: [String], top: String = "") -> PlanLoader.Result {
    let text =
      "board: t4240qds\n\(top)partitions:\n"
      + "  host: { cpus: 0-3, memory: 1 GiB, portals: 4, queues: 1-100, pools: [] }\n"
      + partitions.map { "  \($0)\n" }.joined()
    return PlanLoader.load(SourceFile(name: "p.yaml", text: text))
  }

  private func messages(_ result: PlanLoader.Result) -> [String] {
    result.diagnostics.diagnostics.filter { $0.code == "bad-number" }.map(\.message)
  }

  @Test(arguments: [
    ("cpus: [0-1023, 0-1023]", "g's CPUs are 2048 numbers, but there are no more than 1024"),
    ("portals: 0-1023,7", "g's portals are 1025 numbers, but there are no more than 1024"),
    (
      "pool-channels: 0-8191",
      "g's pool channels are 8192 numbers, but there are no more than 1024"
    ),
  ])
  func `a list has no more numbers than there can be`(list: String, message: String) {
    let quoted = list.contains("[") ? list : list.replacing(": ", with: ": \"") + "\""
    #expect(messages(load(["g: { memory: 64 MiB, \(quoted) }"])) == [message])
  }

  @Test func `a list that a thousand partitions have is refused once`() {
    let result = load(["g: { count: 1024, memory: 64 MiB, pool-channels: 0-8191 }"])
    #expect(messages(result).count == 1)
  }

  @Test func `where each of several gets as many, numbers are counted only`() throws {
    let result = load(["g: { count: 3, memory: 64 MiB, cpus: [4-5, 8], portals: 4-5 }"])
    let plan = try #require(result.plan)
    #expect(plan.partitions.dropFirst().map(\.cpus) == [.count(3), .count(3), .count(3)])
    #expect(plan.partitions.last?.portals == .count(2))
  }

  @Test func `all lists together have an end`() {
    let guests = (0..<300).map { "g\($0): { cpus: 0-1023 }" }
    #expect(
      messages(load(guests)).contains { $0.contains("the plan lists more than 262144 numbers") })
  }

  @Test func `what is reserved is a list, too`() throws {
    let twice = load([], top: "reserved:\n  loader: { liodn-offsets: [0-4095, 7] }\n")
    #expect(
      messages(twice) == [
        "liodn-offsets of what loader reserves are 4097 numbers, but there are no more than 4096"
      ])
    let sound = load([], top: "reserved:\n  loader: { cpus: [9, 20-21] }\n")
    let plan = try #require(sound.plan)
    #expect(plan.reservations.first?.numbers[.cpus] == [9, 20, 21])
    let places = (0..<3).map { sound.origins[ClaimPath.reservation(0, .cpus, item: $0)]?.text }
    #expect(places == ["9", "20-21", "20-21"])
  }
}
