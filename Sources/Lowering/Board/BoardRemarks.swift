public import QorIQ

extension Board {
  /// What is unusual about the board, or easily overlooked, a sentence each without a full stop.
  public var peculiarities: [String] {
    portalPeculiarities + liodnPeculiarities + fmans.flatMap { peculiarities(of: $0) }
  }

  private var portalPeculiarities: [String] {
    var remarks: [String] = []
    if qman.portals.count < cpus.count {
      remarks.append("\(qman.portals.count) portals for \(cpus.count) CPUs")
    }
    if memorySize == 0 { remarks.append("nobody says how much memory the board has") }
    if clockFrequency == 0 { remarks.append("nobody says the core's clock") }
    return remarks
  }

  private var liodnPeculiarities: [String] {
    let offsets = qman.portals.compactMap(\.dma?.offset)
    var remarks: [String] = []
    if offsets.isEmpty {
      remarks.append("no LIODNs of portals are known: DMA cannot be told apart by them")
    } else if Set(offsets).count < offsets.count {
      let count = Set(offsets).count
      remarks.append(
        "\(offsets.count) portals share \(count) LIODN \(count == 1 ? "offset" : "offsets"): until "
          + "somebody programs QCSP_LIO_CFG, accelerators cannot tell their producers apart")
    }
    let table = liodnTable
    for (use, before) in zip(table.dropFirst(), table)
    where use.liodn == before.liodn && use.path != before.path {
      remarks.append("LIODN \(use.liodn) is that of \(before.user) and of \(use.user)")
    }
    return remarks
  }

  private func peculiarities(of fman: FManBlock) -> [String] {
    var remarks: [String] = []
    let disabled = fman.interfaces.filter { !$0.isEnabled }.map(\.name)
    if !disabled.isEmpty {
      remarks.append("the board disables \(disabled.joined(separator: ", "))")
    }
    let ports = fman.offlinePorts.filter { !$0.isEnabled }.map { "\($0.port)" }
    if !ports.isEmpty {
      remarks.append(
        "the board disables offline ports \(ports.joined(separator: ", ")) of FMan "
          + "\(fman.index + 1)")
    }
    let without = fman.offlinePortsWithoutChannel.map { "\($0)" }
    if !without.isEmpty {
      remarks.append(
        "offline ports \(without.joined(separator: ", ")) of FMan \(fman.index + 1) have no channel "
          + "that is known: they cannot be used")
    }
    if fman.storageProfileCount == 0 {
      remarks.append(
        "FMan \(fman.index + 1) has no storage profiles: its pools belong to the port, not to the "
          + "guest")
    }
    return remarks
  }
}
