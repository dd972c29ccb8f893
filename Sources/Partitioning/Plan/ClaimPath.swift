/// The names under which a plan's claims stand in its `OriginMap`.
///
/// Whoever reads a plan records with these, and checks ask with these, so that neither spells a
/// path by itself.
public enum ClaimPath {
  /// A partition's name.
  public static func partition(_ index: Int) -> String { "/partitions/\(index)" }
  /// A partition's CPUs; of an exact choice, all of them.
  public static func cpus(_ index: Int) -> String { "/partitions/\(index)/cpus" }
  /// One item of a partition's exact choice of CPUs.
  public static func cpu(_ index: Int, _ item: Int) -> String { "\(cpus(index))/\(item)" }
  /// A partition's memory.
  public static func memory(_ index: Int) -> String { "/partitions/\(index)/memory" }
  /// A partition's portals.
  public static func portals(_ index: Int) -> String { "/partitions/\(index)/portals" }
  /// One item of a partition's exact choice of portals.
  public static func portal(_ index: Int, _ item: Int) -> String { "\(portals(index))/\(item)" }
  /// A partition's queues.
  public static func queues(_ index: Int) -> String { "/partitions/\(index)/queues" }
  /// One range of a partition's queues.
  public static func queues(_ index: Int, range: Int) -> String { "\(queues(index))/\(range)" }
  /// A partition's pools.
  public static func pools(_ index: Int) -> String { "/partitions/\(index)/pools" }
  /// One of a partition's pools.
  public static func pool(_ index: Int, _ item: Int) -> String { "\(pools(index))/\(item)" }
  /// The number of one of a partition's pools.
  public static func poolID(_ index: Int, _ item: Int) -> String { "\(pool(index, item))/id" }
  /// The buffer count of one of a partition's pools.
  public static func poolBuffers(_ index: Int, _ item: Int) -> String {
    "\(pool(index, item))/buffers"
  }
  /// The buffer size of one of a partition's pools.
  public static func poolSize(_ index: Int, _ item: Int) -> String { "\(pool(index, item))/size" }
  /// A partition's program.
  public static func program(_ index: Int) -> String { "/partitions/\(index)/program" }
  /// Where a partition's source program sends to.
  public static func programPath(_ index: Int) -> String { "\(program(index))/to" }
  /// A way of a partition's router.
  public static func forwardWay(_ index: Int, _ way: Int) -> String {
    "\(program(index))/ways/\(way)"
  }
  /// An address of a partition's router.
  public static func forwardAddress(_ index: Int, _ way: Int, _ address: Int) -> String {
    "\(forwardWay(index, way))/\(address)"
  }
  /// A route of a partition's router.
  public static func forwardRoute(_ index: Int, _ route: Int) -> String {
    "\(program(index))/routes/\(route)"
  }
  /// The next router of a route.
  public static func forwardVia(_ index: Int, _ route: Int) -> String {
    "\(forwardRoute(index, route))/via"
  }
  /// A way of a partition's filter.
  public static func scanWay(_ index: Int, _ way: Int) -> String {
    "\(program(index))/between/\(way)"
  }
  /// A group of a partition's filter.
  public static func scanGroup(_ index: Int, _ group: Int) -> String {
    "\(program(index))/groups/\(group)"
  }
  /// Where a partition's filter diverts to.
  public static func scanDivert(_ index: Int) -> String { "\(program(index))/divert-to" }
  /// The way of the enciphered packets of a partition's gateway.
  public static func ipsecCipher(_ index: Int) -> String { "\(program(index))/cipher" }
  /// A tunnel of a partition's gateway.
  public static func tunnel(_ index: Int, _ tunnel: Int) -> String {
    "\(program(index))/tunnels/\(tunnel)"
  }
  /// Something that a tunnel's key of the plan says.
  public static func tunnel(_ index: Int, _ tunnel: Int, _ key: String) -> String {
    "\(self.tunnel(index, tunnel))/\(key)"
  }
  /// A network behind a tunnel's peer.
  public static func tunnelNetwork(_ index: Int, _ tunnel: Int, _ network: Int) -> String {
    "\(self.tunnel(index, tunnel, "networks"))/\(network)"
  }
  /// How many frames a partition's source program sends.
  public static func programFrames(_ index: Int) -> String { "\(program(index))/frames" }
  /// The size of what a partition's source program sends.
  public static func programSize(_ index: Int) -> String { "\(program(index))/size" }
  /// The sizes of a partition's enqueue rings.
  public static func enqueueRing(_ index: Int) -> String { "/partitions/\(index)/rings/enqueue" }
  /// The sizes of a partition's dequeue rings.
  public static func dequeueRing(_ index: Int) -> String { "/partitions/\(index)/rings/dequeue" }
  /// An interface's name.
  public static func interface(_ index: Int) -> String { "/interfaces/\(index)" }
  /// An interface's `otherwise`.
  public static func otherwise(_ index: Int) -> String { "/interfaces/\(index)/otherwise" }
  /// A rule of an interface.
  public static func rule(_ interface: Int, _ rule: Int) -> String {
    "/interfaces/\(interface)/rules/\(rule)"
  }
  /// The partition that a rule names.
  public static func ruleTarget(_ interface: Int, _ rule: Int) -> String {
    "\(self.rule(interface, rule))/to"
  }
  /// One of the partitions that a rule names, where it names several.
  public static func ruleTarget(_ interface: Int, _ rule: Int, item: Int) -> String {
    "\(ruleTarget(interface, rule))/\(item)"
  }
  /// What a rule matches.
  public static func ruleConditions(_ interface: Int, _ rule: Int) -> String {
    "\(self.rule(interface, rule))/when"
  }
  /// How a rule spreads.
  public static func ruleSpread(_ interface: Int, _ rule: Int) -> String {
    "\(self.rule(interface, rule))/spread"
  }
  /// A link.
  public static func link(_ index: Int) -> String { "/links/\(index)" }
  /// One end of a link: 0 or 1.
  public static func link(_ index: Int, end: Int) -> String { "/links/\(index)/\(end)" }

