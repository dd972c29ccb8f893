import DeviceTree
import Diagnostics
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
    let board = try #require(fromYAML?.board)
    #expect(board.name == name)
    #expect(fromSource?.board == board)
    #expect(fromBlob?.board == board)
  }
}
