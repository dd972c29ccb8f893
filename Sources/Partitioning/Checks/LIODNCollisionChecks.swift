import Diagnostics
import QorIQ

/// Checks of what a LIODN offset comes to in the blocks that add it to their own base.
extension PartitionCheck {
  static let liodnCollisionChecks = [liodnCollision, liodnMeeting]

  static let liodnCollision = PartitionCheck(
    "liodn-collision", .dma, "a partition's DMA does not bear a device's LIODN",
    after: ["liodn-overlap", "liodn-range"],
    meaning: """
      A block adds the partition's offset to a base of its own, and PAMU knows the sum alone. Where \
      that is a device's LIODN, PAMU lets the partition's frames go wherever the device may.
      """,
    repair: "choose an offset whose sums are nobody's",
    source: "U-Boot, arch/powerpc/cpu/mpc85xx/*_ids.c and liodn.c: bases and devices' LIODNs",
    example: .init(guest: ["liodn-offset": "11"])
  ) { context, findings in
    let devices = Dictionary(
      context.board.deviceLIODNs.map { ($0.liodn, $0) }, uniquingKeysWith: { first, _ in first })
    for claim in context.liodnClaims where claim.resource > 0 {
      let hit = context.liodns(of: claim).compactMap { use in
        devices[use.liodn].map { (use, $0.user) }
      }.first
      guard let (use, device) = hit else { continue }
      findings.add(
        "\(context.name(claim.owner))'s LIODN offset \(claim.resource) comes to \(use.liodn) in "
          + "\(use.block), which is the LIODN of \(device)",
        at: claim.span, fixIts: [context.offsetRepair(of: claim)])
    }
  }

  static let liodnMeeting = PartitionCheck(
    "liodn-meeting", .dma, "two partitions' DMA never bears one LIODN",
    after: ["liodn-overlap", "liodn-range", "liodn-collision"],
    meaning: """
      The offsets differ, but so do the bases of blocks, and two sums can be one: PAMU then lets each \
      of the two partitions into the other's memory.
      """,
    repair: "choose offsets that are closer together than the bases",
    source: "U-Boot, arch/powerpc/cpu/mpc85xx/*_ids.c: the bases of FMan, SEC and PME",
    example: .init(host: ["liodn-offset": "40"], guest: ["liodn-offset": "8"])
  ) { context, findings in
    var first: [LIODN: (claim: Claim<Int>, block: String)] = [:]
    var told: Set<Int> = []
    for claim in context.liodnClaims where claim.resource > 0 {
      for use in context.liodns(of: claim) {
        guard let earlier = first[use.liodn] else {
          first[use.liodn] = (claim, use.block)
          continue
        }
        guard earlier.claim.owner != claim.owner, told.insert(claim.owner).inserted else {
          continue
        }
        let other = context.name(earlier.claim.owner)
        findings.add(
          "\(context.name(claim.owner))'s LIODN offset \(claim.resource) comes to \(use.liodn) in "
            + "\(use.block), and \(other)'s \(earlier.claim.resource) to the same in "
            + earlier.block,
          at: claim.span,
          notes: [Note("\(other)'s offset is here", at: earlier.claim.span)],
          fixIts: [context.offsetRepair(of: claim)])
      }
    }
  }
}

extension Board {
  /// The LIODNs of all but those who work on partitions' frames, with whose they are.
  var deviceLIODNs: [LIODNUse] {
    var devices = self
    // What is left without portals is what no portal's offset is added to.
    for index in devices.qman.portals.indices { devices.qman.portals[index].dma = nil }
    return devices.liodnTable
      + liodnTable.filter { $0.path.hasPrefix("/qman/portals/") }
  }
}

extension PlanContext {
  /// What a partition's offset comes to in each block that works on its frames: every FMan, because
  /// any of them may send them, and the accelerators that it uses.
  fileprivate func liodns(of claim: Claim<Int>) -> [(block: String, liodn: LIODN)] {
    liodns(of: claim.owner, offset: claim.resource)
  }

  /// The same of an offset that is only thought of.
  func liodns(of owner: Int, offset: Int) -> [(block: String, liodn: LIODN)] {
    let kinds = plan.partitions[owner].accelerators.map(\.kind)
    return board.liodnBases.filter { base in
      base.path.hasPrefix("/fmans/") || kinds.contains { "/\($0.rawValue)" == base.path }
    }.flatMap { base in
      base.bases.map { (base.block, Board.liodn($0, LIODNOffset(UInt16(clamping: offset)))) }
    }
  }

  /// The lowest offset that nobody claims and that meets nobody.
  fileprivate func offsetRepair(of claim: Claim<Int>) -> FixIt {
    let claims = liodnClaims.filter { $0.owner != claim.owner }
    let taken = Set(
      board.deviceLIODNs.map(\.liodn) + claims.flatMap { liodns(of: $0).map(\.liodn) })
    let offsets = Set(claims.map(\.resource))
    let free = (1..<Int(LIODNOffset.limit)).first { offset in
      !offsets.contains(offset)
        && liodns(of: claim.owner, offset: offset).allSatisfy { !taken.contains($0.liodn) }
    }
    return free.map { .replace(claim.span, with: "\($0)") }
      ?? FixIt("leave the offset to the planner")
  }
}
