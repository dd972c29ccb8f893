public import Diagnostics

/// A node of a device tree, with everything below it.
///
/// ```swift
/// let cpus = Node("cpus") {
///   $0.set("#address-cells", 1)
///   $0.set("#size-cells", 0)
///   $0.add("cpu@0", labels: ["cpu0"]) {
///     $0.set("device_type", "cpu")
///     $0.set("reg", .cells([0]))
///     $0.set("next-level-cache", .reference("l2"))
///   }
/// }
/// ```
///
/// Comparisons ignore where a node was written.
public struct Node: Sendable, Hashable {
  /// The name with its unit address, for example `cpu@0`; empty for the root.
  public var name: String
  /// The labels in front of the name.
  public var labels: [String]
  /// The properties in order.
  public var properties: [Property]
  /// The children in order.
  public var children: [Node]
  /// Whether the node goes when nothing refers to it (`/omit-if-no-ref/`).
  public var isOmittedWithoutReference: Bool
  var origin: Origin

  /// Creates a node and hands it to `build` for its properties and children.
  public init(
    _ name: String, labels: [String] = [], span: SourceSpan? = nil,
    _ build: (inout Node) -> Void = { _ in }
  ) {
    self.name = name
    self.labels = labels
    self.properties = []
    self.children = []
    self.isOmittedWithoutReference = false
    self.origin = Origin(span)
    build(&self)
  }

  /// Where the node was last opened; `nil` for what was read from a blob or made by a program.
  public var span: SourceSpan? { origin.span }

  /// The name without its unit address: `cpu` for `cpu@0`.
  public var baseName: Substring {
    name[..<(name.utf8.firstIndex(of: UInt8(ascii: "@")) ?? name.endIndex)]
  }

  /// What follows the `@` of the name: `0` for `cpu@0`.
  public var unitAddress: Substring? {
    name.utf8.firstIndex(of: UInt8(ascii: "@")).map { name[name.utf8.index(after: $0)...] }
  }
}

// MARK: properties

extension Node {
  /// The value of a property; assigning `nil` removes it, assigning to a new name appends it.
  public subscript(name: String) -> PropertyValue? {
    get { propertyIndex(name).map { properties[$0].value } }
    set {
      guard let newValue else { return properties.removeAll { $0.name == name } }
      if let index = propertyIndex(name) {
        properties[index].value = newValue
      } else {
        properties.append(Property(name, newValue))
      }
    }
  }

  /// A property by name.
  public func property(_ name: String) -> Property? {
    propertyIndex(name).map { properties[$0] }
  }

  /// Where a property stands among the others.
  func propertyIndex(_ name: String) -> Int? {
    for index in properties.indices where properties[index].name == name { return index }
    return nil
  }

  /// Sets a property, in place when the node has it; without a value it is merely present.
  public mutating func set(_ name: String, _ value: PropertyValue = .empty) { self[name] = value }
  /// Sets a property to one string.
  public mutating func set(_ name: String, _ text: String) { self[name] = .string(text) }
  /// Sets a property to one 32-bit cell.
  public mutating func set(_ name: String, _ number: UInt32) { self[name] = .cell(number) }

  /// Removes a property if the node has it.
  public mutating func removeProperty(_ name: String) { self[name] = nil }

  /// The strings of `compatible`, most specific first; empty when there are none.
  public var compatible: [String] { self["compatible"]?.strings ?? [] }

  /// Whether `compatible` lists any of these names.
  public func isCompatible(with names: String...) -> Bool {
    guard let own = self["compatible"] else { return false }
    return names.contains { own.contains(string: $0) }
  }

  /// The phandle by which cells refer to this node, if it has been given one.
  public var phandle: UInt32? {
    (self["phandle"] ?? self["linux,phandle"])?.cell
      .flatMap { $0 == 0 || $0 == .max ? nil : $0 }
  }

  /// Whether `status` is absent, `okay` or `ok`.
  public var isEnabled: Bool {
    guard let status = self["status"]?.strings?.first else { return true }
    return status == "okay" || status == "ok"
  }
}

// MARK: children

extension Node {
  /// A child by its exact name, else the first whose name without unit address is this.
  public func child(_ name: String) -> Node? { childIndex(name).map { children[$0] } }

  func childIndex(_ name: String) -> Int? {
    for index in children.indices where children[index].name == name { return index }
    guard !name.utf8.contains(UInt8(ascii: "@")) else { return nil }
    return children.firstIndex { $0.baseName == name }
  }

  /// Appends a child.
  public mutating func add(_ child: Node) { children.append(child) }

  /// Appends a child and hands it to `build`.
  public mutating func add(
    _ name: String, labels: [String] = [], _ build: (inout Node) -> Void = { _ in }
  ) {
    children.append(Node(name, labels: labels, build))
  }

  /// Removes the child with exactly this name; says whether there was one.
  @discardableResult
  public mutating func removeChild(_ name: String) -> Bool {
    guard let index = children.firstIndex(where: { $0.name == name }) else { return false }
    children.remove(at: index)
    return true
  }

  /// Lays another node's properties and children over this one, as `&label { … }` does in source.
  ///
  /// Properties of the same name are replaced in place, children of the same name are merged.
  public mutating func merge(_ other: Node) {
    for label in other.labels where !labels.contains(label) { labels.append(label) }
    for property in other.properties {
      guard let index = properties.firstIndex(where: { $0.name == property.name }) else {
        properties.append(property)
        continue
      }
      var merged = property
      merged.labels = properties[index].labels
      for label in property.labels where !merged.labels.contains(label) {
        merged.labels.append(label)
      }
      properties[index] = merged
    }
    for child in other.children {
      if let index = children.firstIndex(where: { $0.name == child.name }) {
        children[index].merge(child)
      } else {
        children.append(child)
      }
    }
  }
}
