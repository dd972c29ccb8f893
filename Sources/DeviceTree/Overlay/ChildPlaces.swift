/// The children of a node by name, for when many of them are asked for.
struct ChildPlaces {
  private var places: [String: Int] = [:]

  init(_ node: borrowing Node) {
    places.reserveCapacity(node.children.count)
    for index in node.children.indices where places[node.children[index].name] == nil {
      places[node.children[index].name] = index
    }
  }

  /// The first child of exactly this name.
  subscript(name: String) -> Int? { places[name] }
}
