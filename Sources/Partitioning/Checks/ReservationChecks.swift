import Diagnostics
import QorIQ

/// Checks of what the plan says that others have: nothing of it is claimed.
extension PartitionCheck {
  /// A check of one kind of thing that has numbers.
  private static func reserved(
    _ code: DiagnosticCode, _ group: FindingGroup, _ kind: ResourceKind, _ noun: String,
    meaning: String, source: String, example: PlanExample,
    claims: @escaping @Sendable (PlanContext) -> [Claim<Int>]
  ) -> PartitionCheck {
    PartitionCheck(
      code, group, "a \(noun) that is reserved is claimed by no partition", meaning: meaning,
      repair: "claim another \(noun), or take it out of the reservation", source: source,
      example: example
    ) { context, findings in
      var holders: [Int: (holder: String, path: String)] = [:]
      for (index, reservation) in context.plan.reservations.enumerated() {
        for (item, number) in (reservation.numbers[kind] ?? []).enumerated() {
          holders[Int(number)] = (
            reservation.holder, ClaimPath.reservation(index, kind, item: item)
          )
        }
      }
      for claim in claims(context) {
        guard let holder = holders[claim.resource] else { continue }
        let name = context.name(claim.owner)
        findings.add(
          "\(name) claims \(noun) \(claim.resource), but \(holder.holder) has it", at: claim.span,
          notes: [
            Note(
              "\(noun) \(claim.resource) is reserved for \(holder.holder) here",
              at: context.span(holder.path))
          ], fixIts: [FixIt("claim another \(noun)")])
      }
    }
  }

  static let cpuReserved = reserved(
    "cpu-reserved", .cpus, .cpus, "CPU",
    meaning: """
      Somebody outside the plan, a hypervisor's own core or a monitor, runs on the CPU all the time.
      """,
    source: "Freescale hypervisor, src/guest.c: one guest for each core",
    example: .init(guest: ["cpus": "6-7"], more: ["reserved: { monitor: {cpus: 7} }"])
  ) { $0.cpuClaims }

  static let portalReserved = reserved(
    "portal-reserved", .portals, .portals, "portal",
    meaning: """
      A portal that a boot loader or a kernel keeps has a producer already, whose entries a second \
      one would overwrite.
      """,
    source: "Freescale SDK: the kernel arguments qportals and bportals",
    example: .init(
      guest: ["portals": "[ 4, 5 ]"], more: ["reserved: { kernel: {portals: 5} }"])
  ) { $0.portalClaims }

  static let poolReserved = reserved(
    "pool-reserved", .pools, .pools, "pool",
    meaning: """
      The one who has the pool already fills it with buffers of its own, and frames would be written \
      to memory that the new owner knows nothing of.
      """,
    source: "Freescale SDK device trees: fsl,bpid-range",
    example: .init(
      guest: ["pools": "[ {id: 33, buffers: 256, size: 2 KiB} ]"],
      more: ["reserved: { kernel: {pools: 32-47} }"])
  ) { $0.poolClaims }

  static let poolChannelReserved = reserved(
    "pool-channel-reserved", .channels, .poolChannels, "pool channel",
    meaning: """
      Portals of the one who has the channel already dequeue from it, and would get the frames.
      """,
    source: "Freescale SDK device trees: fsl,pool-channel-range",
    example: .init(
      guest: ["pool-channels": "[ 0x21 ]"], more: ["reserved: { kernel: {pool-channels: 0x21} }"])
  ) { $0.poolChannelClaims }

