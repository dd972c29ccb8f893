import Diagnostics
import Lowering
import Partitioning
import QorIQ
import Testing

/// What the planner makes of the wishes beside paths, and what it says when they do not fit.
@Suite struct PlannerTests {
  private func plan(
    _ text: String, change: (inout Board) -> Void = { _ in }
  ) throws -> (partition: Partition?, bag: DiagnosticBag) {
    let loaded = PlanLoader.load(SourceFile(name: "p.yaml", text: text), lock: .none)
    var board = try #require(loaded.board)
    change(&board)
    var bag = DiagnosticBag()
    let partition = Planner(
      plan: try #require(loaded.plan), board: board, origins: loaded.origins
    ).partition(into: &bag)
    return (partition, bag)
  }

  private static func text(
    board: String = "t4240qds", top: String = "", host: String = "", guest: String = "",
    interface: String = "", rule: String = ""
  ) -> String {
    """
    board: \(board)
    \(top)
    partitions:
      host: {cpus: 2, memory: 1 GiB, portals: 2, queues: 1-100, pools: [ {id: 1, buffers: 64, size: 2 KiB} ]\(host)}
      guest1: {cpus: 1, memory: 512 MiB, portals: 1, queues: 101-200\(guest)}
    interfaces:
      fm1-gb0: {rules: [ {when: {vlan.id: 7}, to: guest1\(rule)} ], otherwise: host\(interface)}
    """
  }

  private static let pool = ", pools: [ {id: 2, buffers: 64, size: 2 KiB} ]"

  @Test func `an accelerator gets pairs of queues, its channel, and LIODNs of the owner`() throws {
    let (partition, bag) = try plan(
      Self.text(
        guest: Self.pool + ", liodn-offset: 9, accelerators: {sec: {mode: interrupt, pairs: 3}}")
    ) { board in
      board.accelerators.sec = SECBlock(
        version: Revision(5, 0), era: 5, registers: AddressRange(base: 0, size: 1),
        channel: 0x840, liodnBases: [462, 558])
    }
    let found = try #require(partition, "\(DiagnosticRenderer().render(bag))")
    let use = try #require(found.resources[1].accelerators.first)
    #expect(use.channel == 0x840 && use.mode == .interrupt)
    #expect(use.requests == [103, 104, 105] && use.responses == [106, 107, 108])
    #expect(use.liodns == [471, 567])
    #expect(found.owners[1].liodnOffset == 9)
  }

