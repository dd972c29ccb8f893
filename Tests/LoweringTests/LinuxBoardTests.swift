import DeviceTree
import Diagnostics
import Glibc
import Lowering
import QorIQ
import TestSupport
import Testing

/// Our boards against the trees that Linux 6.1 ships of them.
@Suite(.enabled(if: LinuxTrees.areThere, "heavy: scripts/boards fetches 130 MB"))
struct LinuxBoardTests {
  /// All that differs: U-Boot writes the memory's size into a running tree, and T4240QDS's tree
  /// disables offline ports that no driver of Linux serves.
  @Test(arguments: [
    ("p4080ds", []), ("p5020ds", []), ("p2041rdb", []),
    (
      "t4240qds",
      [
        "/fmans/1/offline-ports/3", "/fmans/1/offline-ports/4", "/fmans/1/offline-ports/5",
        "/fmans/1/offline-ports/6", "/fmans/1/offline-ports/7", "/fmans/2/offline-ports/4",
        "/fmans/2/offline-ports/5", "/fmans/2/offline-ports/6", "/fmans/2/offline-ports/7",
      ]
    ),
  ])
  func `heavy: a board is that of Linux's tree but for what is listed`(
    name: String, disabled: [String]
  ) throws {
    var bag = DiagnosticBag()
    let ours = try #require(BoardSource.load(name, into: &bag))
    let path = "\(LinuxTrees.directory)/arch/powerpc/boot/dts/fsl/\(name).dts"
    let theirs = try #require(
      BoardSource.load(path, into: &bag), "\(DiagnosticRenderer().render(bag))")
    #expect(
      ours.differences(from: theirs).map(\.path)
        == disabled.map { "\($0)/enabled" } + ["/memory"])
  }
}
