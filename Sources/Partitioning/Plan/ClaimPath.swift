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
}
