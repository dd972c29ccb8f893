extension Tree {
  /// Sorts reservations by address, properties and nodes by name, so that trees can be compared.
  public mutating func sort() {
    reservations.sort { ($0.address, $0.size) < ($1.address, $1.size) }
    root.sort()
  }
}

extension Node {
  /// Sorts properties and nodes by the bytes of their names, at every depth.
  public mutating func sort() {
    properties.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    children.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    for index in children.indices { children[index].sort() }
  }
}
