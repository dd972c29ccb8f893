/// Walks over whole trees that copy no node: a copy counts five references up and down again, which
/// for a million nodes takes longer than looking at them.
extension UnsafePointer<Node> {
  /// Calls `body` with the place of each child.
  func forEachChild(_ body: (UnsafePointer<Node>) -> Void) {
    // SAFETY: the places are used inside the closure only, and are those of an array's elements.
    pointee.children.withUnsafeBufferPointer { children in
      guard let first = children.baseAddress else { return }
      for index in children.indices { body(first + index) }
    }
  }

  /// Calls `body` with the place of each property.
  func forEachProperty(_ body: (UnsafePointer<Property>) -> Void) {
    // SAFETY: as for children.
    pointee.properties.withUnsafeBufferPointer { properties in
      guard let first = properties.baseAddress else { return }
      for index in properties.indices { body(first + index) }
    }
  }
}

extension Tree {
  /// Calls `body` with the place of the root, which is good until it returns.
  func withRootPlace<Result>(_ body: (UnsafePointer<Node>) -> Result) -> Result {
    // SAFETY: the tree is not changed meanwhile, and callers keep no place.
    withUnsafePointer(to: root, body)
  }
}
