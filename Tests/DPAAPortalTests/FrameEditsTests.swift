import TestSupport
import Testing

@testable import DPAAPortal

@Suite struct FrameEditsTests {
  private static func swapped(_ frame: [UInt8]) -> [UInt8] {
    var frame = frame
    frame.withUnsafeMutableBytes { FrameEdits.swapAddresses($0) }
    return frame
  }

  /// A frame, and the same frame sent the other way.
  struct Pair: Sendable, CustomTestStringConvertible {
    let what: String
    let there: [UInt8]
    let back: [UInt8]
    var testDescription: String { what }

    init(_ what: String, _ build: (_ isBack: Bool) -> Frame.Payload) {
      self.what = what
      there = Frame.ethernet(build(false))
      back = Frame.ethernet(to: Frame.source, from: Frame.destination, build(true))
    }
  }

  static let addresses: (UInt32, UInt32) = (0xc0a8_0101, 0x0a01_0203)
  static let longAddresses: [(UInt64, UInt64)] = [(0xfd00_0001 << 32, 1), (0xfd00_0002 << 32, 77)]

  private static func ipv4(
    _ isBack: Bool, _ segment: Frame.Segment, options: [UInt8] = [], fragment: UInt16 = 0
  ) -> Frame.Payload {
    .ipv4(
      to: isBack ? addresses.1 : addresses.0, from: isBack ? addresses.0 : addresses.1, segment,
      options: options, fragment: fragment)
  }
  private static func ports(_ isBack: Bool) -> (UInt16, UInt16) { isBack ? (7, 80) : (80, 7) }

  static let pairs = [
    Pair("UDP") { ipv4($0, .udp(to: ports($0).0, from: ports($0).1, [1, 2, 3])) },
    Pair("TCP") { ipv4($0, .tcp(to: ports($0).0, from: ports($0).1, [1, 2])) },
    Pair("options") {
      ipv4($0, .udp(to: ports($0).0, from: ports($0).1, [5]), options: [1, 1, 1, 0, 7, 4, 4, 0])
    },
    Pair("ICMP") { ipv4($0, .icmp([1])) },
    Pair("a later fragment") { ipv4($0, .raw(17, [1, 2, 3, 4, 5]), fragment: 3) },
    Pair("VLAN") { .vlan(9, ipv4($0, .udp(to: ports($0).0, from: ports($0).1))) },
    Pair("QinQ") {
      .vlan(8, type: 0x88a8, .vlan(9, ipv4($0, .tcp(to: ports($0).0, from: ports($0).1))))
    },
    Pair("IPv6") {
      .ipv6(
        to: longAddresses[$0 ? 1 : 0], from: longAddresses[$0 ? 0 : 1],
        .udp(to: ports($0).0, from: ports($0).1, [1, 2, 3]))
    },
    Pair("no IP") { _ in .raw(0x88cc, [1, 2, 3]) },
  ]

  // The builder computes every checksum anew, so equality also says that they are right.
  @Test(arguments: pairs)
  func `a swapped frame is the frame that the receiver would send`(pair: Pair) {
    #expect(Self.swapped(pair.there) == pair.back)
    #expect(Self.swapped(pair.back) == pair.there)
  }

  @Test(arguments: pairs)
  func `a cut frame is swapped as far as it is whole`(pair: Pair) {
    for count in 0..<pair.there.count {
      let cut = Array(pair.there.prefix(count))
      let result = Self.swapped(cut)
      #expect(result.count == count)
      if count < 14 { #expect(result == cut) }
      #expect(Self.swapped(result) == cut, "\(count) bytes")
    }
  }

  @Test(arguments: [1, 2] as [UInt64])
  func `rubbish is swapped without leaving the frame`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<10_000 {
      var frame = FrameEditsTests.pairs[random.below(9)].there
      frame.removeLast(random.below(frame.count))
      for _ in 0..<4 where !frame.isEmpty {
        frame[random.below(frame.count)] = random.byte()
      }
      // Guard bytes around the frame must stay.
      var memory = [UInt8](repeating: 0x5a, count: 64) + frame
      memory += [UInt8](repeating: 0x5a, count: 64)
      memory.withUnsafeMutableBytes {
        FrameEdits.swapAddresses(.init(rebasing: $0[64..<64 + frame.count]))
      }
      #expect(memory.prefix(64).allSatisfy { $0 == 0x5a }, "\(random)")
      #expect(memory.suffix(64).allSatisfy { $0 == 0x5a }, "\(random)")
    }
  }

  @Test(arguments: [60, 61, 128, 1514])
  func `a probe is a whole UDP datagram with its number`(size: Int) {
    var frame = [UInt8](repeating: 0xff, count: size)
    frame.withUnsafeMutableBytes {
      FrameEdits.fillProbe($0, from: 0xc612_0001, to: 0xc0a8_010b, sequence: 0x0102_0304_0506_0708)
    }
    #expect(Array(frame[0..<14]) == [2, 0, 192, 168, 1, 11, 2, 0, 198, 18, 0, 1, 8, 0])
    #expect(Frame.checksum(Array(frame[14..<34])) == 0)
    #expect(Int(frame[16]) << 8 | Int(frame[17]) == size - 14)
    #expect(Int(frame[38]) << 8 | Int(frame[39]) == size - 34)
    #expect(frame[23] == 17)
    #expect(Array(frame[42..<50]) == [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(frame[50..<58] == [0x64, 0x70, 0x61, 0x61, 0x63, 0, 0, 1])
    #expect(frame[58...].allSatisfy { $0 == 0 })
  }

  @Test func `a probe of less than a whole frame stops the program`() async {
    await #expect(processExitsWith: .failure) {
      var frame = [UInt8](repeating: 0, count: 59)
      frame.withUnsafeMutableBytes { FrameEdits.fillProbe($0, from: 1, to: 2, sequence: 3) }
    }
  }
}
