import Foundation
import TestSupport
import Testing

/// The commands as a user types them.
@Suite(.timeLimit(.minutes(10))) struct CommandTests {
  @Test func `two guests with the same queues: both places, the overlap, a free range, no files`()
    throws
  {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let plan = try Dpaac.variant(
      in: directory, replacing: "queues: 201-400", with: "queues: 150-400")
    let lines = try String(contentsOfFile: plan, encoding: .utf8).split(
      separator: "\n", omittingEmptySubsequences: false)
    func place(_ text: String) throws -> String {
      let line = try #require(lines.firstIndex { $0.contains(text) })
      let column = try #require(lines[line].range(of: text))
      let offset = lines[line].distance(from: lines[line].startIndex, to: column.lowerBound)
      return "\(plan):\(line + 1):\(offset + "queues: ".count + 1)"
    }
    let check = try Dpaac.tool.run(["check", plan])
    #expect(check.status == 1)
    #expect(check.errorText.contains(try place("queues: 150-400") + ": error: "))
    #expect(check.errorText.contains(try place("queues: 101-200") + ": note: "))
    for text in ["guest2", "guest1", "150-400", "101-200", "150-200", "[queue-overlap]", "fix: "] {
      #expect(check.errorText.contains(text), "the finding does not say \(text)")
    }
    let output = "\(directory.path)/out"
    let generate = try Dpaac.tool.run(["generate", plan, "-o", output])
    #expect(generate.status == 1)
    #expect(!FileManager.default.fileExists(atPath: output))
    let run = try Dpaac.tool.run(["run", plan, "-o", output])
    #expect(run.status == 1)
    #expect(!FileManager.default.fileExists(atPath: output))
  }

  @Test func `findings for programs are JSON with places`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let plan = try Dpaac.variant(in: directory, replacing: "portals: 4", with: "portls: 4")
    let outcome = try Dpaac.tool.run(["check", plan, "--format", "json"])
    #expect(outcome.status == 1)
    let findings = try #require(
      Dpaac.report(outcome.text)["diagnostics"] as? [[String: Any]])
    let place = try #require(findings.first?["place"] as? [String: Any])
    #expect(place["file"] as? String == plan)
    #expect(place["line"] as? Int ?? 0 > 1)
  }

  @Test func `check speaks SARIF and GitHub's commands`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let plan = try Dpaac.variant(in: directory, replacing: "portals: 4", with: "portls: 4")
    let sarif = try Dpaac.tool.run(["check", plan, "--format", "sarif"])
    #expect(sarif.status == 1)
    let runs = try #require(Dpaac.report(sarif.text)["runs"] as? [[String: Any]])
    let results = try #require(runs.first?["results"] as? [[String: Any]])
    #expect(results.first?["ruleId"] as? String == "unknown-key")
    let github = try Dpaac.tool.run(["check", plan, "--format", "github"])
    #expect(github.status == 1)
    #expect(github.text.hasPrefix("::error file=\(plan),line="))
    #expect(github.errorText == "")
  }

  @Test
  func `an explanation gives the rule, its repair, its source, a plan and what is found in it`()
    throws
  {
    let outcome = try Dpaac.tool.run(["explain", "queue-overlap"])
    #expect(outcome.status == 0)
    for text in [
      "queue-overlap (error, about queues): ", "Repair: ", "Source: ", "  board: p4080ds",
      "example.yaml:13:13: error: guest1 claims frame queues 500-700",
    ] {
      #expect(outcome.text.contains(text), "the explanation does not say \(text)")
    }
    let misspelt = try Dpaac.tool.run(["explain", "queue-overlpa"])
    #expect(misspelt.status == 1)
    #expect(misspelt.errorText.contains("did you mean queue-overlap?"))
    for code in ["unit-address-vs-reg (warning", "blob-truncated (error", "overlay-symbol (error"] {
      let tree = try Dpaac.tool.run(["explain", String(code.prefix { $0 != " " })])
      #expect(tree.text.hasPrefix("\(code), about trees): "))
    }
  }

  @Test func `-W and -E choose which findings count`() throws {
    let idle = "\(Checkout.fixtures)/plans/partition-idle.yaml"
    let clash = "\(Checkout.fixtures)/plans/queue-overlap.yaml"
    for (arguments, status, says) in [
      ([idle], 0, "warning: "), ([idle, "-E", "partition-idle"], 1, "error: "),
      ([idle, "-W", "no-partition-idle"], 0, ""), ([clash], 1, "error: "),
      ([clash, "-E", "no-queue-overlap"], 0, ""),
      ([clash, "-E", "no-queue-overlap", "-W", "queue-overlap"], 0, "warning: "),
    ] {
      let outcome = try Dpaac.tool.run(["check"] + arguments)
      #expect(outcome.status == Int32(status), "\(arguments)")
      #expect(says.isEmpty ? outcome.errorText.isEmpty : outcome.errorText.contains(says))
    }
    // What turns off nothing is told, unless an error keeps checks from being judged.
    for (plan, option, isTold) in [
      (idle, ["-W", "no-rule-unreachable"], true), (idle, ["-E", "no-queue-overlap"], true),
      (clash, ["-W", "no-rule-unreachable"], false), (idle, ["-W", "no-partition-idle"], false),
      (idle, ["-W", "no-rule-unreachable", "-W", "no-allowance-idle"], false),
    ] {
      let outcome = try Dpaac.tool.run(["check", plan] + option)
      let told = "\(option.joined(separator: " ")) turns off what is not found [allowance-idle]"
      #expect(outcome.errorText.contains(told) == isTold, "\(option)")
      #expect(outcome.status == (plan == idle ? 0 : 1))
    }
    let unknown = try Dpaac.tool.run(["check", idle, "-W", "no-partition-idel"])
    #expect(unknown.status == 64)
    #expect(unknown.errorText.contains("did you mean partition-idle?"))
  }

  @Test func `a copied binary does everything alone, from any directory`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let copy = Tool("\(directory.path)/copied", package: "dpaac itself")
    try FileManager.default.copyItem(atPath: Dpaac.tool.name, toPath: copy.name)
    for arguments in [
      ["board", "p4080ds"], ["check", Dpaac.example], ["plan", Dpaac.example],
      ["generate", Dpaac.example, "-o", "\(directory.path)/out"], ["run", Dpaac.example],
      ["explain"], ["dtc", "-q", "-o", "/dev/null", "\(Checkout.path)/boards/p4080ds.dts"],
    ] {
      let outcome = try copy.run(arguments, in: "/")
      #expect(outcome.status == 0, "\(arguments): \(outcome.errorText)")
    }
  }

  @Test func `the device tree tools keep their own options`() throws {
    let source = "/dts-v1/; / { x = <1 2>; };"
    let blob = try Dpaac.tool.run(
      ["dtc", "-I", "dts", "-O", "dtb", "-"], input: Array(source.utf8))
    #expect(blob.status == 0, "\(blob.errorText)")
    let value = try Dpaac.tool.run(["fdtget", "-", "/", "x"], input: Array(blob.output))
    #expect(value.text == "1 2\n", "\(value.errorText)")
    let broken = try Dpaac.tool.run(["dtc", "-"], input: Array("/dts-v1/; / { x = <; };".utf8))
    #expect(broken.status == 1)
  }

  @Test func `a plan may come from standard input`() throws {
    let plan = try #require(FileManager.default.contents(atPath: Dpaac.example))
    let outcome = try Dpaac.tool.run(["check", "-"], input: Array(plan))
    #expect(outcome.status == 0, "\(outcome.errorText)")
  }

  @Test(arguments: [
    ["frobnicate"], ["check"], ["generate", "plan.yaml"], ["run", "plan.yaml", "--port", "x"],
    ["check", "plan.yaml", "--format", "xml"],
  ])
  func `bad usage exits with 64 and says how to do better`(arguments: [String]) throws {
    let outcome = try Dpaac.tool.run(arguments)
    #expect(outcome.status == 64)
    #expect(outcome.errorText.contains("Usage: "))
  }

  @Test(arguments: [
    "board", "check", "plan", "generate", "run", "explain", "prove", "trace", "schema", "lint",
  ])
  func `every command's help has an example`(command: String) throws {
    let outcome = try Dpaac.tool.run([command, "--help"])
    #expect(outcome.status == 0)
    #expect(outcome.text.contains("  dpaac \(command)"))
  }

  @Test func `a lock that a plan writes is found beside it, and a grown plan moves nobody`() throws
  {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let plan = try Dpaac.variant(in: directory, replacing: "portals: 4 ", with: "portals: 3 ")
    let lock = "\(directory.path)/plan.lock"
    #expect(try Dpaac.tool.run(["plan", plan, "--lock", lock]).status == 0)
    let before = try Dpaac.tool.run(["plan", plan, "--format", "json"])
    let text = try String(contentsOfFile: plan, encoding: .utf8)
    let grown = text.replacingOccurrences(
      of: "partitions:\n",
      with: """
        partitions:
          first: {cpus: 1, memory: 64 MiB, portals: 1, queues: 20, pools: [ {buffers: 64, size: 2 KiB} ]}

        """
    ).replacingOccurrences(of: "links:\n", with: "links:\n  - [host, first]\n")
    let next = try directory.write("next.yaml", Data(grown.utf8))
    let difference = try Dpaac.tool.run(["diff", plan, next])
    #expect(difference.status == 1)
    #expect(difference.text.contains("guest1     untouched"), "\(difference.text)")
    try directory.write("plan.yaml", Data(grown.utf8))
    let check = try Dpaac.tool.run(["check", plan])
    #expect(check.status == 0 && check.errorText.contains("[lock-stale]"))
    let after = try Dpaac.tool.run(["plan", plan, "--format", "json"])
    for name in ["guest1", "guest2", "guestN"] {
      let old = try Dpaac.partition(name, of: Dpaac.report(before.text)) as NSDictionary
      let new = try Dpaac.partition(name, of: Dpaac.report(after.text)) as NSDictionary
      #expect(old == new)
    }
    let same = try Dpaac.tool.run(["diff", plan, plan, "--format", "json"])
    #expect(same.status == 0, "\(same.text)")
  }

  @Test func `what is left and why something is whose it is, for people and programs`() throws {
    let free = try Dpaac.tool.run(["free", Dpaac.example])
    #expect(free.status == 0 && free.text.contains("storage profiles of fm1"))
    let why = try Dpaac.tool.run(["why", Dpaac.example, "queue", "0x80"])
    #expect(why.status == 0 && why.text.hasPrefix("queue 128 belongs to guest1\n"))
    #expect(why.text.contains("t4240qds.yaml:"))
    for arguments in [["free", Dpaac.example], ["why", Dpaac.example, "portal", "4"]] {
      let outcome = try Dpaac.tool.run(arguments + ["--format", "json"])
      #expect(try !Dpaac.report(outcome.text).isEmpty)
    }
    for object in [
      ["queu", "1"], ["queue", "x"], ["queue", "-1"], ["queue", "99999999999999999999"],
    ] {
      #expect(try Dpaac.tool.run(["why", Dpaac.example] + object).status == 64)
    }
  }

  @Test(arguments: ["no-such-plan.yaml", "/", "/proc/self/mem"])
  func `a plan that cannot be read is a finding, not a crash`(path: String) throws {
    let outcome = try Dpaac.tool.run(["check", path])
    #expect(outcome.status == 1)
    #expect(outcome.errorText.contains("error: "))
  }

  @Test func `a guest program links no engine, no planner and no parser`() throws {
    let binary = try #require(
      FileManager.default.contents(atPath: "\(Dpaac.products)/dpaac-guest"))
    // Swift's mangled names begin with the length and name of the module; C names stand as they are.
    for name in ["10DPAAPortal", "5QorIQ"] {
      #expect(binary.range(of: Data(name.utf8)) != nil, "this is not the guest program")
    }
    let foreign = [
      "11DPAARuntime", "12Partitioning", "8Lowering", "9Documents", "10DeviceTree", "7Codegen",
      "14ArgumentParser", "10Foundation", "11Diagnostics", "yaml_parser", "xmlNew",
    ]
    for name in foreign {
      #expect(binary.range(of: Data(name.utf8)) == nil, "dpaac-guest holds \(name)")
    }
  }

  @Test func `a guest without a host says what it is for`() throws {
    let outcome = try Tool("\(Dpaac.products)/dpaac-guest", package: "dpaac itself").run([])
    #expect(outcome.status == 1)
    #expect(outcome.errorText.contains("dpaac run"))
  }
}
