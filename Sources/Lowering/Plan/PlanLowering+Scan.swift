import Diagnostics
import Documents
import Partitioning

/// A partition that filters.
extension PlanLowering {
  mutating func scan(_ node: YAMLNode, name: String, index: Int) -> GuestProgram {
    let what = "\(name)'s filter"
    guard let facts = reader.facts(node, of: what, in: .scan) else { return .reflect }
    var program = GuestProgram.ScanProgram(ways: [], groups: [])
    for item in facts["between"].flatMap({ reader.items($0, of: "the ways of \(what)") }) ?? [] {
      guard let way = reader.text(item, "a way of \(what)") else { continue }
      origins.record(ClaimPath.scanWay(index, program.ways.count), at: item.span)
      program.ways.append(way)
    }
    let groups = facts["groups"].flatMap { reader.items($0, of: "the groups of \(what)") } ?? []
    for item in groups {
      guard let group = reader.facts(item, of: "a group of \(what)", in: .scanGroup),
        let node = group["group"], let name = reader.text(node, "a group of \(what)")
      else { continue }
      let actions = GuestProgram.ScanProgram.Action.allCases.map { ($0.rawValue, $0) }
      let action =
        group["then"].map { reader.choice($0, "what \(what) does", among: actions) } ?? .drop
      guard let action else { continue }
      origins.record(ClaimPath.scanGroup(index, program.groups.count), at: node.span)
      program.groups.append(.init(name: name, action: action))
    }
    func flag(
      _ key: String, _ words: [(String, Bool)],
      _ field: WritableKeyPath<GuestProgram.ScanProgram, Bool>
    ) {
      guard let node = facts[key],
        let value = reader.choice(node, "\(key) of \(what)", among: words)
      else { return }
      program[keyPath: field] = value
    }
    flag("from", [("payload", true), ("frame", false)], \.startsAtPayload)
    flag("streams", [("yes", true), ("no", false)], \.keepsStreams)
    flag("fail", [("open", true), ("closed", false)], \.failsOpen)
    if let node = facts["idle"], let idle = reader.number(node, "idle of \(what)", in: 1...86_400) {
      program.idleSeconds = UInt32(idle)
    }
    if let node = facts["divert-to"] {
      origins.record(ClaimPath.scanDivert(index), at: node.span)
      program.divert = reader.text(node, "where \(what) diverts to")
    }
    if program.keepsStreams, !program.startsAtPayload, let node = facts["from"] {
      reader.bag.error(
        .badChoice, "\(what) cannot look through streams from the first byte of frames on",
        at: node.span, fixIts: [FixIt("write payload, or take it out")])
    }
    return .scan(program)
  }
}
