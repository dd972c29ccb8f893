import Foundation
import TestSupport
import Testing

/// Guests of the kind `vm` that sleep until their portals' interrupts, in QEMU's translator.
@Suite(
  .serialized, .timeLimit(.minutes(30)),
  .enabled(if: GuestImage.isPresent, "heavy: scripts/guest-image makes what machines boot"))
struct MachineInterruptTests {
  private static func counts(_ guest: String, _ report: [String: Any]) throws -> [String: Int] {
    try #require(try Dpaac.partition(guest, of: report)["counts"] as? [String: Int])
  }

  @Test func `heavy: machines that wait for interrupts get what processes get`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let plan = try VirtualMachineTests.plan(
      ["guest1", "guest2"], in: directory, mode: "interrupt")
    // Slow enough that they fall asleep between frames.
    let outcome = try Dpaac.tool.run(["run", plan, "--format", "json", "--rate", "100"])
    #expect(outcome.status == 0, "\(outcome.errorText)")
    let report = try Dpaac.report(outcome.text)
    #expect(report["conserved"] as? Bool == true)
    let usual = try Dpaac.report(
      try Dpaac.tool.run(["run", Dpaac.example, "--format", "json"]).text)
    func flows(_ report: [String: Any]) throws -> [[String]] {
      try #require(report["flows"] as? [[String: Any]]).map { flow in
        ["from", "to", "kind", "frames"].map { "\(flow[$0] ?? "")" }
      }
    }
    #expect(try flows(report) == flows(usual))
    for guest in ["guest1", "guest2"] {
      let partition = try Dpaac.partition(guest, of: report)
      #expect(partition["ending"] is NSNull)
      let counts = try Self.counts(guest, report)
      let interrupts = try #require(counts["interrupts"])
      let wakeUps = try #require(counts["wake-ups"])
      // Of a hundred frames in a second for all guests most find a guest asleep, and none wakes it twice.
      // Beside interrupts, what the run wants wakes it: to drain, to end.
      let received = try #require(partition["received"] as? Int)
      #expect(interrupts > 50)
      #expect(interrupts <= received)
      #expect(wakeUps > 50)
      #expect(wakeUps <= interrupts + 2)
    }
  }

  /// The ticks of the processor, of 10 ms, that a process has had.
  private static func ticks(_ process: Int32) throws -> Int {
    let text = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
    let fields = try #require(text.split(separator: ")").last).split(separator: " ")
    // utime and stime (Linux 6.1, Documentation/filesystems/proc.rst, table 1-4).
    return try #require(Int(fields[11])) + (try #require(Int(fields[12])))
  }

  @Test func `heavy: a machine without work sleeps, and wakes to end`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let output = try directory.write("output", Data())
    let plan = try VirtualMachineTests.plan(["guest2"], in: directory, mode: "interrupt")
    let process = try ChildProcess(
      Dpaac.tool.name,
      [
        "run", plan, "--format", "json", "--port",
        "fm1-10g0=stream-server:\(directory.path)/wire",
      ],
      output: FileHandle(forWritingAtPath: output))
    defer { process.stop() }
    let guests = try Dpaac.startedGuests(of: process)
    try #require(guests.count == 4)
    // Once it has booted and answered its neighbours' probes, it has less than a hundredth of a processor; one
    // that polls, naps included, a quarter.
    let deadline = ContinuousClock.now + .seconds(180)
    var share = 1.0
    while share > 0.05 {
      try #require(ContinuousClock.now < deadline, "it has \(share) of a processor for nothing")
      let (start, ticks) = (ContinuousClock.now, try Self.ticks(guests[2]))
      sleep(3)
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      share = Double(try Self.ticks(guests[2]) - ticks) / 100 / seconds
    }
    process.terminate()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let report = try Dpaac.report(try String(contentsOfFile: output, encoding: .utf8))
    #expect(report["conserved"] as? Bool == true)
    #expect(try Dpaac.partition("guest2", of: report)["ending"] is NSNull)
  }

  @Test func `heavy: a machine that hammers its doorbell disturbs nobody`() throws {
    let directory = try TemporaryDirectory()
    defer { directory.remove() }
    let source = try directory.write(
      "hammer.c",
      Data(
        """
        #include "CPortalShims.h"
        #include <glob.h>
        #include <stdio.h>
        #include <string.h>

        int main(void) {
          glob_t found;
          char link[512] = "", path[512], group[512];
          uint64_t offset, size;
          if (glob("/sys/bus/pci/drivers/vfio-pci/0000:*", 0, 0, &found) != 0) return 3;
          snprintf(path, sizeof path, "%s/iommu_group", found.gl_pathv[0]);
          if (readlink(path, link, sizeof link - 1) < 0) return 4;
          snprintf(group, sizeof group, "/dev/vfio/%s", strrchr(link, '/') + 1);
          int device = dpaac_vfio_open("/dev/vfio/vfio", group, strrchr(found.gl_pathv[0], '/') + 1);
          if (device < 0 || dpaac_vfio_region(device, 2, &offset, &size) != 0) return 5;
          char *window = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, device, offset);
          int32_t bells[2] = {dpaac_eventfd(), dpaac_eventfd()};
          if (window == MAP_FAILED || dpaac_vfio_connect(device, bells, 2) != 0) return 6;
          if (dpaac_vfio_region(device, 0, &offset, &size) != 0) return 7;
          volatile uint32_t *registers = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, device, offset);
          if (registers == MAP_FAILED) return 8;
          /* The status page: quiet. */
          *(volatile uint64_t *)(window + 4096 + 65536) = 2;
          for (;;)
            for (uint32_t peer = 0; peer < 4; peer++)
              for (uint32_t vector = 0; vector < 8; vector++) registers[3] = peer << 16 | vector;
        }

        """.utf8))
    let program = "\(directory.path)/hammer"
    let shims = "\(Checkout.path)/Sources/CPortalShims"
    let built = try Tool("cc", package: "gcc").run([
      "-static", "-O1", "-I\(shims)/include", "-o", program, source, "\(shims)/vfio.c",
    ])
    try #require(built.status == 0, "\(built.errorText)")
    let plan = try VirtualMachineTests.plan(
      ["guest1", "guest2"], in: directory, mode: "interrupt")
    let outcome = try Dpaac.tool.run([
      "run", plan, "--format", "json", "--repeat", "10", "--rate", "1000", "--program",
      "guest2=\(program)",
    ])
    let report = try Dpaac.report(outcome.text)
    #expect(report["conserved"] as? Bool == true, "\(outcome.errorText)")
    #expect(try Dpaac.partition("guest2", of: report)["ending"] as? String == "killed by signal 9")
    let flows = try #require(report["flows"] as? [[String: Any]])
    for name in ["guest1", "guestN"] {
      let guest = try Dpaac.partition(name, of: report)
      #expect((guest["drops"] as? [String: Int])?.isEmpty == true, "\(name) lost frames")
      #expect(guest["received"] as? Int == guest["sent"] as? Int)
      func frames(_ from: String, _ to: String) -> Int? {
        flows.first { $0["from"] as? String == from && $0["to"] as? String == to }?["frames"]
          as? Int
      }
      let arrived = try #require(frames("fm1-10g0", name))
      #expect(arrived > 500 && frames(name, "fm1-10g0") == arrived)
    }
    // None of the strikes reached anybody: guest1 was interrupted for frames only.
    let counts = try Self.counts("guest1", report)
    let received = try #require(try Dpaac.partition("guest1", of: report)["received"] as? Int)
    #expect(try #require(counts["wake-ups"]) <= received + 2)
  }
}
