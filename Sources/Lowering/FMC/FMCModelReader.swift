import Diagnostics
import Documents

/// Makes a model of FMC's files, reading what FMC reads and skipping what it skips.
struct FMCModelReader {
  private(set) var model = FMCModel()
  /// How many header manipulations are made of those that make several: FMC holds 512.
  private static let headerLimit = 100_000

  init(configuration: XMLSourceElement, policy: XMLSourceElement) {
    for config in configuration.all("config") {
      for engine in config.all("engine") { model.engines.append(Self.engine(engine)) }
    }
    for child in policy.children { read(child) }
    model.makeIndex()
  }

  private mutating func read(_ element: XMLSourceElement) {
    switch element.name {
    case "policy":
      model.policies.append(
        FMCPolicy(
          name: element.name(),
          order: element.all("dist_order").flatMap { $0.all("distributionref") }.map {
            $0.name()
          },
          reassembly: element.last("reassembly")?.text("name")))
    case "distribution": model.distributions.append(Self.distribution(element))
    case "classification": model.classifications.append(Self.classification(element))
    case "replicator":
      model.replicators.append(
        FMCReplicator(
          name: element.name(), entries: element.all("entry").map(Self.entry),
          mayUse: element.last("may-use")?.all("action").map(Self.action) ?? []))
    case "policer":
      model.policers.append(
        FMCPolicer(
          name: element.name(),
          texts: Dictionary(
            element.children.map { ($0.name, $0.text.trimmed) }, uniquingKeysWith: { $1 }),
          actions: element.all("action").map(Self.action)))
    case "vsp": model.profiles.append(Self.profile(element, isDirectByDefault: true))
    case "manipulations": manipulations(element)
    default: break
    }
  }

  private mutating func manipulations(_ element: XMLSourceElement) {
    for child in element.children {
      switch child.name {
      case "header":
        var name = child.name()
        if let copies = child.integer("duplicate"), copies.value > 0 {
          // `duplicate` makes as many of them, numbered from 1.
          let base = name.value
          let room = max(1, Self.headerLimit - model.headers.count)
          for number in 1...min(copies.value, 512, room) {
            name.value = "\(base)_\(number)"
            model.headers.append(name)
          }
        } else {
          model.headers.append(name)
        }
        if let next = child.last("nextmanip")?.text("name") { model.nextHeaders.append(next) }
      case "fragmentation": model.fragmentations.append(child.name())
      case "reassembly":
        var numbers: [String: FMCInteger] = [:]
        for number in child.children {
          numbers[number.name] = FMCInteger(
            value: FMCNumber(number.text).value, span: FMCStructure.textSpan(of: number))
        }
        model.reassemblies.append(FMCReassembly(name: child.name(), numbers: numbers))
      default: break
      }
    }
  }

  private static func engine(_ element: XMLSourceElement) -> FMCEngine {
    FMCEngine(
      name: element.name(),
      ports: element.all("port").map { port in
        FMCPort(
          type: port.text("type", stripped: true) ?? port.nothing,
          number: port.integer("number"),
          policy: port.text("policy", stripped: true) ?? port.nothing, span: port.span)
      })
  }

  private static func distribution(_ element: XMLSourceElement) -> FMCDistribution {
    let queue = element.last("queue")
    let keys = element.all("key")
    let protocols = element.all("protocols").flatMap { $0.all("protocolref") }
    return FMCDistribution(
      name: element.name(), base: queue?.integer("base"), count: queue?.integer("count"),
      queueSpan: queue?.span, protocols: protocols.map { $0.name() },
      restricted: Set(protocols.filter { $0.attribute("opt") != nil }.map { $0.name().value }),
      key: keys.flatMap { $0.all("fieldref") }.map(field),
      nonHeaders: keys.flatMap { $0.all("nonheader") }.map(nonHeader),
      isSymmetric: keys.last?.attribute("symmetric")?.value == "true",
      keySpan: keys.last?.span, shift: keys.last?.integer("shift"),
      combines: element.all("combine").map { combine in
        FMCCombine(
          offset: combine.integer("offset"), extractOffset: combine.integer("extract_offset"),
          field: combine.text("fieldref"),
          sources: ["portid", "frame", "parser", "fieldref"].count {
            combine.attribute($0) != nil
          }, span: combine.span)
      },
      action: element.last("action").map(action),
      profile: element.last("vsp").map { profile($0, isDirectByDefault: false) },
      isShared: element.isSet("shared"))
  }

