public import Diagnostics

/// A difference in the words of a person and in those of a program.
public struct TreeDifferenceReport: Sendable {
  /// What is told.
  public let difference: TreeDifference

  /// Tells a difference.
  public init(difference: TreeDifference) { self.difference = difference }

  private let printer = SourcePrinter()

  /// A line or three for each change: `+` only in the second tree, `-` only in the first, `~` in
  /// both with another value. Empty when there is nothing to tell.
  public var text: String { difference.changes.map(text).joined() }

  private func text(_ change: TreeDifference.Change) -> String {
    switch change {
    case .nodeAdded(let path, let node): "+ \(path) \(size(node))\n"
    case .nodeRemoved(let path, let node): "- \(path) \(size(node))\n"
    case .propertyAdded(let path, let property): "+ \(path) \(assignment(property))\n"
    case .propertyRemoved(let path, let property): "- \(path) \(assignment(property))\n"
    case .propertyChanged(let path, let old, let new, let mayBePhandle):
      "~ \(path) \(old.name)\(mayBePhandle ? " (perhaps the same node's phandle)" : "")\n"
        + "    - \(printer.print(old.value))\n    + \(printer.print(new.value))\n"
    case .reservationsChanged(let old, let new):
      "~ /memreserve/\n    - \(list(old))\n    + \(list(new))\n"
    case .bootCPUChanged(let old, let new): "~ boot CPU\n    - \(old)\n    + \(new)\n"
    }
  }

  private func assignment(_ property: Property) -> String {
    let value = printer.print(property.value)
    return value.isEmpty ? "\(property.name);" : "\(property.name) = \(value);"
  }

  private func size(_ node: Node) -> String {
    func count(_ number: Int, _ one: String, _ many: String) -> String {
      "\(number) \(number == 1 ? one : many)"
    }
    return "{ \(count(node.properties.count, "property", "properties")), "
      + "\(count(node.children.count, "child", "children")) }"
  }

  private func list(_ reservations: [MemoryReservation]) -> String {
    let texts = reservations.map { "\(hexadecimal($0.address)) \(hexadecimal($0.size))" }
    return texts.isEmpty ? "none" : texts.joined(separator: ", ")
  }

  /// `{"changes": [{"kind": …, "path": …, …}]}`
  public var json: JSONValue { ["changes": .array(difference.changes.map(json))] }

  private func json(_ change: TreeDifference.Change) -> JSONValue {
    func value(_ property: Property) -> JSONValue { .string(printer.print(property.value)) }
    switch change {
    case .nodeAdded(let path, let node):
      return ["kind": "node-added", "path": .string(path), "source": source(node)]
    case .nodeRemoved(let path, let node):
      return ["kind": "node-removed", "path": .string(path), "source": source(node)]
    case .propertyAdded(let path, let property):
      return [
        "kind": "property-added", "path": .string(path), "property": .string(property.name),
        "new": value(property),
      ]
    case .propertyRemoved(let path, let property):
      return [
        "kind": "property-removed", "path": .string(path), "property": .string(property.name),
        "old": value(property),
      ]
    case .propertyChanged(let path, let old, let new, let mayBePhandle):
      return [
        "kind": "property-changed", "path": .string(path), "property": .string(old.name),
        "old": value(old), "new": value(new), "mayBePhandle": .bool(mayBePhandle),
      ]
    case .reservationsChanged(let old, let new):
      return ["kind": "reservations-changed", "old": .string(list(old)), "new": .string(list(new))]
    case .bootCPUChanged(let old, let new):
      return ["kind": "boot-cpu-changed", "old": JSONValue(old), "new": JSONValue(new)]
    }
  }

  private func source(_ node: Node) -> JSONValue { .string(printer.print(node)) }
}

/// `0x` and the digits of a number.
func hexadecimal(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }
