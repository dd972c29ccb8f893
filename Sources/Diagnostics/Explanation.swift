/// What a kind of finding is about.
public enum FindingGroup: String, Sendable, Hashable, CaseIterable {
  /// The text of a file, before anything in it means anything.
  case file
  /// A board's own description.
  case board
  /// Names, and what they refer to.
  case naming
  /// Frame queues.
  case queues
  /// Buffer pools.
  case pools
  /// Software portals.
  case portals
  /// Channels and work queues.
  case channels
  /// Congestion groups.
  case congestion
  /// LIODNs, and what a DMA may reach.
  case dma
  /// Memory.
  case memory
  /// CPUs.
  case cpus
  /// Interrupts.
  case interrupts
  /// Network interfaces, offline ports and links.
  case ports
  /// Classification rules.
  case rules
  /// Policers.
  case policers
  /// SEC, PME and the other accelerators.
  case accelerators
  /// Buffers, and frames that must fit into them.
  case buffers
  /// What a guest's operating system and device tree need.
  case trees
  /// Findings that are allowed, and the lists that allow them.
  case findings
}

/// What there is to say about a kind of finding beside the rule that it stands for.
public struct Explanation: Sendable, Hashable {
  /// What goes wrong where the rule is broken, in whole sentences.
  public var meaning: String
  /// What to do about it, as an imperative without a full stop.
  public var repair: String
  /// Where the rule comes from: a binding, a driver, a manual, or a decision of this project.
  public var source: String
  /// A plan that breaks the rule.
  public var example: String
  /// Other files that the example needs, by name relative to it.
  public var files: [String: String]

  /// Creates an explanation.
  public init(
    _ meaning: String, repair: String, source: String, example: String,
    files: [String: String] = [:]
  ) {
    self.meaning = meaning
    self.repair = repair
    self.source = source
    self.example = example
    self.files = files
  }
}
