import Diagnostics
import Partitioning
import TestSupport
import Testing

@testable import DPAARuntime

/// What MACs count of the frames that they receive and send.
@Suite(.timeLimit(.minutes(10))) struct MACCounterTests {
  private static func counter(_ length: Int) -> MACCounter? {
    MACCounter(rawValue: MACCounter.upTo64.rawValue + MACCounter.sizeClass(length))
  }

  @Test func `every length has its counter`() {
    let last: [(MACCounter, Int)] = [
      (.upTo64, 64), (.upTo127, 127), (.upTo255, 255), (.upTo511, 511), (.upTo1023, 1023),
      (.upTo1518, 1518), (.longer, 1 << 20),
    ]
    for length in 1..<3000 {
      #expect(Self.counter(length) == last.first { length <= $0.1 }?.0, "\(length)")
    }
    #expect(Self.counter(1 << 20) == .longer)
  }

  @Test func `frames are counted by address, tag and length, each way`() throws {
    var configuration = Talk.configuration()
    configuration.ports = [PortSettings(mtu: 1500)]
    func frame(to address: UInt64, _ size: Int) -> [UInt8] {
      Frame.ethernet(
        to: address, .ipv4(to: Talk.guest1, .udp(to: 9, [UInt8](repeating: 1, count: size - 42))))
    }
    let frames: [[UInt8]] = [
      frame(to: 0x0200_0000_0001, 60), frame(to: 0x0200_0000_0001, 61),
      frame(to: 0x0100_5e00_0001, 200), frame(to: 0xffff_ffff_ffff, 1514),
      frame(to: 0xffff_ffff_fffe, 1515), frame(to: 2, 1519),
      Frame.ethernet(.vlan(7, .ipv4(to: Talk.guest1, .udp(to: 53, [6])))),
      [1, 2, 3],
    ]
    let simulation = try Simulation(configuration, frames: frames)
    simulation.run()
    let report = try simulation.report()
    #expect(report.isConserved)
    let statistics = report.interfaces[0].statistics.map { counts in
      Dictionary(uniqueKeysWithValues: zip(MACCounter.allCases.map(\.name), counts))
        .filter { $0.value != 0 }
    }
    let octets = frames.reduce(0) { $0 + UInt64($1.count) + 4 }
    #expect(
      statistics[0] == [
        "EOCT": octets, "UCA": 3, "MCA": 2, "BCA": 1, "VLAN": 1, "UND": 1, "64": 2, "127": 1,
        "255": 1, "1518": 1, "1519X": 2, "OVR": 1,
      ])
    // The short one and the long one are not answered; answers go to who had sent.
    #expect(
      statistics[1] == [
        "EOCT": octets - 7 - 1523, "UCA": 6, "VLAN": 1, "64": 2, "127": 1, "255": 1, "1518": 1,
        "1519X": 1,
      ])
    let row = report.text.split(separator: "\n").first { $0.hasPrefix("fm1-10g0  R") }
    #expect(row?.split(separator: " ").last == "0", "pause frames")
    #expect(report.json.text.contains("\"R1519X\": 2"))
    #expect(report.json.text.contains("\"TXPF\": 0"))
  }
}
