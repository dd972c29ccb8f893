public import Diagnostics

/// A change to a base tree, as an overlay's fragments say it.
///
/// ```swift
/// Overlay(tree, name: "guest1.dtbo").apply(to: &base, into: &bag)
/// ```
public struct Overlay: Sendable {
  private let tree: Tree
  private let name: String

  /// Takes an overlay as it was read from source or from a blob.
  ///
  /// - Parameters:
  ///   - tree: The overlay.
  ///   - name: What findings call it.
  public init(_ tree: Tree, name: String) {
    self.tree = tree
    self.name = name
  }

  /// Applies every fragment, or leaves the base as it was and says why.
  ///
  /// The overlay's phandles are moved behind those of the base, but a node that has one in the base
  /// keeps it; what it says of labels is looked up
  /// in the base's `/__symbols__`; its own symbols are added there. As libfdt does, new properties
  /// and nodes go before what is there.
  ///
  /// - Complexity: O(*n*) in both trees and in the number of fixups times the depth of their paths.
  public func apply(to base: inout Tree, into bag: inout DiagnosticBag) {
    do {
      var overlay = try prepared()
      try overlay.shiftPhandles(by: base.root.largestPhandle)
      try fixUp(&overlay, with: base)
      var paths = PhandlePaths(base.root)
      try overlay.keepPhandles(of: base, &paths)
      var result = base
      let targets = try merge(overlay, into: &result, &paths)
      try addSymbols(of: overlay, to: &result, targets)
      base = result
    } catch {
      bag.error(error.code, "\(name): \(error.message)")
    }
  }

  /// The overlay with its references resolved and its fixups listed.
  private func prepared() throws(OverlayFault) -> Tree {
    guard tree.isPlugin, tree.root.child("__fixups__") == nil else { return tree }
    var overlay = tree
    var bag = DiagnosticBag()
    overlay.resolveReferences(into: &bag)
    if overlay.root.child("__local_fixups__") == nil { overlay.addFixups(into: &bag) }
    if let finding = bag.diagnostics.first { throw OverlayFault(finding.code, finding.message) }
    return overlay
  }

  // MARK: references to the base

  private func fixUp(_ overlay: inout Tree, with base: Tree) throws(OverlayFault) {
    guard let fixups = overlay.root.children.first(where: { $0.name == "__fixups__" }) else {
      return
    }
    let symbols = base.root.children.first { $0.name == "__symbols__" }
    var paths: [String: PropertyValue] = [:]
    for symbol in symbols?.properties ?? [] where paths[symbol.name] == nil {
      paths[symbol.name] = symbol.value
    }
    let fragments = ChildPlaces(overlay.root)
    for fixup in fixups.properties {
      guard let path = paths[fixup.name]?.string else {
        throw OverlayFault(
          "overlay-symbol", "refers to '\(fixup.name)', which the base's /__symbols__ does not name"
        )
      }
      guard let phandle = base.read(path, { $0.phandle }) ?? nil else {
        throw OverlayFault(
          "overlay-symbol", "refers to '\(fixup.name)', but \(path) of the base has no phandle")
      }
      guard let places = fixup.value.strings else {
        throw OverlayFault("overlay-fixup", "/__fixups__:\(fixup.name) is no list of strings")
      }
      for place in places { try overlay.setPhandle(phandle, at: place, fragments) }
    }
  }

  // MARK: fragments

  /// Lays the fragments over the base; gives the full path of each one's target by its name.
  private func merge(
    _ overlay: Tree, into base: inout Tree, _ paths: inout PhandlePaths
  ) throws(OverlayFault) -> [String: String] {
    var targets: [String: String] = [:]
    for fragment in overlay.root.children {
      guard let content = fragment.children.first(where: { $0.name == "__overlay__" }) else {
        continue
      }
      let path = try fragment.overlayTarget(in: base, &paths)
      if let (depth, length) = base.extent(ofPath: path),
        !content.keepsLimits(depth: depth, length: length)
      {
        throw OverlayFault(
          "nesting-too-deep",
          "\(fragment.name) makes nodes below \(path) that are nested more than "
            + "\(Tree.maximumDepth) deep, or whose paths are longer than "
            + "\(Tree.maximumPathLength) bytes")
      }
      let isApplied: Void? = base.update(path) { $0.overlay(with: content) }
      guard isApplied != nil else {
        throw OverlayFault("overlay-target", "the base has no node \(path) for \(fragment.name)")
      }
      targets[fragment.name] = path
    }
    return targets
  }

  // MARK: symbols

  private func addSymbols(
    of overlay: Tree, to base: inout Tree, _ targets: [String: String]
  ) throws(OverlayFault) {
    guard let symbols = overlay.root.children.first(where: { $0.name == "__symbols__" }),
      !symbols.properties.isEmpty
    else { return }
    if !base.root.children.contains(where: { $0.name == "__symbols__" }) {
      base.root.children.insert(Node("__symbols__"), at: 0)
    }
    guard let index = base.root.children.firstIndex(where: { $0.name == "__symbols__" }) else {
      return
    }
    var added: [Property] = []
    var known: [String: Int] = [:]
    for (index, symbol) in base.root.children[index].properties.enumerated() {
      known[symbol.name] = index
    }
    for symbol in symbols.properties {
      guard let path = symbol.value.string, path.hasPrefix("/") else {
        throw OverlayFault("overlay-symbol", "/__symbols__:\(symbol.name) is no path")
      }
      let components = path.split(separator: "/")
      // A symbol of a node that no fragment brings, such as the fragment itself, means nothing.
      guard components.count >= 2, components[1] == "__overlay__",
        let target = targets[String(components[0])]
      else { continue }
      let prefix = target == "/" ? "" : target
      let moved = components.dropFirst(2).reduce(into: prefix) { $0 += "/" + $1 }
      let value = PropertyValue.string(moved.isEmpty ? "/" : moved)
      if let place = known[symbol.name] {
        base.root.children[index].properties[place].value = value
      } else {
        added.append(Property(symbol.name, value))
      }
    }
    base.root.children[index].properties.insert(contentsOf: added.reversed(), at: 0)
  }
}

/// Why an overlay does not apply.
struct OverlayFault: Error {
  let code: DiagnosticCode
  let message: String

  init(_ code: DiagnosticCode, _ message: String) {
    self.code = code
    self.message = message
  }
}