  /// P4080's frame managers have bases 32 apart: with 33 taken, 1 would be the same LIODN.
  @Test func `a LIODN offset that the planner chooses meets nobody's in any block`() throws {
    let result = PlanLoader.load(
      SourceFile(
        name: "p.yaml",
        text: """
          board: p4080ds
          partitions:
            host:   { cpus: 0-3, memory: 1 GiB, portals: 4, queues: 256-511, pools: [ {buffers: 64, size: 2 KiB} ] }
            guest1: { cpus: 1, memory: 512 MiB, portals: 1, queues: 512-767, liodn-offset: 33, pools: [ {buffers: 64, size: 2 KiB} ] }
            guest2: { cpus: 1, memory: 512 MiB, portals: 1, queues: 64, pools: [ {buffers: 64, size: 2 KiB} ] }
          links: [ [host, guest1], [host, guest2] ]
          """))
    let partition = try #require(
      result.partition, "\(DiagnosticRenderer().render(result.diagnostics))")
    #expect(partition.owners.map(\.liodnOffset) == [2, 33, 6])
  }

  @Test func `a LIODN offset that the planner chooses fits into a frame descriptor`() throws {
    let (partition, bag) = try plan(
      Self.text(guest: Self.pool).replacing("portals: 1,", with: "portals: [1023],")
    ) { board in
      for index in board.qman.portals.indices.suffix(1) {
        board.qman.portals[index].index = PortalIndex(1023)
      }
      for index in board.bman.portals.indices.suffix(1) {
        board.bman.portals[index].index = PortalIndex(1023)
      }
    }
    let found = try #require(partition, "\(DiagnosticRenderer().render(bag))")
    #expect(found.owners[1].portals == [PortalIndex(1023)])
    #expect((1..<1024).contains(found.owners[1].liodnOffset))
  }

  @Test func `an accelerator that a board does not have is refused where it is asked for`() throws {
    let (partition, bag) = try plan(
      Self.text(guest: Self.pool + ", accelerators: {pme: {}}")
    ) { $0.accelerators.pme = nil }
    #expect(partition == nil)
    #expect(bag.diagnostics.map(\.code) == ["accelerator-missing"])
    #expect(bag.diagnostics.first?.span?.text == "{}")
  }

  @Test func `what is reserved is left alone, and claims in it name both sides`() throws {
    let top = """
      reserved:
        u-boot: {portals: 0-1, pools: 0, cpus: 0, memory: {address: 0, size: 64 MiB}, queues: 50-60}
      """
    let (_, clash) = try plan(Self.text(top: top, guest: Self.pool))
    #expect(clash.diagnostics.map(\.code) == ["queue-reserved"])
    #expect(clash.diagnostics.first?.label == "in both: 50-60")
    #expect(clash.diagnostics.first?.notes.first?.span?.text == "50-60")
    let free = Self.text(top: top.replacing("50-60", with: "900-999"), guest: Self.pool)
    let found = try #require(try plan(free).partition)
    #expect(found.owners.map { $0.portals.map(\.rawValue) } == [[2, 3], [4]])
    #expect(found.owners.allSatisfy { !$0.cpus.contains(0) && $0.memory.base >= 64 << 20 })
    let exact = try plan(free.replacing("portals: 1,", with: "portals: [1],"))
    #expect(
      exact.bag.diagnostics.map(\.message) == ["guest1 claims portal 1, but u-boot has it"])
  }

  @Test func `on FMan v2 a pool that all share takes the place of the detour, at its price`() throws
  {
    let shared = Self.text(
      board: "p4080ds", host: "", guest: Self.pool
    ).replacing(
      "{id: 1, buffers: 64, size: 2 KiB}",
      with: "{id: 1, buffers: 64, size: 2 KiB, shared-with: [guest1]}")
    let found = try #require(try plan(shared).partition)
    #expect(found.interfaces[0].delivery == .sharedPool(1))
    #expect(found.resources[0].pools[0].sharers == [1])
    let decision = found.decisions.first { $0.subject == "fm1-gb0" }
    #expect(decision?.message.contains("can read and write the others' frames") == true)
    let asked = shared.replacing("otherwise: host", with: "otherwise: host, delivery: offline-hop")
    guard case .offlineHop? = try plan(asked).partition?.interfaces[0].delivery else {
      Issue.record("the plan asked for a detour")
      return
    }
  }

  @Test func `rules and interfaces set work queue, congestion group, policer and spread`() throws {
    let top = """
      policers:
        gold: {committed-rate: 1 Gbit/s, committed-burst: 9 KiB, excess-rate: 2 Gbit/s, excess-burst: 9 KiB}
        tin: {committed-rate: 1 Mbit/s, committed-burst: 9 KiB, excess-rate: 2 Mbit/s, excess-burst: 9 KiB}
      """
    let (partition, bag) = try plan(
      Self.text(
        top: top,
        guest: Self.pool + ", congestion-groups: [ {id: 7}, {tail-drop: 1 MiB, notify: [host]} ]",
        interface: ", policer: tin, mtu: 9000, headroom: 128",
        rule: ", work-queue: 2, congestion-group: 1, policer: gold, spread: 5-tuple, queues: 16"))
    let found = try #require(partition, "\(DiagnosticRenderer().render(bag))")
    #expect(found.owners[1].paths[0].receive == QueueRange(first: 112, count: 16))
    #expect(
      found.resources[1].pathQualities
        == [PathQuality(receive: 2, transmit: 6, congestionGroup: 0)])
    #expect(found.resources[1].congestionGroups.map(\.id) == [7, 0])
    #expect(found.resources[1].congestionGroups[1].notified == [0])
    #expect(found.policers.map(\.settings.name) == ["gold", "tin"])
    #expect(found.policers.map(\.profile) == [0, 1])
    #expect(found.policers[1].users.map(\.rule) == [1])
    #expect(found.ports == [PortSettings(mtu: 9000, headroom: 128)])
  }

  @Test func `what the planner places lies in nobody's DMA window`() throws {
    let window = AddressRange(base: 0x4000_0000, size: 64 << 10)
    let (partition, bag) = try plan(
      Self.text(
        top: "shared-memory: { box: {size: 1 MiB, between: [host, guest1]} }",
        guest: Self.pool + ", dma-windows: [ {address: 0x40000000, size: 64 KiB} ]"))
    let found = try #require(partition, "\(DiagnosticRenderer().render(bag))")
    let places = found.owners.map(\.memory) + found.sharedMemory.map(\.memory)
    #expect(places.allSatisfy { !$0.overlaps(window) }, "\(places)")
  }

  @Test func `shared memory, windows and images find their places`() throws {
    let (partition, bag) = try plan(
      Self.text(
        top: "shared-memory: {mail: {size: 1 MiB, between: [host, guest1], writers: [host]}}",
        guest: Self.pool
          + ", images: {kernel: {file: k, address: 0, size: 8 MiB}, device-tree: {}}, "
          + "boot-arguments: quiet, dma-windows: [ {address: 0x100000000, size: 4 KiB} ]"))
    let found = try #require(partition, "\(DiagnosticRenderer().render(bag))")
    #expect(found.sharedMemory.map(\.memory) == [AddressRange(base: 0x6000_0000, size: 1 << 20)])
    #expect(found.sharedMemory.first?.writers == [0])
    let window = found.resources[1].dmaWindow
    #expect(window.mappings.map(\.purpose) == ["memory", "mail", "window"])
    #expect(window.slotCount == 4 && window.size == 2 << 30)
    #expect(found.resources[1].images.map(\.kind) == [.kernel, .deviceTree])
    #expect(found.resources[1].images[1].memory == AddressRange(base: 8 << 20, size: 128 << 10))
    #expect(found.resources[1].bootArguments == "quiet")
  }

  @Test(arguments: [
    (
      "pool-channels: 16", "the partitions ask for 16 pool channels, but t4240qds has 15"
    ),
    (
      "congestion-groups: [ {id: 300} ]",
      "guest1 claims congestion group 300, but t4240qds has congestion groups 0-255"
    ),
    (
      "roles: {confirm: 99}",
      "guest1 needs 101 frame queues (1 paths, 99 for confirm), but owns 100"
    ),
    (
      "roles: {error: 300-301}",
      "guest1 uses 300-301 for error, but owns 101-200"
    ),
    (
      "liodn-offset: 88",
      "guest1's LIODN offset 88 comes to 1061 in FMan 1, which is the LIODN of fm1-gb0, receive"
    ),
    (
      "images: {initrd: {size: 500 MiB}}",
      "guest1's initrd of 500 MiB meets a pool, another image or the end of its 512 MiB"
    ),
    (
      "dma-windows: [ {address: 0x1000, size: 8 KiB} ]",
      "guest1's DMA window of 8 KiB begins at 0x1000, which is no multiple of it"
    ),
  ]) func `what does not fit is told with numbers`(wish: String, message: String) throws {
    let (partition, bag) = try plan(Self.text(guest: "\(Self.pool), \(wish)")) { board in
      board.fmans[0].interfaces[0].liodnOffset = 88
    }
    #expect(partition == nil)
    #expect(bag.diagnostics.filter { $0.severity == .error }.map(\.message) == [message])
    #expect(bag.diagnostics.allSatisfy { $0.span != nil })
  }

  @Test func `memory that does not fit is told with who has how much`() throws {
    let (_, bag) = try plan(
      Self.text(guest: Self.pool).replacing(
        "memory: 512 MiB", with: "memory: {size: 512 MiB, address: 0x20000000}"
      ).replacing("memory: 1 GiB", with: "memory: {size: 1 GiB, address: 0}"))
    #expect(bag.diagnostics.map(\.code) == ["memory-overlap"])
    #expect(
      bag.diagnostics.first?.message
        == "guest1's memory 0x20000000-0x3fffffff meets host's 0x0-0x3fffffff")
    #expect(bag.diagnostics.first?.notes.map(\.message) == ["host's is here"])
  }

  @Test(arguments: [
    ("{receive: 128-159, transmit: [101-110, 160-165]}", "128-159", 101),
    ("{receive: 16, transmit: 4}", "112-127", 101), ("{receive: 150-150}", "150", 101),
    ("{transmit: 199-199}", "128-191", 199),
  ]) func `what a plan sets aside for a role is used for that role only`(
    roles: String, receive: String, transmit: UInt32
  ) throws {
    let (partition, bag) = try plan(
      Self.text(guest: Self.pool + ", roles: \(roles)", rule: ", spread: 5-tuple"))
    let owner = try #require(partition?.owners[1], "\(DiagnosticRenderer().render(bag))")
    #expect(owner.paths[0].receive.description == receive)
    #expect(owner.paths[0].transmit.rawValue == transmit)
  }

  @Test func `a pool that has its place is kept clear of by those that have none`() throws {
    let pools =
      ", pools: [ {id: 2, buffers: 64, size: 2 KiB}, "
      + "{id: 3, buffers: 64, size: 1 KiB, address: 0x5bff0000}, {id: 4, buffers: 64, size: 4 KiB} ]"
    let (partition, bag) = try plan(
      Self.text(guest: pools).replacing(
        "memory: 512 MiB", with: "memory: {size: 512 MiB, address: 0x40000000}"))
    let owner = try #require(partition?.owners[1], "\(DiagnosticRenderer().render(bag))")
    for (index, pool) in owner.pools.enumerated() {
      for other in owner.pools[(index + 1)...] { #expect(!pool.memory.overlaps(other.memory)) }
      #expect(pool.base >= owner.memory.base)
    }
    #expect(owner.pools.first { $0.bpid == 3 }?.base == 0x5bff_0000)
  }

  @Test(arguments: [
    ("0x100000", "0x100000-0x183fff"), ("0x5fff0000", "0x5fff0000-0x60073fff"),
    ("0xffffffffffff0000", "0xffffffffffff0000-0x73fff"),
  ])
  func `a pool does not lie outside of memory that the planner has placed`(
    address: String, place: String
  ) throws {
    let (partition, bag) = try plan(
      Self.text(guest: ", pools: [ {buffers: 256, size: 2 KiB, address: \(address)} ]"))
    #expect(partition == nil)
    let errors = bag.diagnostics.filter { $0.severity == .error }
    #expect(errors.map(\.code) == ["resource-short"])
    #expect(
      errors.first?.message
        == "guest1's pool lies at \(place), but its memory is put at 0x40000000-0x5fffffff")
    #expect(errors.first?.span?.text == address)
  }

  @Test func `a pool lies where the plan wants it in memory that the planner has placed`() throws {
    let (partition, bag) = try plan(
      Self.text(guest: ", pools: [ {buffers: 256, size: 2 KiB, address: 0x50000000} ]"))
    let owner = try #require(partition?.owners[1], "\(DiagnosticRenderer().render(bag))")
    #expect(owner.memory == AddressRange(base: 0x4000_0000, size: 512 << 20))
    #expect(owner.pools.map(\.base) == [0x5000_0000])
  }

  @Test func `a pool that runs on behind the last address lies outside of its owner's memory`()
    throws
  {
    let text = Self.text(
      guest: ", pools: [ {buffers: 256, size: 2 KiB, address: 0xffffffffffff0000} ]"
    ).replacing("memory: 512 MiB", with: "memory: {size: 512 MiB, address: 0x40000000}")
    let (partition, bag) = try plan(text)
    #expect(partition == nil)
    #expect(
      bag.diagnostics.filter { $0.severity == .error }.map(\.code) == ["pool-address-outside"])
  }

  /// The gaps have 20 MiB and less than 40; the second number's pool would meet the lowest one.
  @Test(arguments: [(11_000, "44688 KiB"), (10_082, "40 MiB")])
  func `a pool without a place that fits into no gap is short of room`(
    buffers: Int, size: String
  ) throws {
    let pools =
      ", pools: [ {buffers: 16, size: 2 KiB, address: 0x1000}, "
      + "{buffers: 65536, size: 2 KiB, address: 0x2800000}, {buffers: \(buffers), size: 4 KiB} ]"
    let (partition, bag) = try plan(
      Self.text(guest: pools).replacing(
        "memory: 512 MiB", with: "memory: {size: 256 MiB, address: 0}"))
    #expect(partition == nil)
    let errors = bag.diagnostics.filter { $0.severity == .error }
    #expect(errors.map(\.code) == ["resource-short"])
    #expect(errors.first?.message.contains(" of guest1 takes \(size), ") == true, "\(errors)")
  }

  @Test func `what only somebody's DMA reaches is nobody's, and yet not free`() throws {
    // 1000 MiB take the room of 1 GiB; what is reserved behind all memory leaves none before it.
    let (partition, bag) = try plan(
      Self.text(
        top: "reserved: { far: {memory: {address: 0x1000000000, size: 64 KiB}} }", guest: Self.pool
      ).replacing("memory: 512 MiB", with: "memory: 1000 MiB"))
    let found = try #require(partition, "\(DiagnosticRenderer().render(bag))")
    let regions = MemoryMap(found).regions
    #expect(
      regions.map(\.holder) == [.owner(0), .owner(1), .reached(1), .free, .reserved("far")])
    #expect(regions[2].range == AddressRange(base: 0x7e80_0000, size: 24 << 20))
    #expect(regions[3].range.base == 0x8000_0000)
    #expect(regions[3].range.last == found.board.memorySize - 1)
  }

  @Test func `of a board of unknown memory nothing reserved is missing`() throws {
    let (partition, bag) = try plan(
      Self.text(
        top: "reserved: { u-boot: {memory: {address: 0x7ff00000, size: 1 MiB}} }", guest: Self.pool)
    ) { $0.memorySize = 0 }
    #expect(partition == nil)
    #expect(bag.diagnostics.map(\.code) == ["memory-exhausted"])
    #expect(
      bag.diagnostics.first?.message
        == "the partitions ask for 1536 MiB, but nobody says how much memory t4240qds has")
  }

  @Test(arguments: [
    ("guest1", "hv"), ("mailbox", "memory"), ("mailbox", "window"),
  ])
  func `names that what is generated has already are refused`(old: String, name: String) throws {
    let sound = Self.text(
      top: "shared-memory: { mailbox: {size: 1 MiB, between: [host, guest1]} }", guest: Self.pool)
    #expect(try plan(sound).partition != nil)
    let (partition, bag) = try plan(sound.replacing(old, with: name))
    #expect(partition == nil)
    #expect(bag.diagnostics.map(\.code) == ["name-clash"])
    #expect(bag.diagnostics.first?.span?.text == name)
  }

  // MARK: what becomes of frames

  @Test func `several receivers have queues and a storage profile each`() throws {
    let text = Self.text(guest: Self.pool)
      .replacing("to: guest1", with: "to: [guest1, host], spread: 5-tuple, queues: 4")
    let (partition, bag) = try plan(text)
    let found = try #require(partition, "\(DiagnosticRenderer().render(bag))")
    let rule = found.interfaces[0].rules[0]
    #expect(rule.receivers == [1, 0])
    #expect(rule.shares.map(\.receive.count) == [4, 4])
    #expect(Set(rule.shares.map(\.storageProfile)).count == 2)
    #expect(rule.shares.allSatisfy { $0.storageProfile != nil })
    for share in rule.shares {
      #expect(found.owners[share.owner].queues.contains { $0.contains(share.receive) })
    }
    // The rest goes where the host's copies go.
    #expect(found.interfaces[0].rules[1].storageProfile == rule.copies[0].storageProfile)
  }

  @Test(arguments: ["t4240qds", "p4080ds"])
  func `what is dropped takes no profile and no queue from anybody`(board: String) throws {
    let text = Self.text(board: board, guest: Self.pool)
      .replacing("fm1-gb0", with: board == "t4240qds" ? "fm1-gb0" : "fm1-10g0")
      .replacing("otherwise: host", with: "otherwise: drop")
    let (partition, bag) = try plan(text)
    let found = try #require(partition, "\(DiagnosticRenderer().render(bag))")
    let rules = found.interfaces[0].rules
    #expect(rules.map(\.isDropped) == [false, true])
    #expect(rules.map(\.receivers) == [[1], []])
    #expect(rules[1].storageProfile == nil)
    // Only the guest gets anything, so the port has its pools and nothing is copied.
    #expect(found.interfaces[0].delivery == .storageProfiles)
    #expect(found.owners[0].paths.isEmpty)
  }
}
