import Diagnostics
import QorIQ

/// Checks of how an interface brings frames into buffers, and of their sizes.
extension PartitionCheck {
  static let interfaceUseChecks = [
    deliveryIdle, deliveryPoorer, schemesExhausted, headroomRange, headroomAligned, headroomPool,
    mtuIPv6, kernelMaxFrame, sourceMTU,
  ]

  private static let rule = ["{ when: {ipv4.dst: 10.0.0.1}, to: guest1 }"]

  static let deliveryIdle = PartitionCheck(
    "delivery-idle", .ports, severity: .warning,
    "a delivery is chosen where several partitions receive",
    after: ["unknown-partition", "unknown-interface", "delivery-unavailable"],
    meaning: """
      Where all frames are for one partition, the port receives straight into its pools; there is \
      nothing to choose.
      """,
    repair: "take `delivery` out, or give another partition frames of the interface",
    source: "NXP fmlib, include/fmd/Peripherals/fm_port_ext.h: a port's own pools",
    example: .init(keys: ["delivery": "offline-hop"])
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      let owners = TrafficMap.owners(of: interface, indices: context.indices)
      guard let delivery = interface.delivery, owners.count == 1 else { continue }
      findings.add(
        "\(interface.name) asks for \(delivery.rawValue), but all its frames are for "
          + context.name(owners[0]),
        at: context.span(ClaimPath.interface(index, key: "delivery")),
        fixIts: [FixIt("take delivery out")])
    }
  }

  static let deliveryPoorer = PartitionCheck(
    "delivery-poorer", .ports, severity: .warning, "storage profiles are used where there are any",
    after: ["unknown-partition", "unknown-interface", "delivery-unavailable"],
    meaning: """
      With storage profiles hardware puts each frame into its receiver's own pool. An offline port \
      copies every frame of a guest and is one of six; a shared pool lets everybody behind the \
      interface see and exhaust the others' buffers.
      """,
    repair: "take `delivery` out",
    source: "NXP fmlib, include/fmd/integrations: FM_VSP_MAX_NUM_OF_ENTRIES on FMan v3",
    example: .init(board: "t4240qds", rules: rule, keys: ["delivery": "offline-hop"])
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      guard let delivery = interface.delivery, delivery != .storageProfiles,
        let found = context.board.interface(named: interface.name), found.fman.hasStorageProfiles,
        TrafficMap.owners(of: interface, indices: context.indices).count > 1
      else { continue }
      let cost =
        delivery == .offlineHop ? "which copies each guest's frames" : "which protects nobody"
      let span = context.span(ClaimPath.interface(index, key: "delivery"))
      findings.add(
        "\(interface.name) asks for \(delivery.rawValue), \(cost), though frame manager "
          + "\(found.fman.index + 1) of \(context.board.name) has "
          + "\(found.fman.storageProfileCount) storage profiles",
        at: span, fixIts: [.replace(span, with: DeliveryWish.storageProfiles.rawValue)])
    }
  }

  static let schemesExhausted = PartitionCheck(
    "schemes-exhausted", .rules, "a frame manager has a KeyGen scheme for each destination",
    after: ["unknown-partition", "unknown-interface", "storage-profiles-exhausted"],
    meaning: """
      Each interface takes one scheme to begin with and one for every partition, hash and IP version \
      that its rules lead to. A frame manager has 32, and FMC refuses more.
      """,
    repair: "share out fewer partitions or hashes on the interfaces of this frame manager",
    source: "NXP fmlib, include/fmd/integrations: 32 schemes; NXP fmc, source/fmc.h",
    example: PlanExample(text: PlanExample.manySchemes)
  ) { context, findings in
    for fman in context.board.fmans {
      var needed = 0
      var tipping: Int?
      var notes: [Note] = []
      for (index, interface) in context.plan.interfaces.enumerated() {
        guard context.board.interface(named: interface.name)?.fman.index == fman.index else {
          continue
        }
        let count = context.schemeCount(of: index)
        needed += count
        if needed > fman.schemeCount, tipping == nil { tipping = index }
        notes.append(
          Note(
            "\(interface.name) needs \(count)", at: context.span(ClaimPath.interface(index))))
      }
      guard let tipping else { continue }
      findings.add(
        "the interfaces of frame manager \(fman.index + 1) need at least \(needed) KeyGen schemes, "
          + "but it has \(fman.schemeCount)",
        at: context.span(ClaimPath.interface(tipping)), notes: notes,
        fixIts: [FixIt("share out \(needed - fman.schemeCount) destinations fewer")])
    }
  }

  static let headroomRange = PartitionCheck(
    "headroom-range", .buffers, "a frame descriptor can say how much headroom there is",
    meaning: """
      A descriptor gives the place of the frame in its buffer in 9 bits. Behind 511 bytes the number \
      wraps around and points into the headroom.
      """,
    repair: "choose at most 496",
    source: "Linux 6.1, include/soc/fsl/qman.h: QM_FD_OFF_MASK, 9 bits",
    example: .init(keys: ["headroom": "512"])
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      guard let headroom = interface.headroom, headroom > 511 else { continue }
      let span = context.span(ClaimPath.interface(index, key: "headroom"))
      findings.add(
        "\(interface.name)'s frames begin at \(headroom), but a descriptor holds at most 511",
        at: span, fixIts: [.replace(span, with: "496")])
    }
  }

  static let headroomAligned = PartitionCheck(
    "headroom-aligned", .buffers, "headroom is a multiple of 16",
    after: ["headroom-range"],
    meaning: """
      FMan copies what it knows of a frame in units of 16 bytes in front of it, and its DMA writes \
      the frame itself at a multiple of 16.
      """,
    repair: "choose the next multiple of 16",
    source: "Linux 6.1, drivers/net/ethernet/freescale/fman/fman.h: OFFSET_UNITS",
    example: .init(keys: ["headroom": "100"])
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      guard let headroom = interface.headroom, headroom % 16 != 0 else { continue }
      let span = context.span(ClaimPath.interface(index, key: "headroom"))
      findings.add(
        "\(interface.name)'s headroom of \(headroom) is \(headroom % 16) bytes beyond a multiple of 16",
        at: span, fixIts: [.replace(span, with: "\(min((headroom + 15) & ~15, 496))")])
    }
  }

  static let headroomPool = PartitionCheck(
    "headroom-pool", .buffers, severity: .warning, "a buffer holds a frame behind the headroom",
    after: ["unknown-partition", "unknown-interface", "pool-size", "headroom-range"],
    meaning: """
      Behind the headroom there is no room for the smallest frame, so the interface never takes one \
      of these buffers.
      """,
    repair: "enlarge the buffers, or lower the headroom",
    source: "Linux 6.1, drivers/net/ethernet/freescale/fman/fman_sp.c",
    example: .init(
      guest: ["pools": "[ {buffers: 256, size: 256}, {buffers: 256, size: 2 KiB} ]"], rules: rule,
      keys: ["headroom": "256"])
  ) { context, findings in
    for (index, item, pool) in context.pools {
      for path in context.traffic.paths[index] {
        guard case .interface(let interface) = path.target,
          let headroom = context.plan.interfaces[interface].headroom,
          pool.bufferSize < UInt64(headroom) + BufferNeeds.smallestFrame
        else { continue }
        findings.add(
          "\(context.name(index))'s buffers of \(byteCount(pool.bufferSize)) hold no frame behind "
            + "\(path.name)'s headroom of \(headroom)",
          at: context.span(ClaimPath.poolSize(index, item)),
          notes: [
            Note(
              "the headroom is here",
              at: context.span(ClaimPath.interface(interface, key: "headroom")))
          ],
          fixIts: [FixIt("give them \(UInt64(headroom) + BufferNeeds.smallestFrame) bytes or more")]
        )
      }
    }
  }

  static let mtuIPv6 = PartitionCheck(
    "mtu-ipv6", .buffers, severity: .warning, "an interface with IPv6 carries 1280 bytes",
    meaning: """
      IPv6 wants every link to carry packets of 1280 bytes, and routers on the way do not split them: \
      larger ones are lost. Linux takes IPv6 off such an interface.
      """,
    repair: "raise the mtu to 1280, or take the IPv6 rules out",
    source: "RFC 8200, section 5; Linux 6.1, net/ipv6/addrconf.c: IPV6_MIN_MTU",
    example: .init(
      rules: ["{ when: {ipv6.dst: \"fd00::1\"}, to: guest1 }"], keys: ["mtu": "1000"])
  ) { context, findings in
    for (index, interface) in context.plan.interfaces.enumerated() {
      guard let mtu = interface.mtu, mtu < 1280,
        let item = interface.rules.firstIndex(where: { rule in
          (rule.conditions ?? []).contains {
            switch $0 {
            case .ipv6Source, .ipv6Destination, .etherType(0x86dd), .ipProtocol(58): true
            default: false
            }
          }
        })
      else { continue }
      let span = context.span(ClaimPath.interface(index, key: "mtu"))
      findings.add(
        "\(interface.name) carries \(mtu) bytes, but IPv6 needs 1280", at: span,
        notes: [
          Note(
            "a rule for IPv6 is here", at: context.span(ClaimPath.ruleConditions(index, item)))
        ], fixIts: [.replace(span, with: "1280")])
    }
  }

  static let kernelMaxFrame = PartitionCheck(
    "kernel-max-frame", .buffers, severity: .warning,
    "a Linux guest's driver is told of frames longer than usual",
    after: ["unknown-partition", "unknown-interface"],
    meaning: """
      Linux's driver allows frames of 1522 bytes, whatever the interface could carry, unless \
      `fsl_fm_max_frm` on the kernel's command line says more: the guest refuses a larger mtu.
      """,
    repair: "add fsl_fm_max_frm to the guest's boot arguments, or lower the mtu",
    source: """
      Linux 6.1, drivers/net/ethernet/freescale/fman/fman.c: FSL_FM_MAX_FRAME_SIZE; dpaa_eth.c: \
      dpaa_get_max_mtu
      """,
    example: .init(
      host: ["pools": "[ {buffers: 256, size: 10 KiB} ]"],
      guest: [
        "portals": "4", "queues": "1024-2047", "os": "linux-sdk",
        "pools": "[ {buffers: 256, size: 10 KiB} ]", "boot-arguments": "console=ttyS0",
      ], rules: rule, keys: ["mtu": "9000"])
  ) { context, findings in
    for (index, wish) in context.partitions where wish.os != .bare {
      let told = wish.bootArguments.map(kernelFrameLimit) ?? nil
      for path in context.traffic.paths[index] {
        guard case .interface(let interface) = path.target,
          let mtu = context.plan.interfaces[interface].mtu, mtu > 1500
        else { continue }
        // Ethernet's header with a VLAN tag, and the checksum.
        let needed = UInt64(mtu) + 22
        guard (told ?? 1522) < needed else { continue }
        findings.add(
          "\(wish.name)'s kernel takes frames of \(told ?? 1522) bytes, but those of \(path.name) have "
            + "up to \(needed)",
          at: context.span(ClaimPath.bootArguments(index)),
          notes: [
            Note("the mtu is here", at: context.span(ClaimPath.interface(interface, key: "mtu")))
          ],
          fixIts: [
            FixIt(
              wish.os == .linuxMainline
                ? "add fsl_dpaa_fman.fsl_fm_max_frm=\(needed)" : "add fsl_fm_max_frm=\(needed)")
          ])
      }
    }
  }

  /// What a kernel's command line says about the longest frame; the last word counts.
  private static func kernelFrameLimit(_ arguments: String) -> UInt64? {
    arguments.split(separator: " ").reversed().lazy.compactMap { word -> UInt64? in
      for key in ["fsl_fm_max_frm=", "fsl_dpaa_fman.fsl_fm_max_frm="] where word.hasPrefix(key) {
        return UInt64(word.dropFirst(key.count))
      }
      return nil
    }.first
  }

  static let sourceMTU = PartitionCheck(
    "source-mtu", .buffers, "a source's frames are no longer than its interface carries",
    after: ["source-path", "source-size"],
    meaning: "The plan says how much the interface carries, and the source sends more.",
    repair: "send shorter frames, or raise the mtu",
    source: "IEEE 802.3, section 3.2.7",
    example: .init(
      host: ["program": "{source: {to: fm1-10g0, frames: 10, size: 1400}}"], keys: ["mtu": "1000"])
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard case .source(let source) = wish.program,
        let path = context.traffic.paths[index].first(where: { $0.name == source.path }),
        case .interface(let interface) = path.target
      else { continue }
      let most = context.largestFrame(of: interface)
      guard UInt64(source.size) > most, context.plan.interfaces[interface].mtu != nil else {
        continue
      }
      let span = context.span(ClaimPath.programSize(index))
      findings.add(
        "\(wish.name) sends frames of \(source.size) bytes to \(path.name), which carries up to \(most)",
        at: span,
        notes: [
          Note("the mtu is here", at: context.span(ClaimPath.interface(interface, key: "mtu")))
        ], fixIts: [.replace(span, with: "\(most)")])
    }
  }
}