  static let congestionGroupReserved = reserved(
    "congestion-group-reserved", .congestion, .congestionGroups, "congestion group",
    meaning: "Two users of one group set each other's thresholds, and count each other's frames.",
    source: "Freescale SDK device trees: fsl,cgrid-range",
    example: .init(
      guest: ["congestion-groups": "[ {id: 5, tail-drop: 64 KiB} ]"],
      rules: ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1, congestion-group: 0 }"],
      more: ["reserved: { kernel: {congestion-groups: 0-7} }"])
  ) { $0.congestionGroupClaims }

  static let liodnReserved = reserved(
    "liodn-reserved", .dma, .liodnOffsets, "LIODN offset",
    meaning: """
      PAMU knows a DMA by its number alone: what it lets through for the one it lets through for the \
      other.
      """,
    source: "Linux 6.1, drivers/iommu/fsl_pamu.c",
    example: .init(
      guest: ["liodn-offset": "9"], more: ["reserved: { u-boot: {liodn-offsets: 9} }"])
  ) { $0.liodnClaims }

  static let queueReserved = PartitionCheck(
    "queue-reserved", .queues, "a frame queue that is reserved is claimed by no partition",
    meaning: """
      A boot loader or kernel hands out the queues of its range by itself and asks no plan. This is \
      the mistake that shipped: fixed queues of one partition inside the range that another's \
      kernel allocates from.
      """,
    repair: "claim queues outside the reserved range",
    source: "Freescale's hv-cfg, made in 55ebdfc and corrected in b479663",
    example: .init(
      guest: ["queues": "0x210-0x2ff"],
      more: ["reserved: { kernel: {queues: [0x100-0x17f, 0x200-0x22f]} }"])
  ) { context, findings in
    let claims = context.queueClaims
    let reserved = context.reservedQueues
    let sweep = OverlapSweep.meetings(
      of: claims.map { .init($0.owner, $0.resource) },
      with: reserved.map { .init($0.index, $0.range) })
    for meeting in sweep.meetings {
      let claim = claims[meeting.later]
      let (index, item, range) = reserved[meeting.earlier]
      guard let common = claim.resource.intersection(range) else { continue }
      let holder = context.plan.reservations[index].holder
      findings.add(
        "\(context.name(claim.owner)) claims frame queues \(claim.resource), but "
          + "\(range) are \(holder)'s",
        at: context.span(claim), label: "in both: \(common)",
        notes: [
          Note(
            "\(range) are reserved for \(holder) here",
            at: context.span(ClaimPath.reservation(index, .queues, item: item)))
        ] + meeting.notes, fixIts: [FixIt("claim queues outside \(range)")])
    }
    findings.omit(sweep)
  }

  static let memoryReserved = PartitionCheck(
    "memory-reserved", .memory, "memory that is reserved is no partition's",
    after: ["memory-address-range"],
    meaning: """
      What a boot loader, a monitor or firmware keeps in memory is written over by the partition that \
      is put there, or the other way round.
      """,
    repair: "put the partition elsewhere",
    source: "ePAPR 1.1, section 8.3: memory reservation block",
    example: .init(
      guest: ["memory": "{ size: 512 MiB, address: 0x60000000 }"],
      more: ["reserved: { u-boot: {memory: {address: 0x7ff00000, size: 1 MiB}} }"])
  ) { context, findings in
    let memories = context.memoryRanges
    let reserved = context.reservedMemory
    let sweep = OverlapSweep.meetings(
      of: memories.map { .init($0.index, $0.range) },
      with: reserved.map { .init($0.index, $0.range) })
    for meeting in sweep.meetings {
      let (index, range) = memories[meeting.later]
      let (_, holder, taken, path) = reserved[meeting.earlier]
      findings.add(
        "\(context.name(index))'s memory \(hex(range)) holds \(hex(taken)), which \(holder) has",
        at: context.span(ClaimPath.memoryAddress(index)),
        notes: [Note("\(hex(taken)) is reserved for \(holder) here", at: context.span(path))]
          + meeting.notes,
        fixIts: [FixIt("begin at 0x\(String(taken.base &+ taken.size, radix: 16)) or above")])
    }
    findings.omit(sweep)
  }
}

extension PlanContext {
  /// Memory that somebody outside the plan has.
  var reservedMemory: [(index: Int, holder: String, range: AddressRange, path: String)] {
    plan.reservations.enumerated().flatMap { index, reservation in
      reservation.memory.enumerated().filter { $1.size > 0 }.map { item, range in
        (index, reservation.holder, range, ClaimPath.reservation(index, .memory, item: item))
      }
    }
  }

  /// Queues that somebody outside the plan has.
  var reservedQueues: [(index: Int, item: Int, range: QueueRange)] {
    plan.reservations.enumerated().flatMap { index, reservation in
      reservation.queues.enumerated().map { (index, $0, $1) }
    }
  }

  /// The partitions' memories, as far as the plan says where they are.
  var memoryRanges: [(index: Int, range: AddressRange)] {
    plan.partitions.indices.compactMap { index in memoryRange(index).map { (index, $0) } }
  }

  /// A partition's memory where the plan says where it begins and it does not wrap around.
  func memoryRange(_ index: Int) -> AddressRange? {
    let wish = plan.partitions[index]
    guard let size = wish.memory, size > 0, let base = wish.memoryAddress,
      !base.addingReportingOverflow(size).overflow
    else { return nil }
    return AddressRange(base: base, size: size)
  }

  /// A partition's name.
  func name(_ index: Int) -> String { plan.partitions[index].name }
}

extension AddressRange {
  /// Whether all of another lies in it, which none does that wraps around behind the last address.
  func contains(_ other: AddressRange) -> Bool {
    base <= other.base && other.base - base <= size && other.size <= size - (other.base - base)
  }
}

/// `0x60000000-0x7fffffff`
func hex(_ range: AddressRange) -> String {
  "0x\(String(range.base, radix: 16))-0x\(String(range.last, radix: 16))"
}
