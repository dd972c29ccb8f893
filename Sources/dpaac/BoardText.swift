import Diagnostics
import Lowering
import QorIQ

/// A board's inventory for people.
struct BoardText {
  let result: BoardLowering.Result
  var board: Board { result.board }

  var text: String {
    var sections = ["\(board.name) (\(board.model))\n", capacities.text]
    sections.append("portals of QMan\n" + portalTable(board.qman.portals, withDMA: true))
    sections.append("portals of BMan\n" + portalTable(board.bman.portals, withDMA: false))
    sections.append("network interfaces\n" + interfaces.text)
    sections.append("offline ports\n" + offlinePorts.text)
    if let accelerators { sections.append("accelerators\n" + accelerators.text) }
    if !board.addressMap.regions.isEmpty { sections.append("addresses\n" + addresses.text) }
    if let devices { sections.append("LIODNs of other devices\n" + devices.text) }
    sections.append(list("unusual", board.peculiarities + result.remarks))
    sections.append(list("not read but concluded", doubts(.derived)))
    sections.append(list("not established", doubts(.unknown)))
    sections.append(
      list(
        "not in the tree, but in the table of \(board.soc.rawValue.uppercased()) or its family",
        result.completions.map { "\($0.path)\($0.count == 1 ? "" : " (\($0.count))")" }))
    return sections.filter { !$0.isEmpty }.joined(separator: "\n")
  }

  private func doubts(_ certainty: BoardDoubt.Certainty) -> [String] {
    result.doubts.filter { $0.certainty == certainty }.map {
      "\($0.path) (\($0.value)): \($0.reason)"
    }
  }

  private func list(_ title: String, _ lines: [String]) -> String {
    lines.isEmpty ? "" : "\(title)\n" + lines.map { "  \($0)\n" }.joined()
  }

  // MARK: what there is

  private var capacities: TextTable {
    var facts = TextTable([("what", .left), ("how many", .left)])
    let threads = board.coreCount > 0 ? board.cpus.count / board.coreCount : 0
    facts.add(["SoC", board.soc.rawValue.uppercased()])
    facts.add([
      "CPUs",
      "\(board.cpus.count): \(board.coreCount) \(board.core)"
        + (threads > 1 ? " of \(threads) threads" : "")
        + (board.clusterCount < board.coreCount ? " in \(board.clusterCount) clusters" : "")
        + (board.clockFrequency > 0 ? ", \(board.clockFrequency / 1_000_000) MHz" : ""),
    ])
    facts.add(["memory", board.memorySize == 0 ? "not said" : bytes(board.memorySize)])
    facts.add(["QMan", "revision \(board.qman.revision), \(board.qman.portals.count) portals"])
    facts.add([
      "frame queues",
      "\(board.qman.usableQueues), \(bytes(board.qman.frameMemorySize)) for queued frames",
    ])
    if let first = board.qman.poolChannels.first, let last = board.qman.poolChannels.last {
      facts.add(["pool channels", "\(board.qman.poolChannels.count): \(first) to \(last)"])
    }
    facts.add(["congestion groups", "\(board.qman.congestionGroupCount)"])
    facts.add([
      "BMan",
      "revision \(board.bman.revision), \(board.bman.portals.count) portals, "
        + "\(board.bman.poolCount) pools, \(bytes(board.bman.memorySize)) for lists of buffers",
    ])
    for fman in board.fmans {
      facts.add([
        "FMan \(fman.index + 1)",
        "revision \(fman.majorRevision) at \(hex(fman.base)), \(bytes(fman.memorySize)) MURAM, "
          + "\(fman.schemeCount) schemes, \(fman.storageProfileCount) storage profiles, "
          + "\(fman.policerProfileCount) policers"
          + (fman.liodnBase.map { ", LIODN base \($0)" } ?? ""),
      ])
    }
    if let pamu = board.pamu {
      facts.add(["PAMU", "\(pamu.unitCount) units, LIODNs of \(pamu.liodnBits) bits"])
    }
    return facts
  }

