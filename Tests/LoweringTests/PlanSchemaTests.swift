import Diagnostics
import Documents
import Foundation
import Lowering
import Partitioning
import TestSupport
import Testing

/// The declaration of a plan's keys: what the reader, the schema and the reference are made of.
@Suite struct PlanSchemaTests {
  /// A plan around a mapping with the keys of a section.
  private static let places: [String: String] = [
    "reservation": "reserved: {u-boot: %}", "range": "reserved: {u-boot: {memory: %}}",
    "shared-memory": "shared-memory: {mailbox: %}", "policer": "policers: {gold: %}",
    "interface": "interfaces: {fm1-10g0: %}",
    "rule": "interfaces: {fm1-10g0: {rules: [%]}}",
    "conditions": "interfaces: {fm1-10g0: {rules: [{when: %, to: host}]}}", "link": "links: [%]",
    "byte-condition": "interfaces: {fm1-10g0: {rules: [{when: {bytes: %}, to: host}]}}",
    "hash-key": "interfaces: {fm1-10g0: {rules: [{when: {vlan.id: 1}, to: host, spread: %}]}}",
    "hash-bytes":
      "interfaces: {fm1-10g0: {rules: [{when: {vlan.id: 1}, to: host, spread: {bytes: [%]}}]}}",
    "memory": "templates: {a: {memory: %}}", "pool": "templates: {a: {pools: [%]}}",
    "thresholds": "templates: {a: {pools: [{buffers: 1, size: 1, thresholds: %}]}}",
    "program": "templates: {a: {program: %}}",
    "source": "templates: {a: {program: {source: %}}}",
    "forward": "templates: {a: {program: {forward: %}}}",
    "way": "templates: {a: {program: {forward: {ways: [%]}}}}",
    "scan": "templates: {a: {program: {scan: %}}}",
    "scan-group": "templates: {a: {program: {scan: {between: [a, b], groups: [%]}}}}",
    "route": "templates: {a: {program: {forward: {ways: [], routes: [%]}}}}",
    "ipsec": "templates: {a: {program: {ipsec: %}}}",
    "tunnel": "templates: {a: {program: {ipsec: {ways: [], cipher: a, tunnels: [%]}}}}",
    "direction":
      "templates: {a: {program: {ipsec: {ways: [], cipher: a, tunnels: [{peer: 10.0.0.1, networks: [], "
      + "transform: aes-gcm, out: %, in: {spi: 256, key: 00}}]}}}}",
    "rings": "templates: {a: {rings: %}}",
    "roles": "templates: {a: {roles: %}}", "work-queues": "templates: {a: {work-queues: %}}",
    "congestion-group": "templates: {a: {congestion-groups: [%]}}",
    "wred": "templates: {a: {congestion-groups: [{wred: %}]}}",
    "curve": "templates: {a: {congestion-groups: [{wred: {red: %}}]}}",
    "accelerators": "templates: {a: {accelerators: %}}",
    "accelerator": "templates: {a: {accelerators: {sec: %}}}",
    "pattern-matcher": "templates: {a: {accelerators: {pme: %}}}",
    "pattern-group": "templates: {a: {accelerators: {pme: {patterns: {web: %}}}}}",
    "pattern": "templates: {a: {accelerators: {pme: {patterns: {web: {find: [%]}}}}}}",
    "chain": "templates: {a: {chains: {out: %}}}",
    "ethernet-header": "templates: {a: {chains: {out: {by: sec, ethernet: %}}}}",
    "images": "templates: {a: {images: %}}", "image": "templates: {a: {images: {kernel: %}}}",
    "partition": "partitions: {a: %}",
  ]

