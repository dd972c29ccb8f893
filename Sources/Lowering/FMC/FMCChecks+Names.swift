import Diagnostics
import QorIQ

extension FMCChecks {
  /// Types of ports that FMC knows.
  static let portTypes = ["MAC", "1G", "10G", "OFFLINE", "TX_1G", "TX_10G", "HOST_CMD"]

  mutating func checkPorts() {
    var engines: [String: SourceSpan] = [:]
    if model.engines.isEmpty {
      bag.error("fmc-engine", "the configuration has no engine")
    }
    for engine in model.engines {
      let name = engine.name
      if name.value != "fm0", name.value != "fm1" {
        bag.error(
          "fmc-engine", "an engine is fm0 or fm1, but this is \"\(name.value)\"", at: name.span)
      }
      if let first = engines[name.value] {
        bag.error(
          "fmc-engine", "the engine \(name.value) comes twice, and FMC keeps the last",
          at: name.span, notes: [Note("it stands here first", at: first)])
      }
      engines[name.value] = name.span
      if engine.ports.isEmpty {
        bag.error("fmc-engine", "FMC drops \(name.value), which has no port", at: name.span)
      }
      checkPorts(of: engine)
    }
  }

  private mutating func checkPorts(of engine: FMCEngine) {
    var seen: [String: SourceSpan] = [:]
    for port in engine.ports {
      resolve(.policy, port.policy, from: "the port")
      guard Self.portTypes.contains(port.type.value) else {
        if port.type.value.isEmpty { continue }
        let near = nearestName(to: port.type.value, in: Self.portTypes)
        bag.error(
          "fmc-port-type",
          "there are no ports of type \(port.type.value): FMC makes a dummy port of it",
          at: port.type.span,
          fixIts: near.map {
            [FixIt("did you mean \($0)?", replacing: port.type.span, with: $0)]
          } ?? [])
        continue
      }
      guard let number = port.number else { continue }
      let allowed = numbers(of: port.type.value, in: engine.name.value)
      if !allowed.contains(number.value) {
        let known = allowed.isEmpty ? "none" : allowed.map(String.init).joined(separator: ", ")
        let place = board.map { " on \($0.name)" } ?? ""
        bag.error(
          "fmc-port-number",
          "\(engine.name.value) has no \(port.type.value) port \(number.value)\(place); "
            + "there are \(known)", at: number.span)
      }
      let key = Self.physicalPort(port.type.value, number.value)
      if let first = seen[key] {
        bag.error(
          "fmc-port-twice",
          "the port \(port.type.value) \(number.value) of \(engine.name.value) comes twice",
          at: port.span, notes: [Note("it stands here first", at: first)])
      } else {
        seen[key] = port.span
      }
    }
  }

  /// One name for a port that has two: `MAC` counts as people do, from 1, with 9 and 10 for the two
  /// of 10 Gbit/s (`source/FMCPCDModel.cpp`).
  private static func physicalPort(_ type: String, _ number: Int) -> String {
    guard type == "MAC" else { return "\(type)/\(number)" }
    return number >= 9 ? "10G/\(number - 9)" : "1G/\(number - 1)"
  }

  /// The numbers that a type of port may have.
  private func numbers(of type: String, in engine: String) -> [Int] {
    guard let board else {
      switch type {
      case "MAC": return Array(1...10)
      case "10G", "TX_10G": return [0, 1]
      default: return Array(0...7)
      }
    }
    guard let index = ["fm0": 0, "fm1": 1][engine],
      let fman = board.fmans.first(where: { $0.index == index })
    else { return [] }
    return fman.portNumbers(ofFMCType: type)
  }

  mutating func checkNames() {
    let longest = longestPort
    var first: [FMCKind: [String: FMCText]] = [:]
    for (kind, name) in model.names where !name.value.isEmpty {
      if let other = first[kind]?[name.value] {
        bag.error(
          "fmc-duplicate-name",
          "the \(kind.title) \(name.value) is defined twice, and FMC keeps the last",
          at: name.span, notes: [Note("the first definition is here", at: other.span)])
      } else {
        first[kind, default: [:]][name.value] = name
      }
      checkLength(of: name, kind, longestPort: longest)
    }
    checkPrefixes()
    for policy in model.policies {
      for name in policy.order { resolve(.distribution, name, from: "the policy") }
      if let name = policy.reassembly { resolve(.reassembly, name, from: "the policy") }
    }
    for name in model.nextHeaders { resolve(.header, name, from: "<nextmanip>") }
  }

  /// The length of the longest name that FMC gives to a port.
  private var longestPort: Int {
    let ports = model.engines.flatMap { engine in
      engine.ports.map { "\(engine.name.value)/port/\($0.type.value)/\($0.number?.value ?? 0)" }
    }
    return ports.map(\.utf8.count).max() ?? 0
  }

  /// FMC names objects `fm0/port/OFFLINE/10/ccnode/NAME` and cuts them at 63 characters
  /// (`source/fmc.h`), so that two may become one.
  private mutating func checkLength(of name: FMCText, _ kind: FMCKind, longestPort longest: Int) {
    let place =
      switch kind {
      case .distribution: ("dist", "/direct")
      case .classification: ("ccnode", "")
      case .policer: ("policer", "")
      default: ("", "")
      }
    guard !place.0.isEmpty else { return }
    let length = longest + place.0.utf8.count + 2 + name.value.utf8.count + place.1.utf8.count
    guard length > 63 else { return }
    bag.error(
      "fmc-name-length",
      "the \(kind.title)'s name makes objects with names of \(length) characters, which FMC cuts "
        + "at 63", at: name.span,
      fixIts: [FixIt("take at most \(max(name.value.utf8.count - (length - 63), 1)) characters")])
  }

  /// USDPAA's reader (`lib/syscfg/fmc_netcfg_parser.c`) compares names of distributions no further
  /// than the shorter one goes.
  private mutating func checkPrefixes() {
    let names = Dictionary(
      model.distributions.map { ($0.name.value, $0.name) }, uniquingKeysWith: { first, _ in first }
    ).values.filter { !$0.value.isEmpty }.sorted {
      $0.value.utf8.lexicographicallyPrecedes($1.value.utf8)
    }
    // What begins with a name follows it, one after the other, and so does what begins with that.
    var shorter: [FMCText] = []
    for next in names {
      while let name = shorter.last, !next.value.utf8.starts(with: name.value.utf8) {
        shorter.removeLast()
      }
      if let name = shorter.last {
        bag.add(
          Diagnostic(
            "fmc-name-prefix", .note,
            "the name \(name.value) begins the name \(next.value): USDPAA takes one for the other",
            at: next.span, notes: [Note("the shorter name is here", at: name.span)]))
      }
      shorter.append(next)
    }
  }
}
