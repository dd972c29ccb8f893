import QorIQ

/// One way by which a partition could reach what is another's, and what stands in between.
public struct IsolationPath: Sendable, Hashable {
  /// The owner (index) that would reach.
  public var actor: Int
  /// The owner (index) that would be reached.
  public var victim: Int
  /// The way.
  public var way: Way
  /// What is at stake, with numbers.
  public var what: String
  /// What stands in between.
  public var barrier: Barrier

  /// The ways that there are.
  public enum Way: String, Sendable, Hashable, CaseIterable {
    /// A CPU's loads and stores to memory.
    case memory = "cpu to memory"
    /// A CPU's loads and stores to a portal's windows.
    case portal = "cpu to portals"
    /// DMA that FMan or an accelerator does for a frame.
    case frameDMA = "frame's DMA"
    /// DMA that an accelerator does for frames which a chain brings it.
    case chainDMA = "chain's DMA"
    /// What a receive port writes into buffers.
    case reception = "reception"
    /// Enqueues.
    case enqueue = "enqueue"
    /// Dequeues.
    case dequeue = "dequeue"
    /// Commands about queues: retire, initialise and so on.
    case command = "queue command"
    /// Acquiring and releasing buffers.
    case pool = "buffer pool"
    /// Congestion groups.
    case congestion = "congestion group"
    /// Interrupts.
    case interrupt = "interrupt"
  }

  /// What stands in between.
  public enum Barrier: Sendable, Hashable {
    /// Hardware that the actor cannot change.
    case hardware(String)
    /// Software other than the actor's.
    case trusted(String)
    /// The actor's own software: a promise, and no wall.
    case actor(String)
    /// Nothing, because the plan wants it so.
    case wanted(String)
    /// Nothing.
    case none(String)

    /// Whether it holds as long as everybody's software does what it should.
    public var holds: Bool { if case .none = self { false } else { true } }
    /// Whether it holds whatever the actor does.
    public var holdsAgainstActor: Bool {
      switch self {
      case .hardware, .trusted, .wanted: true
      case .actor, .none: false
      }
    }
    /// Who answers for it.
    public var keeper: IsolationMatrix.Keeper {
      switch self {
      case .hardware: .hardware
      case .trusted: .software
      case .actor: .program
      case .wanted: .wanted
      case .none: .nobody
      }
    }
    /// What it is, in words.
    public var reason: String {
      switch self {
      case .hardware(let text), .trusted(let text), .actor(let text), .wanted(let text),
        .none(let text):
        text
      }
    }
  }
}

/// Where a partition runs: on the chip itself, or under `dpaac run`.
public enum IsolationGround: String, Sendable, Hashable, CaseIterable {
  /// The system-on-chip with a hypervisor that keeps CPUs in their memory.
  case hardware
  /// The engine of `dpaac run`, which plays QMan, BMan and FMan.
  case runtime
}

/// Every way by which owners could reach each other, with what stops them.
///
/// What DPAA1's hardware does not do is said as plainly as what it does: any portal may enqueue to
/// any queue, give any command about it, and acquire from any pool; what separates partitions in
/// hardware is the MMU for CPUs and, by LIODN offset, PAMU for DMA (Freescale hypervisor,
/// `src/guest.c`; Linux 6.1, `drivers/soc/fsl/qbman` and `drivers/iommu/fsl_pamu.c`).
public struct IsolationProof: Sendable {
  /// The ways, victims in the partition's order, then actors, then ways.
  public let paths: [IsolationPath]

  /// Looks at every pair of owners; the host as an actor is left out, as it controls the blocks.
  ///
  /// - Parameters:
  ///   - partition: The partition.
  ///   - ground: Where it runs.
  ///   - victims: The owners that could be reached; `nil` for all.
  ///   - actors: The owners that could reach; `nil` for all guests.
  public init(
    _ partition: Partition, on ground: IsolationGround, victims: Set<Int>? = nil,
    actors: Set<Int>? = nil
  ) {
    var found: [IsolationPath] = []
    for victim in partition.owners.indices where victims?.contains(victim) ?? true {
      for actor in partition.owners.indices
      where actor != victim && (actors?.contains(actor) ?? !partition.owners[actor].isHost) {
        let pair = Pair(partition: partition, ground: ground, actor: actor, victim: victim)
        for (way, what, barrier) in pair.ways {
          found.append(
            IsolationPath(actor: actor, victim: victim, way: way, what: what, barrier: barrier))
        }
      }
    }
    paths = found
  }
}

/// One owner in front of another.
private struct Pair {
  let partition: Partition
  let ground: IsolationGround
  let actor: Int
  let victim: Int

  var a: Owner { partition.owners[actor] }
  var v: Owner { partition.owners[victim] }

  typealias Found = (IsolationPath.Way, String, IsolationPath.Barrier)

  var ways: [Found] {
    if a.isHost { return [host] }
    return [memory, portals, frameDMA] + chainDMA + receptions
      + [enqueue, dequeue, command, pools] + congestion + [interrupts]
  }

