import Foundation
import TestSupport
import Testing

/// Two unmodified Linux guests of one plan, as `scripts/demo-linux` shows them.
@Suite(
  .serialized, .timeLimit(.minutes(30)),
  .enabled(if: Tool.qemuPPC.isPresent, "needs package qemu-system-ppc"),
  .enabled(if: GuestKernel.arePresent, "heavy: scripts/guest-kernel builds its kernels"))
struct LinuxDemoTests {
  @Test func `alone: two Linux guests share an interface and survive each other`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let script = Tool("\(Checkout.path)/scripts/demo-linux", package: "")
    let outcome = try script.run(["--dpaac", Dpaac.tool.name, "--out", "\(directory.path)/out"])
    #expect(outcome.status == 0, "\(outcome.text)\n\(outcome.errorText)")
    #expect(outcome.text.contains("interface fm1-gb0 sent 0, "), "\(outcome.text)")
  }
}
