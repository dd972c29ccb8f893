// How the Frame Manager Configuration tool counts ports (nxp-qoriq/fmc, `source/FMCPCDModel.cpp`).

extension FManBlock {
  /// The number of an interface in FMC's ports of type `MAC`: 1 to 8, then 9 and 10 for 10 Gbit/s.
  public func fmcNumber(of interface: NetworkInterface) -> Int {
    let port = Int(interface.receivePort.rawValue)
    return interface.speed < 10_000 ? port - 0x08 + 1 : port - 0x10 + 9
  }

  /// The number of an offline port in FMC's ports of type `OFFLINE`, from 0.
  ///
  /// Derived: FMC counts from the first that there is, which has the hardware id 1 on FMan v2 and 2
  /// on v3 (Linux 6.1, `qoriq-fman*-*.dtsi`).
  public func fmcNumber(of port: OfflinePort) -> Int {
    Int(port.port.rawValue) - (hasStorageProfiles ? 2 : 1)
  }

  /// The numbers of the ports of one of FMC's types, `MAC`, `1G`, `10G`, `TX_1G`, `TX_10G`,
  /// `OFFLINE` or `HOST_CMD`.
  public func portNumbers(ofFMCType type: String) -> [Int] {
    let slow = interfaces.filter { $0.speed < 10_000 }
    let fast = interfaces.filter { $0.speed >= 10_000 }
    switch type {
    case "MAC": return (slow + fast).map { fmcNumber(of: $0) }
    case "1G", "TX_1G": return slow.map { fmcNumber(of: $0) - 1 }
    case "10G", "TX_10G": return fast.map { fmcNumber(of: $0) - 9 }
    default: return offlinePorts.map { fmcNumber(of: $0) }
    }
  }
}
