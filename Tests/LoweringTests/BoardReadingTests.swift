import DeviceTree
import Diagnostics
import Documents
import Lowering
import Partitioning
import QorIQ
import Testing

/// Trees and documents that users really have, made of our own by a few changes.
@Suite struct BoardReadingTests {
  @Test func `portals may stand in any order, and a disabled one is not there`() throws {
    let (board, findings) = try tree(
      """
      &{/qman-portals@ff4200000} {
        /delete-node/ qman-portal@0;
        qman-portal@0 { compatible = "fsl,qman-portal"; cell-index = <0>;
          reg = <0x0 0x4000>, <0x100000 0x1000>; interrupts = <104 2 0 0>; fsl,liodn = <1 2>; };
      };
      &{/qman-portals@ff4200000/qman-portal@4000} { status = "disabled"; };
      &{/bman-portals@ff4000000/bman-portal@4000} { status = "disabled"; };
      """)
    #expect(findings.isEmpty, "\(findings)")
    #expect(board.board.qman.portals.map(\.index) == [0, 2, 3, 4, 5, 6, 7, 8, 9])
    #expect(board.board.bman.portals.map(\.index) == [0, 2, 3, 4, 5, 6, 7, 8, 9])
  }

  @Test func `portals and CPUs are counted as far as in a document, and no further`() throws {
    func changed(_ number: Int) throws -> (board: BoardLowering.Result, findings: [String]) {
      try tree(
        """
        &{/qman-portals@ff4200000/qman-portal@4000} { cell-index = <\(number)>; };
        &{/bman-portals@ff4000000/bman-portal@4000} { cell-index = <\(number)>; };
        &{/cpus/PowerPC,e500mc@7} { reg = <\(number)>; };
        """)
    }
    let (board, _) = try changed(1023)
    #expect(board.board.qman.portals.contains { $0.index == PortalIndex(1023) })
    #expect(board.board.bman.portals.contains { $0.index == PortalIndex(1023) })
    #expect(board.board.cpus.contains { $0.index == CPUIndex(1023) })
    var bag = DiagnosticBag()
    let file = SourceFile(
      name: "boards/changed.dts",
      text: "/include/ \"p4080ds.dts\"\n&{/cpus/PowerPC,e500mc@7} { reg = <1024>; };\n")
    let beyond = try #require(SourceReader().read(file, into: &bag))
    #expect(BoardLowering.lower(beyond, name: "changed", into: &bag) == nil)
    #expect(bag.sorted.contains { $0.message.contains("is CPU 1024, but there are at most 1024") })
  }

  @Test func `a tree without LIODNs is completed from the table, which is said`() throws {
    let (board, _) = try tree(
      """
      &{/qman-portals@ff4200000/qman-portal@c000} { /delete-property/ fsl,liodn; };
      """)
    var bag = DiagnosticBag()
    #expect(board.board == BoardSource.load("p4080ds", into: &bag)?.board)
    let completed = board.completions.filter { $0.path == "/qman/portals/*/dqrr-liodn" }
    #expect(completed.map(\.count) == [1])
  }

  @Test func `LIODNs at a portal tell the bases of its blocks`() throws {
    // Portal 3's children: base + portal + 1 (U-Boot, drivers/misc/fsl_portals.c).
    let (board, _) = try tree(
      """
      &{/qman-portals@ff4200000/qman-portal@c000} {
        crypto@0 { fsl,liodn = <204 304>; dev-handle = <&crypto>; };
        fman@1 { fsl,liodn = <404>; dev-handle = <&fman1>; };
      };
      """)
    #expect(board.board.accelerators.sec?.liodnBases == [200, 300])
    #expect(board.board.fmans.map(\.liodnBase) == [32, 400])
  }