  private var host: Found {
    (
      .memory, "everything of \(v.name)",
      .trusted("the host controls QMan, BMan, FMan and PAMU: it is trusted with all of them")
    )
  }

  private var engineChecks: IsolationPath.Barrier {
    .trusted("the engine compares every number that a guest writes with the plan")
  }

  /// Memory that both see because the plan says so.
  private var shared: SharedMemory? {
    partition.sharedMemory.first { $0.members.contains(actor) && $0.members.contains(victim) }
  }

  private func meets(_ range: AddressRange) -> Bool { range.overlaps(v.memory) }

  private var memory: Found {
    let what = "\(v.name)'s \(text(v.memory))"
    if a.memory.overlaps(v.memory) {
      return (.memory, what, .none("\(a.name)'s memory \(text(a.memory)) is the same"))
    }
    if let shared {
      return (
        .memory, "\(shared.name), \(text(shared.memory))",
        .wanted("the plan shares it between them; the rest is kept by the MMU")
      )
    }
    return (
      .memory, what,
      ground == .hardware
        ? .hardware("the MMU under the hypervisor maps \(text(a.memory)) for \(a.name)")
        : .hardware("the MMU: the guest maps its own portals and pools, sealed, and nothing else")
    )
  }

  private var portals: Found {
    let list = runs(v.portals.map { Int($0.rawValue) })
    guard Set(a.portals).isDisjoint(with: v.portals) else {
      return (.portal, "portals \(list)", .none("\(a.name) has one of them too"))
    }
    return (
      .portal, "portals \(list)",
      .hardware("the MMU maps pages of \(a.name)'s own portals only")
    )
  }

  private var frameDMA: Found {
    let what = "\(text(v.memory)) by frames of \(a.name)"
    if ground == .runtime { return (.frameDMA, what, engineChecks) }
    guard a.liodnOffset != v.liodnOffset else {
      return (.frameDMA, what, .none("both have LIODN offset \(a.liodnOffset)"))
    }
    let windows =
      partition.resources.indices.contains(actor)
      ? partition.resources[actor].dmaWindow.mappings : []
    if let window = windows.first(where: { meets($0.memory) }) {
      return (
        .frameDMA, what, .none("\(a.name)'s window \(window.purpose) covers \(text(window.memory))")
      )
    }
    let offsets = Set(partition.board.qman.portals.compactMap { $0.dma?.offset })
    let boot =
      offsets.count == 1
      ? "; the boot loader gives all portals offset \(offsets.first?.description ?? ""), so it "
        + "holds from when the host has programmed \(a.liodnOffset)"
      : "; the host programs the offset for all portals of \(a.name)"
    return (
      .frameDMA, what,
      .hardware("PAMU knows \(a.name) by LIODN offset \(a.liodnOffset)\(boot)")
    )
  }

  /// What accelerators read and write for frames of the actor's chains. No portal of the actor's enqueues them, so
  /// their LIODN offset is what the port wrote: of a storage profile that of its owner, on FMan v2 one for all.
  private var chainDMA: [Found] {
    let kinds = chainKinds(of: actor)
    guard !kinds.isEmpty else { return [] }
    let devices = kinds.map(\.rawValue).sorted().joined(separator: " and ")
    let what = "\(text(v.memory)) by \(devices) for chains of \(a.name)"
    if ground == .runtime { return [(.chainDMA, what, engineChecks)] }
    let plain = partition.interfaces.filter { interface in
      interface.rules.contains {
        $0.owner == actor && $0.chain != nil && $0.storageProfile == nil
      }
    }.map(\.name)
    guard !plain.isEmpty else {
      return [
        (
          .chainDMA, what,
          .hardware("PAMU knows the frames by the LIODN offset of \(a.name)'s storage profiles")
        )
      ]
    }
    let list = plain.joined(separator: " and ")
    guard kinds.isDisjoint(with: chainKinds(of: victim)) else {
      return [
        (
          .chainDMA, what,
          .actor(
            "frames bear the LIODN offset of \(list), with which PAMU lets \(devices) reach the memory of all "
              + "who have such chains; \(a.name)'s descriptors say where its answers go")
        )
      ]
    }
    return [
      (
        .chainDMA, what,
        .hardware(
          "frames bear the LIODN offset of \(list), with which PAMU lets \(devices) reach the memory of those "
            + "with such chains only")
      )
    ]
  }

  /// The accelerators that an owner's chains lead through.
  private func chainKinds(of owner: Int) -> Set<AcceleratorKind> {
    partition.resources.indices.contains(owner)
      ? Set(partition.resources[owner].chains.map(\.kind)) : []
  }

