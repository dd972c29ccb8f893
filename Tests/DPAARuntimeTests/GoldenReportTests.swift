import DPAARuntime
import Diagnostics
import Partitioning
import QorIQ
import TestSupport
import Testing

@testable import DPAAPortal
@testable import DPAARuntime

/// What a run says in the end. The whole of its JSON is a golden file.
@Suite(.timeLimit(.minutes(10))) struct GoldenReportTests {
  /// A small run with something of everything.
  private static func simulation() throws -> Simulation {
    let frames: [[UInt8]] = [
      Frame.ethernet(.arp(for: Talk.host)), Talk.frame(to: Talk.guest1, number: 1),
      Talk.frame(to: Talk.guest1, number: 2), Talk.frame(to: Talk.guest2, number: 3),
      Talk.frame(to: Talk.guest2, number: 4, size: 40_000), [1, 2, 3],
    ]
    let simulation = try Simulation(
      Talk.configuration(
        programs: [.source(.init(path: "guest1", frames: 5, size: 100)), .reflect, .sink]),
      frames: frames)
    simulation.run()
    return simulation
  }

  @Test func `a report accounts for each frame, pool and queue`() throws {
    #expect(
      try Self.simulation().report().text == """
        talk

        partition  program  received  sent  dropped  reasons
        host       source          6     6        1  1 frame-too-short
        guest1     reflect         7     7        0
        guest2     sink            1     0        1  1 frame-too-large
        host: 5 probes in order

        flow                kind         frames
        fm1-10g0 -> host    Rx host           1
        host -> fm1-10g0    Tx host           1
        guest1 -> host      guest-host        5
        fm1-10g0 -> guest1  Rx guest          2
        guest1 -> fm1-10g0  Tx guest          2
        host -> guest1      guest-host        5
        guest2 -> guest1    guest-guest       0
        fm1-10g0 -> guest2  Rx guest          1
        guest2 -> fm1-10g0  Tx guest          0
        guest1 -> guest2    guest-guest       0

        interface  in  bytes  out  bytes
        fm1-10g0    6  40255    3    188

        MAC           EOCT  UCA  MCA  BCA  VLAN  UND  64  127  255  511  1023  1518  1519X  OVR  XPF
        fm1-10g0  R  40279    5    0    0     0    1   1    3    0    0     0     0      1    0    0
        fm1-10g0  T    200    3    0    0     0    0   1    2    0    0     0     0      0         0

        pool  owner   buffers  in use
           1  host         64       0
           2  guest1       64       0
           3  guest2       64       0

        queues   owner   role                  used  frames  queued
        2        host    transmit fm1-10g0        1       1       0
        3        host    receive link guest1      1       5       0
        5        host    transmit link guest1     1       5       0
        16       host    receive fm1-10g0         1       1       0
        101      guest1  transmit fm1-10g0        1       2       0
        102      guest1  receive link host        1       5       0
        103      guest1  transmit link host       1       5       0
        137-148  guest1  receive fm1-10g0         2       2       0
        208      guest2  receive fm1-10g0         1       1       0

        6 from the wire + 13 from guests = 3 to the wire + 14 to guests + 2 dropped
        conserved: yes

        """)
  }

  @Test func `a report in JSON holds the same`() throws {
    let json = try Self.simulation().report().json.text + "\n"
    let difference = try Golden.difference(Array(json.utf8), from: "report/talk.json")
    #expect(difference == nil)
  }

  /// A report of the small run with a changed witness.
  private static func report(_ change: (inout RunWitness) -> Void) throws -> RunReport {
    let simulation = try simulation()
    simulation.engine.join()
    var witness = RunWitness(playedFrames: [Talk.wire: 6], writtenFrames: [Talk.wire: 3])
    change(&witness)
    return RunReport(simulation.engine, witness: witness)
  }

  @Test func `a capture that holds other frames than were received is a discrepancy`() throws {
    let report = try Self.report { $0.playedFrames = [Talk.wire: 7] }
    #expect(
      report.discrepancies == [
        "frames in fm1-10g0's capture, and frames received: 7 against 6",
        "the sum of all frames is uneven",
      ])
    #expect(!report.isConserved)
  }

  @Test func `a file that holds other frames than were sent is a discrepancy`() throws {
    let report = try Self.report { $0.writtenFrames = [Talk.wire: 2] }
    #expect(
      report.discrepancies == [
        "frames sent on fm1-10g0, and in its file: 3 against 2",
        "the sum of all frames is uneven",
      ])
    #expect(report.text.hasSuffix("the sum of all frames is uneven\nconserved: no\n"))
  }

  @Test func `a run that was ended early, or kept no files, has no such witness`() throws {
    let report = try Self.report {
      $0.playedFrames = nil
      $0.writtenFrames = [:]
    }
    #expect(report.isConserved)
  }

  @Test func `a buffer that a guest keeps is a discrepancy`() throws {
    let simulation = try Self.simulation()
    let buffer = simulation.guests[2].session.portals[0].acquire(from: 3)?.take()
    #expect(buffer != nil)
    let report = try simulation.report()
    #expect(report.discrepancies == ["pool 3: 1 buffers did not come back"])
    #expect(report.pools.map(\.inUse) == [0, 0, 1])
  }

  @Test func `a frame that a guest took and never counted is a discrepancy`() throws {
    let simulation = try Simulation(frames: [Talk.frame(to: Talk.guest2, number: 1)])
    simulation.run(active: [0, 1])
    let report = try simulation.report()
    #expect(
      report.discrepancies == [
        "frames delivered to guest2, and what it counted: 1 against 0",
        "pool 3: 1 buffers did not come back", "the sum of all frames is uneven",
      ])
  }

  @Test func `frames that wait in a queue are accounted for`() throws {
    let simulation = try Simulation(
      frames: (0..<20).map { Talk.frame(to: Talk.host, number: $0) })
    RawPortal(simulation.engine, owner: 0).setRegister(0x54, 0)
    simulation.run(active: [])
    let report = try simulation.report()
    #expect(report.balance.queued == 20)
    #expect(report.balance.isEven)
    #expect(report.discrepancies == ["pool 1: 20 buffers did not come back"])
    #expect(report.text.contains(" + 20 still queued\n"))
  }
}