  private static func classification(_ element: XMLSourceElement) -> FMCClassification {
    let keys = element.all("key")
    return FMCClassification(
      name: element.name(), max: element.integer("max"), hasMasks: element.isSet("masks"),
      statistics: element.attribute("statistics")?.value,
      fields: keys.flatMap { $0.all("fieldref") }.map(field),
      nonHeaders: keys.flatMap { $0.all("nonheader") }.map(nonHeader),
      hashTables: keys.flatMap { $0.all("hashtable") }.map {
        FMCHashTable(mask: $0.integer("mask"), keySize: $0.integer("keysize"), span: $0.span)
      },
      keySpan: keys.last?.span, entries: element.all("entry").map(entry),
      onMiss: element.last("action").map(action),
      missQueue: element.last("queue")?.integer("base"),
      profile: element.last("vsp").map { profile($0, isDirectByDefault: false) },
      mayUse: element.last("may-use")?.all("action").map(action) ?? [])
  }

  private static func entry(_ element: XMLSourceElement) -> FMCEntry {
    func content(_ name: String) -> FMCText? {
      element.last(name).map {
        FMCText(value: $0.text.trimmed, span: FMCStructure.textSpan(of: $0))
      }
    }
    return FMCEntry(
      data: content("data"), mask: content("mask"),
      queue: element.last("queue")?.integer("base"), action: element.last("action").map(action),
      profile: element.last("vsp").map { profile($0, isDirectByDefault: false) },
      references: [FMCKind.header, .fragmentation].compactMap { kind in
        element.last(kind.rawValue)?.text("name", stripped: true).map { (kind, $0) }
      }, span: element.span)
  }

  private static func action(_ element: XMLSourceElement) -> FMCAction {
    FMCAction(
      type: element.attribute("type")?.value.trimmed ?? "",
      name: element.text("name", stripped: true),
      condition: element.text("condition", stripped: true),
      statistics: ["yes", "true", "enable"].contains(element.attribute("statistics")?.value ?? ""),
      span: element.span)
  }

  private static func field(_ element: XMLSourceElement) -> FMCField {
    FMCField(
      name: element.name(), index: element.text("header_index"),
      offset: element.integer("offset"), size: element.integer("size"))
  }

  private static func nonHeader(_ element: XMLSourceElement) -> FMCNonHeader {
    FMCNonHeader(
      source: element.attribute("source")?.value.trimmed ?? "",
      action: element.text("action", stripped: true), offset: element.integer("offset"),
      size: element.integer("size"),
      indexMask: element.integer("ic_index_mask"), span: element.span)
  }

  private static func profile(_ element: XMLSourceElement, isDirectByDefault: Bool) -> FMCProfile {
    let type = element.attribute("type")?.value
    return FMCProfile(
      name: element.text("name"), isDirect: type.map { $0 == "direct" } ?? isDirectByDefault,
      base: element.integer("base"), offset: element.integer("vspoffset"),
      count: element.integer("vspcount"), allocates: element.attribute("alloc")?.value == "yes",
      span: element.span)
  }
}

extension XMLSourceElement {
  fileprivate func all(_ name: String) -> [XMLSourceElement] {
    children.filter { $0.name == name }
  }

  fileprivate func last(_ name: String) -> XMLSourceElement? {
    children.last { $0.name == name }
  }

  fileprivate func text(_ name: String, stripped: Bool = false) -> FMCText? {
    attribute(name).map {
      FMCText(value: stripped ? $0.value.trimmed : $0.value, span: $0.span)
    }
  }

  fileprivate func name() -> FMCText { text("name") ?? nothing }

  /// An empty name at the element's place: that it is missing has been said.
  fileprivate var nothing: FMCText { FMCText(value: "", span: nameSpan) }

  fileprivate func integer(_ name: String) -> FMCInteger? {
    attribute(name).map { FMCInteger(value: FMCNumber($0.value).value, span: $0.span) }
  }

  fileprivate func isSet(_ name: String) -> Bool {
    ["yes", "true"].contains(attribute(name)?.value ?? "")
  }
}