  @Test func `the SDK's bindings say the same in other words`() throws {
    let (board, findings) = try tree(
      """
      &{/qman-portals@ff4200000/qman-portal@8000} {
        cell-index = <77>; fsl,qman-channel-id = <2>;
      };
      &fman0_gb1 {
        compatible = "fsl,fman-1g-mac";
        /delete-property/ fsl,fman-ports;
        fsl,port-handles = <&fman0_rx_09>, <&fman0_tx_29>;
      };
      &fman0_rx_09 { compatible = "fsl,fman-port-1g-rx"; cell-index = <1>; };
      &fman0_tx_29 {
        compatible = "fsl,fman-port-1g-tx"; cell-index = <1>; fsl,qman-channel-id = <0x42>;
      };
      &fman0_oh_01 {
        compatible = "fsl,fman-port-oh"; cell-index = <0>; fsl,qman-channel-id = <0x45>;
      };
      &{/qman-portals@ff4200000} {
        qman-fqids@0 { compatible = "fsl,fqid-range"; fsl,fqid-range = <256 256>; };
      };
      / { fsl,dpaa { ethernet@0 { compatible = "fsl,p4080-dpa-ethernet", "fsl,dpa-ethernet";
        fsl,fman-mac = <&fman0_gb1>; }; }; };
      """)
    #expect(findings.isEmpty, "\(findings)")
    var bag = DiagnosticBag()
    #expect(board.board == BoardSource.load("p4080ds", into: &bag)?.board)
    #expect(
      board.remarks == [
        "fsl,fqid-range: the tree's own system allocates 256-511",
        "/fsl,dpaa/ethernet@0 is fsl,dpa-ethernet over /soc@ffe000000/fman@400000/ethernet@e2000",
      ])
  }

  @Test func `a document adds to a tree what it lacks`() throws {
    let (board, findings) = try document(
      "tree: p4080ds.dts\nname: mine\nqman: {portals: {0-9: {liodn-offset: 100 + n}}}\n")
    // The name is another than the tree's.
    #expect(findings == ["error fact-conflict 2"])
    #expect(board == nil)
    let (added, none) = try document(
      "tree: p4080ds.dts\nqman: {portals: {0-9: {liodn-offset: 100 + n}}}\n")
    #expect(none.isEmpty)
    #expect(added?.board.qman.portals.last?.dma?.offset == 109)
  }

  @Test(arguments: [
    ("qman: {portals: {0-9: {interrupt: 104 + q}}}", "error bad-number 2"),
    ("qman: {portals: {0-9: {interrupt: 104 / 0}}}", "error bad-number 2"),
    ("qman: {portals: {0-9: {interrupt: 9223372036854775807 + n}}}", "error bad-number 2"),
    ("qman: {portals: {0-1300: {interrupt: n}}}", "error bad-number 2"),
    ("address-map: {a0-18446744073709551615: {base: 0}}", "error bad-range 2"),
    ("address-map: {a0-99999: {base: 0}}", "error bad-range 2"),
    ("qman: {portals: {0-2: {stash: 1}, 2-3: {stash: 2}}}", "error fact-conflict 2"),
    ("qman: {revison: 1.2}", "error unknown-key 2"),
    ("qman: {revision: 1.x}", "error bad-number 2"),
    ("unknown: {/qman/colour: nobody knows}", "error unknown-key 2"),
    ("fmans: {1: {interfaces: {gb0: {connection: string}}}}", "error bad-choice 2"),
    ("memory: 1 KiB", "error bad-size 2"),
  ])
  func `a mistake in a document is located`(line: String, finding: String) throws {
    let (board, findings) = try document("include: [p4080ds]\n\(line)\n")
    #expect(board == nil)
    #expect(findings == [finding])
  }

  @Test func `an expression that nests without end is refused`() throws {
    let nested = String(repeating: "(", count: 100_000)
    let (board, findings) = try document(
      "include: [p4080ds]\nqman: {portals: {0: {interrupt: \"\(nested)\"}}}\n")
    #expect(board == nil && findings == ["error bad-number 2"])
  }

  @Test func `files that are missing are named where they are included`() throws {
    let (board, findings) = try document("include: [nowhere.yaml]\n")
    #expect(board == nil && findings == ["error file-unreadable 1"])
  }

  @Test(arguments: BoardSource.names)
  func `the plan to start from is sound`(name: String) throws {
    var bag = DiagnosticBag()
    let board = try #require(BoardSource.load(name, into: &bag)).board
    let text = StarterPlan.text(for: board, named: name)
    let result = PlanLoader.load(SourceFile(name: "start.yaml", text: text))
    #expect(result.diagnostics.isEmpty, "\(DiagnosticRenderer().render(result.diagnostics))")
    #expect(result.partition?.owners.map(\.name) == ["host", "guest1"])
  }

  @Test func `a plan to start from says that nobody knows a board's memory`() throws {
    var bag = DiagnosticBag()
    var board = try #require(BoardSource.load("p4080ds", into: &bag)).board
    board.memorySize = 0
    let text = StarterPlan.text(for: board, named: "p4080ds")
    #expect(text.contains("\n# Nobody says how much memory this board has"))
    #expect(text.contains("memory unknown."))
    // With the memory that such boards have it is sound, and for this one it is not.
    let result = PlanLoader.load(SourceFile(name: "start.yaml", text: text))
    #expect(result.diagnostics.isEmpty, "\(DiagnosticRenderer().render(result.diagnostics))")
    let planner = Planner(plan: try #require(result.plan), board: board, origins: result.origins)
    var findings = DiagnosticBag()
    #expect(planner.partition(into: &findings) == nil)
    #expect(findings.diagnostics.map(\.code) == ["memory-exhausted"])
  }

  /// The P4080DS with changes behind it.
  private func tree(
    _ changes: String
  ) throws -> (board: BoardLowering.Result, findings: [String]) {
    var bag = DiagnosticBag()
    let file = SourceFile(
      name: "boards/changed.dts", text: "/include/ \"p4080ds.dts\"\n\(changes)\n")
    let tree = try #require(
      SourceReader().read(file, into: &bag), "\(DiagnosticRenderer().render(bag))")
    let result = BoardLowering.lower(tree, name: "changed", into: &bag)
    return (try #require(result, "\(DiagnosticRenderer().render(bag))"), summaries(bag))
  }

  private func document(
    _ text: String
  ) throws -> (board: BoardLowering.Result?, findings: [String]) {
    var bag = DiagnosticBag()
    let file = SourceFile(name: "boards/mine.yaml", text: text)
    let document = try #require(YAMLReader().read(file, into: &bag))
    let result = BoardLowering.lower(document, into: &bag)
    return (result, summaries(bag))
  }

  private func summaries(_ bag: DiagnosticBag) -> [String] {
    bag.sorted.map { "\($0.severity.rawValue) \($0.code) \($0.span?.start.line ?? 0)" }
  }
}
