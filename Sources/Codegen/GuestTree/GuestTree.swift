import DeviceTree
import Partitioning
import QorIQ

/// One guest's device tree for `ppce500`, a function per node.
///
/// Which nodes a client needs was tried out: U-Boot 2023.01 stops without `/memory`, `/soc` with
/// right `ranges`, the serial port and `stdout-path`; Linux 6.1 stops without the machine's
/// compatible, the CPUs, the time base and the PIC. Both stop silently.
struct GuestTree {
  let partition: Partition
  let owner: Owner
  let ownerIndex: Int
  let resources: OwnerResources
  let window: GuestWindow

  init(partition: Partition, ownerIndex: Int) {
    self.partition = partition
    self.ownerIndex = ownerIndex
    owner = partition.owners[ownerIndex]
    resources = partition.resources[ownerIndex]
    window = GuestWindow(owner: owner, resources: resources)
  }

  var board: Board { partition.board }

  /// Whether the guest reads what it owns from range, pool and interface nodes. Mainline Linux does
  /// not know them (none of the strings occurs in 6.1's `drivers/soc/fsl/qbman`).
  var hasResourceNodes: Bool { owner.os != .linuxMainline }

  /// The whole tree.
  ///
  /// - Throws: ``GenerationError/unprintable(artifact:reason:)`` when the machine has no room for a
  ///   portal of this board.
  func tree() throws(GenerationError) -> Tree {
    try checkPortals()
    return Tree { root in
      // The first string in the blob says what made it; ePAPR 1.1 section 2.3.2 leaves it free.
      root.set("model", model)
      root.set("compatible", PPCE500.compatible)
      // U-Boot reads 16 bytes of memory's `reg`, so both must be 2.
      root.set("#address-cells", 2)
      root.set("#size-cells", 2)
      root.set("interrupt-parent", .reference("mpic"))
      root.add(aliases())
      root.add(chosen())
      root.add(cpus())
      root.add(memory())
      root.add(soc())
      for node in ownNodes() { root.add(node) }
    }
  }

  /// What the tree is called.
  var model: String { "dpaac \(partition.name) \(owner.name)" }

  /// What is the guest's and no part of the machine.
  func ownNodes() -> [Node] {
    var nodes = [reservedMemory(), bmanPortals(), qmanPortals()].compactMap { $0 }
    nodes +=
      [managerClock(), managers(), handles(connectedBlocks)].compactMap { $0 } + sharedMemory()
    guard hasResourceNodes else { return nodes }
    return nodes + rangeNodes() + poolNodes() + [interfaces()].compactMap { $0 }
  }

  /// Whether each portal has a place in the window and an interrupt of the machine.
  func checkPortals() throws(GenerationError) {
    for portal in board.qman.portals + board.bman.portals
    where owner.portals.contains(portal.index) {
      let interrupt = PPCE500.interrupt(forBoard: portal.interrupt)
      guard Int(portal.index.rawValue) < GuestWindow.portalLimit,
        interrupt < PPCE500.firstMessageInterrupt
      else {
        throw .unprintable(
          artifact: "\(owner.name).dts",
          reason:
            "portal \(portal.index) with interrupt \(portal.interrupt) has no place on ppce500, "
            + "which has \(GuestWindow.portalLimit) portals and interrupts below "
            + "\(PPCE500.firstMessageInterrupt)")
      }
    }
  }
}

// MARK: the machine

extension GuestTree {
  /// ePAPR 1.1 section 3.3.
  func aliases() -> Node {
    Node("aliases") {
      $0.set("serial0", .path("serial0"))
    }
  }

  /// ePAPR 1.1 section 3.5. U-Boot hangs without `stdout-path`; early kernels read only
  /// `linux,stdout-path` (Linux 3.8, `arch/powerpc/kernel/legacy_serial.c`).
  func chosen() -> Node {
    Node("chosen") {
      let standard = owner.os == .bare ? nil : "console=ttyS0,115200"
      if let arguments = resources.bootArguments ?? standard { $0.set("bootargs", arguments) }
      $0.set("stdout-path", .path("serial0"))
      if owner.os == .linuxSDK { $0.set("linux,stdout-path", .path("serial0")) }
      for image in resources.images { addImage(image, to: &$0) }
    }
  }

