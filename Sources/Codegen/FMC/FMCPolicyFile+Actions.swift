import Documents
import Partitioning

// What a classification does with a frame that it has found, and with one that it misses.

extension FMCPolicyFile {
  /// What a classification does with the frames of a destination.
  mutating func action(to destination: Destination, onMiss: Bool = false) -> XMLNode {
    let condition = onMiss ? [XMLAttribute("condition", "on-miss")] : []
    func action(_ type: String, _ name: String?) -> XMLNode {
      var element = XMLElement("action", [:])
      element.attributes =
        condition + [XMLAttribute("type", type)] + (name.map { [XMLAttribute("name", $0)] } ?? [])
      return .element(element)
    }
    if destination.isDropped { return action("drop", nil) }
    guard !destination.copies.isEmpty else {
      return action("distribution", name(of: destination))
    }
    return action("replicator", replicator(of: destination))
  }

  /// The replicator of a destination with copies: an entry for each receiver.
  private mutating func replicator(of destination: Destination) -> String {
    var first = destination
    first.copies = []
    let members = [first] + destination.copies
    // Schemes are made for each port that leads to them.
    let names = members.map { self.name(of: $0) }
    if let name = replicatorNames[destination] { return name }
    let name = Self.name("f", replicators.count + 1, destination.name)
    replicatorNames[destination] = name
    replicators.append(
      .element(
        "replicator", ["name": name, "max": "\(members.count)"],
        names.map {
          .element("entry", [:], [.element("action", ["type": "distribution", "name": $0])])
        }))
    return name
  }
}
