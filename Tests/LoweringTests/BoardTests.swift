import DeviceTree
import Diagnostics
import Documents
import Lowering
import QorIQ
import Testing

@Suite struct BoardTests {
  @Test(arguments: BoardSource.names)
  func `a board from YAML, from our tree and from its blob are equal`(name: String) throws {
    var bag = DiagnosticBag()
    let fromYAML = BoardSource.load(name, into: &bag)
    let fromSource = BoardSource.load("boards/\(name).dts", into: &bag)
    let file = try #require(TextFile.read("boards/\(name).dts", into: &bag))
    let tree = try #require(SourceReader().read(file, into: &bag))
    let blob = try #require(BlobWriter().write(tree, into: &bag))
    let read = try #require(BlobReader().read(blob, name: "b", into: &bag))
    let fromBlob = BoardLowering.lower(read, name: "b", into: &bag)
    #expect(bag.isEmpty, "\(DiagnosticRenderer().render(bag))")
    let board = try #require(fromYAML)
    #expect(board.board.name == name)
    #expect(try #require(fromSource).differences(from: board) == [])
    #expect(fromSource?.board == board.board)
    #expect(fromBlob?.board == board.board)
  }

  @Test(arguments: BoardSource.names)
  func `a board in JSON is a document of the same board`(name: String) throws {
    var bag = DiagnosticBag()
    let board = try #require(BoardSource.load(name, into: &bag))
    let file = SourceFile(name: "again.yaml", text: board.json.text)
    let document = try #require(YAMLReader().read(file, into: &bag))
    let again = try #require(BoardLowering.lower(document, into: &bag))
    #expect(bag.isEmpty, "\(DiagnosticRenderer().render(bag))")
    #expect(again.board == board.board)
    #expect(again.differences(from: board) == [])
  }

  @Test func `the boards' numbers are those of the sheets`() throws {
    let p4080 = try board("p4080ds")
    #expect(p4080.cpus.count == 8 && p4080.qman.portals.count == 10)
    #expect(
      p4080.qman.portals[9].dma
        == PortalDMA(
          dequeueRing: 19, frame: 20, offset: 10, stashDestination: 0))
    // FMan 1's receive ports: 43 to 46, 47 for 10G; FMan 2's: 80 to 83, 84.
    let liodns = p4080.liodnTable.filter { $0.user.hasSuffix(", receive") }.map(\.liodn)
    #expect(liodns == [43, 44, 45, 46, 47, 80, 81, 82, 83, 84])
    #expect(
      p4080.fmans[1].offlinePorts.map(\.channel) == [
        0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b,
      ])
    let t4240 = try board("t4240qds")
    #expect(t4240.cpus.count == 24 && t4240.coreCount == 12 && t4240.clusterCount == 3)
    #expect(t4240.qman.portals[49].cacheInhibited == AddressRange(base: 0xf_f703_1000, size: 4096))
    #expect(t4240.qman.portals[49].interrupt == 410)
    #expect(t4240.qman.portals[36].interrupt == 384 && t4240.bman.portals[35].interrupt == 175)
    #expect(
      t4240.qman.portals[24].dma
        == PortalDMA(
          dequeueRing: 65, frame: 89, offset: 1, stashDestination: 0))
    #expect(
      t4240.qman.portals[48].dma
        == PortalDMA(
          dequeueRing: 25, frame: 51, offset: 1, stashDestination: 0))
    #expect(t4240.fmans.map(\.liodnBase) == [973, 1069])
    #expect(
      t4240.fmans[1].interfaces.map(\.transmitChannel) == [
        0x822, 0x823, 0x824, 0x825, 0x826, 0x827, 0x820, 0x821,
      ])
    #expect(
      t4240.fmans[0].offlinePorts.map(\.channel) == [
        0x809, 0x80a, 0x80b, 0x80c, 0x80d, 0x80e,
      ])
    let p2041 = try board("p2041rdb")
    #expect(
      p2041.qman.portals.compactMap(\.dma?.stashDestination) == [
        0, 1, 2, 3, 0, 1, 2, 3, 0, 0,
      ])
    #expect(p2041.fmans[0].offlinePortsWithoutChannel == [7])
    #expect(
      p2041.accelerators.sec?.jobRings.map(\.liodns) == [
        [129, 130], [131, 132], [133, 134], [135, 136],
      ])
    let p5020 = try board("p5020ds")
    #expect(p5020.accelerators.raid?.jobQueueLIODNs == [60, 61, 62, 63])
    #expect(p5020.core == "e5500" && p5020.cpus.count == 2)
  }

  @Test func `a P2040 is a P2041 without 10G`() throws {
    let p2040 = try board("p2040rdb")
    let p2041 = try board("p2041rdb")
    #expect(p2040.interfaceNames == ["fm1-gb0", "fm1-gb1", "fm1-gb2", "fm1-gb3", "fm1-gb4"])
    #expect(p2041.interfaceNames == p2040.interfaceNames + ["fm1-10g0"])
    #expect(p2040.qman == p2041.qman && p2040.accelerators == p2041.accelerators)
  }

  @Test func `what is not established is labelled in the board`() throws {
    var bag = DiagnosticBag()
    let board = try #require(BoardSource.load("p2040rdb", into: &bag))
    let unknown = board.doubts.filter { $0.certainty == .unknown }.map(\.path)
    #expect(unknown == ["/clock", "/memory", "/qman/revision"])
    #expect(board.doubts.contains { $0.path == "/fmans/1" && $0.certainty == .derived })
    #expect(board.completions.isEmpty)
  }

  private func board(_ name: String) throws -> Board {
    var bag = DiagnosticBag()
    let result = BoardSource.load(name, into: &bag)
    #expect(bag.isEmpty, "\(DiagnosticRenderer().render(bag))")
    return try #require(result).board
  }
}
