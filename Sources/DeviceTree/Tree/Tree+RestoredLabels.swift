extension Tree {
  /// Gives nodes the labels back that `/__symbols__` knows them by, as `dtc -@` writes it.
  ///
  /// What is no label, leads nowhere or is the label of something already is passed over.
  ///
  /// - Complexity: O(*n*) in nodes and in the length of their paths.
  public mutating func restoreLabels() {
    guard let symbols = root.children.first(where: { $0.name == "__symbols__" }) else { return }
    var taken: Set<String> = []
    func collect(_ node: Node) {
      taken.formUnion(node.labels)
      for property in node.properties {
        taken.formUnion(property.labels)
        guard property.value.marks.namesPlaces else { continue }
        for marker in property.value.markers {
          if case .label(let label) = marker.kind { taken.insert(label) }
        }
      }
      for child in node.children { collect(child) }
    }
    collect(root)
    var labels: [String: [String]] = [:]
    for symbol in symbols.properties where Self.isLabel(symbol.name) {
      guard let path = symbol.value.string, taken.insert(symbol.name).inserted else { continue }
      labels[path, default: []].append(symbol.name)
    }
    if !labels.isEmpty { root.add(labels: labels, path: "") }
  }

  /// Whether a name is one that source can give a place.
  private static func isLabel(_ name: String) -> Bool {
    guard let first = name.utf8.first, ByteClass.table[Int(first)] & ByteClass.letter != 0 else {
      return false
    }
    return name.utf8.allSatisfy {
      ByteClass.table[Int($0)] & (ByteClass.letter | ByteClass.digit) != 0
    }
  }
}

extension Node {
  fileprivate mutating func add(labels: [String: [String]], path: String) {
    self.labels += labels[path.isEmpty ? "/" : path] ?? []
    for index in children.indices {
      children[index].add(labels: labels, path: path + "/" + children[index].name)
    }
  }
}