  @Test(arguments: PlanSection.plan.reachable.dropFirst().map(\.name))
  func `the reader takes the example of every key`(name: String) throws {
    let section = try #require(PlanSection.plan.reachable.first { $0.name == name })
    let place = try #require(Self.places[name], "this test knows no place for \(name)")
    // Frames and bytes exclude each other, as do programs and the ways to write a pattern; whom a partition
    // is like must be there, and so must a file of patterns.
    let others = [
      "program": ["forward", "scan", "ipsec"], "direction": ["key-file"],
      "pattern": ["text", "bytes"],
      "pattern-group": ["file"],
    ]
    let keys = section.keys.filter {
      !["count", "like"].contains($0.name) && others[name]?.contains($0.name) != true
    }
    let mapping = "{\(keys.map(\.example).joined(separator: ", "))}"
    var text = "board: t4240qds\n" + place.replacing("%", with: mapping)
    if !place.hasPrefix("partitions") { text += "\npartitions: {}" }
    var bag = DiagnosticBag()
    let node = try #require(
      YAMLReader().read(SourceFile(name: "p.yaml", text: text), into: &bag), "\(text)")
    _ = PlanLowering.lower(node, name: "p", into: &bag)
    #expect(bag.isEmpty, "\(DiagnosticRenderer().render(bag))")
    for key in section.keys { #expect(key.example.hasPrefix("\(key.name): "), "\(key.name)") }
  }

  @Test func `sections have names of their own, and no key twice`() {
    let sections = PlanSection.plan.reachable
    #expect(sections.count == Set(sections.map(\.name)).count)
    for section in sections {
      #expect(section.keys.count == Set(section.keys.map(\.name)).count, "\(section.name)")
    }
  }

  @Test func `the documented reference is what the declaration says`() throws {
    var bag = DiagnosticBag()
    let file = try #require(TextFile.read("docs/plan.md", into: &bag))
    let parts = String(decoding: file.bytes, as: UTF8.self).split(
      separator: "<!-- keys -->\n", maxSplits: 1, omittingEmptySubsequences: false)
    try #require(parts.count == 2)
    if Golden.isRenewing {
      let text = parts[0] + "<!-- keys -->\n\n" + PlanSchema.markdown
      try Data(text.utf8).write(to: URL(fileURLWithPath: "docs/plan.md"))
    } else {
      #expect(parts[1] == "\n" + PlanSchema.markdown)
    }
  }

  private static let judge = Tool("python3", package: "python3-jsonschema")

  private static let script = """
    import json, sys, yaml, jsonschema
    schema = json.load(open(sys.argv[1]))
    jsonschema.Draft202012Validator.check_schema(schema)
    judge = jsonschema.Draft202012Validator(schema)
    for name in sys.argv[2:]:
        errors = list(judge.iter_errors(yaml.safe_load(open(name))))
        print(name.rsplit("/", 1)[-1], errors[0].message if errors else "valid")
    """

  @Test(
    .enabled(
      if: (try? judge.run(["-c", "import jsonschema, yaml"]))?.status == 0,
      "needs package python3-jsonschema"))
  func `the schema is one, takes the examples and refuses what the reader refuses`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let schema = try directory.write("schema.json", Data(PlanSchema.json.text.utf8))
    let good = try directory.write(
      "good.yaml",
      Data(
        """
        board: t4240qds
        include: [a.yaml]
        partitions: {host: {cpus: [0, 2-3], memory: 1 GiB, portals: 1, queues: 0x10-0x1f}}
        """.utf8))
    let bad = "Tests/Fixtures/plans"
    let outcome = try Self.judge.run(
      [
        "-c", Self.script, schema, "examples/kvm-forum/t4240qds.yaml",
        "examples/kvm-forum/p4080ds.yaml", "examples/vpn-gateway/p5020ds.yaml",
        "examples/access-router/p2041rdb.yaml", "examples/router/t4240qds.yaml",
        "examples/scan/t4240qds.yaml", good,
        "\(bad)/unknown-key.yaml",
        "\(bad)/bad-size.yaml", "\(bad)/wrong-kind.yaml", "\(bad)/missing-key.yaml",
      ])
    #expect(outcome.status == 0, "\(outcome.errorText)")
    let lines = outcome.text.split(separator: "\n").map(String.init)
    #expect(lines.count == 11)
    for (index, line) in lines.enumerated() {
      #expect(line.hasSuffix(" valid") == (index < 7), "\(line)")
    }
  }
}
