import Foundation
import TestSupport
import Testing

/// `dpaac board` and `dpaac init` as a user types them.
@Suite(.timeLimit(.minutes(5))) struct BoardCommandTests {
  static let names = ["p2040rdb", "p2041rdb", "p4080ds", "p5020ds", "t4240qds"]

  /// A board's own tree as a blob, in a directory.
  private func blob(of name: String, in directory: TemporaryDirectory) throws -> String {
    let blob = "\(directory.path)/\(name).dtb"
    let outcome = try Dpaac.tool.run(
      ["dtc", "-q", "-o", blob, "\(Checkout.path)/boards/\(name).dts"])
    try #require(outcome.status == 0, "\(outcome.errorText)")
    return blob
  }

  /// The differences that a comparison prints as JSON: path, first, second.
  private func differences(_ first: String, _ second: String) throws -> [[String?]] {
    let outcome = try Dpaac.tool.run(
      ["board", first, "--against", second, "--format", "json"])
    let list = try #require(
      JSONSerialization.jsonObject(with: outcome.output) as? [[String: Any]])
    #expect(outcome.status == (list.isEmpty ? 0 : 1), "\(outcome.errorText)")
    return list.map { entry in ["path", "first", "second"].map { entry[$0] as? String } }
  }

  @Test func `without a name every board of the library is listed`() throws {
    let outcome = try Dpaac.tool.run(["board"])
    #expect(outcome.status == 0)
    #expect(outcome.text == Self.names.map { "\($0)\n" }.joined())
    let files = try FileManager.default.contentsOfDirectory(atPath: "\(Checkout.path)/boards")
    let boards = files.filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }
    #expect(boards.sorted() == Self.names)
  }

  @Test(arguments: names) func `a name, its source and its blob have one inventory`(
    name: String
  ) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let known = try Dpaac.tool.run(["board", name])
    #expect(known.status == 0)
    #expect(known.text.hasPrefix("\(name) (fsl,\(name.uppercased()))\n"))
    // Which facts are concluded, not established or from the table is each document's own.
    func inventory(_ text: String) throws -> Substring {
      let end = try #require(text.range(of: "\n\nnot "))
      return text[..<end.lowerBound]
    }
    for table in ["what", "portals of QMan", "portals of BMan", "network interfaces", "addresses"] {
      #expect(try inventory(known.text).contains("\n\(table)"), "there is no table of \(table)")
    }
    for file in ["\(Checkout.path)/boards/\(name).dts", try blob(of: name, in: directory)] {
      let read = try Dpaac.tool.run(["board", file])
      #expect(read.status == 0, "\(read.errorText)")
      #expect(try inventory(read.text) == inventory(known.text), "\(file)")
    }
  }

  @Test(arguments: ["board", "init"])
  func `a board that there is not exits with 1 and names the nearest`(command: String) throws {
    let outcome = try Dpaac.tool.run([command, "t4240qsd"])
    #expect(outcome.status == 1)
    #expect(outcome.text == "")
    #expect(outcome.errorText.contains("there is no board t4240qsd [unknown-board]"))
    #expect(outcome.errorText.contains("fix: did you mean t4240qds?"))
    for name in Self.names { #expect(outcome.errorText.contains(name)) }
    let file = try Dpaac.tool.run([command, "/nonexistent/board.dts"])
    #expect(file.status == 1 && file.text == "")
    #expect(file.errorText.contains("/nonexistent/board.dts does not exist [file-unreadable]"))
    let other = try Dpaac.tool.run(["board", "t4240qds", "--against", "p5020d"])
    #expect(other.status == 1 && other.text == "")
    #expect(other.errorText.contains("did you mean p5020ds?"))
  }

  @Test(arguments: [
    ["--schema", "p4080ds"], ["--schema", "--against", "p4080ds"], ["--against", "p4080ds"],
    ["p4080ds", "--format", "xml"],
  ])
  func `bad usage exits with 64`(arguments: [String]) throws {
    let outcome = try Dpaac.tool.run(["board"] + arguments)
    #expect(outcome.status == 64)
    #expect(outcome.errorText.contains("Usage: "))
  }

  @Test(arguments: names) func `a board as JSON is a document of the same board`(
    name: String
  ) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let json = try Dpaac.tool.run(["board", name, "--format", "json"])
    #expect(json.status == 0)
    #expect(try Dpaac.report(json.text)["name"] as? String == name)
    let copy = try directory.write("copy.yaml", json.output)
    let same = try Dpaac.tool.run(["board", name, "--against", copy])
    #expect(same.status == 0, "\(same.errorText)")
    #expect(same.text == "no differences\n")
    #expect(try differences(name, copy) == [])
    let again = try Dpaac.tool.run(["board", copy, "--format", "json"])
    let (first, second) = try (Dpaac.report(json.text), Dpaac.report(again.text))
    #expect(first as NSDictionary == second as NSDictionary)
  }

  @Test func `two boards differ in what they have not in common, seen from both sides`() throws {
    let port = [
      "channel": "64", "connection": "xgmii", "liodn-offset": "15", "mac": "8", "receive": "16",
      "speed": "0x2710", "transmit": "48",
    ].sorted { $0.key < $1.key }
    let facts: [[String?]] =
      [["/clock", "0x47868c00", "0x59682f00"]]
      + port.map { ["/fmans/1/interfaces/10g0/\($0.key)", nil, $0.value] } + [
        ["/model", "fsl,P2040RDB", "fsl,P2041RDB"], ["/name", "p2040rdb", "p2041rdb"],
        ["/soc", "p2040", "p2041"],
      ]
    #expect(try differences("p2040rdb", "p2041rdb") == facts)
    #expect(try differences("p2041rdb", "p2040rdb") == facts.map { [$0[0], $0[2], $0[1]] })
  }

  @Test(arguments: [
    (
      ["-t", "x", "/memory@0", "reg", "0", "0", "0", "80000000"],
      [["/memory", "0x100000000", "0x80000000"]]
    ),
    (
      ["-t", "s", "/soc@ffe000000/fman@400000/port@84000", "status", "disabled"],
      [["/fmans/1/offline-ports/4/enabled", nil, "false"]]
    ),
  ])
  func `a board and its own tree with one change differ in just that`(
    change: [String], expected: [[String?]]
  ) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let tree = try blob(of: "p4080ds", in: directory)
    #expect(try differences("p4080ds", tree) == [])
    let put = try Dpaac.tool.run(["fdtput"] + change.prefix(2) + [tree] + change.dropFirst(2))
    try #require(put.status == 0, "\(put.errorText)")
    #expect(try differences("p4080ds", tree) == expected)
    let text = try Dpaac.tool.run(["board", "p4080ds", "--against", tree])
    #expect(text.status == 1)
    let rows = text.text.split(separator: "\n").dropFirst().map { line in
      line.split(separator: " ").map(String.init)
    }
    #expect(rows == expected.map { row in row.map { $0 ?? "-" } })
  }

  @Test func `many differences of one kind are one row that counts them`() throws {
    let all = try differences("p4080ds", "t4240qds").count
    let text = try Dpaac.tool.run(["board", "p4080ds", "--against", "t4240qds"])
    #expect(text.status == 1)
    let rows = text.text.split(separator: "\n").dropFirst()
    #expect(rows.count < all / 4)
    let counts = try rows.map { row in
      guard row.contains(" like it ") else { return 1 }
      let words = row.split(separator: " ")
      return try 1 + #require(Int(words[2]))
    }
    #expect(counts.reduce(0, +) == all)
  }

  private static let judge = Tool("python3", package: "python3-jsonschema")

  /// Numbers as keys become text, as they are in JSON.
  private static let script = """
    import json, sys, yaml, jsonschema
    schema = json.load(open(sys.argv[1]))
    jsonschema.Draft202012Validator.check_schema(schema)
    judge = jsonschema.Draft202012Validator(schema)
    for name in sys.argv[2:]:
        document = json.loads(json.dumps(yaml.safe_load(open(name))))
        errors = [error.message for error in judge.iter_errors(document)]
        print(name.rsplit("/", 1)[-1], errors or "valid")
    """

  @Test(
    .enabled(
      if: (try? judge.run(["-c", "import jsonschema, yaml"]))?.status == 0,
      "needs package python3-jsonschema"))
  func `the schema takes every board and part of ours, and what is printed; no other key`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let outcome = try Dpaac.tool.run(["board", "--schema"])
    #expect(outcome.status == 0)
    let schema = try directory.write("schema.json", outcome.output)
    let files = try ["boards", "boards/soc"].flatMap { folder in
      let path = "\(Checkout.path)/\(folder)"
      return try FileManager.default.contentsOfDirectory(atPath: path)
        .filter { $0.hasSuffix(".yaml") }.map { "\(path)/\($0)" }
    }
    #expect(files.count > 2 * Self.names.count)
    let printed = try Self.names.map { name in
      let json = try Dpaac.tool.run(["board", name, "--format", "json"])
      return try directory.write("\(name).json", json.output)
    }
    let bad = try directory.write("bad.yaml", Data("qman: {portals: {0: {cee: 1}}}\n".utf8))
    let verdict = try Self.judge.run(["-c", Self.script, schema] + files + printed + [bad])
    #expect(verdict.status == 0, "\(verdict.errorText)")
    let lines = verdict.text.split(separator: "\n")
    #expect(lines.count == files.count + printed.count + 1)
    for line in lines.dropLast() { #expect(line.hasSuffix(" valid"), "\(line)") }
    #expect(lines.last?.hasPrefix("bad.yaml [") == true)
  }

  @Test(arguments: names + ["\(Checkout.path)/boards/p4080ds.dts"])
  func `a starter plan is commented and sound as it stands`(board: String) throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let start = try Dpaac.tool.run(["init", board])
    #expect(start.status == 0, "\(start.errorText)")
    #expect(start.text.contains("board: \(board)"))
    #expect(start.text.split(separator: "\n").contains { $0.hasPrefix("#") })
    let plan = try directory.write("plan.yaml", start.output)
    let check = try Dpaac.tool.run(["check", plan])
    #expect(check.status == 0, "\(check.errorText)")
    #expect(check.text.hasPrefix("\(plan): sound: 2 partitions on "), "\(check.text)")
    #expect(check.errorText == "")
  }

  @Test(arguments: ["board", "init"]) func `help has an example`(command: String) throws {
    let outcome = try Dpaac.tool.run([command, "--help"])
    #expect(outcome.status == 0)
    #expect(outcome.text.contains("  dpaac \(command) "))
  }
}
