/// One CPU as the operating system sees it: a core, or one thread of a core.
public struct CPU: Sendable, Hashable {
  /// The CPU's number.
  public var index: CPUIndex
  /// The core that it belongs to; two CPUs of one core share caches and execution units.
  public var coreIndex: Int
  /// The cluster that its core belongs to: cores of one cluster share a second-level cache. Where
  /// each core has its own, or none, it is the core's number.
  public var clusterIndex: Int
  /// Creates a CPU.
  public init(index: CPUIndex, coreIndex: Int, clusterIndex: Int? = nil) {
    self.index = index
    self.coreIndex = coreIndex
    self.clusterIndex = clusterIndex ?? coreIndex
  }
}

extension Board {
  /// The number of cores.
  public var coreCount: Int { Set(cpus.map(\.coreIndex)).count }
  /// The number of clusters: of second-level caches where cores have any.
  public var clusterCount: Int { Set(cpus.map(\.clusterIndex)).count }
  /// The CPUs of a core, ascending: its threads.
  public func threads(ofCore core: Int) -> [CPUIndex] {
    cpus.filter { $0.coreIndex == core }.map(\.index)
  }
}