  /// Where the launch script puts what the plan loads. QEMU writes none of this into a tree that it
  /// is given (QEMU 7.2, `hw/ppc/e500.c`).
  private func addImage(_ image: LoadedImage, to chosen: inout Node) {
    guard image.file != nil else { return }
    let end = image.memory.base + image.memory.size
    switch image.kind {
    case .kernel:
      // U-Boot boots what lies there by itself (`board/emulation/qemu-ppce500/qemu-ppce500.c`).
      chosen.set("qemu,boot-kernel", wide(image.memory.base, image.memory.size))
    case .initrd:
      // The room's end: Linux passes over the zeros behind the archive.
      chosen.set("linux,initrd-start", wide(image.memory.base))
      chosen.set("linux,initrd-end", wide(end))
    case .deviceTree: break
    }
  }

  func cpus() -> Node {
    Node("cpus") {
      $0.set("#address-cells", 1)
      $0.set("#size-cells", 0)
      for index in owner.cpus.indices { $0.add(cpu(UInt32(index))) }
    }
  }

  /// A CPU of the guest, counted from 0: ePAPR 1.1 section 3.7, as QEMU's `hw/ppc/e500.c` fills it.
  ///
  /// The frequencies are the machine's and not the board's: a wrong time base makes Linux's clock
  /// run wrong. Secondaries wait in the spin table (ePAPR 1.1 section 5.5).
  func cpu(_ index: UInt32) -> Node {
    let cacheLine = PPCE500.cacheLineSize(of: board.core)
    return Node("PowerPC,\(board.core)@\(hex(UInt64(index)))") {
      $0.set("device_type", "cpu")
      $0.set("reg", index)
      $0.set("timebase-frequency", PPCE500.clockFrequency)
      $0.set("clock-frequency", PPCE500.clockFrequency)
      $0.set("bus-frequency", 0)
      $0.set("d-cache-line-size", cacheLine)
      $0.set("i-cache-line-size", cacheLine)
      $0.set("d-cache-size", 0x8000)
      $0.set("i-cache-size", 0x8000)
      $0.set("status", index == 0 ? "okay" : "disabled")
      if index > 0 {
        $0.set("enable-method", "spin-table")
        $0.set(
          "cpu-release-addr",
          wide(PPCE500.spinTable + UInt64(index) * PPCE500.spinTableEntrySize))
      }
    }
  }

  /// The plan's memory, from 0: ePAPR 1.1 section 3.4.
  ///
  /// U-Boot finds it by path and Linux by `device_type`; it must begin at 0 and must not be larger
  /// than QEMU's `-m`.
  func memory() -> Node {
    Node("memory@0") {
      $0.set("device_type", "memory")
      $0.set("reg", wide(0, owner.memory.size))
    }
  }

  /// The memory behind the buffer pools, which the guest's system must leave alone: Linux 6.1,
  /// `Documentation/devicetree/bindings/reserved-memory/reserved-memory.yaml`.
  ///
  /// There is no `no-map`: drivers read and write the buffers through the kernel's own mapping.
  func reservedMemory() -> Node? {
    let managers = managerMemory()
    guard !owner.pools.isEmpty || !managers.isEmpty else { return nil }
    return Node("reserved-memory") {
      $0.set("#address-cells", 2)
      $0.set("#size-cells", 2)
      $0.set("ranges")
      for node in poolMemory() + managers { $0.add(node) }
    }
  }

  /// A node for the buffers of each pool.
  func poolMemory() -> [Node] {
    owner.pools.map { pool in
      let base = guestAddress(pool.memory.base)
      return Node("buffer-pool@\(hex(base))", labels: ["pool\(pool.bpid)_memory"]) {
        $0.set("reg", wide(base, pool.memory.size))
      }
    }
  }

  /// What the guest shares with others, where its own addresses have it. Without `device_type` it is
  /// no memory that a kernel would use as its own.
  func sharedMemory() -> [Node] {
    partition.sharedMemory.compactMap { shared in
      guard shared.members.contains(ownerIndex),
        let place = resources.dmaWindow.mappings.first(where: { $0.purpose == shared.name })
      else { return nil }
      return Node("shared-memory@\(hex(place.guestAddress))") {
        $0.set("compatible", "dpaac,shared-memory")
        $0.set("label", shared.name)
        $0.set("reg", wide(place.guestAddress, shared.memory.size))
        if !shared.writers.contains(ownerIndex) { $0.set("dpaac,read-only") }
      }
    }
  }

