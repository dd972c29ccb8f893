public import Diagnostics

/// Which properties carry a phandle that had to be invented.
public enum PhandleFormat: Sendable, Hashable {
  /// `phandle`
  case epapr
  /// `linux,phandle`
  case legacy
  /// `linux,phandle` and `phandle`
  case both

  /// The names of the properties.
  var propertyNames: [String] {
    switch self {
    case .epapr: ["phandle"]
    case .legacy: ["linux,phandle"]
    case .both: ["linux,phandle", "phandle"]
    }
  }
}

extension Tree {
  /// Replaces every reference by the phandle or path of its node, inventing phandles where needed.
  ///
  /// Phandles are given out from 1 in the order of first use and appended to their nodes. Nodes under
  /// `/omit-if-no-ref/` that nothing refers to are removed. In an overlay, references to labels of
  /// the base tree stay `0xFFFFFFFF`. Calling this again changes nothing.
  ///
  /// - Parameters:
  ///   - phandleFormat: Which properties carry invented phandles.
  ///   - keepsLabelled: Whether nodes with labels stay, as overlays may refer to them by symbol.
  ///   - bag: Where references are reported that lead nowhere.
  /// - Complexity: O(*n*) in nodes, properties and bytes.
  public mutating func resolveReferences(
    phandleFormat: PhandleFormat = .epapr, keepsLabelled: Bool = false,
    into bag: inout DiagnosticBag
  ) {
    for failure in resolveReporting(phandleFormat: phandleFormat, keepsLabelled: keepsLabelled) {
      bag.error(
        "undefined-reference", failure.message, at: failure.span, fixIts: failure.fixIts)
    }
  }

  /// Resolves references and hands back those that lead nowhere.
  mutating func resolveReporting(
    phandleFormat: PhandleFormat, keepsLabelled: Bool
  ) -> [ReferenceFailure] {
    var resolver = ReferenceResolver(self, phandleFormat: phandleFormat)
    resolver.keepsLabelled = keepsLabelled
    return resolver.resolve(&root)
  }
}

/// A reference that leads nowhere.
struct ReferenceFailure {
  let isPath: Bool
  let message: String
  let span: SourceSpan?
  let fixIts: [FixIt]
}

/// One pass of reference resolution.
struct ReferenceResolver {
  private var table: TreeTable
  private var phandles: [Int: UInt32] = [:]
  private var used: Set<UInt32> = []
  private var next: UInt32 = 1
  private var invented: Set<Int> = []
  private var referenced: Set<Int> = []
  private var failures: [ReferenceFailure] = []
  private var cursor = 0
  private var hasOmittable = false
  var keepsLabelled = false
  private let isPlugin: Bool
  private let format: PhandleFormat

  init(_ tree: Tree, phandleFormat: PhandleFormat) {
    table = TreeTable(tree.root)
    isPlugin = tree.isPlugin
    format = phandleFormat
    collect(tree.root)
  }

  mutating func resolve(_ root: inout Node) -> [ReferenceFailure] {
    cursor = 0
    visit(&root)
    if !invented.isEmpty {
      cursor = 0
      appendPhandles(&root)
    }
    if hasOmittable {
      cursor = 1
      omitUnreferenced(&root)
    }
    return failures
  }

  /// Notes the phandles that the source gives itself.
  private mutating func collect(_ node: Node) {
    let index = cursor
    cursor += 1
    if node.isOmittedWithoutReference { hasOmittable = true }
    for property in node.properties {
      guard property.name == "phandle" || property.name == "linux,phandle",
        property.value.references.isEmpty, let number = property.value.cell,
        number != 0, number != .max
      else { continue }
      phandles[index] = number
      used.insert(number)
    }
    for child in node.children { collect(child) }
  }

  private mutating func phandle(of index: Int) -> UInt32 {
    if let phandle = phandles[index] { return phandle }
    while used.contains(next) { next += 1 }
    phandles[index] = next
    used.insert(next)
    invented.insert(index)
    return next
  }

