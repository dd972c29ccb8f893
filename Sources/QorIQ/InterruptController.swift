/// The controller that interrupt numbers are counted at.
public struct InterruptController: Sendable, Hashable {
  /// MPIC on P and T series, GIC on LS series.
  public var kind: Kind
  /// Its registers.
  public var registers: AddressRange

  /// What kinds there are.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// Freescale's OpenPIC: sources, four cells in a device tree.
    case mpic
    /// ARM's GIC: shared peripheral interrupts, three cells in a device tree.
    case gic
  }

  /// Creates a controller.
  public init(kind: Kind, registers: AddressRange) {
    self.kind = kind
    self.registers = registers
  }
}

/// A line of the interrupt controller and who raises it.
public struct InterruptUse: Sendable, Hashable {
  /// The line.
  public var source: InterruptSource
  /// Who raises it, for example `QMan portal 3`.
  public var user: String
  /// The path of the fact in an `OriginMap`.
  public var path: String
  /// Creates a use.
  public init(source: InterruptSource, user: String, path: String) {
    self.source = source
    self.user = user
    self.path = path
  }
}

extension Board {
  /// Who raises which line, in ascending order; lines that many blocks share for errors (MPIC source
  /// 16) are not among them.
  public var interruptUses: [InterruptUse] {
    var uses: [InterruptUse] = []
    func add(_ source: InterruptSource?, _ user: String, _ path: String) {
      if let source { uses.append(InterruptUse(source: source, user: user, path: path)) }
    }
    for portal in qman.portals {
      add(portal.interrupt, "QMan portal \(portal.index)", "/qman/portals/\(portal.index)")
    }
    for portal in bman.portals {
      add(portal.interrupt, "BMan portal \(portal.index)", "/bman/portals/\(portal.index)")
    }
    for fman in fmans {
      add(fman.interrupt, "FMan \(fman.index + 1)", "/fmans/\(fman.index + 1)")
    }
    if let sec = accelerators.sec {
      add(sec.interrupt, "SEC", "/sec")
      for ring in sec.jobRings {
        add(ring.interrupt, "SEC job ring \(ring.index)", "/sec/job-rings/\(ring.index)")
      }
    }
    add(pamu?.interrupt, "PAMU", "/pamu")
    return uses.sorted { ($0.source, $0.user) < ($1.source, $1.user) }
  }
}