  /// Where a partition's memory begins.
  public static func memoryAddress(_ index: Int) -> String { "\(memory(index))/address" }
  /// The buffers that are in one of a partition's pools at the start.
  public static func poolSeeded(_ index: Int, _ item: Int) -> String {
    "\(pool(index, item))/seeded"
  }
  /// Where the buffers of one of a partition's pools lie.
  public static func poolAddress(_ index: Int, _ item: Int) -> String {
    "\(pool(index, item))/address"
  }
  /// The thresholds of one of a partition's pools.
  public static func poolThresholds(_ index: Int, _ item: Int) -> String {
    "\(pool(index, item))/thresholds"
  }
  /// One of those that share one of a partition's pools.
  public static func poolSharer(_ index: Int, _ item: Int, _ sharer: Int) -> String {
    "\(pool(index, item))/shared-with/\(sharer)"
  }
  /// A partition's congestion groups.
  public static func congestionGroups(_ index: Int) -> String {
    "/partitions/\(index)/congestion-groups"
  }
  /// One of a partition's congestion groups.
  public static func congestionGroup(_ index: Int, _ item: Int) -> String {
    "\(congestionGroups(index))/\(item)"
  }
  /// The number of one of a partition's congestion groups.
  public static func congestionGroupID(_ index: Int, _ item: Int) -> String {
    "\(congestionGroup(index, item))/id"
  }
  /// The tail drop of one of a partition's congestion groups.
  public static func tailDrop(_ index: Int, _ item: Int) -> String {
    "\(congestionGroup(index, item))/tail-drop"
  }
  /// The early drop of one colour in one of a partition's congestion groups.
  public static func earlyDrop(_ index: Int, _ item: Int, _ colour: FrameColour) -> String {
    "\(congestionGroup(index, item))/wred/\(colour.rawValue)"
  }
  /// One of those whom one of a partition's congestion groups tells.
  public static func notified(_ index: Int, _ item: Int, _ name: Int) -> String {
    "\(congestionGroup(index, item))/notify/\(name)"
  }
  /// A partition's pool channels.
  public static func poolChannels(_ index: Int) -> String { "/partitions/\(index)/pool-channels" }
  /// One item of a partition's exact choice of pool channels.
  public static func poolChannel(_ index: Int, _ item: Int) -> String {
    "\(poolChannels(index))/\(item)"
  }
  /// The queues that serve in a role.
  public static func role(_ index: Int, _ role: QueueRole) -> String {
    "/partitions/\(index)/roles/\(role.rawValue)"
  }
  /// One range of the queues that serve in a role.
  public static func role(_ index: Int, _ role: QueueRole, range: Int) -> String {
    "\(self.role(index, role))/\(range)"
  }
  /// The work queue of a role.
  public static func workQueue(_ index: Int, _ role: QueueRole) -> String {
    "/partitions/\(index)/work-queues/\(role.rawValue)"
  }
  /// An accelerator that a partition uses.
  public static func accelerator(_ index: Int, _ kind: AcceleratorKind) -> String {
    "/partitions/\(index)/accelerators/\(kind.rawValue)"
  }
  /// One of a partition's chains through accelerators.
  public static func chain(_ index: Int, _ item: Int) -> String {
    "/partitions/\(index)/chains/\(item)"
  }
  /// A key of a chain: `answers`, `scan` and so on.
  public static func chain(_ index: Int, _ item: Int, key: String) -> String {
    "\(chain(index, item))/\(key)"
  }
  /// One of the groups of patterns that a partition has PME look for.
  public static func patternGroup(_ index: Int, _ group: Int) -> String {
    "\(accelerator(index, .pme))/patterns/\(group)"
  }
  /// The set of a group of patterns.
  public static func patternSet(_ index: Int, _ group: Int) -> String {
    "\(patternGroup(index, group))/set"
  }
  /// One pattern of a group.
  public static func pattern(_ index: Int, _ group: Int, _ item: Int) -> String {
    "\(patternGroup(index, group))/find/\(item)"
  }
  /// How a partition learns of frames.
  public static func mode(_ index: Int) -> String { "/partitions/\(index)/mode" }
  /// A partition's LIODN offset.
  public static func liodnOffset(_ index: Int) -> String { "/partitions/\(index)/liodn-offset" }
  /// One of a partition's further DMA windows.
  public static func dmaWindow(_ index: Int, _ item: Int) -> String {
    "/partitions/\(index)/dma-windows/\(item)"
  }
  /// One of the images that are loaded into a partition's memory.
  public static func image(_ index: Int, _ kind: ImageKind) -> String {
    "/partitions/\(index)/images/\(kind.rawValue)"
  }
  /// A key of an image: `address` or `size`.
  public static func image(_ index: Int, _ kind: ImageKind, key: String) -> String {
    "\(image(index, kind))/\(key)"
  }
  /// A partition's operating system.
  public static func os(_ index: Int) -> String { "/partitions/\(index)/os" }
  /// Whether a partition is a virtual machine.
  public static func kind(_ index: Int) -> String { "/partitions/\(index)/kind" }
  /// What runs its instructions.
  public static func accelerator(_ index: Int) -> String { "/partitions/\(index)/accel" }
  /// A partition's boot arguments.
  public static func bootArguments(_ index: Int) -> String {
    "/partitions/\(index)/boot-arguments"
  }
  /// The name of whom a partition is like.
  public static func like(_ index: Int) -> String { "/partitions/\(index)/like" }
  /// A key of an interface that is one value: `mtu`, `headroom`, `delivery` and so on.
  public static func interface(_ index: Int, key: String) -> String {
    "\(interface(index))/\(key)"
  }
  /// A key of a rule that is one value: `policer`, `queues` and so on.
  public static func rule(_ interface: Int, _ rule: Int, key: String) -> String {
    "\(self.rule(interface, rule))/\(key)"
  }
  /// A policer's name.
  public static func policer(_ index: Int) -> String { "/policers/\(index)" }
  /// A key of a policer: `committed-rate` and so on.
  public static func policer(_ index: Int, key: String) -> String { "\(policer(index))/\(key)" }
  /// A shared memory's name.
  public static func sharedMemory(_ index: Int) -> String { "/shared-memory/\(index)" }
  /// Where a shared memory begins.
  public static func sharedMemoryAddress(_ index: Int) -> String {
    "\(sharedMemory(index))/address"
  }
  /// One of the partitions that see a shared memory.
  public static func sharedMemory(_ index: Int, member: Int) -> String {
    "\(sharedMemory(index))/between/\(member)"
  }
  /// A reservation's name.
  public static func reservation(_ index: Int) -> String { "/reserved/\(index)" }
  /// One kind of thing that is reserved.
  public static func reservation(_ index: Int, _ kind: ResourceKind) -> String {
    "\(reservation(index))/\(kind.rawValue)"
  }
  /// One item of what is reserved: a range of queues or of addresses, or a single number.
  public static func reservation(_ index: Int, _ kind: ResourceKind, item: Int) -> String {
    "\(reservation(index, kind))/\(item)"
  }
}