  private var interfaces: TextTable {
    var table = TextTable([
      ("name", .left), ("Mbit/s", .right), ("connection", .left), ("wire", .left),
      ("Rx port", .right), ("Tx port", .right), ("Tx channel", .right), ("Rx LIODN", .right),
    ])
    for fman in board.fmans {
      for interface in fman.interfaces {
        let liodn = fman.liodnBase.flatMap { base in
          interface.liodnOffset.map { Board.liodn(base, $0).description }
        }
        table.add([
          interface.name, "\(interface.speed)", interface.connection?.rawValue ?? "-",
          wire(interface.availability), hex(UInt64(interface.receivePort.rawValue)),
          hex(UInt64(interface.transmitPort.rawValue)), interface.transmitChannel.description,
          liodn ?? "-",
        ])
      }
    }
    return table
  }

  private func wire(_ availability: NetworkInterface.Availability) -> String {
    switch availability {
    case .wired: "yes"
    case .serdes: "if it has its SerDes lanes"
    case .unknown: "not said"
    case .disabled: "disabled"
    }
  }

  private var offlinePorts: TextTable {
    var table = TextTable([("name", .left), ("channel", .right), ("", .left)])
    for fman in board.fmans {
      for port in fman.offlinePorts {
        table.add([
          "fm\(fman.index + 1)-oh\(port.port)", port.channel.description,
          port.isEnabled ? "" : "disabled",
        ])
      }
      for port in fman.offlinePortsWithoutChannel {
        table.add(["fm\(fman.index + 1)-oh\(port)", "-", "no channel that is known"])
      }
    }
    return table
  }

  private var accelerators: TextTable? {
    var table = TextTable([
      ("block", .left), ("at", .left), ("channels", .left), ("LIODN bases", .left), ("", .left),
    ])
    let blocks = board.accelerators
    if let sec = blocks.sec {
      table.add([
        "SEC \(sec.version)", hex(sec.registers.base), "\(sec.channel)", numbers(sec.liodnBases),
        (sec.era.map { "era \($0), " } ?? "") + "\(sec.jobRings.count) job rings",
      ])
    }
    if let pme = blocks.pme {
      table.add([
        "PME", hex(pme.base), "\(pme.channel)", numbers(pme.liodnBases),
        pme.liodn.map { "tables with LIODN \($0)" } ?? "",
      ])
    }
    if let rman = blocks.rman {
      table.add([
        "RMan", hex(rman.base), numbers(rman.channels), numbers(rman.liodnBase.map { [$0] } ?? []),
        "",
      ])
    }
    if let dce = blocks.dce {
      table.add([
        "DCE", hex(dce.base), numbers([dce.compressionChannel, dce.decompressionChannel]),
        numbers(dce.liodnBases), "",
      ])
    }
    if let raid = blocks.raid {
      table.add([
        "RAID engine", hex(raid.registers.base), "-",
        numbers(raid.liodnBase.map { [$0] } ?? []), "",
      ])
    }
    return blocks == Accelerators() ? nil : table
  }

  private var addresses: TextTable {
    var table = TextTable([("region", .left), ("from", .right), ("to", .right), ("size", .right)])
    for region in board.addressMap.regions {
      table.add([
        region.name, hex(region.range.base), hex(region.range.last), bytes(region.range.size),
      ])
    }
    return table
  }

  private var devices: TextTable? {
    guard let pamu = board.pamu, !pamu.devices.isEmpty else { return nil }
    var table = TextTable([("device", .left), ("LIODNs", .left)])
    for device in pamu.devices { table.add([device.name, numbers(device.liodns)]) }
    return table
  }

  private func numbers(_ items: [some CustomStringConvertible]) -> String {
    items.isEmpty ? "-" : items.map(\.description).joined(separator: ", ")
  }
}
