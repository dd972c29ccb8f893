import Diagnostics
import QorIQ

/// What a frame needs of a buffer.
enum BufferNeeds {
  /// Bytes in front of a frame, for what FMan writes there: 32 of parse result, 8 of timestamp and
  /// 8 of hash behind a private area, rounded up (Linux 6.1, `fman_sp.c`).
  static let headroom: UInt64 = 64
  /// The smallest Ethernet frame without its checksum.
  static let smallestFrame: UInt64 = 60
  /// The largest standard Ethernet frame without its checksum.
  static let largestFrame: UInt64 = 1514
  /// The largest size that a port's pool register holds: 16 bits (Linux 6.1, `fman_port.c`).
  static let largestBuffer: UInt64 = 0xffff
  /// Bytes of Ethernet's header: two addresses and a type.
  static let ethernetHeader: UInt64 = 14
}

/// Checks of buffer pools.
extension PartitionCheck {
  static let poolOverlap = PartitionCheck(
    "pool-overlap", .pools, "a buffer pool belongs to one partition",
    meaning: """
      BMan knows no owner of a pool: who acquires from it gets any buffer in it, also one that \
      lies in another partition's memory.
      """,
    repair: "give one of them another pool, or share it on purpose",
    source: "Linux 6.1, drivers/soc/fsl/qbman/bman.c",
    example: .init(
      host: ["pools": "[ {id: 7, buffers: 256, size: 2 KiB} ]"],
      guest: ["pools": "[ {id: 7, buffers: 256, size: 2 KiB} ]"])
  ) { context, findings in
    findings.addRepeated(
      context.poolClaims, kind: "pool", in: context, all: Array(0..<context.board.bman.poolCount))
  }

  static let poolRange = PartitionCheck(
    "pool-range", .pools, "a buffer pool that is claimed exists",
    meaning: "The pool does not exist in BMan.",
    repair: "choose a pool from 0 to 63",
    source: "Linux 6.1, include/soc/fsl/bman.h (BM_POOL_MAX)",
    example: .init(guest: ["pools": "[ {id: 64, buffers: 256, size: 2 KiB} ]"])
  ) { context, findings in
    findings.addMissing(
      context.poolClaims, kind: "pool", in: context,
      existing: Array(0..<context.board.bman.poolCount))
  }

