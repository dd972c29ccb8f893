import Foundation
import TestSupport
import Testing

/// A host that lacks the libraries that do accelerators' work: they are hidden from the run's process.
@Suite(
  .timeLimit(.minutes(5)),
  .enabled(if: MountNamespace.isAllowed, "needs root and a mount namespace"))
struct MissingLibraryTests {
  /// Runs a plan whose guest uses an accelerator, where no file of these names can be opened as a library.
  private static func run(_ use: String, hiding names: [String]) throws -> Tool.Outcome {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let plan = try directory.write(
      "plan.yaml",
      Data(
        """
        board: p4080ds
        partitions:
          host: {cpus: 0-3, memory: 1 GiB, portals: 4, queues: 256-511, pools: [ {buffers: 256, size: 2 KiB} ]}
          guest1:
            cpus: 4-5
            memory: 512 MiB
            portals: 2
            queues: 512-767
            pools: [ {buffers: 256, size: 2 KiB} ]
            accelerators: { \(use) }
        links: [ [host, guest1] ]

        """.utf8))
    // Where the loader finds them: what the cache of its paths says.
    let hide = names.map {
      "for f in $(ldconfig -p | sed -n 's|.*\($0)[.0-9]* .*=> ||p' | xargs -r readlink -f | sort -u); "
        + "do mount --bind /dev/null \"$f\" || exit 9; done; "
    }.joined()
    return try MountNamespace.unshare.run(
      ["-m", "sh", "-c", hide + "exec \"$@\"", "sh", Dpaac.tool.name, "run", plan])
  }

  @Test func `a run with patterns does not begin without a library that finds them`() throws {
    let outcome = try Self.run(
      "pme: {patterns: {web: {find: [ {text: a} ]}}}", hiding: ["libhs[.]so"])
    #expect(outcome.status != 0)
    #expect(outcome.errorText.contains("pattern-library-missing"), "\(outcome.errorText)")
  }

  @Test func `a run says that SEC is missing, and goes on`() throws {
    let libraries = ["libIPSec_MB[.]so", "libcrypto[.]so"]
    let outcome = try Self.run("sec: {mode: poll}", hiding: libraries)
    #expect(outcome.status == 0, "\(outcome.errorText)")
    #expect(outcome.errorText.contains("this host has no library for it"), "\(outcome.errorText)")
    let other = try Self.run("sec: {mode: poll}", hiding: [])
    #expect(!other.errorText.contains("no library"), "\(other.errorText)")
  }
}
