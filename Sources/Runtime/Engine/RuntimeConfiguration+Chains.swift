import Partitioning
import QorIQ

/// Chains, as the engine's tables want them.
extension RuntimeConfiguration {
  /// The chains whose answers an interface sends, owner by owner.
  var chainExits: [(owner: Int, exit: DeviceChain.Exit)] {
    owners.indices.flatMap { index in
      (queueing[index]?.chains ?? []).compactMap { chain in chain.exit.map { (index, $0) } }
    }
  }

  /// The place of a chain's answers among those of its owner from the same accelerator: behind the pairs.
  func answerPlace(of chain: DeviceChain, owner: Int) -> Int {
    let pairs = queueing[owner]?.accelerators.first { $0.kind == chain.kind }?.requests.count ?? 0
    let alike = (queueing[owner]?.chains ?? []).filter { $0.kind == chain.kind }
    return pairs + (alike.firstIndex(of: chain) ?? 0)
  }

  /// A rule's chain, if it leads into one.
  func chain(of rule: FlowRule) -> DeviceChain? {
    guard let name = rule.chain else { return nil }
    return queueing[rule.owner]?.chains.first { $0.name == name }
  }

  /// What an interface does for the chain of each rule that leads into one, by the rule's place.
  func chainEntries(of interface: SharedInterface) -> [Int: Classifier.ChainEntry] {
    var entries: [Int: Classifier.ChainEntry] = [:]
    for (place, rule) in interface.rules.enumerated() {
      entries[place] = chain(of: rule).map { Classifier.ChainEntry($0) }
    }
    return entries
  }
}

extension RuntimeConfiguration.QueueingGrant {
  /// The queues that lead into an accelerator: those of pairs, and those of chains.
  func requests(to kind: AcceleratorKind) -> [FQID] {
    accelerators.filter { $0.kind == kind }.flatMap(\.requests)
      + chains.filter { $0.kind == kind }.map(\.request)
  }
}