  private mutating func visit(_ node: inout Node) {
    let position = cursor
    cursor += 1
    for index in node.properties.indices
    where node.properties[index].value.marks.namesPlaces {
      let span = node.properties[index].span
      let name = node.properties[index].name
      let missing = resolve(&node.properties[index].value)
      if missing.isEmpty { continue }
      let places = span.map { ReferencePlaces(ofPropertyAt: $0) }
      let property = "\(table.path(of: position)):\(name)"
      for (reference, isPath, number) in missing {
        let place = places?.span(of: reference, number: number)
        failures.append(
          ReferenceFailure(
            isPath: isPath, message: "\(property): \(reference) is not in the tree",
            span: place ?? span, fixIts: repairs(reference, at: place)))
      }
    }
    for index in node.children.indices { visit(&node.children[index]) }
  }

  /// The label that was most likely meant. Each takes a look at all labels, so only the first few
  /// failures get one.
  private func repairs(_ reference: Reference, at place: SourceSpan?) -> [FixIt] {
    guard failures.count < 20, !reference.target.utf8.contains(UInt8(ascii: "/")),
      let near = nearestName(to: reference.target, in: table.labels.keys.sorted())
    else { return [] }
    let message = "did you mean &\(near)?"
    guard let place, place.text == "&\(reference.target)" else { return [FixIt(message)] }
    return [FixIt(message, replacing: place, with: "&\(near)")]
  }

  /// A reference that leads nowhere, and how many others stand in front of it in its value.
  private typealias Missing = (reference: Reference, isPath: Bool, number: Int)

  /// Resolves what a value refers to; gives back what leads nowhere.
  private mutating func resolve(_ value: inout PropertyValue) -> [Missing] {
    var missing: [Missing] = []
    var number = 0
    var hasPaths = false
    for marker in value.markers {
      switch marker.kind {
      case .phandle(let reference):
        if let target = table.resolve(reference) {
          referenced.insert(target)
          value.setCell(phandle(of: target), at: marker.offset)
        } else if isPlugin {
          value.setCell(.max, at: marker.offset)
        } else {
          missing.append((reference, false, number))
        }
        number += 1
      case .path:
        hasPaths = true
        number += 1
      default: break
      }
    }
    if hasPaths { insertPaths(&value, &missing) }
    return missing
  }

  /// Puts each path where its marker stands and moves what follows.
  private mutating func insertPaths(
    _ value: inout PropertyValue, _ missing: inout [Missing]
  ) {
    let old = value.bytes
    var markers = value.markers
    var bytes: [UInt8] = []
    var copied = 0
    var pending: [UInt8]?
    var number = 0
    for index in markers.indices {
      let marker = markers[index]
      if marker.kind.isType {
        if let path = pending {
          // What stood there from an earlier resolution is replaced.
          bytes += path
          copied = marker.offset
          pending = nil
        }
      }
      if pending == nil {
        bytes += old[copied..<max(copied, marker.offset)]
        copied = max(copied, marker.offset)
      }
      markers[index].offset = bytes.count + (pending?.count ?? 0)
      if case .phandle = marker.kind { number += 1 }
      guard case .path(let reference) = marker.kind else { continue }
      defer { number += 1 }
      guard let target = table.resolve(reference) else {
        missing.append((reference, true, number))
        continue
      }
      referenced.insert(target)
      pending = Array(table.path(of: target).utf8) + [0]
    }
    if let pending { bytes += pending } else { bytes += old[copied...] }
    value = PropertyValue(bytes: bytes, markers: markers)
  }

  private mutating func appendPhandles(_ node: inout Node) {
    let index = cursor
    cursor += 1
    if invented.contains(index), let number = phandles[index] {
      for name in format.propertyNames where node[name] == nil { node.set(name, number) }
    }
    for child in node.children.indices { appendPhandles(&node.children[child]) }
  }

  private mutating func omitUnreferenced(_ node: inout Node) {
    var kept: [Node] = []
    kept.reserveCapacity(node.children.count)
    for child in node.children {
      var child = child
      let index = cursor
      cursor += 1
      omitUnreferenced(&child)
      if !child.isOmittedWithoutReference || referenced.contains(index)
        || keepsLabelled && !child.labels.isEmpty
      {
        kept.append(child)
      }
    }
    node.children = kept
  }
}
