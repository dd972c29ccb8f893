import Diagnostics

/// What one quick look at a tree tells: which of the longer passes have anything to do.
///
/// Most trees keep every rule of form, refer to nothing by path and carry no `name` properties; for
/// a million nodes it pays to know that first. The survey may suspect what is in order, but never
/// passes over what is not.
struct TreeSurvey {
  /// Whether a rule of form (``TreeCheck/structuralChecks``) may be broken, labels and phandles apart.
  private(set) var suspectsForm = false
  /// Whether there are labels, at nodes, properties or in values.
  private(set) var hasLabels = false
  /// Whether values refer to nodes.
  private(set) var hasReferences = false
  /// Whether nodes have phandles.
  private(set) var hasPhandles = false
  /// Whether nodes have `name` properties.
  private(set) var hasNames = false
  /// Whether nodes may go when nothing refers to them.
  private(set) var hasOmittable = false
  private var names = NameSet()
  private let classes = ByteClass.table

  init(_ tree: Tree) { tree.withRootPlace { visit($0) } }

  /// The rules of form that may be broken.
  var neededChecks: [TreeCheck] {
    TreeCheck.structuralChecks.filter { check in
      switch check.code {
      case "duplicate-label": hasLabels
      case "explicit-phandles": hasPhandles
      default: suspectsForm || hasNames
      }
    }
  }

  private mutating func visit(_ node: UnsafePointer<Node>) {
    if !node.pointee.labels.isEmpty { hasLabels = true }
    if node.pointee.isOmittedWithoutReference { hasOmittable = true }
    if !isNodeName(node.pointee.name) { suspectsForm = true }
    node.forEachProperty { visit($0) }
    let (properties, children) = (node.pointee.properties.span, node.pointee.children.span)
    if names.hasRepetition(properties.count, { properties[$0].name }) { suspectsForm = true }
    if names.hasRepetition(children.count, { children[$0].name }) { suspectsForm = true }
    node.forEachChild { visit($0) }
  }

  private mutating func visit(_ property: UnsafePointer<Property>) {
    if !property.pointee.labels.isEmpty { hasLabels = true }
    if property.pointee.value.marks.namesPlaces {
      hasLabels = true
      hasReferences = true
    }
    let name = property.pointee.name
    switch name.utf8.count {
    case 4 where name == "name": hasNames = true
    case 7 where name == "phandle": hasPhandles = true
    case 13 where name == "linux,phandle": hasPhandles = true
    default: break
    }
    for byte in name.utf8 where !isNameCharacter(byte) { suspectsForm = true }
  }

  private func isNameCharacter(_ byte: UInt8) -> Bool {
    byte != UInt8(ascii: "@") && classes[Int(byte)] & ByteClass.name != 0
  }

  private func isNodeName(_ name: String) -> Bool {
    var hasAddress = false
    for byte in name.utf8 where !isNameCharacter(byte) {
      guard byte == UInt8(ascii: "@"), !hasAddress else { return false }
      hasAddress = true
    }
    return true
  }
}
