import Diagnostics
import Documents
import Partitioning

/// Chains through accelerators.
extension PlanLowering {
  mutating func chains(_ node: YAMLNode, name: String, index: Int) -> [ChainWish]? {
    guard let entries = reader.entries(node, of: "\(name)'s chains") else { return nil }
    var chains: [ChainWish] = []
    for entry in entries {
      let item = chains.count
      origins.record(ClaimPath.chain(index, item), at: entry.keySpan)
      checkName(entry.key, of: "chain", at: entry.keySpan)
      chains.append(ChainWish(name: entry.key, kind: nil))
      let what = "\(name)'s chain \(entry.key)"
      guard let facts = reader.facts(entry.value, of: what, in: .chain) else { continue }
      for key in PlanSection.chain.keys {
        origins.record(ClaimPath.chain(index, item, key: key.name), at: facts[key.name]?.span)
      }
      chains[item].kind = facts["by"].flatMap {
        reader.choice(
          $0, "the accelerator of \(what)",
          among: AcceleratorKind.allCases.map { ($0.rawValue, $0) }
        )
      }
      chains[item].answers = facts["answers"].flatMap { reader.text($0, "the answers of \(what)") }
      chains[item].group = facts["scan"].flatMap { reader.text($0, "what \(what) looks for") }
      chains[item].header = facts["ethernet"].flatMap { header($0, of: what) }
    }
    return chains
  }

  private mutating func header(_ node: YAMLNode, of what: String) -> EthernetHeader? {
    let what = "the Ethernet header of \(what)"
    guard let facts = reader.facts(node, of: what, in: .ethernetHeader) else { return nil }
    let destination = facts["dst"].flatMap { reader.mac($0, "the receiver in \(what)") }
    let source = facts["src"].flatMap { reader.mac($0, "the sender in \(what)") }
    let types = EthernetHeader.types
    let type =
      facts["type"].map {
        reader.choice($0, "the type in \(what)", among: types.map { ($0.name, $0.type) })
      } ?? types[0].type
    guard let destination, let source, let type else { return nil }
    return EthernetHeader(destination: destination, source: source, type: type)
  }
}
