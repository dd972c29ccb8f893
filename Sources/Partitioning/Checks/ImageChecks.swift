import Diagnostics
import QorIQ

/// Checks of what is loaded into partitions before they start, and of what their kernels are told.
extension PartitionCheck {
  static let imageChecks = [
    imageEmpty, imageFile, imageOutside, imageOverlap, imagePool, imageAligned, kernelMissing,
    deviceTreeHigh, systemUnnamed, bootArgumentsLong,
  ]

  private static func images(_ list: String) -> PlanExample.Keys {
    ["os": "linux-sdk", "images": "{ \(list) }"]
  }

  static let imageEmpty = PartitionCheck(
    "image-empty", .memory, "an image has room",
    meaning:
      "Nothing fits into no bytes, and whatever is loaded all the same runs into its neighbour.",
    repair: "give the size that the file may take, or leave it out",
    source: "a decision of this project",
    example: .init(guest: images("kernel: {file: uImage, size: 0}"))
  ) { context, findings in
    for (index, image) in context.images where image.size == 0 {
      let span = context.span(ClaimPath.image(index, image.kind, key: "size"))
      findings.add(
        "\(context.name(index))'s \(image.kind.rawValue) has no room", at: span,
        fixIts: [.replace(span, with: byteCount(image.kind.usualSize))])
    }
  }

  static let imageFile = PartitionCheck(
    "image-file", .memory, severity: .warning, "a kernel or file system to load has a file",
    meaning: """
      Room is kept free, but nobody knows what to put there. Only the device tree can do without a \
      file: it is generated.
      """,
    repair: "name the file",
    source: "a decision of this project",
    example: .init(guest: images("kernel: {address: 0, size: 8 MiB}"))
  ) { context, findings in
    for (index, image) in context.images where image.file == nil && image.kind != .deviceTree {
      findings.add(
        "\(context.name(index))'s \(image.kind.rawValue) names no file",
        at: context.span(ClaimPath.image(index, image.kind)),
        fixIts: [FixIt("add file: \(image.kind == .kernel ? "uImage" : "rootfs.gz")")])
    }
  }

  static let imageOutside = PartitionCheck(
    "image-outside", .memory, "an image lies in its partition's memory, below the boot loader",
    after: ["memory-size", "empty-claim", "image-empty"],
    meaning: """
      A guest sees its own memory from address 0 on and nothing behind it. U-Boot moves itself to \
      the top before it starts the kernel, and overwrites what lies there.
      """,
    repair: "load it lower",
    source: "Freescale hypervisor, src/guest.c (guest-image); U-Boot, common/board_f.c",
    example: .init(guest: images("kernel: {file: uImage, address: 508 MiB, size: 8 MiB}"))
  ) { context, findings in
    for (index, image) in context.images {
      guard let address = image.address, let memory = context.plan.partitions[index].memory,
        memory > 0
      else { continue }
      let limit = memory - PoolLayout.loaderReserve(inMemory: memory)
      let (end, overflow) = address.addingReportingOverflow(image.room)
      guard overflow || end > limit else { continue }
      let span = context.span(ClaimPath.image(index, image.kind, key: "address"))
      findings.add(
        "\(context.name(index))'s \(image.kind.rawValue) of \(byteCount(image.room)) at "
          + "0x\(String(address, radix: 16)) ends behind 0x\(String(limit, radix: 16)), where the "
          + "boot loader's part of its \(byteCount(memory)) begins",
        at: span,
        notes: [Note("its memory is here", at: context.span(ClaimPath.memory(index)))],
        fixIts: [
          image.room <= limit
            ? .replace(span, with: "0x" + String((limit - image.room) & ~0xfff, radix: 16))
            : FixIt("give it less room, or the partition more memory")
        ])
    }
  }

  static let imageOverlap = PartitionCheck(
    "image-overlap", .memory, "two images of a partition do not overlap",
    after: ["image-empty", "image-outside"],
    meaning: """
      The one that is loaded last overwrites the other, and the kernel finds half a file system, or \
      a device tree full of program code.
      """,
    repair: "load one of the two behind the other",
    source: "Freescale hypervisor: its own test lrat/hv-C puts the tree over an image unnoticed",
    example: .init(
      guest: images(
        "kernel: {file: uImage, address: 0, size: 16 MiB}, "
          + "initrd: {file: root.gz, address: 8 MiB, size: 32 MiB}"))
  ) { context, findings in
    for (index, wish) in context.partitions {
      for (place, later) in wish.images.enumerated() {
        guard let range = later.range else { continue }
        for earlier in wish.images[..<place] {
          guard let other = earlier.range, other.overlaps(range) else { continue }
          let span = context.span(ClaimPath.image(index, later.kind, key: "address"))
          findings.add(
            "\(wish.name)'s \(later.kind.rawValue) at \(hex(range)) meets its "
              + "\(earlier.kind.rawValue) at \(hex(other))",
            at: span,
            notes: [
              Note(
                "the \(earlier.kind.rawValue) is here",
                at: context.span(ClaimPath.image(index, earlier.kind, key: "address")))
            ],
            fixIts: [.replace(span, with: "0x" + String(other.last + 1, radix: 16))])
        }
      }
    }
  }

