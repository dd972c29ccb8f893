import Diagnostics
import QorIQ

/// A rule that every board keeps, whatever it was read from.
struct BoardCheck {
  /// The code of its findings.
  let code: DiagnosticCode
  /// How bad they are.
  let severity: Severity
  private let run: @Sendable (Board) -> [Finding]

  /// What breaks a rule: where, and who else.
  struct Finding {
    let message: String
    let path: String
    var others: [(message: String, path: String)] = []
  }

  init(
    _ code: DiagnosticCode, severity: Severity = .error,
    _ run: @escaping @Sendable (Board) -> [Finding]
  ) {
    self.code = code
    self.severity = severity
    self.run = run
  }

  /// All rules.
  static let all = [
    windowSize, windowOverlap, interruptRepeated, channelRange, channelRepeated, portalUnpaired,
  ]

  /// What all rules find in a board, in their order.
  static func findings(_ board: Board, origins: OriginMap) -> [Diagnostic] {
    all.flatMap { check in
      check.run(board).map { finding in
        Diagnostic(
          check.code, check.severity, finding.message, at: origins[finding.path],
          notes: finding.others.map { Note($0.message, at: origins[$0.path]) })
      }
    }
  }
}

// MARK: portals

extension BoardCheck {
  /// 16 KiB of rings and command lines; registers in 4 KiB, on LS series in 16 KiB (Linux 6.1,
  /// `qoriq-{qman,bman}-portals.dtsi`).
  static let windowSize = BoardCheck(.portalWindow) { board in
    let inhibited: UInt64 = board.portalRegisters == .arm ? 0x4000 : 0x1000
    return portals(board).flatMap { portal, name, path -> [Finding] in
      [
        ("cache-enabled", portal.cacheEnabled, UInt64(0x4000)),
        ("cache-inhibited", portal.cacheInhibited, inhibited),
      ].compactMap { kind, window, size in
        let isAligned = window.base % size == 0
        guard window.size != size || !isAligned else { return nil }
        let fault =
          window.size != size
          ? "has \(window.size) bytes, but should have \(size)"
          : "starts at \(hex(window.base)), which is no multiple of its size"
        return Finding(message: "\(name)'s \(kind) window \(fault)", path: path)
      }
    }
  }

  static let portalUnpaired = BoardCheck(.portalUnpaired, severity: .warning) { board in
    let buffers = Set(board.bman.portals.map(\.index))
    let queues = Set(board.qman.portals.map(\.index))
    return queues.symmetricDifference(buffers).sorted().map { index in
      let isQueue = queues.contains(index)
      return Finding(
        message: "\(isQueue ? "QMan" : "BMan") portal \(index) has no "
          + "\(isQueue ? "BMan" : "QMan") portal beside it: no owner can use it",
        path: "/\(isQueue ? "qman" : "bman")/portals/\(index)")
    }
  }

  static func portals(_ board: Board) -> [(SoftwarePortal, name: String, path: String)] {
    board.qman.portals.map { ($0, "QMan portal \($0.index)", "/qman/portals/\($0.index)") }
      + board.bman.portals.map { ($0, "BMan portal \($0.index)", "/bman/portals/\($0.index)") }
  }

  static func hex(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }
}

// MARK: addresses and interrupts

extension BoardCheck {
  /// Windows of buses may lie over each other: the reset configuration decides which of them are
  /// there (Linux 6.1, `p4080ds.dts`: RapidIO 1 lies where PCIe 2 does).
  static let windowOverlap = BoardCheck(.windowOverlap) { board in
    var windows: [(range: QorIQ.AddressRange, name: String, path: String)] = portals(board).flatMap
    {
      [
        ($0.0.cacheEnabled, "\($0.name)'s cache-enabled window", $0.path),
        ($0.0.cacheInhibited, "\($0.name)'s cache-inhibited window", $0.path),
      ]
    }
    for region in board.addressMap.regions where !region.name.hasSuffix("-portals") {
      windows.append((region.range, region.name, "/address-map/\(region.name)"))
    }
    if board.portalRegisters == .powerPC, board.memorySize > 0 {
      windows.append((QorIQ.AddressRange(base: 0, size: board.memorySize), "the memory", "/memory"))
    }
    windows.sort { ($0.range.base, $0.name) < ($1.range.base, $1.name) }
    var findings: [Finding] = []
    var widest = windows.first
    for window in windows.dropFirst() {
      guard let before = widest else { continue }
      let areBuses = [before, window].allSatisfy { isBus($0.path) }
      if !areBuses, before.range.overlaps(window.range) {
        findings.append(
          Finding(
            message: "\(window.name) starts at \(hex(window.range.base)), within \(before.name) "
              + "(\(hex(before.range.base)) to \(hex(before.range.last)))", path: window.path,
            others: [("\(before.name) is written here", before.path)]))
      }
      if window.range.last > before.range.last { widest = window }
    }
    return findings
  }

  private static func isBus(_ path: String) -> Bool {
    ["pcie", "rapidio", "localbus"].contains { path.hasPrefix("/address-map/\($0)") }
  }

  static let interruptRepeated = BoardCheck(.interruptRepeated) { board in
    let uses = board.interruptUses
    return zip(uses.dropFirst(), uses).compactMap { use, before in
      guard use.source == before.source else { return nil }
      return Finding(
        message: "\(use.user) has interrupt \(use.source), but so has \(before.user)",
        path: use.path, others: [("\(before.user) is written here", before.path)])
    }
  }
}

// MARK: channels

extension BoardCheck {
  private static func channels(
    _ board: Board
  ) -> [(fman: FManBlock, channel: ChannelID, name: String, path: String)] {
    board.fmans.flatMap { fman in
      let path = "/fmans/\(fman.index + 1)"
      return fman.interfaces.map {
        (fman, $0.transmitChannel, $0.name, "\(path)/interfaces/\($0.key)")
      }
        + fman.offlinePorts.map {
          (
            fman, $0.channel, "fm\(fman.index + 1)-oh\($0.port)", "\(path)/offline-ports/\($0.port)"
          )
        }
    }
  }

  static let channelRange = BoardCheck(.channelRange) { board in
    channels(board).compactMap { use in
      guard let range = use.fman.channels, !range.contains(use.channel) else { return nil }
      return Finding(
        message: "\(use.name) has channel \(use.channel), but FMan \(use.fman.index + 1) has "
          + "\(range.lowerBound) to \(range.upperBound)", path: use.path,
        others: [("FMan \(use.fman.index + 1) is written here", "/fmans/\(use.fman.index + 1)")])
    }
  }

  static let channelRepeated = BoardCheck(.channelRepeated) { board in
    let uses = channels(board).sorted { ($0.channel, $0.name) < ($1.channel, $1.name) }
    return zip(uses.dropFirst(), uses).compactMap { use, before in
      guard use.channel == before.channel else { return nil }
      return Finding(
        message: "\(use.name) has channel \(use.channel), but so has \(before.name)",
        path: use.path, others: [("\(before.name) is written here", before.path)])
    }
  }
}