  static let poolsExhausted = PartitionCheck(
    "pools-exhausted", .pools, "all partitions together ask for no more pools than there are",
    after: ["pool-overlap", "pool-range"],
    meaning: "BMan has 64 pools for everybody together.",
    repair: "ask for fewer pools",
    source: "Linux 6.1, include/soc/fsl/bman.h (BM_POOL_MAX)",
    example: """
      board: p4080ds
      partitions:
        host:   { cpus: 0-3, memory: 1 GiB, portals: 4, queues: 1-100, pools: [ {buffers: 64, size: 1852} ] }
        guest1:
          cpus: 4-5
          memory: 512 MiB
          portals: 2
          queues: 101-200
          pools:
            - {buffers: 64, size: 1600}
            - {buffers: 64, size: 1604}
            - {buffers: 64, size: 1608}
            - {buffers: 64, size: 1612}
            - {buffers: 64, size: 1616}
            - {buffers: 64, size: 1620}
            - {buffers: 64, size: 1624}
            - {buffers: 64, size: 1628}
            - {buffers: 64, size: 1632}
            - {buffers: 64, size: 1636}
            - {buffers: 64, size: 1640}
            - {buffers: 64, size: 1644}
            - {buffers: 64, size: 1648}
            - {buffers: 64, size: 1652}
            - {buffers: 64, size: 1656}
            - {buffers: 64, size: 1660}
            - {buffers: 64, size: 1664}
            - {buffers: 64, size: 1668}
            - {buffers: 64, size: 1672}
            - {buffers: 64, size: 1676}
            - {buffers: 64, size: 1680}
            - {buffers: 64, size: 1684}
            - {buffers: 64, size: 1688}
            - {buffers: 64, size: 1692}
            - {buffers: 64, size: 1696}
            - {buffers: 64, size: 1700}
            - {buffers: 64, size: 1704}
            - {buffers: 64, size: 1708}
            - {buffers: 64, size: 1712}
            - {buffers: 64, size: 1716}
            - {buffers: 64, size: 1720}
            - {buffers: 64, size: 1724}
            - {buffers: 64, size: 1728}
            - {buffers: 64, size: 1732}
            - {buffers: 64, size: 1736}
            - {buffers: 64, size: 1740}
            - {buffers: 64, size: 1744}
            - {buffers: 64, size: 1748}
            - {buffers: 64, size: 1752}
            - {buffers: 64, size: 1756}
            - {buffers: 64, size: 1760}
            - {buffers: 64, size: 1764}
            - {buffers: 64, size: 1768}
            - {buffers: 64, size: 1772}
            - {buffers: 64, size: 1776}
            - {buffers: 64, size: 1780}
            - {buffers: 64, size: 1784}
            - {buffers: 64, size: 1788}
            - {buffers: 64, size: 1792}
            - {buffers: 64, size: 1796}
            - {buffers: 64, size: 1800}
            - {buffers: 64, size: 1804}
            - {buffers: 64, size: 1808}
            - {buffers: 64, size: 1812}
            - {buffers: 64, size: 1816}
            - {buffers: 64, size: 1820}
            - {buffers: 64, size: 1824}
            - {buffers: 64, size: 1828}
            - {buffers: 64, size: 1832}
            - {buffers: 64, size: 1836}
            - {buffers: 64, size: 1840}
            - {buffers: 64, size: 1844}
            - {buffers: 64, size: 1848}
            - {buffers: 64, size: 1852}
      links: [ [host, guest1] ]

      """
  ) { context, findings in
    findings.addShortage(
      of: "pools",
      wishes: context.partitions.map { index, wish in
        (index, wish.pools?.count ?? 0, context.span(ClaimPath.pools(index)))
      }, available: context.board.bman.poolCount, in: context)
  }

  static let poolMissing = PartitionCheck(
    "pool-missing", .pools, "a partition that exchanges frames has a pool for them",
    meaning: """
      A frame that arrives is written into a buffer of its receiver. Without a pool there is \
      none, and every frame is dropped.
      """,
    repair: "add a pool",
    source: "NXP fmlib: a receive port has at least one external pool",
    example: .init(guest: ["pools": ""])
  ) { context, findings in
    for (index, wish) in context.partitions where wish.pools == [] {
      guard let path = context.traffic.paths[index].first else { continue }
      let note =
        switch path.target {
        case .interface(let interface):
          Note(
            "\(path.name) gives it frames", at: context.span(ClaimPath.interface(interface)))
        case .link(let link, _):
          Note("it is linked with \(path.name) here", at: context.span(ClaimPath.link(link)))
        }
      findings.add(
        "\(wish.name) exchanges frames, but has no buffer pool for them",
        at: context.span(ClaimPath.partition(index)), notes: [note],
        fixIts: [FixIt("add pools: [ {buffers: 4096, size: 2 KiB} ]")])
    }
  }

