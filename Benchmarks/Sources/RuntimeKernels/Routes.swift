import DPAAPortal

/// A longest-prefix table with addresses to look up in it, each inside one of its routes.
package struct RouteKernel: ~Copyable {
  /// How many addresses are looked up by turns, whatever the number of routes.
  package static let addressCount = 1 << 16

  private let table: IPv4PrefixTable
  private let wideTable: IPv6PrefixTable
  private let addresses: [UInt32]
  private let wideAddresses: [(high: UInt64, low: UInt64)]

  /// Makes tables of so many routes at random, with lengths as the Internet's tables have them: of IPv4
  /// most have 24 bits, of IPv6 48.
  package init(routes count: Int) throws {
    var random: UInt64 = 0x9e37_79b9_7f4a_7c15
    var routes: [IPv4PrefixTable.Route] = []
    var wideRoutes: [IPv6PrefixTable.Route] = []
    for value in 0..<UInt32(count) {
      random = random.scrambled
      let (prefix, choice) = (UInt32(truncatingIfNeeded: random &>> 32), random.below(100))
      let length: UInt8 = choice < 60 ? 24 : choice < 90 ? 16 + UInt8(choice & 7) : 32
      routes.append((prefix, length, value))
      random = random.scrambled
      // 2000::/3, of which the registries have given away the first part.
      let high = 0x2000_0000_0000_0000 | random &>> 6
      let wideLength: UInt8 = choice < 60 ? 48 : choice < 90 ? 32 + UInt8(choice & 15) : 64
      wideRoutes.append((high, 0, wideLength, value))
    }
    var addresses: [UInt32] = []
    var wideAddresses: [(high: UInt64, low: UInt64)] = []
    for _ in 0..<Self.addressCount {
      random = random.scrambled
      let place = Int(random.below(UInt32(count)))
      let noise = UInt32(truncatingIfNeeded: random)
      addresses.append(routes[place].prefix ^ noise >> UInt32(routes[place].length))
      let wide = wideRoutes[place]
      wideAddresses.append((wide.high ^ random >> UInt64(wide.length), random))
    }
    // Locals first: a value that cannot be copied must not be half made when something throws.
    let table = try IPv4PrefixTable(routes)
    let wideTable = try IPv6PrefixTable(wideRoutes)
    self.table = table
    self.wideTable = wideTable
    self.addresses = addresses
    self.wideAddresses = wideAddresses
  }

  /// Bytes of the tables.
  package var byteCounts: (ipv4: Int, ipv6: Int) { (table.byteCount, wideTable.byteCount) }

  /// Looks up IPv4 addresses, whole bursts as a guest that forwards has them. The values that were found are
  /// added to a sum, for the compiler to keep.
  package func lookUp(_ count: Int, _ sum: inout UInt64) -> Int {
    var found: UInt64 = 0
    addresses.withUnsafeBufferPointer { addresses in
      var done = 0
      while done < count {
        let first = done & (Self.addressCount &- 1)
        let burst = first..<first &+ Burst.capacity
        if table.isLarge { for index in burst { table.prefetch(addresses[index]) } }
        for index in burst { found &+= UInt64(table.lookup(addresses[index]) ?? 0) }
        done &+= Burst.capacity
      }
    }
    sum &+= found
    return count
  }

  /// Looks up IPv6 addresses.
  package func lookUpWide(_ count: Int, _ sum: inout UInt64) -> Int {
    var found: UInt64 = 0
    wideAddresses.withUnsafeBufferPointer { addresses in
      var done = 0
      while done < count {
        let first = done & (Self.addressCount &- 1)
        let burst = first..<first &+ Burst.capacity
        if wideTable.isLarge {
          for index in burst { wideTable.prefetch(addresses[index].high, addresses[index].low) }
        }
        for index in burst {
          found &+= UInt64(wideTable.lookup(addresses[index].high, addresses[index].low) ?? 0)
        }
        done &+= Burst.capacity
      }
    }
    sum &+= found
    return count
  }

  /// Whether the table of IPv4 is one to look ahead in.
  package var isLarge: Bool { table.isLarge }

  /// The table's memory and the addresses, for the C twin.
  package func withMemory<Result>(
    _ body: (UnsafeRawPointer, UnsafePointer<UInt32>) -> Result
  ) -> Result? {
    table.withUnsafeBytes { table in
      addresses.withUnsafeBufferPointer { addresses in
        guard let memory = table.baseAddress, let first = addresses.baseAddress else { return nil }
        return body(memory, first)
      }
    }
  }
}