  static let imagePool = PartitionCheck(
    "image-pool", .memory, "an image does not lie where frames are received",
    after: ["image-empty", "image-outside", "pool-memory"],
    meaning: """
      FMan writes frames into a pool's buffers from the first moment on, also over a kernel that has \
      not started yet.
      """,
    repair: "load the image below the pools",
    source: "a decision of this project: pools lie at the top of their owner's memory",
    example: .init(
      guest: images(
        "initrd: {file: root.gz, address: 416 MiB, size: 32 MiB}, "
          + "kernel: {file: uImage}"))
  ) { context, findings in
    for (index, image) in context.images {
      guard let range = image.range else { continue }
      for (pools, item) in context.poolRanges(index) where pools.overlaps(range) {
        let span = context.span(ClaimPath.image(index, image.kind, key: "address"))
        findings.add(
          "\(context.name(index))'s \(image.kind.rawValue) at \(hex(range)) meets buffers of its "
            + "pools at \(hex(pools))",
          at: span,
          notes: [
            Note(
              item == nil ? "the pools are here" : "the pool is here",
              at: context.span(
                item.map { ClaimPath.pool(index, $0) } ?? ClaimPath.pools(index)))
          ],
          fixIts: [
            pools.base >= image.room
              ? .replace(span, with: "0x" + String((pools.base - image.room) & ~0xfff, radix: 16))
              : FixIt("give it less room, or the partition more memory")
          ])
      }
    }
  }

  static let imageAligned = PartitionCheck(
    "image-aligned", .memory, severity: .warning, "an image begins on a page",
    meaning: """
      Kernels are linked for the start of a page, give an initrd's memory back by pages, and read a \
      device tree from an aligned address only.
      """,
    repair: "begin at a multiple of 4 KiB",
    source:
      "Devicetree Specification 0.4, section 5.5; Linux 6.1, init/initramfs.c (free_initrd_mem)",
    example: .init(guest: images("kernel: {file: uImage, address: 0x100200, size: 8 MiB}"))
  ) { context, findings in
    for (index, image) in context.images {
      guard let address = image.address, address & 0xfff != 0 else { continue }
      let span = context.span(ClaimPath.image(index, image.kind, key: "address"))
      findings.add(
        "\(context.name(index))'s \(image.kind.rawValue) begins at "
          + "0x\(String(address, radix: 16)), in the middle of a page",
        at: span,
        fixIts: [.replace(span, with: "0x" + String(address & ~0xfff, radix: 16))])
    }
  }

