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
}

/// Checks of buffer pools.
extension PartitionCheck {
  static let poolOverlap = PartitionCheck(
    "pool-overlap", "a buffer pool belongs to one partition"
  ) { context, findings in
    findings.addRepeated(
      context.poolClaims, kind: "pool", in: context, all: Array(0..<context.board.bman.poolCount))
  }

  static let poolRange = PartitionCheck(
    "pool-range", "a buffer pool that is claimed exists"
  ) { context, findings in
    findings.addMissing(
      context.poolClaims, kind: "pool", in: context,
      existing: Array(0..<context.board.bman.poolCount))
  }

  static let poolsExhausted = PartitionCheck(
    "pools-exhausted", "all partitions together ask for no more pools than there are",
    after: ["pool-overlap", "pool-range"]
  ) { context, findings in
    findings.addShortage(
      of: "pools",
      wishes: context.partitions.map { index, wish in
        (index, wish.pools?.count ?? 0, context.span(ClaimPath.pools(index)))
      }, available: context.board.bman.poolCount, in: context)
  }

  static let poolMissing = PartitionCheck(
    "pool-missing", "a partition that exchanges frames has a pool for them"
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
    "pool-size", "a buffer holds a frame with its headroom, and its size fits the port's register"
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
    "pool-memory", "a partition's pools fit into its memory",
    after: ["pool-size", "memory-size"]
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
  fileprivate var poolClaims: [Claim<Int>] {
    partitions.flatMap { index, wish in
      (wish.pools ?? []).enumerated().compactMap { item, pool in
        pool.bpid.map {
          Claim(
            owner: index, resource: Int($0), span: span(ClaimPath.poolID(index, item)))
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