  static let poolSize = PartitionCheck(
    "pool-size", .pools,
    "a buffer holds a frame with its headroom, and its size fits the port's register",
    meaning: """
      A buffer holds the headroom that FMan fills in and at least the smallest frame, and its \
      size is told to a port in 16 bits.
      """,
    repair: "choose a size between 124 bytes and 65,535",
    source: "Linux 6.1, drivers/net/ethernet/freescale/fman/fman_sp.c and fman_port.c",
    example: .init(guest: ["pools": "[ {buffers: 256, size: 100} ]"])
  ) { context, findings in
    let least = BufferNeeds.headroom + BufferNeeds.smallestFrame
    for (index, wish) in context.partitions {
      for (item, pool) in (wish.pools ?? []).enumerated() {
        let span = context.span(ClaimPath.poolSize(index, item))
        if pool.bufferSize < least {
          findings.add(
            "\(wish.name)'s buffers of \(byteCount(pool.bufferSize)) are smaller than "
              + "\(least) bytes: \(BufferNeeds.headroom) of headroom and "
              + "\(BufferNeeds.smallestFrame) of the smallest frame",
            at: span, fixIts: [.replace(span, with: "2 KiB")])
        } else if pool.bufferSize > BufferNeeds.largestBuffer {
          findings.add(
            "\(wish.name)'s buffers of \(byteCount(pool.bufferSize)) are larger than the "
              + "\(BufferNeeds.largestBuffer) bytes that a port can be told",
            at: span, fixIts: [.replace(span, with: "32 KiB")])
        }
      }
    }
  }

  static let poolMemory = PartitionCheck(
    "pool-memory", .pools, "a partition's pools fit into its memory",
    after: ["pool-size", "memory-size"],
    meaning: """
      A pool's buffers lie in its owner's memory, which also holds the program; U-Boot takes \
      the top for itself.
      """,
    repair: "ask for fewer or smaller buffers, or for more memory",
    source: "U-Boot, common/board_f.c",
    example: .init(guest: ["memory": "64 MiB", "pools": "[ {buffers: 65536, size: 2 KiB} ]"])
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard let memory = wish.memory, memory > 0 else { continue }
      let bytes = (wish.pools ?? []).reduce(UInt64(0)) { $0 + PoolLayout.bytes(of: $1) }
      let room = memory - PoolLayout.loaderReserve(inMemory: memory)
      guard bytes >= room else { continue }
      findings.add(
        "\(wish.name)'s pools take \(byteCount(bytes)), but \(byteCount(room)) of its "
          + "\(byteCount(memory)) can be pools",
        at: context.span(ClaimPath.pools(index)),
        notes: [
          Note(
            "\(wish.name) asks for \(byteCount(memory)) here",
            at: context.span(ClaimPath.memory(index)))
        ], fixIts: [FixIt("ask for fewer buffers or for more memory")])
    }
  }
}

/// How a pool's buffers lie in memory.
enum PoolLayout {
  /// Where a pool starts: on a page.
  static let alignment: UInt64 = 4096

  /// What stays free at the top of a memory of this size: a boot loader moves itself there (U-Boot,
  /// `common/board_f.c`), and would find its place taken. 64 MiB, or a quarter of a small memory.
  static func loaderReserve(inMemory size: UInt64) -> UInt64 {
    min(64 << 20, size / 4 & ~(alignment - 1))
  }

  /// The distance between buffers: a cache line more than a power of two from 1 KiB on, so that the
  /// headers of neighbours do not meet in few cache sets; otherwise whole cache lines.
  static func stride(ofBufferSize size: UInt64) -> UInt64 {
    let lines = (size + 63) & ~63
    return lines >= 1024 && lines & (lines - 1) == 0 ? lines + 64 : lines
  }

  /// The memory that a pool takes, in whole pages.
  static func bytes(of pool: PoolWish) -> UInt64 {
    (UInt64(pool.bufferCount) * stride(ofBufferSize: pool.bufferSize) + alignment - 1)
      & ~(alignment - 1)
  }
}

extension PlanContext {
  var poolClaims: [Claim<Int>] {
    partitions.flatMap { index, wish in
      (wish.pools ?? []).enumerated().compactMap { item, pool in
        pool.bpid.map {
          Claim(
            owner: index, resource: Int($0), item: item, path: { ClaimPath.poolID($0, $1) },
            in: self)
        }
      }
    }
  }
}

extension FixIt {
  /// A repair that writes some text in the place of what is marked.
  static func replace(_ span: SourceSpan?, with text: String) -> FixIt {
    span.map { FixIt("write \(text)", replacing: $0, with: text) } ?? FixIt("write \(text)")
  }
}