  static let kernelMissing = PartitionCheck(
    "kernel-missing", .memory, severity: .warning, "a file system comes with a kernel",
    meaning: "An initrd does not start by itself: a kernel unpacks it.",
    repair: "add the kernel to the images",
    source: "Linux 6.1, Documentation/admin-guide/initrd.rst",
    example: .init(guest: images("initrd: {file: root.gz}"))
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard wish.images.contains(where: { $0.kind == .initrd }),
        !wish.images.contains(where: { $0.kind == .kernel })
      else { continue }
      findings.add(
        "\(wish.name) loads an initrd, but no kernel",
        at: context.span(ClaimPath.image(index, .initrd)),
        fixIts: [FixIt("add kernel: {file: uImage}")])
    }
  }

  static let deviceTreeHigh = PartitionCheck(
    "device-tree-high", .trees, severity: .warning,
    "Linux finds its device tree in the first 64 MiB",
    after: ["image-outside"],
    meaning: """
      Before Linux has set up its memory it maps the first 64 MiB and no more. A tree that lies \
      higher is moved by U-Boot if it can, and otherwise not found.
      """,
    repair: "load the tree below 64 MiB",
    source: "U-Boot, include/configs/corenet_ds.h and t4qds.h (CONFIG_SYS_BOOTMAPSZ)",
    example: .init(
      guest: images("kernel: {file: uImage, address: 0}, device-tree: {address: 96 MiB}"))
  ) { context, findings in
    for (index, image) in context.images {
      guard image.kind == .deviceTree, context.plan.partitions[index].os != .bare,
        let range = image.range, range.last >= 64 << 20
      else { continue }
      let span = context.span(ClaimPath.image(index, .deviceTree, key: "address"))
      findings.add(
        "\(context.name(index))'s device tree at \(hex(range)) does not lie in the 64 MiB that its "
          + "kernel maps at first",
        at: span,
        notes: [
          Note(
            "it runs \(context.plan.partitions[index].os.rawValue)",
            at: context.span(ClaimPath.os(index)))
        ],
        fixIts: [FixIt("begin at 48 MiB, or leave the place to the planner")])
    }
  }

  static let systemUnnamed = PartitionCheck(
    "system-unnamed", .trees, severity: .warning,
    "boot arguments and an initrd go to an operating system",
    meaning: """
      A bare program reads neither. Without `os` a partition is bare, and its device tree says \
      nothing to a kernel.
      """,
    repair: "say which `os` runs, or take them out",
    source: "Linux 6.1, Documentation/devicetree/usage-model.rst: /chosen speaks to a kernel",
    example: .init(guest: ["boot-arguments": "console=ttyS0"])
  ) { context, findings in
    for (index, wish) in context.partitions where wish.os == .bare {
      let isTold = wish.bootArguments != nil
      guard isTold || wish.images.contains(where: { $0.kind == .initrd }) else { continue }
      findings.add(
        "\(wish.name) has \(isTold ? "boot arguments" : "an initrd"), but runs a bare program",
        at: context.span(
          isTold ? ClaimPath.bootArguments(index) : ClaimPath.image(index, .initrd)),
        fixIts: [FixIt("add os: linux-mainline or linux-sdk")])
    }
  }

  static let bootArgumentsLong = PartitionCheck(
    "boot-arguments-long", .trees, severity: .warning,
    "boot arguments fit into the kernel's buffer",
    meaning: """
      Linux copies so many bytes of its command line and drops the rest without a word: 2,048 today, \
      512 in kernels as old as the SDK's, each with a zero at the end.
      """,
    repair: "shorten the arguments",
    source:
      "Linux 6.1, arch/powerpc/include/uapi/asm/setup.h; 3.8: include/uapi/asm-generic/setup.h",
    example: .init(guest: [
      "os": "linux-sdk",
      "boot-arguments": (["console=ttyS0"] + (0..<32).map { "memmap=64K$0x10\($0 + 10)0000" })
        .joined(separator: " "),
    ])
  ) { context, findings in
    for (index, wish) in context.partitions {
      guard let text = wish.bootArguments, wish.os != .bare else { continue }
      let limit = wish.os == .linuxSDK ? 511 : 2047
      let count = text.utf8.count
      guard count > limit else { continue }
      findings.add(
        "\(wish.name)'s boot arguments have \(count) bytes, but \(wish.os.rawValue) reads \(limit)",
        at: context.span(ClaimPath.bootArguments(index)),
        label: "\(count - limit) too many",
        notes: [Note("its os is here", at: context.span(ClaimPath.os(index)))],
        fixIts: [FixIt("leave out \(count - limit) bytes")])
    }
  }
}

extension ImageKind {
  /// The room for an image of which the plan does not say the size: Freescale's hypervisor
  /// configurations give 128 KiB to a device tree.
  var usualSize: UInt64 {
    switch self {
    case .kernel: 16 << 20
    case .initrd: 32 << 20
    case .deviceTree: 128 << 10
    }
  }
}

extension ImageWish {
  /// The room that it takes.
  var room: UInt64 { size ?? kind.usualSize }

  /// Where the plan puts it, if it says so and the address does not wrap around.
  fileprivate var range: AddressRange? {
    guard let address, room > 0, !address.addingReportingOverflow(room).overflow else {
      return nil
    }
    return AddressRange(base: address, size: room)
  }
}

extension PlanContext {
  /// Every image with its partition.
  fileprivate var images: [(index: Int, image: ImageWish)] {
    partitions.flatMap { index, wish in wish.images.map { (index, $0) } }
  }

  /// Where a partition's pools lie in its memory as the guest counts it: those with an address each
  /// by itself, the others together in one block, which the planner puts below the boot loader.
  fileprivate func poolRanges(_ index: Int) -> [(range: AddressRange, item: Int?)] {
    let wish = plan.partitions[index]
    guard let memory = wish.memory, memory > 0 else { return [] }
    var ranges: [(range: AddressRange, item: Int?)] = []
    var block: UInt64 = 0
    for (item, pool) in (wish.pools ?? []).enumerated() {
      let (sum, overflow) = block.addingReportingOverflow(PoolLayout.bytes(of: pool))
      guard let address = pool.address else {
        guard !overflow else { return ranges }
        block = sum
        continue
      }
      guard let base = wish.memoryAddress, address >= base else { continue }
      ranges.append(
        (AddressRange(base: address - base, size: PoolLayout.bytes(of: pool)), item))
    }
    let top = memory - PoolLayout.loaderReserve(inMemory: memory)
    if block > 0, block <= top {
      ranges.append((AddressRange(base: top - block, size: block), nil))
    }
    return ranges
  }
}