extension PlanContext {
  /// How many KeyGen schemes an interface's own port takes at the least: one to begin with, and one
  /// for each destination; one in all where nothing is told apart. Behind an offline hop there are two
  /// destinations.
  fileprivate func schemeCount(of index: Int) -> Int {
    struct Destination: Hashable {
      var owner: Int
      var spread: FlowRule.Spread?
      var isIPv6: Bool
    }
    let interface = plan.interfaces[index]
    guard !interface.rules.isEmpty else { return 1 }
    guard !traffic.hops.contains(where: { $0.interface == index }) else { return 3 }
    var destinations: Set<Destination> = []
    if let owner = interface.otherwise.flatMap({ indices[$0] }) {
      destinations.insert(Destination(owner: owner, spread: nil, isIPv6: false))
    }
    for rule in interface.rules {
      guard let owner = rule.to.flatMap({ indices[$0] }) else { continue }
      let spread = rule.spreadQueues == 1 ? nil : rule.spread
      let isIPv6 = (rule.conditions ?? []).contains {
        switch $0 {
        case .ipv6Source, .ipv6Destination, .etherType(0x86dd): true
        default: false
        }
      }
      destinations.insert(
        Destination(owner: owner, spread: spread, isIPv6: spread != nil && isIPv6))
    }
    return 1 + destinations.count
  }
}

extension PlanExample {
  /// Four interfaces of one frame manager, each shared by eight partitions.
  fileprivate static var manySchemes: String {
    var lines = ["board: t4240qds", "partitions:"]
    for number in 0..<8 {
      lines.append(
        "  \(number == 0 ? "host" : "g\(number)"): { cpus: [ \(2 * number) ], memory: 256 MiB, portals: 1, "
          + "queues: \(number * 100 + 1)-\(number * 100 + 100), pools: [ {buffers: 64, size: 2 KiB} ] }"
      )
    }
    lines += ["interfaces:", "  fm1-gb0: &shared", "    rules:"]
    for number in 1..<8 {
      lines.append("      - { when: {ipv4.dst: 10.0.0.\(number)}, to: g\(number) }")
    }
    lines.append("    otherwise: host")
    for name in ["fm1-gb1", "fm1-gb2", "fm1-gb3"] { lines.append("  \(name): *shared") }
    return lines.joined(separator: "\n") + "\n"
  }
}
