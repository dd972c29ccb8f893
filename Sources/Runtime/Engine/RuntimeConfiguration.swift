public import Partitioning

/// All that the runtime needs of a partition, as a value that a program can also write itself.
///
/// `RuntimeConfiguration(partition)` is what `dpaac run` uses; the generated Swift package spells
/// the same value out, and a test compares the two.
public struct RuntimeConfiguration: Sendable, Hashable {
  /// The plan's name.
  public var name: String
  /// The owners, the host first.
  public var owners: [Owner]
  /// The network interfaces and their rules.
  public var interfaces: [SharedInterface]
  /// The software-to-software links, one for each direction.
  public var links: [Link]

  /// Creates a configuration from its parts; ``Engine`` refuses what does not fit together.
  public init(name: String, owners: [Owner], interfaces: [SharedInterface], links: [Link]) {
    self.name = name
    self.owners = owners
    self.interfaces = interfaces
    self.links = links
  }

  /// The configuration of a proved partition.
  public init(_ partition: Partition) {
    self.init(
      name: partition.name, owners: partition.owners, interfaces: partition.interfaces,
      links: partition.links)
  }
}
