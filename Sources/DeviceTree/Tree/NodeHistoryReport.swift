public import Diagnostics

/// What a person wants to know of how a node came to be: every place that opened it, and for every
/// property all values it had, the latest first.
public struct NodeHistoryReport: Sendable, Hashable {
  /// A property and what happened to it, the first first.
  public struct Entry: Sendable, Hashable {
    /// The name.
    public var name: String
    /// Never empty.
    public var events: [TreeHistory.PropertyEvent]
  }

  /// The full path.
  public let path: String
  /// Where the node was opened and deleted, the first first.
  public let places: [TreeHistory.NodeEvent]
  /// The properties in the node's order, then those that are gone.
  public let properties: [Entry]

  /// Gathers what is known of a node.
  public init(_ entry: TreeIndex.Entry, in history: TreeHistory) {
    path = entry.path
    let places = history.events(ofNode: entry.path)
    self.places = places.isEmpty ? [.opened(entry.node.span)] : places
    let names = Set(entry.node.properties.map(\.name))
    let living = entry.node.properties.map { property in
      let events = history.events(of: property.name, in: entry.path)
      return Entry(
        name: property.name,
        events: events.isEmpty ? [.set(property.value, property.span)] : events)
    }
    let gone = history.properties(of: entry.path).filter { !names.contains($0) }
    properties =
      living + gone.map { Entry(name: $0, events: history.events(of: $0, in: entry.path)) }
  }

  /// The history for people, each place as editors understand it.
  public var text: String {
    var text = "\nhistory of \(path)\n"
    for event in places.reversed() {
      switch event {
      case .opened: text += "  \(Self.place(event.span)): opened\n"
      case .deleted: text += "  \(Self.place(event.span)): deleted\n"
      }
    }
    for entry in properties {
      text += "\(entry.name)\n"
      for (age, event) in entry.events.reversed().enumerated() {
        let what =
          switch event {
          case .deleted: "deleted"
          case .set(let value, _): age == 0 ? Self.print(value) : "was \(Self.print(value))"
          }
        text += "  \(Self.place(event.span)): \(what)\n"
      }
    }
    return text
  }

  /// The history for programs.
  public var json: JSONValue {
    func place(_ span: SourceSpan?) -> JSONValue {
      guard let span = span?.atOrigin else { return .null }
      return [
        "file": .string(span.file.name), "line": JSONValue(span.start.line),
        "column": JSONValue(span.start.column),
      ]
    }
    return [
      "places": .array(
        places.map { event in
          var kind = "opened"
          if case .deleted = event { kind = "deleted" }
          return ["event": .string(kind), "place": place(event.span)]
        }),
      "properties": .array(
        properties.map { entry in
          [
            "name": .string(entry.name),
            "events": .array(
              entry.events.map { event in
                switch event {
                case .deleted(let span): ["event": "deleted", "place": place(span)]
                case .set(let value, let span):
                  [
                    "event": "set", "value": .string(SourcePrinter().print(value)),
                    "place": place(span),
                  ]
                }
              }),
          ]
        }),
    ]
  }

  private static func print(_ value: PropertyValue) -> String {
    let text = SourcePrinter().print(value)
    return text.isEmpty ? "present" : text
  }

  private static func place(_ span: SourceSpan?) -> String {
    span?.atOrigin.location ?? "no place known"
  }
}