  /// What ports write while they receive: a port's own LIODN counts, not the guest's.
  private var receptions: [Found] {
    partition.interfaces.compactMap { interface in
      let owners = Set(interface.rules.flatMap(\.receivers))
      guard owners.contains(actor), owners.contains(victim) else { return nil }
      let what = "buffers behind \(interface.name)"
      if interface.hop?.receivingOwner == actor {
        return (
          .reception, what,
          .actor(
            "frames for \(v.name) come into a pool of \(a.name)'s first, whose program could read and change them "
              + "before they are copied")
        )
      }
      if ground == .runtime { return (.reception, what, engineChecks) }
      switch interface.delivery {
      case .storageProfiles:
        return (
          .reception, what,
          .hardware("each storage profile has its owner's pools and LIODN offset")
        )
      case .offlineHop(let hop):
        let receiver = partition.owners[hop.receivingOwner].name
        return (
          .reception, what,
          hop.receivingOwner == victim
            ? .actor(
              "the port writes to whatever \(receiver)'s pool holds, and \(a.name) could "
                + "release any address into it: BMan does not ask who releases")
            : .hardware(
              "the port receives into \(receiver)'s pools only; the copy goes to each one's")
        )
      case .sharedPool(let bpid):
        return (
          .reception, what,
          .wanted("all of them use pool \(bpid), and each can read and write the others' frames")
        )
      }
    }
  }

  /// The queue of the actor's by which frames of an interface go on to the victim, and that interface.
  private var hopQueue: (interface: String, queue: FQID)? {
    for interface in partition.interfaces {
      guard let hop = interface.hop, hop.receivingOwner == actor,
        interface.rules.contains(where: { $0.receivers.contains(victim) })
      else { continue }
      return (interface.name, hop.queue)
    }
    return nil
  }

  private var queueList: String { v.queues.map(\.description).joined(separator: ",") }

  private var allocator: IsolationPath.Barrier {
    switch a.os {
    case .linuxMainline:
      .none(
        "\(a.name)'s kernel takes all queues, pools and channels for its own: it reads no ranges "
          + "from its tree")
    case .linuxSDK: .actor("\(a.name)'s kernel keeps to the ranges in its tree; QMan asks nobody")
    case .bare: .actor("\(a.name)'s program keeps to the plan; QMan asks nobody")
    }
  }

  private var enqueue: Found {
    let links = partition.links.filter { $0.from == actor && $0.to == victim }
    let note = links.isEmpty ? "" : ", beside what the link is for"
    if ground == .runtime, let (name, queue) = hopQueue {
      return (
        .enqueue, "queues \(queueList)\(note)",
        .actor(
          "what \(a.name) enqueues to its queue \(queue), behind which the frames of \(name) are told apart, goes to "
            + "\(v.name), too, as the rules say; the engine refuses all else")
      )
    }
    return (
      .enqueue, "queues \(queueList)\(note)", ground == .runtime ? engineChecks : allocator
    )
  }

  private var dequeue: Found {
    let pools =
      partition.resources.indices.contains(victim)
      ? partition.resources[victim].poolChannels : []
    if ground == .runtime { return (.dequeue, "queues \(queueList)", engineChecks) }
    if !pools.isEmpty {
      return (
        .dequeue, "pool channels \(pools.map(\.description).joined(separator: ","))",
        .actor("any portal may serve a pool channel; \(a.name) keeps to its own")
      )
    }
    return (
      .dequeue, "queues \(queueList)",
      .hardware(
        "scheduled queues are on channels of \(v.name)'s own portals, which no other portal serves")
    )
  }

  private var command: Found {
    (
      .command, "state of queues \(queueList)", ground == .runtime ? engineChecks : allocator
    )
  }

  private var pools: Found {
    let list = v.pools.map(\.bpid.description).joined(separator: ",")
    let settings =
      partition.resources.indices.contains(victim)
      ? partition.resources[victim].pools : []
    if let pool = settings.first(where: { $0.sharers.contains(actor) }) {
      return (.pool, "pool \(pool.bpid)", .wanted("\(v.name) shares it with \(a.name)"))
    }
    return (
      .pool, list.isEmpty ? "no pools" : "pools \(list)",
      list.isEmpty
        ? .hardware("\(v.name) has none") : ground == .runtime ? engineChecks : allocator
    )
  }

  private var congestion: [Found] {
    guard partition.resources.indices.contains(victim),
      !partition.resources[victim].congestionGroups.isEmpty
    else { return [] }
    let list = partition.resources[victim].congestionGroups.map(\.id.description)
      .joined(separator: ",")
    let what = "congestion groups \(list)"
    if ground == .runtime { return [(.congestion, what, engineChecks)] }
    if a.os == .linuxSDK {
      return [
        (
          .congestion, what,
          .none("an SDK kernel resets all 256 groups when it starts, its own range or not")
        )
      ]
    }
    return [(.congestion, what, allocator)]
  }

  private var interrupts: Found {
    (
      .interrupt, "lines of portals \(runs(v.portals.map { Int($0.rawValue) }))",
      ground == .runtime
        ? .trusted("each interrupt is a descriptor that the engine alone writes")
        : .hardware("MPIC belongs to the host; a portal raises its own line only")
    )
  }

  private func text(_ range: AddressRange) -> String { hex(range) }
}
