import Codegen
import Diagnostics
import Documents
import Foundation
import Partitioning
import QorIQ
import TestSupport
import Testing

@Suite struct ReportTests {
  @Test func `the page's numbers are the partition's`() throws {
    for partition in try Example.names.map(Example.partition) + Sample.all {
      let page = try page(of: partition)
      let rows = elements(page) { $0.attribute("data-owner") != nil }
      #expect(rows.map { cells($0)[0] } == partition.owners.map(\.name))
      for (row, owner) in zip(rows, partition.owners) {
        let cells = cells(row)
        #expect(numbers(cells[1]) == owner.cpus.map { Int($0.rawValue) })
        #expect(numbers(cells[3]) == owner.portals.map { Int($0.rawValue) })
        #expect(cells[4] == owner.queues.map(\.description).joined(separator: ", "))
        for pool in owner.pools { #expect(cells[5].contains("\(pool.bpid) (\(pool.bufferCount)")) }
        #expect(cells[6] == "\(owner.liodnOffset)")
      }

      func owned(_ kind: String, _ number: Int) -> String? {
        elements(page) { $0.attribute("data-\(kind)")?.value.hasPrefix("\(number) ") == true }
          .first?.attribute("data-\(kind)")?.value.split(separator: " ").last.map(String.init)
      }
      for owner in partition.owners {
        for portal in owner.portals { #expect(owned("portal", Int(portal.rawValue)) == owner.name) }
        for pool in owner.pools { #expect(owned("pool", Int(pool.bpid.rawValue)) == owner.name) }
        for cpu in owner.cpus { #expect(owned("cpu", Int(cpu.rawValue)) == owner.name) }
      }
      let queues = elements(page) { $0.attribute("data-queues") != nil }
        .compactMap { $0.attribute("data-queues")?.value }
      #expect(
        queues
          == partition.owners.flatMap { owner in
            owner.queues.map { "\(owner.name): queues \($0)" }
          })
      let rules = elements(page) { $0.attribute("data-rule") != nil }
        .compactMap { $0.attribute("data-rule")?.value }
      #expect(
        rules
          == partition.interfaces.flatMap { interface in
            interface.rules.enumerated().map { row, rule in
              "\(interface.name) \(row) \(partition.owners[rule.owner].name) \(rule.receive)"
            }
          })
    }
  }

  @Test func `every check and every decision is told`() throws {
    for partition in try judgedPartitions() {
      let page = try page(of: partition)
      let checks = elements(page) { $0.attribute("data-check") != nil }.map { cells($0)[0] }
      #expect(checks.sorted() == PartitionCheck.catalogue.map(\.code.description).sorted())
      for group in FindingGroup.allCases {
        let count = PartitionCheck.catalogue.count { $0.group == group }
        let told = elements(page) {
          $0.attribute("data-group")?.value == "\(group.rawValue) \(count)"
        }
        #expect(told.count == (count == 0 ? 0 : 1), "\(group)")
      }
      let decisions = elements(page) { $0.attribute("data-decision") != nil }.map { cells($0) }
      #expect(decisions == partition.decisions.map { [$0.subject, $0.message] })
    }
  }

  @Test func `the matrix has every pair with what the proof says of it, and the words under it`()
    throws
  {
    for partition in try judgedPartitions() {
      let page = try page(of: partition)
      let paths = IsolationProof(partition, on: .hardware).paths
      let pairs = elements(page) { $0.attribute("data-pair") != nil }
      #expect(pairs.count == Set(paths.map { [$0.actor, $0.victim] }).count)
      let letters = [
        "hardware": "H", "software": "S", "its own software": "P", "the plan": "W", "nobody": "!",
      ]
      for pair in pairs {
        let words = (pair.attribute("data-pair")?.value ?? "").split(separator: " ").map(
          String.init)
        let own = paths.filter {
          partition.owners[$0.actor].name == words[0]
            && partition.owners[$0.victim].name == words[1]
        }
        #expect(pair.children.map(\.text) == own.map { letters[$0.barrier.keeper.name] })
        for word in words.dropFirst(2) {
          let count = own.count { letters[$0.barrier.keeper.name] == String(word.suffix(1)) }
          #expect(Int(word.dropLast()) == count)
        }
      }
      let words = elements(page) { $0.attribute("data-way") != nil }.map { cells($0) }
      #expect(
        words
          == paths.map {
            [
              partition.owners[$0.actor].name, partition.owners[$0.victim].name, $0.way.rawValue,
              $0.what, $0.barrier.keeper.name, $0.barrier.reason,
            ]
          })
      let verdicts = elements(page) { $0.attribute("data-verdict") != nil }
        .map { cells($0).joined(separator: ": ") }
      try #require(verdicts.count == 3)
      let open = paths.count { !$0.barrier.holds }
      #expect(
        verdicts[1].hasPrefix(
          open == 0 ? "no way is open: " : "\(open) of \(paths.count) ways are open: "))
      #expect(
        verdicts[1].contains(
          "\(paths.count { $0.barrier.keeper == .hardware }) guarded by hardware"))
    }
  }

  @Test func `what the checks found is told with its line`() throws {
    var options = GenerationOptions.sample
    let file = SourceFile(name: "plan.yaml", text: "board: x\nlinks: []\n")
    options.findings = [
      Diagnostic("work-queue-strict", .warning, "the <first> waits", at: SourceSpan(file, 9..<14))
    ]
    let artifacts = try ReportBackend().artifacts(for: Sample.t4240, options: options)
    let page = try page(String(decoding: try #require(artifacts.first).bytes, as: UTF8.self))
    let rows = elements(page) { $0.attribute("data-finding") != nil }.map { cells($0) }
    #expect(rows == [["work-queue-strict", "warning", "2", "the <first> waits"]])
    let verdict = elements(page) { $0.attribute("data-verdict") != nil }.map { cells($0)[1] }
    #expect(verdict.first?.hasSuffix(", 1 warning") == true)
  }

  @Test func `the page asks nothing of the network and runs nothing`() throws {
    let text = try text("report.html", of: Sample.t4240)
    for word in ["http:", "https:", "src=", "href=", "url(", "@import", "<script", "<link"] {
      #expect(!text.contains(word), "\(word)")
    }
  }

  @Test func `shapes stay within their pictures and have an extent`() throws {
    for partition in try judgedPartitions() {
      for picture in try elements(page(of: partition), where: { $0.name == "svg" }) {
        let size = numbers(picture.attribute("viewBox")?.value.replacing(" ", with: ", ") ?? "")
        #expect(size.count == 4)
        for shape in elements(picture, where: { $0.name == "rect" }) {
          func number(_ name: String) -> Int {
            Int(shape.attribute(name)?.value ?? "") ?? .min
          }
          #expect(number("width") > 0 && number("height") > 0)
          #expect(number("x") >= 0 && number("x") + number("width") <= size[2] + 2)
          #expect(number("y") >= 0 && number("y") + number("height") <= size[3])
        }
      }
    }
  }

  @Test(
    .enabled(if: isHeavy, "heavy: set DPAAC_HEAVY_TESTS=1"),
    .enabled(if: Tool.chromium.isPresent, "needs package chromium"))
  func `heavy: Chromium shows the page without a complaint and with all numbers`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    for name in Example.names {
      let partition = try Example.partition(name)
      let page = try directory.write(
        "report.html", Data(try artifact("report.html", of: partition)))
      let shown = try Tool.chromium.run(
        [
          "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--log-level=0",
          "--user-data-dir=\(directory.path)/profile", "--virtual-time-budget=5000", "--dump-dom",
          "file://\(page)",
        ], in: directory.path)
      #expect(shown.status == 0)
      #expect(!shown.errorText.contains("CONSOLE"), "\(shown.errorText)")
      for owner in partition.owners {
        #expect(shown.text.contains("data-owner=\"\(owner.name)\""))
        for range in owner.queues { #expect(shown.text.contains("\(owner.name): queues \(range)")) }
      }
      #expect(shown.text.contains("</svg>"))
    }
  }

  // MARK: helpers

  /// The page, which is XML but for its first line.
  private func page(of partition: Partition) throws -> XMLSourceElement {
    try page(try text("report.html", of: partition))
  }

  private func page(_ text: String) throws -> XMLSourceElement {
    #expect(text.hasPrefix("<!DOCTYPE html>\n<!-- Generated by dpaac"))
    var bag = DiagnosticBag()
    let page = XMLReader().read(
      SourceFile(name: "report.html", text: text.replacing("<!DOCTYPE html>\n", with: "")),
      into: &bag)
    return try #require(page, "\(DiagnosticRenderer().render(bag))")
  }

  private func elements(
    _ root: XMLSourceElement, where matches: (XMLSourceElement) -> Bool
  ) -> [XMLSourceElement] {
    (matches(root) ? [root] : []) + root.children.flatMap { elements($0, where: matches) }
  }

  private func cells(_ row: XMLSourceElement) -> [String] { row.children.map(\.text) }

  /// The numbers of `0-3, 6`.
  private func numbers(_ text: String) -> [Int] {
    text.split(separator: ", ").flatMap { part -> [Int] in
      let ends = part.split(separator: "-").compactMap { Int($0) }
      return ends.count == 2 ? Array(ends[0]...ends[1]) : ends
    }
  }
}
