import QorIQ
import Testing

@testable import DPAAPortal

/// Whom the table of neighbours forgets.
@Suite struct NeighbourTableTests {
  @Test func `a scan of addresses that nobody has does not forget who is known`() {
    let table = NeighbourTable()
    let known = NetworkAddress(ipv4: 0x0a01_0009)
    let start: UInt64 = 1_000_000_000_000
    table.learn(known, mac: 0x0200_0000_0009, path: 1, isAsking: true, now: start)
    // Within 20 s, after which a neighbour is as good as new.
    for number in 0..<100_000 as Range<UInt32> {
      let now = start + UInt64(number) * 200_000
      _ = table.state(NetworkAddress(ipv4: 0x0b00_0000 + number), path: 1, now: now)
    }
    guard
      case .known(0x0200_0000_0009) = table.state(known, path: 1, now: start + 20_000_000_000)
    else {
      Issue.record("the known neighbour is forgotten")
      return
    }
  }

  @Test func `who has not been heard of for long makes room`() {
    let table = NeighbourTable()
    let start: UInt64 = 1_000_000_000_000
    // More than there are places.
    for number in 0..<5000 as Range<UInt32> {
      table.learn(
        NetworkAddress(ipv4: 0x0a00_0000 + number), mac: 0x0200_0000_0000 + UInt64(number), path: 0,
        isAsking: true, now: start)
    }
    let late = start + 200_000_000_000
    let address = NetworkAddress(ipv4: 0x0b00_0000)
    _ = table.state(address, path: 0, now: late)
    table.learn(address, mac: 0x0200_0000_0001, path: 0, isAsking: false, now: late)
    guard case .known(0x0200_0000_0001) = table.state(address, path: 0, now: late) else {
      Issue.record("there is no room for a new neighbour")
      return
    }
  }
}