  /// The device registers. U-Boot looks for the path `/soc`, Linux 6.1 for the type `soc`
  /// (`arch/powerpc/sysdev/fsl_soc.c`, `get_immrbase`).
  func soc() -> Node {
    Node("soc@\(hex(PPCE500.ccsr.base))", labels: ["soc"]) {
      $0.set("compatible", .strings(["fsl,mpc8544-immr", "simple-bus"]))
      $0.set("device_type", "soc")
      $0.set("#address-cells", 1)
      $0.set("#size-cells", 1)
      $0.set("ranges", ranges(PPCE500.ccsr))
      $0.set("bus-frequency", 0)
      $0.add(pic())
      $0.add(serial())
      $0.add(i2c())
      $0.add(globalUtilities())
    }
  }

  /// Linux 6.1, `Documentation/devicetree/bindings/powerpc/fsl/mpic.txt`; two-cell specifiers, as
  /// QEMU's own tree and unlike the board's four.
  func pic() -> Node {
    Node("pic@\(hex(UInt64(PPCE500.pic)))", labels: ["mpic"]) {
      $0.set("compatible", "fsl,mpic")
      $0.set("device_type", "open-pic")
      $0.set("reg", .cells([PPCE500.pic, 0x4_0000]))
      $0.set("interrupt-controller")
      $0.set("#interrupt-cells", 2)
      $0.set("#address-cells", 0)
    }
  }

  /// Linux 6.1, `Documentation/devicetree/bindings/serial/8250.yaml`; without its clock there is no
  /// console.
  func serial() -> Node {
    Node("serial@\(hex(UInt64(PPCE500.serial)))", labels: ["serial0"]) {
      $0.set("compatible", "ns16550")
      $0.set("device_type", "serial")
      $0.set("reg", .cells([PPCE500.serial, 0x100]))
      $0.set("clock-frequency", PPCE500.clockFrequency)
      $0.set("interrupts", .cells([PPCE500.serialInterrupt, PPCE500.levelHigh]))
      $0.set("cell-index", 0)
    }
  }

  /// Linux 6.1, `Documentation/devicetree/bindings/i2c/i2c-mpc.yaml`, with the clock that QEMU puts
  /// there (`hw/ppc/e500.c`, `dt_rtc_create`).
  func i2c() -> Node {
    Node("i2c@\(hex(UInt64(PPCE500.i2c)))") {
      $0.set("compatible", "fsl-i2c")
      $0.set("reg", .cells([PPCE500.i2c, 0x14]))
      $0.set("#address-cells", 1)
      $0.set("#size-cells", 0)
      $0.set("interrupts", .cells([PPCE500.i2cInterrupt, PPCE500.levelHigh]))
      $0.set("cell-index", 0)
      $0.add("rtc@68") {
        $0.set("compatible", "pericom,pt7c4338")
        $0.set("reg", 0x68)
      }
    }
  }

  /// Linux 6.1, `Documentation/devicetree/bindings/powerpc/fsl/guts.txt`; a guest resets through it.
  func globalUtilities() -> Node {
    Node("global-utilities@\(hex(UInt64(PPCE500.globalUtilities)))") {
      $0.set("compatible", "fsl,mpc8544-guts")
      $0.set("reg", .cells([PPCE500.globalUtilities, 0x1000]))
      $0.set("fsl,has-rstcr")
    }
  }
}

// MARK: numbers

extension GuestTree {
  /// An address of the board's memory as this guest sees it.
  func guestAddress(_ address: UInt64) -> UInt64 { address - owner.memory.base }

  /// The `ranges` of a bus with one-cell addresses that begins at `window`, below the root.
  func ranges(_ window: QorIQ.AddressRange) -> PropertyValue {
    .cells([0, high(window.base), low(window.base), low(window.size)])
  }

  /// Numbers in the root's cells, two for each.
  func wide(_ numbers: UInt64...) -> PropertyValue {
    .cells(numbers.flatMap { [high($0), low($0)] })
  }

  private func high(_ number: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: number >> 32) }
  private func low(_ number: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: number) }

  /// A number as unit addresses write it.
  func hex(_ number: UInt64) -> String { String(number, radix: 16) }
}
